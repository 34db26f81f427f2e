//! The password last read from a source, for as long as a login with it may be under way.

use engine::SourceId;
use secret::Password;

/// The password last read from the source, and the numbers the engine knows contents by.
#[derive(Debug, Default)]
pub(super) struct PasswordMemory {
    last: Option<(SourceId, Password)>,
    /// The number of the content that the cluster refused.
    pub(super) refused: Option<SourceId>,
    /// The number of the content whose login got no answer.
    pub(super) doubted: Option<SourceId>,
    count: u64,
}

/// What is known of a password that was read, by the hashes that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    New,
    /// The cluster refused it.
    Refused,
    /// A login with it got no answer.
    Doubted,
}

impl PasswordMemory {
    /// The number of the refused password in an engine's memory.
    const REFUSED: SourceId = SourceId(0);

    /// The number of the doubted password in an engine's memory.
    const DOUBTED: SourceId = SourceId(u64::MAX);

    /// Names the password that was in doubt before this daemon started.
    pub(super) const fn doubted_before(&mut self) -> SourceId {
        self.doubted = Some(Self::DOUBTED);
        Self::DOUBTED
    }

    /// Names the password that was refused before this daemon started.
    pub(super) const fn refused_before(&mut self) -> SourceId {
        self.refused = Some(Self::REFUSED);
        Self::REFUSED
    }

    /// Keeps a password that was read, and names its content: equal content, equal number.
    pub(super) fn keep(&mut self, password: Password, seen: Seen) -> SourceId {
        if let Some((content, held)) = &self.last
            && *held == password
        {
            return *content;
        }
        let content = match seen {
            Seen::Refused => self.refused.unwrap_or(Self::REFUSED),
            Seen::Doubted => self.doubted.unwrap_or(Self::DOUBTED),
            Seen::New => {
                self.count += 1;
                SourceId(self.count)
            }
        };
        self.last = Some((content, password));
        content
    }

    /// The password of that number, if it is still held.
    pub(super) fn of(&self, content: SourceId) -> Option<Password> {
        self.last.as_ref().filter(|(held, _)| *held == content).map(|(_, password)| password.clone())
    }

    /// Wipes it.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.into())
    }

    #[test]
    fn equal_content_has_an_equal_number() {
        let mut memory = PasswordMemory::default();
        let first = memory.keep(password("one"), Seen::New);
        assert_eq!(memory.keep(password("one"), Seen::New), first);
        assert_ne!(memory.keep(password("two"), Seen::New), first);
    }

    #[test]
    fn a_content_refused_before_a_restart_keeps_the_number_of_the_refusal() {
        let mut memory = PasswordMemory::default();
        let refused = memory.refused_before();
        assert_eq!(memory.keep(password("bad"), Seen::Refused), refused);
        assert_ne!(memory.keep(password("good"), Seen::New), refused);
    }

    #[test]
    fn a_content_in_doubt_keeps_its_number_when_it_is_forgotten_and_read_again() {
        let mut memory = PasswordMemory::default();
        let first = memory.keep(password("one"), Seen::New);
        memory.doubted = Some(first);
        memory.forget();
        assert_eq!(memory.keep(password("one"), Seen::Doubted), first);
        let mut later = PasswordMemory::default();
        let before = later.doubted_before();
        assert_eq!(later.keep(password("one"), Seen::Doubted), before);
        assert_ne!(later.keep(password("two"), Seen::New), before);
    }

    #[test]
    fn a_password_is_given_out_under_its_own_number_only() {
        let mut memory = PasswordMemory::default();
        let first = memory.keep(password("one"), Seen::New);
        let second = memory.keep(password("two"), Seen::New);
        assert!(memory.of(first).is_none());
        assert!(memory.of(second).is_some());
        memory.forget();
        assert!(memory.of(second).is_none());
    }
}
