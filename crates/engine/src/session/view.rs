//! What can be asked of a session without changing it.

use super::Session;
use super::pairs::Pair;
use super::round::Trouble;
use super::source::Path;
use crate::action::Condition;
use crate::event::{Generation, Memory, WaiterId};
use crate::lockouts::Lockouts;
use crate::time::{Lease, Moment};

impl Session {
    /// The state, in one word.
    #[must_use]
    pub fn condition(&self, now: Moment) -> Condition {
        let lives = self.pairs.live(now).is_some();
        match self.round.trouble() {
            _ if !self.started => Condition::Starting,
            _ if self.memory.logged_out => Condition::LoggedOut,
            _ if self.locked_until(now).is_some() => Condition::LockedOut,
            _ if self.path == Path::Person && !self.is_calm(now) => Condition::LoginRequired,
            Some(Trouble::Untrusted) => Condition::Untrusted,
            Some(_) if lives => Condition::Degraded,
            Some(_) => Condition::Unreachable,
            None if !lives && matches!(self.path, Path::Doubt(_)) => Condition::Unreachable,
            None if !lives => Condition::Starting,
            None if self.pairs.is_unsaved() => Condition::Degraded,
            None if self.path == Path::Refresh || self.is_calm(now) => Condition::Ready,
            None => Condition::Degraded,
        }
    }

    /// The pair being handed out.
    #[must_use]
    pub fn published(&self) -> Option<(Generation, Option<Lease>)> {
        self.pairs.published().map(|pair| (pair.generation, pair.lease))
    }

    /// The latest pair: the next renewal uses it. It may not be published yet.
    #[must_use]
    pub fn held(&self) -> Option<Generation> {
        self.pairs.held().map(|pair| pair.generation)
    }

    /// When the session will next act by itself to get a new pair; `None` while an exchange is in flight, and
    /// where only a person or a caller can set it going.
    #[must_use]
    pub fn next_refresh(&self) -> Option<Moment> {
        self.own_attempt()
    }

    /// Until when the session's own account is locked out, if it is.
    #[must_use]
    pub fn locked_until(&self, now: Moment) -> Option<Moment> {
        self.own_lockout(now)
    }

    /// What must outlive a restart.
    #[must_use]
    pub const fn memory(&self) -> Memory {
        self.memory
    }

    /// Which accounts are locked out; some of them may be so no longer.
    #[must_use]
    pub const fn lockouts(&self) -> &Lockouts {
        &self.memory.lockouts
    }

    /// The endpoint being tried, or else the one that worked last.
    #[must_use]
    pub fn endpoint(&self) -> usize {
        match &self.exchange {
            Some(exchange) => exchange.endpoint,
            None => self.endpoints.in_use(self.policy.endpoints),
        }
    }

    /// How many refreshes have brought a new pair.
    #[must_use]
    pub const fn refreshes(&self) -> u64 {
        self.refreshes
    }

    /// How many exchanges that no person had asked for by name have failed.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    /// Whether this caller still has no answer.
    #[must_use]
    pub fn is_waiting(&self, waiter: WaiterId) -> bool {
        self.waiters.contains(waiter)
    }

    /// A pair without a refresh token that is alive and not due: nothing is wrong yet.
    pub(super) fn is_calm(&self, now: Moment) -> bool {
        let adopted = |pair: &Pair| !pair.renewable && pair.is_alive(now);
        self.pairs.held().is_some_and(adopted) && self.schedule.due() > now
    }
}
