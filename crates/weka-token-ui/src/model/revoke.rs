//! Ending all tokens of a user, confirmed by a typed word: what dies is said first.

use crate::model::answer::unexpected;
use crate::model::field::Field;
use crate::model::message::{Now, Ticket};
use crate::model::notice::Notice;
use crate::model::outbox::{Outbox, PATIENCE_MS};
use crate::model::step::Step;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use weka_token::failure::Failure;
use wire::{ProfileStatus, Request, Response};

/// A question, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revoke {
    /// Which profile.
    pub(crate) profile: String,
    /// Whether its tokens are forgotten here, too, and no others are got.
    pub(crate) logs_out: bool,
    /// Its token file, which goes with a log-out where it holds the same tokens.
    pub(crate) token_file: Option<String>,
    /// Whose tokens, where that is known.
    pub(crate) username: Option<String>,
    /// Of which organisation.
    pub(crate) org: Option<String>,
    /// At which cluster.
    pub(crate) endpoint: Option<String>,
    /// Other profiles of the same user, whose tokens die, too.
    pub(crate) others: Vec<String>,
    /// The answer as it is typed.
    pub(crate) answer: Field,
    /// Whether an answer was neither yes nor no.
    pub(crate) unclear: bool,
    /// What is waited for.
    pub(crate) waiting: Option<Ticket>,
    /// What went wrong.
    pub(crate) wrong: Option<Failure>,
}

impl Revoke {
    /// Asks about the user of a profile, which is one of `all`.
    #[must_use]
    pub(crate) fn of(profile: &ProfileStatus, all: &[ProfileStatus], logs_out: bool) -> Self {
        let same = |other: &&ProfileStatus| {
            other.name != profile.name
                && profile.username.is_some()
                && (&other.username, &other.org, &other.endpoint)
                    == (&profile.username, &profile.org, &profile.endpoint)
        };
        Self {
            profile: profile.name.clone(),
            logs_out,
            token_file: profile.token_file.clone().filter(|_| logs_out),
            username: profile.username.clone(),
            org: profile.org.clone(),
            endpoint: profile.endpoint.clone(),
            others: all.iter().filter(same).map(|other| other.name.clone()).collect(),
            answer: Field::default(),
            unclear: false,
            waiting: None,
            wrong: None,
        }
    }

    pub(super) fn key(&mut self, key: KeyEvent, out: &mut Outbox) -> Step {
        match key.code {
            KeyCode::Esc => return Step::Close(None),
            _ if self.waiting.is_some() => {}
            KeyCode::Enter => match self.answer.text().to_ascii_lowercase().as_str() {
                "yes" => {
                    (self.wrong, self.unclear) = (None, false);
                    let profile = Some(self.profile.clone());
                    let timeout_ms = PATIENCE_MS;
                    let request = match self.logs_out {
                        true => Request::Logout { profile, revoke: true, timeout_ms },
                        false => Request::Revoke { profile, username: None, timeout_ms },
                    };
                    self.waiting = Some(out.ask(request));
                }
                "no" | "n" => return Step::Close(None),
                _ => (self.answer, self.unclear) = (Field::default(), true),
            },
            _ => drop(self.answer.key(key)),
        }
        Step::Stay
    }

    pub(super) fn awaits(&self, ticket: Ticket) -> bool {
        self.waiting == Some(ticket)
    }

    pub(super) fn answer(&mut self, now: Now, answer: Result<Box<Response>, Failure>) -> Step {
        self.waiting = None;
        self.answer = Field::default();
        match answer.map(|response| *response) {
            Ok(Response::Done { notes }) => {
                let said = "all tokens of this user have ended".to_owned();
                let lines = if notes.is_empty() { vec![said] } else { notes };
                return Step::Close(Some(Notice::good(now, lines)));
            }
            Ok(_) => self.wrong = Some(unexpected()),
            Err(failure) => self.wrong = Some(failure),
        }
        Step::Stay
    }
}
