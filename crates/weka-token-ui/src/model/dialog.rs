//! What all dialogs have in common.

use crate::model::api_token::ApiToken;
use crate::model::log_in::LogIn;
use crate::model::log_out::LogOut;
use crate::model::message::{Effect, Now, Ticket};
use crate::model::revoke::Revoke;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use secret::Password;
use std::time::Duration;
use weka_token::client::Offers;
use weka_token::failure::Failure;
use wire::{ProfileSettings, Request, Response};

/// How long the cluster may take, with several endpoints in turn, in milliseconds; as the commands have it.
pub const PATIENCE_MS: u32 = 30_000;
/// How long good news stays.
const GOOD_NEWS: Duration = Duration::from_secs(15);

/// A dialog. Each has everything to itself, so that all of it is wiped when it closes.
#[derive(Debug)]
pub enum Dialog {
    /// Every key.
    Help,
    /// Log in.
    LogIn(Box<LogIn>),
    /// Log out.
    LogOut(LogOut),
    /// Make a long-lived token.
    ApiToken(Box<ApiToken>),
    /// End all tokens.
    Revoke(Revoke),
}

/// What becomes of a dialog.
#[derive(Debug)]
pub enum Step {
    /// It goes on.
    Stay,
    /// It closes, and this is said, if anything.
    Close(Option<Notice>),
    /// Another one takes its place.
    Revoke,
}

/// An answer that came for somebody.
#[derive(Debug)]
pub enum Answer {
    /// What the daemon knows of a profile.
    Described(Result<(Box<ProfileSettings>, Offers), Failure>),
    /// Anything else.
    Response(Result<Box<Response>, Failure>),
}

/// Something that is said below the details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Sentences.
    pub lines: Vec<String>,
    /// What kind it is.
    pub tone: Tone,
    /// Until when; without, until a key is pressed.
    pub until: Option<Duration>,
}

/// The kind of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It worked.
    Good,
    /// It did not.
    Bad,
    /// It is under way: stays until its answer comes.
    Busy,
}

impl Notice {
    /// Something that worked.
    #[must_use]
    pub fn good(now: Now, lines: Vec<String>) -> Self {
        Self { lines, tone: Tone::Good, until: Some(now.boot + GOOD_NEWS) }
    }

    /// Something that failed, with the next steps.
    #[must_use]
    pub fn bad(failure: &Failure) -> Self {
        let lines = std::iter::once(&failure.message).chain(&failure.next_steps).cloned().collect();
        Self { lines, tone: Tone::Bad, until: None }
    }

    /// Something that is under way.
    #[must_use]
    pub fn busy(line: String) -> Self {
        Self { lines: vec![line], tone: Tone::Busy, until: None }
    }
}

/// Collects what is to be done outside.
#[derive(Debug, Default)]
pub struct Outbox {
    tickets: Ticket,
    effects: Vec<Effect>,
}

impl Outbox {
    /// Asks for something; the answer comes with this ticket.
    pub fn ask(&mut self, request: Request) -> Ticket {
        self.tickets += 1;
        let request = Box::new(request);
        self.effects.push(Effect::Ask { ticket: self.tickets, timeout_ms: PATIENCE_MS, request });
        self.tickets
    }

    /// Asks what is known of a profile.
    pub fn describe(&mut self, profile: &str) -> Ticket {
        self.tickets += 1;
        self.effects.push(Effect::Describe { ticket: self.tickets, profile: profile.to_owned() });
        self.tickets
    }

    /// Wants something else.
    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Hands over what has been collected.
    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}

impl Dialog {
    /// A key.
    pub fn key(&mut self, now: Now, key: KeyEvent, out: &mut Outbox) -> Step {
        match self {
            Self::Help => match key.code {
                KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?' | 'h') | KeyCode::F(1) => {
                    Step::Close(None)
                }
                _ => Step::Stay,
            },
            Self::LogIn(dialog) => dialog.key(now, key, out),
            Self::LogOut(dialog) => dialog.key(key, out),
            Self::ApiToken(dialog) => dialog.key(key, out),
            Self::Revoke(dialog) => dialog.key(key, out),
        }
    }

    /// Pasted text, for the field that has the cursor.
    pub fn paste(&mut self, text: &Password) {
        match self {
            Self::LogIn(dialog) => dialog.paste(text),
            Self::ApiToken(dialog) => dialog.paste(text),
            // A word that is to be typed is not to be pasted.
            Self::Help | Self::LogOut(_) | Self::Revoke(_) => {}
        }
    }

    /// A click on one of several things to choose from.
    pub fn choose(&mut self, index: usize) {
        match self {
            Self::LogIn(dialog) => dialog.focus(index),
            Self::ApiToken(dialog) => dialog.choose(index),
            Self::Help | Self::LogOut(_) | Self::Revoke(_) => {}
        }
    }

    /// The answer that this dialog waits for, if it is that one; else it is given back.
    pub fn answer(
        &mut self,
        now: Now,
        ticket: Ticket,
        answer: Answer,
        out: &mut Outbox,
    ) -> Result<Step, Answer> {
        match (self, answer) {
            (Self::LogIn(dialog), answer) if dialog.awaits(ticket) => Ok(dialog.answer(now, answer, out)),
            (Self::LogOut(dialog), Answer::Response(answer)) if dialog.awaits(ticket) => {
                Ok(dialog.answer(now, answer))
            }
            (Self::ApiToken(dialog), Answer::Response(answer)) if dialog.awaits(ticket) => {
                Ok(dialog.answer(now, answer))
            }
            (Self::Revoke(dialog), Answer::Response(answer)) if dialog.awaits(ticket) => {
                Ok(dialog.answer(now, answer))
            }
            (_, answer) => Err(answer),
        }
    }
}

/// The daemon's answer belongs to another question.
#[must_use]
pub fn unexpected() -> Failure {
    Failure::new(weka_token::failure::FAILED, "the daemon's answer does not fit the question")
        .then("upgrade weka-token-ui and weka-tokend to the same version")
}
