//! What is typed before there is anything to take it: it is kept, and given to what comes. It may be a password.

use ratatui::crossterm::event::KeyEvent;
use secret::Password;
use std::fmt;

/// As many keys as are kept; room for all of them is made at once, as growing would leave copies behind.
const MOST: usize = 512;

/// Keys and pasted texts, in their order.
#[derive(Default)]
pub(crate) struct TypeAhead(Vec<Typed>);

/// Something that was typed.
pub(super) enum Typed {
    /// A key.
    Key(KeyEvent),
    /// A text that was pasted.
    Paste(Password),
}

impl fmt::Debug for TypeAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypeAhead(..)")
    }
}

impl TypeAhead {
    /// Whether nothing is kept.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn key(&mut self, key: KeyEvent) {
        self.keep(Typed::Key(key));
    }

    pub(super) fn paste(&mut self, text: &Password) {
        self.keep(Typed::Paste(text.clone()));
    }

    fn keep(&mut self, typed: Typed) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(MOST);
        }
        if self.0.len() < MOST {
            self.0.push(typed);
        }
    }

    /// Hands all of it out.
    pub(super) fn take(&mut self) -> Vec<Typed> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};

    #[test]
    fn it_is_bounded_never_grows_and_does_not_tell() {
        let mut ahead = TypeAhead::default();
        assert!(ahead.is_empty());
        ahead.paste(&Password::new("hunter2".into()));
        let capacity = ahead.0.capacity();
        for _ in 0..2 * MOST {
            ahead.key(KeyEvent::new(KeyCode::Char('Q'), KeyModifiers::NONE));
        }
        assert_eq!((ahead.0.len(), ahead.0.capacity()), (MOST, capacity));
        assert_eq!(format!("{ahead:?}"), "TypeAhead(..)");
        assert!(matches!(ahead.take().first(), Some(Typed::Paste(text)) if text.expose() == "hunter2"));
        assert!(ahead.is_empty());
    }
}
