//! What the model wants done outside, until somebody does it.

use crate::model::message::{Effect, Ticket};
use wire::Request;

/// How long the cluster may take, with several endpoints in turn, in milliseconds; as the commands have it.
pub(crate) const PATIENCE_MS: u32 = 30_000;

/// Collects what is to be done outside.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    tickets: Ticket,
    effects: Vec<Effect>,
}

impl Outbox {
    /// Asks for something; the answer comes with this ticket.
    pub(crate) fn ask(&mut self, request: Request) -> Ticket {
        self.tickets += 1;
        let request = Box::new(request);
        self.effects.push(Effect::Ask { ticket: self.tickets, timeout_ms: PATIENCE_MS, request });
        self.tickets
    }

    /// Asks what is known of a profile.
    pub(crate) fn describe(&mut self, profile: &str) -> Ticket {
        self.tickets += 1;
        self.effects.push(Effect::Describe { ticket: self.tickets, profile: profile.to_owned() });
        self.tickets
    }

    /// Asks what is wrong.
    pub(crate) fn examine(&mut self, profile: Option<String>) -> Ticket {
        self.tickets += 1;
        self.effects.push(Effect::Examine { ticket: self.tickets, profile });
        self.tickets
    }

    /// Wants something else.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Hands over what has been collected.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
