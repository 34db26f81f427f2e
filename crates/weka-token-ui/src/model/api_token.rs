//! A long-lived API token: how long it is to live, the token itself for as long as this is open, and then no more.

use crate::model::answer::unexpected;
use crate::model::field::{Field, Used};
use crate::model::keys;
use crate::model::message::{Effect, Now, Ticket};
use crate::model::outbox::{Outbox, PATIENCE_MS};
use crate::model::step::{Instead, Step};
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use secret::Password;
use weka_token::duration;
use weka_token::failure::{Failure, USAGE};
use wire::{LongLived, ProfileStatus, Request, Response};

const DAY_S: u64 = 86_400;

/// Lives to choose from, in words and in seconds.
pub(crate) const PRESETS: [(&str, u64); 5] = [
    ("1 day", DAY_S),
    ("7 days", 7 * DAY_S),
    ("30 days", 30 * DAY_S),
    ("90 days", 90 * DAY_S),
    ("1 year", 365 * DAY_S),
];
/// As in WEKA's own tools.
const USUAL: usize = 2;
/// The choice of a life that is typed.
pub(crate) const OTHER: usize = PRESETS.len();

/// The dialog. Dropped, it takes the token with it.
#[derive(Debug)]
pub(crate) struct ApiToken {
    /// Which profile.
    pub(crate) profile: String,
    /// For whom, where that is known.
    pub(crate) username: Option<String>,
    /// Of which organisation.
    pub(crate) org: Option<String>,
    /// How far it has come.
    pub(crate) stage: Stage,
}

/// How far it has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// A person chooses how long the token is to live.
    Choose {
        /// Which of [`PRESETS`], or [`OTHER`].
        choice: usize,
        /// A life as it is typed.
        other: Field,
        /// What went wrong.
        wrong: Option<Failure>,
    },
    /// The cluster makes it. From here on a token may exist, so its answer is waited for.
    Making {
        /// Its answer.
        ticket: Ticket,
        /// The choice, for another try.
        choice: usize,
        /// The life as it was typed.
        other: Field,
    },
    /// There it is.
    Made(Box<Made>),
}

/// A token that was made.
#[derive(Debug)]
pub(crate) struct Made {
    /// It, and what belongs to it.
    pub(crate) answer: LongLived,
    /// When it expires, in seconds since 1970.
    pub(crate) expires_unix_s: i64,
    /// Whether it is shown.
    pub(crate) revealed: bool,
    /// Whether it was ever shown or copied.
    taken: bool,
    /// Whether it was said that closing loses it.
    pub(crate) warned: bool,
    /// What came of copying it.
    pub(crate) copied: Option<Result<(), Failure>>,
}

impl ApiToken {
    /// For the user of a profile.
    #[must_use]
    pub(crate) fn of(profile: &ProfileStatus) -> Self {
        Self {
            profile: profile.name.clone(),
            username: profile.username.clone(),
            org: profile.org.clone(),
            stage: Stage::Choose { choice: USUAL, other: Field::default(), wrong: None },
        }
    }

    pub(super) fn key(&mut self, key: KeyEvent, out: &mut Outbox) -> Step {
        match &mut self.stage {
            Stage::Choose { .. } => self.key_in_choice(key, out),
            Stage::Making { .. } => Step::Stay,
            Stage::Made(_) if !keys::is_plain(key) => Step::Stay,
            Stage::Made(_) if key.code == KeyCode::Char('x') => {
                Step::Instead(Instead::Revoke(self.profile.clone()))
            }
            Stage::Made(made) => made.key(key, out),
        }
    }

