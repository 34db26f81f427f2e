//! What is wrong, and what to do: the findings of `weka-token doctor`.

use crate::model::message::Ticket;
use crate::model::outbox::Outbox;
use crate::model::step::Step;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use wire::Finding;

/// An examination and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doctor {
    /// Which profile; none means all of them.
    pub(crate) profile: Option<String>,
    /// What is waited for.
    pub(crate) waiting: Option<Ticket>,
    /// What was found, the last time.
    pub(crate) findings: Vec<Finding>,
}

impl Doctor {
    /// Looks at a profile, or at all of them.
    pub(crate) fn of(profile: Option<String>, out: &mut Outbox) -> Self {
        let waiting = Some(out.examine(profile.clone()));
        Self { profile, waiting, findings: Vec::new() }
    }

    pub(super) fn key(&mut self, key: KeyEvent, out: &mut Outbox) -> Step {
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | 'd') => return Step::Close(None),
            KeyCode::Char('r') if self.waiting.is_none() => *self = Self::of(self.profile.take(), out),
            KeyCode::Char('a') if self.waiting.is_none() && self.profile.is_some() => {
                *self = Self::of(None, out);
            }
            _ => {}
        }
        Step::Stay
    }

    pub(super) fn awaits(&self, ticket: Ticket) -> bool {
        self.waiting == Some(ticket)
    }

    pub(super) fn found(&mut self, findings: Vec<Finding>) {
        (self.waiting, self.findings) = (None, findings);
    }
}
