//! The keys: the one table that acts, helps and is clicked on.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key does where no dialog is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Log in to the selected profile.
    LogIn,
    /// Log in to a profile that is not there yet.
    LogInElsewhere,
    /// Renew now.
    Refresh,
    /// Make a long-lived token.
    ApiToken,
    /// End all tokens of the user.
    Revoke,
    /// Forget the tokens here.
    LogOut,
    /// End all tokens of the user, and forget those here.
    RevokeAndLogOut,
    /// Another password.
    Passwd,
    /// Look for whatever is wrong.
    Doctor,
    /// Ask the cluster who the user is.
    WhoAmI,
    /// Select the profile above.
    Up,
    /// Select the profile below.
    Down,
    /// Select the first profile.
    First,
    /// Select the last profile.
    Last,
    /// Read on in the details.
    PageDown,
    /// Read back in the details.
    PageUp,
    /// Show every key.
    Help,
    /// Draw everything anew.
    Redraw,
    /// Stop, to come back with `fg`.
    Suspend,
    /// Leave.
    Quit,
}

/// A key, what it does, and how that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binding {
    /// What it does.
    pub(crate) action: Action,
    /// The keys, as [`matches`] reads them.
    keys: &'static [(KeyCode, KeyModifiers)],
    /// The keys as a person reads them; where one line of the help tells of two actions, those of both.
    pub(crate) name: &'static str,
    /// For the bottom line; empty where it is not shown there.
    pub(crate) short: &'static str,
    /// For the help; empty where the line above tells of it, too.
    pub(crate) long: &'static str,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CONTROL: KeyModifiers = KeyModifiers::CONTROL;

const fn letter(letter: char) -> (KeyCode, KeyModifiers) {
    (KeyCode::Char(letter), NONE)
}

/// Every key, in the order of the help; the bottom line shows the first ones that it has room for.
pub(crate) const BINDINGS: [Binding; 20] = [
    Binding {
        action: Action::LogIn,
        keys: &[letter('l'), (KeyCode::Enter, NONE)],
        name: "l, Enter",
        short: "log in",
        long: "log in to the selected profile",
    },
    Binding {
        action: Action::LogInElsewhere,
        keys: &[letter('n')],
        name: "n",
        short: "",
        long: "log in to a profile that is not there yet",
    },
    Binding {
        action: Action::Refresh,
        keys: &[letter('r')],
        name: "r",
        short: "refresh",
        long: "renew the token now",
    },
    Binding {
        action: Action::ApiToken,
        keys: &[letter('t')],
        name: "t",
        short: "API token",
        long: "make a long-lived API token, to show or to copy",
    },
    Binding {
        action: Action::LogOut,
        keys: &[letter('o')],
        name: "o",
        short: "log out",
        long: "log out: forget the tokens here",
    },
    Binding {
        action: Action::Doctor,
        keys: &[letter('d')],
        name: "d",
        short: "doctor",
        long: "doctor: what is wrong, and what to do",
    },
    Binding {
        action: Action::Passwd,
        keys: &[letter('p')],
        name: "p",
        short: "password",
        long: "change the password",
    },
    Binding {
        action: Action::WhoAmI,
        keys: &[letter('w')],
        name: "w",
        short: "whoami",
        long: "who the cluster says this is, and in which role",
    },
    Binding {
        action: Action::Revoke,
        keys: &[letter('x')],
        name: "x",
        short: "revoke",
        long: "revoke: end all tokens of the user, everywhere",
    },
    Binding {
        action: Action::RevokeAndLogOut,
        keys: &[letter('O')],
        name: "O",
        short: "",
        long: "the same, and log out",
    },
    Binding {
        action: Action::Up,
        keys: &[(KeyCode::Up, NONE), letter('k')],
        name: "Up, Down, k, j",
        short: "",
        long: "the profile above or below; or the wheel, or a click",
    },
    Binding {
        action: Action::Down,
        keys: &[(KeyCode::Down, NONE), letter('j')],
        name: "Down, j",
        short: "",
        long: "",
    },
    Binding {
        action: Action::First,
        keys: &[(KeyCode::Home, NONE), letter('g')],
        name: "Home, End, g, G",
        short: "",
        long: "the first or the last profile",
    },
    Binding {
        action: Action::Last,
        keys: &[(KeyCode::End, NONE), letter('G')],
        name: "End, G",
        short: "",
        long: "",
    },
    Binding {
        action: Action::PageDown,
        keys: &[(KeyCode::PageDown, NONE), letter(' ')],
        name: "PgDn, PgUp, Space, b",
        short: "",
        long: "read on or back in the details, or in a dialog",
    },
    Binding {
        action: Action::PageUp,
        keys: &[(KeyCode::PageUp, NONE), letter('b')],
        name: "PgUp, b",
        short: "",
        long: "",
    },
    Binding {
        action: Action::Help,
        keys: &[letter('?'), (KeyCode::F(1), NONE), letter('h')],
        name: "?, F1, h",
        short: "help",
        long: "this help",
    },
    Binding {
        action: Action::Redraw,
        keys: &[(KeyCode::Char('l'), CONTROL)],
        name: "Ctrl-L",
        short: "",
        long: "draw the screen anew",
    },
    Binding {
        action: Action::Suspend,
        keys: &[(KeyCode::Char('z'), CONTROL)],
        name: "Ctrl-Z",
        short: "",
        long: "stop; the shell's fg comes back here",
    },
    Binding {
        action: Action::Quit,
        keys: &[letter('q'), (KeyCode::Char('c'), CONTROL), (KeyCode::Char('\\'), CONTROL)],
        name: "q, Ctrl-C, Ctrl-\\",
        short: "quit",
        long: "leave; the daemon goes on",
    },
];

