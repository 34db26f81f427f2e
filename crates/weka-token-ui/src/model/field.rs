//! Lines that are typed: one that is seen, and one that is not.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use secret::Password;
use std::fmt;
use zeroize::Zeroizing;

/// The longest text of a field, in characters; any host name, user name or duration is shorter.
const LONGEST: usize = 512;
/// The longest password in bytes, as `weka-token login` takes it.
const LONGEST_PASSWORD: usize = 4096;

/// Whether a key was one that a field knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Used {
    /// It was.
    Yes,
    /// It is for somebody else.
    No,
}

/// A line of text with a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Field {
    before: String,
    after: String,
    /// Whether the text is only an offer: what is typed first takes its place.
    offered: bool,
}

impl Field {
    /// With a text in it, and the cursor at its end.
    #[must_use]
    pub(crate) fn new(text: &str) -> Self {
        let mut field = Self::default();
        field.paste(text);
        field
    }

    /// With a text that the first letter typed takes the place of.
    #[must_use]
    pub(crate) fn offering(text: &str) -> Self {
        Self { offered: !text.is_empty(), ..Self::new(text) }
    }

    /// Whether nothing has been typed over the offer yet.
    #[must_use]
    pub(crate) const fn is_offer(&self) -> bool {
        self.offered
    }

    /// The text, without what surrounds it.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        self.whole().trim().to_owned()
    }

    /// The text as it was typed.
    #[must_use]
    pub(crate) fn whole(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    /// What is before the cursor.
    #[must_use]
    pub(crate) fn before(&self) -> &str {
        &self.before
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.whole().trim().is_empty()
    }

    /// Edits it.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Used {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if control => self.before.clear(),
            KeyCode::Char('k') if control => self.after.clear(),
            KeyCode::Char('a') if control => self.jump_to_start(),
            KeyCode::Char('e') if control => self.jump_to_end(),
            KeyCode::Char('w') if control => {
                let kept = self.before.trim_end().rfind(' ').map_or(0, |space| space + 1);
                self.before.truncate(kept);
            }
            KeyCode::Char(letter) if is_typed(key) => self.insert(letter),
            KeyCode::Backspace => drop(self.before.pop()),
            KeyCode::Delete => drop(pop_first(&mut self.after)),
            KeyCode::Left => {
                if let Some(letter) = self.before.pop() {
                    self.after.insert(0, letter);
                }
            }
            KeyCode::Right => {
                if let Some(letter) = pop_first(&mut self.after) {
                    self.before.push(letter);
                }
            }
            KeyCode::Home => self.jump_to_start(),
            KeyCode::End => self.jump_to_end(),
            _ => return Used::No,
        }
        self.offered = false;
        Used::Yes
    }

    /// Takes a pasted text: what does not belong on one line is left out.
    pub(crate) fn paste(&mut self, text: &str) {
        text.chars().for_each(|letter| self.insert(letter));
    }

    fn insert(&mut self, letter: char) {
        if std::mem::take(&mut self.offered) {
            self.before.clear();
            self.after.clear();
        }
        if !letter.is_control() && self.before.chars().count() + self.after.chars().count() < LONGEST {
            self.before.push(letter);
        }
    }

    fn jump_to_start(&mut self) {
        self.after.insert_str(0, &std::mem::take(&mut self.before));
    }

    fn jump_to_end(&mut self) {
        self.before.push_str(&std::mem::take(&mut self.after));
    }
}

/// A password while it is typed: never shown, never grown (which would leave a copy behind), wiped when it goes.
#[derive(PartialEq, Eq)]
pub(crate) struct SecretField(Zeroizing<String>);

impl Default for SecretField {
    fn default() -> Self {
        Self(Zeroizing::new(String::with_capacity(LONGEST_PASSWORD)))
    }
}

impl fmt::Debug for SecretField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretField(..)")
    }
}

