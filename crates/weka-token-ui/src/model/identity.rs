//! Who the cluster says the user of a profile is.

use crate::model::answer::unexpected;
use crate::model::message::Ticket;
use crate::model::outbox::{Outbox, PATIENCE_MS};
use crate::model::step::Step;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use weka_token::failure::Failure;
use wire::{Request, Response, Whoami};

/// A question, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Which profile.
    pub(crate) profile: String,
    /// What is waited for.
    waiting: Ticket,
    /// The answer, once it is there.
    pub(crate) answer: Option<Result<Whoami, Failure>>,
}

impl Identity {
    /// Asks about the user of a profile.
    pub(crate) fn of(profile: &str, out: &mut Outbox) -> Self {
        let request = Request::Whoami { profile: Some(profile.to_owned()), timeout_ms: PATIENCE_MS };
        Self { profile: profile.to_owned(), waiting: out.ask(request), answer: None }
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Step {
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | 'w') => Step::Close(None),
            _ => Step::Stay,
        }
    }

    pub(super) const fn awaits(&self, ticket: Ticket) -> bool {
        self.answer.is_none() && self.waiting == ticket
    }

    pub(super) fn answer(&mut self, answer: Result<Box<Response>, Failure>) -> Step {
        self.answer = Some(match answer.map(|response| *response) {
            Ok(Response::Whoami(whoami)) => Ok(whoami),
            Ok(_) => Err(unexpected()),
            Err(failure) => Err(failure),
        });
        Step::Stay
    }
}
