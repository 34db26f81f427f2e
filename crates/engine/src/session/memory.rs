//! What must outlive a restart.

use super::source::Path;
use super::{Reading, Session};
use crate::action::Action;
use crate::caution::LONGEST_LOCKOUT;
use crate::event::{ExchangeId, Memory};
use crate::session::ended::By;
use crate::time::Moment;

impl Session {
    pub(super) fn remember(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.memory.lockouts.expire(now);
        self.memory.doubt = self.source.doubted();
        let under_way = self.exchange.as_ref().and_then(|exchange| exchange.attempt);
        self.memory.attempt = under_way.or_else(|| self.source.unended());
        if self.memory != self.remembered {
            self.remembered = self.memory;
            // Before everything else, as answers may depend on it: a crash comes when it wants.
            out.insert(0, Action::Remember);
        }
    }

    /// The password is about to leave. Should nobody live to see the answer, that is as if it had been lost.
    pub(super) fn sending(&mut self, exchange: ExchangeId, now: Moment) {
        if let Some(exchange) = self.exchange.as_mut().filter(|current| current.id == exchange)
            && let By::Source(id) = exchange.by
        {
            exchange.attempt = Some(self.source.next_pause(id, now));
        }
    }

    pub(super) fn forgiven(&mut self) {
        self.memory.refused = None;
        self.source.clear();
        if self.path == Path::Person && self.policy.has_source && self.started {
            self.path = Path::Source;
        }
    }

    /// The start went on without this. A person's login, or what it waits for, is left alone.
    pub(super) fn recalled(&mut self, memory: Memory, now: Moment, out: &mut Vec<Action>) {
        self.memory.refused = self.memory.refused.or(memory.refused);
        self.source.recall(&memory, now);
        self.memory.lockouts = self.memory.lockouts.join(&memory.lockouts, now, self.policy.account);
        self.memory.lockouts.clamp(now + LONGEST_LOCKOUT);
        self.own_account_changed(now);
        if memory.logged_out {
            self.memory.logged_out = true;
            self.pairs.forget();
            self.path = Path::Person;
            self.reading = Reading::default();
            self.round.cleared();
            if let Some(exchange) = &mut self.exchange {
                exchange.obsolete |= !exchange.is_of_person();
            }
            out.push(Action::Withdraw);
        } else if self.path == Path::Person && self.policy.has_source && self.started {
            self.path = Path::Source;
        }
    }
}
