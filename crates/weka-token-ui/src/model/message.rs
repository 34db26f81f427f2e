//! Everything that can happen to the screen, and everything it can ask for.

use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use secret::{AccessToken, Password};
use std::fmt;
use std::time::Duration;
use weka_token::client::Offers;
use weka_token::failure::Failure;
use wire::{Finding, ProfileSettings, Request, Response, Status};

/// The time at which something happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Now {
    /// On a clock that goes on while the machine sleeps (CLOCK_BOOTTIME).
    pub(crate) boot: Duration,
    /// The date, in seconds since 1970.
    pub(crate) unix_s: i64,
}

/// Tells the answer to one question from those to others.
pub(crate) type Ticket = u64;

/// What happens.
pub(crate) enum Message {
    /// Time has passed.
    Tick,
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted; it may be a password.
    Paste(Password),
    /// The mouse was used.
    Mouse(MouseEvent),
    /// The terminal has this many columns and rows.
    Size(u16, u16),
    /// The daemon's state has moved on.
    Status(Status),
    /// The daemon does not answer, for this reason.
    Lost(Failure),
    /// The answer to [`Effect::Describe`].
    Described(Ticket, Result<(Box<ProfileSettings>, Offers), Failure>),
    /// The answer to [`Effect::Ask`].
    Answer(Ticket, Result<Box<Response>, Failure>),
    /// The answer to [`Effect::Examine`].
    Examined(Ticket, Vec<Finding>),
    /// The answer to [`Effect::Copy`].
    Copied(Result<(), Failure>),
}

/// Keys and pasted text may be a password's, so they are not shown.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tick => f.write_str("Tick"),
            Self::Key(_) => f.write_str("Key(..)"),
            Self::Paste(_) => f.write_str("Paste(..)"),
            Self::Mouse(event) => f.debug_tuple("Mouse").field(event).finish(),
            Self::Size(columns, rows) => write!(f, "Size({columns}, {rows})"),
            Self::Status(status) => f.debug_tuple("Status").field(status).finish(),
            Self::Lost(failure) => f.debug_tuple("Lost").field(failure).finish(),
            Self::Described(ticket, answer) => {
                f.debug_tuple("Described").field(ticket).field(answer).finish()
            }
            Self::Answer(ticket, answer) => f.debug_tuple("Answer").field(ticket).field(answer).finish(),
            Self::Examined(ticket, found) => f.debug_tuple("Examined").field(ticket).field(found).finish(),
            Self::Copied(outcome) => f.debug_tuple("Copied").field(outcome).finish(),
        }
    }
}

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Ask the daemon what it knows of a profile, and the environment for the rest.
    Describe {
        /// To recognise the answer by.
        ticket: Ticket,
        /// Which profile.
        profile: String,
    },
    /// Ask the daemon for something.
    Ask {
        /// To recognise the answer by.
        ticket: Ticket,
        /// How long it may take, in milliseconds.
        timeout_ms: u32,
        /// What.
        request: Box<Request>,
    },
    /// Look for whatever is wrong, with a profile or with all of them.
    Examine {
        /// To recognise the answer by.
        ticket: Ticket,
        /// Which profile; none means all of them.
        profile: Option<String>,
    },
    /// Put a token onto the clipboard of whoever sits in front of the terminal.
    Copy(AccessToken),
    /// Draw everything anew, whatever the terminal may show.
    Redraw,
    /// Stop, as Ctrl-Z does.
    Suspend,
    /// Leave, with this exit status.
    Leave(u8),
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};

    #[test]
    fn what_is_typed_is_not_in_debug() {
        let key = Message::Key(KeyEvent::new(KeyCode::Char('Q'), KeyModifiers::NONE));
        assert_eq!(format!("{key:?}"), "Key(..)");
        assert_eq!(format!("{:?}", Message::Paste(Password::new("hunter2".into()))), "Paste(..)");
    }
}