/// What a key does.
#[must_use]
pub(crate) fn action(key: KeyEvent) -> Option<Action> {
    // A letter says by itself whether Shift was held.
    let modifiers = key.modifiers - KeyModifiers::SHIFT;
    let found = BINDINGS.iter().find(|binding| binding.keys.contains(&(key.code, modifiers)));
    found.map(|binding| binding.action)
}

/// Whether a key is pressed without Ctrl or Alt: with them, a letter is no answer.
#[must_use]
pub(crate) fn is_plain(key: KeyEvent) -> bool {
    !key.modifiers.intersects(CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER)
}

impl Binding {
    /// Its first key, for the bottom line.
    #[must_use]
    pub(crate) fn first_name(&self) -> &'static str {
        self.name.split_once(',').map_or(self.name, |(first, _)| first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_does_two_things() {
        let keys: Vec<_> = BINDINGS.iter().flat_map(|binding| binding.keys).collect();
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }

    #[test]
    fn the_help_tells_of_every_key() {
        let told: Vec<_> =
            BINDINGS.iter().filter(|it| !it.long.is_empty()).flat_map(|it| it.name.split(", ")).collect();
        for (code, modifiers) in BINDINGS.iter().flat_map(|binding| binding.keys) {
            let name = match code {
                KeyCode::Char(' ') => "Space".to_owned(),
                KeyCode::Char(letter) if *modifiers == CONTROL => {
                    format!("Ctrl-{}", letter.to_ascii_uppercase())
                }
                KeyCode::PageUp => "PgUp".to_owned(),
                KeyCode::PageDown => "PgDn".to_owned(),
                other => other.to_string(),
            };
            assert!(told.contains(&name.as_str()), "{name}");
        }
    }

    #[test]
    fn keys_are_told_apart_with_their_modifiers() {
        let press = |code, modifiers| action(KeyEvent::new(code, modifiers));
        assert_eq!(press(KeyCode::Char('l'), NONE), Some(Action::LogIn));
        assert_eq!(press(KeyCode::Char('l'), CONTROL), Some(Action::Redraw));
        assert_eq!(press(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Action::Last));
        assert_eq!(press(KeyCode::Char('l'), KeyModifiers::ALT), None);
        assert_eq!(press(KeyCode::Char('y'), NONE), None);
    }
}
