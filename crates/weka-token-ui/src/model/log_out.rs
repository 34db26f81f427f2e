//! Logging out, confirmed.

use crate::model::answer::unexpected;
use crate::model::message::{Now, Ticket};
use crate::model::notice::Notice;
use crate::model::outbox::{Outbox, PATIENCE_MS};
use crate::model::step::{Instead, Step};
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use weka_token::failure::Failure;
use wire::{ProfileStatus, Request, Response};

/// A question, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogOut {
    /// Which profile.
    pub(crate) profile: String,
    /// Its token file, which goes too where it holds the same tokens.
    pub(crate) token_file: Option<String>,
    /// What is waited for.
    pub(crate) waiting: Option<Ticket>,
    /// What went wrong.
    pub(crate) wrong: Option<Failure>,
}

impl LogOut {
    /// Asks about a profile.
    #[must_use]
    pub(crate) fn of(profile: &ProfileStatus) -> Self {
        let token_file = profile.token_file.clone();
        Self { profile: profile.name.clone(), token_file, waiting: None, wrong: None }
    }

    pub(super) fn key(&mut self, key: KeyEvent, out: &mut Outbox) -> Step {
        match key.code {
            KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => return Step::Close(None),
            KeyCode::Char('x') if self.waiting.is_none() => {
                return Step::Instead(Instead::RevokeAndLogOut(self.profile.clone()));
            }
            KeyCode::Char('y' | 'Y') if self.waiting.is_none() => {
                self.wrong = None;
                let profile = Some(self.profile.clone());
                let request = Request::Logout { profile, revoke: false, timeout_ms: PATIENCE_MS };
                self.waiting = Some(out.ask(request));
            }
            _ => {}
        }
        Step::Stay
    }

    pub(super) fn awaits(&self, ticket: Ticket) -> bool {
        self.waiting == Some(ticket)
    }

    pub(super) fn answer(&mut self, now: Now, answer: Result<Box<Response>, Failure>) -> Step {
        self.waiting = None;
        match answer.map(|response| *response) {
            Ok(Response::Done { notes }) => {
                let said = format!("logged out of profile {}", self.profile);
                let lines = if notes.is_empty() { vec![said] } else { notes };
                Step::Close(Some(Notice::good(now, lines)))
            }
            Ok(_) => {
                self.wrong = Some(unexpected());
                Step::Stay
            }
            Err(failure) => {
                self.wrong = Some(failure);
                Step::Stay
            }
        }
    }
}