impl SecretField {
    /// How many characters there are.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.0.chars().count()
    }

    /// Whether there are none.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Edits it.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Used {
        match key.code {
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => self.clear(),
            KeyCode::Char(letter) if is_typed(key) => self.insert(letter),
            KeyCode::Backspace => drop(self.0.pop()),
            _ => return Used::No,
        }
        Used::Yes
    }

    /// Takes a pasted password: its first line. A tab in it is part of it, as on standard input.
    pub(crate) fn paste(&mut self, text: &Password) {
        text.expose()
            .chars()
            .take_while(|letter| !matches!(letter, '\r' | '\n'))
            .for_each(|it| if it == '\t' { self.push(it) } else { self.insert(it) });
    }

    /// Hands it out, and is empty from then on.
    pub(crate) fn take(&mut self) -> Password {
        Password::new(std::mem::take(&mut *std::mem::take(self).0))
    }

    /// A copy, for where it may be needed once more.
    #[must_use]
    pub(crate) fn copy(&self) -> Password {
        Password::new(self.0.to_string())
    }

    /// Forgets it.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn insert(&mut self, letter: char) {
        if !letter.is_control() {
            self.push(letter);
        }
    }

    fn push(&mut self, letter: char) {
        if self.0.len() + letter.len_utf8() <= LONGEST_PASSWORD {
            self.0.push(letter);
        }
    }
}

/// Whether a key means its character, and is no command.
fn is_typed(key: KeyEvent) -> bool {
    !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER)
}

fn pop_first(text: &mut String) -> Option<char> {
    (!text.is_empty()).then(|| text.remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(field: &mut Field, code: KeyCode, modifiers: KeyModifiers) -> Used {
        field.key(KeyEvent::new(code, modifiers))
    }

    fn plain(field: &mut Field, codes: &[KeyCode]) {
        for code in codes {
            assert_eq!(press(field, *code, KeyModifiers::NONE), Used::Yes, "{code:?}");
        }
    }

    #[test]
    fn a_tab_in_a_pasted_password_was_dropped_without_a_word() {
        let mut field = SecretField::default();
        field.paste(&Password::new("a\tb\r\nc".into()));
        assert_eq!(field.take().expose(), "a\tb");
    }

    #[test]
    fn it_is_edited_as_lines_are() {
        use KeyCode::{Backspace, Char, Delete, End, Home, Left, Right};
        let mut field = Field::new("weka 01");
        plain(&mut field, &[Left, Left, Left, Delete, Char('-'), End, Char('!'), Backspace]);
        assert_eq!((field.whole().as_str(), field.before()), ("weka-01", "weka-01"));
        plain(&mut field, &[Home, Char('x'), Right, Backspace]);
        assert_eq!((field.whole().as_str(), field.before()), ("xeka-01", "x"));
        for (letter, left) in [('e', "xeka-01 b"), ('w', "xeka-01 "), ('a', "xeka-01 "), ('k', "")] {
            if letter == 'e' {
                field = Field::new("xeka-01 b");
            }
            assert_eq!(press(&mut field, Char(letter), KeyModifiers::CONTROL), Used::Yes);
            assert_eq!(field.whole(), left, "{letter}");
        }
        assert_eq!(press(&mut field, KeyCode::Enter, KeyModifiers::NONE), Used::No);
        assert_eq!(press(&mut field, Char('r'), KeyModifiers::CONTROL), Used::No);
    }

    #[test]
    fn an_offer_gives_way_to_what_is_typed_and_stays_if_it_is_edited() {
        let mut field = Field::offering("Root");
        assert!(field.is_offer());
        plain(&mut field, &[KeyCode::Char('x'), KeyCode::Char('y')]);
        assert_eq!((field.whole().as_str(), field.is_offer()), ("xy", false));
        let mut field = Field::offering("Root");
        plain(&mut field, &[KeyCode::Left, KeyCode::Char('s')]);
        assert_eq!(field.whole(), "Roost");
        let mut field = Field::offering("Root");
        field.paste("research");
        assert_eq!(field.whole(), "research");
    }

    #[test]
    fn what_is_pasted_stays_on_one_line_and_within_bounds() {
        let mut field = Field::new("a\nb\x1b[2J\t");
        assert_eq!(field.whole(), "ab[2J");
        field.paste(&"é".repeat(2 * LONGEST));
        assert_eq!(field.whole().chars().count(), LONGEST);
    }

    #[test]
    fn a_password_is_typed_unseen_and_handed_out_once() {
        let mut field = SecretField::default();
        for letter in "hünter2x".chars() {
            field.key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE));
        }
        field.key(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE));
        assert_eq!((field.count(), format!("{field:?}").as_str()), (7, "SecretField(..)"));
        assert_eq!(field.take().expose(), "hünter2");
        assert!(field.is_empty());
        field.paste(&Password::new("first\nsecond".into()));
        assert_eq!(field.take().expose(), "first");
        field.paste(&Password::new("x".repeat(2 * LONGEST_PASSWORD)));
        assert_eq!(field.count(), LONGEST_PASSWORD);
        field.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
        assert!(field.is_empty());
    }
}
