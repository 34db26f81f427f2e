//! The password last read from a source, for as long as a login with it may be under way.

use engine::SourceId;
use secret::Password;

/// The password last read from the source, and the numbers the engine knows contents by.
#[derive(Debug, Default)]
pub(super) struct PasswordMemory {
    last: Option<(SourceId, Password)>,
    /// The number of the content that the cluster refused.
    pub(super) refused: Option<SourceId>,
    count: u64,
}

impl PasswordMemory {
    /// The number of the refused password in an engine's memory.
    const REFUSED: SourceId = SourceId(0);

    /// Names the password that was refused before this daemon started.
    pub(super) const fn refused_before(&mut self) -> SourceId {
        self.refused = Some(Self::REFUSED);
        Self::REFUSED
    }

    /// Keeps a password that was read, and names its content: equal content, equal number.
    pub(super) fn keep(&mut self, password: Password, refused_before: bool) -> SourceId {
        if let Some((content, held)) = &self.last
            && *held == password
        {
            return *content;
        }
        let content = match (refused_before, self.refused) {
            (true, Some(content)) => content,
            (true, None) => Self::REFUSED,
            (false, _) => {
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

    /// The password last read.
    pub(super) fn last(&self) -> Option<Password> {
        self.last.as_ref().map(|(_, password)| password.clone())
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
        let first = memory.keep(password("one"), false);
        assert_eq!(memory.keep(password("one"), false), first);
        assert_ne!(memory.keep(password("two"), false), first);
    }

    #[test]
    fn a_content_refused_before_a_restart_keeps_the_number_of_the_refusal() {
        let mut memory = PasswordMemory::default();
        let refused = memory.refused_before();
        assert_eq!(memory.keep(password("bad"), true), refused);
        assert_ne!(memory.keep(password("good"), false), refused);
    }

    #[test]
    fn a_password_is_given_out_under_its_own_number_only() {
        let mut memory = PasswordMemory::default();
        let first = memory.keep(password("one"), false);
        let second = memory.keep(password("two"), false);
        assert!(memory.of(first).is_none());
        assert!(memory.of(second).is_some());
        memory.forget();
        assert!(memory.of(second).is_none());
    }
}