    fn key_in_choice(&mut self, key: KeyEvent, out: &mut Outbox) -> Step {
        let Stage::Choose { choice, other, wrong } = &mut self.stage else { return Step::Stay };
        if *choice == OTHER && other.key(key) == Used::Yes {
            *wrong = None;
            return Step::Stay;
        }
        match key.code {
            _ if !keys::is_plain(key) => {}
            KeyCode::Esc => return Step::Close(None),
            KeyCode::Char('x') if *choice != OTHER => {
                return Step::Instead(Instead::Revoke(self.profile.clone()));
            }
            KeyCode::Char('q') if *choice != OTHER => return Step::Close(None),
            KeyCode::Up | KeyCode::BackTab | KeyCode::Char('k') => *choice = (*choice + OTHER) % (OTHER + 1),
            KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => *choice = (*choice + 1) % (OTHER + 1),
            // A number begins a life of one's own.
            KeyCode::Char('0'..='9') => {
                *choice = OTHER;
                other.key(key);
            }
            KeyCode::Enter => match life(*choice, other) {
                Ok(access_token_timeout_s) => self.make(access_token_timeout_s, out),
                Err(failure) => *wrong = Some(failure),
            },
            _ => {}
        }
        Step::Stay
    }

    fn make(&mut self, access_token_timeout_s: u64, out: &mut Outbox) {
        let Stage::Choose { choice, other, .. } = &mut self.stage else { return };
        let profile = Some(self.profile.clone());
        let request = Request::Generate { profile, access_token_timeout_s, timeout_ms: PATIENCE_MS };
        let (choice, other) = (*choice, std::mem::take(other));
        self.stage = Stage::Making { ticket: out.ask(request), choice, other };
    }

    pub(super) fn paste(&mut self, text: &Password) {
        if let Stage::Choose { choice, other, wrong } = &mut self.stage {
            (*choice, *wrong) = (OTHER, None);
            other.paste(text.expose());
        }
    }

    pub(super) fn choose(&mut self, index: usize) {
        if let Stage::Choose { choice, wrong, .. } = &mut self.stage {
            (*choice, *wrong) = (index.min(OTHER), None);
        }
    }

    pub(super) const fn awaits(&self, ticket: Ticket) -> bool {
        matches!(self.stage, Stage::Making { ticket: own, .. } if own == ticket)
    }

    pub(super) fn answer(&mut self, now: Now, answer: Result<Box<Response>, Failure>) -> Step {
        let Stage::Making { choice, other, .. } = &mut self.stage else { return Step::Stay };
        let failure = match answer.map(|response| *response) {
            Ok(Response::LongLived(answer)) => {
                let expires_unix_s = now.unix_s.saturating_add_unsigned(answer.token.expires_in_s);
                self.stage = Stage::Made(Box::new(Made {
                    answer,
                    expires_unix_s,
                    revealed: false,
                    taken: false,
                    warned: false,
                    copied: None,
                }));
                return Step::Stay;
            }
            Ok(_) => unexpected(),
            Err(failure) => failure,
        };
        self.stage = Stage::Choose { choice: *choice, other: std::mem::take(other), wrong: Some(failure) };
        Step::Stay
    }

    /// What came of copying the token.
    pub(super) fn copied(&mut self, outcome: Result<(), Failure>) {
        if let Stage::Made(made) = &mut self.stage {
            made.taken |= outcome.is_ok();
            made.copied = Some(outcome);
        }
    }
}

impl Made {
    fn key(&mut self, key: KeyEvent, out: &mut Outbox) -> Step {
        match key.code {
            KeyCode::Char('c' | 'y') => out.push(Effect::Copy(self.answer.token.access_token.clone())),
            KeyCode::Char('v' | 'r') => {
                self.revealed = !self.revealed;
                self.taken = true;
            }
            KeyCode::Esc | KeyCode::Char('q') => {
                if self.taken || self.warned {
                    return Step::Close(None);
                }
                // It lives, and nobody has it: that is said once.
                self.warned = true;
            }
            _ => {}
        }
        Step::Stay
    }
}

fn life(choice: usize, other: &Field) -> Result<u64, Failure> {
    if let Some((_, seconds)) = PRESETS.get(choice) {
        return Ok(*seconds);
    }
    match duration::parse(&other.text()) {
        Ok(0) => Err(Failure::new(USAGE, "a token that lives 0 seconds is of no use")),
        Ok(seconds) => Ok(seconds),
        Err(reason) => Err(Failure::new(USAGE, reason)),
    }
}
