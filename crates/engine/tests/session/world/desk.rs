//! Callers and what they were told, and what else a test asks a world.

use super::{OWN, Pending, World};
use crate::s;
use engine::{AccountId, Action, Answer, Condition, Event, Moment, Refused, WaiterId};
use std::time::Duration;

impl World {
    fn enroll(&mut self, timeout: Duration, password: Option<u64>, endpoints: usize) -> (WaiterId, Moment) {
        self.last_waiter += 1;
        let (waiter, deadline) = (WaiterId(self.last_waiter), self.now + timeout);
        self.waiting.insert(waiter, Pending { deadline, password, account: OWN, endpoints });
        (waiter, deadline)
    }

    pub(crate) fn get(&mut self) -> WaiterId {
        self.get_with(None, s(10))
    }

    pub(crate) fn get_with(&mut self, min_ttl: Option<Duration>, timeout: Duration) -> WaiterId {
        let (waiter, deadline) = self.enroll(timeout, None, 0);
        self.feed(Event::Get { waiter, min_ttl, deadline });
        waiter
    }

    pub(crate) fn renew(&mut self, timeout: Duration) -> WaiterId {
        let (waiter, deadline) = self.enroll(timeout, None, 0);
        self.feed(Event::Renew { waiter, deadline });
        waiter
    }

    pub(crate) fn generate(&mut self, timeout: Duration) -> WaiterId {
        let (waiter, deadline) = self.enroll(timeout, None, 0);
        self.feed(Event::Generate { waiter, deadline });
        waiter
    }

    pub(crate) fn login(&mut self, password: u64, timeout: Duration) -> WaiterId {
        self.login_as(self.policy.account.unwrap_or(OWN), password, timeout)
    }

    pub(crate) fn login_as(&mut self, account: AccountId, password: u64, timeout: Duration) -> WaiterId {
        let endpoints = self.policy.endpoints;
        let (waiter, deadline) = self.enroll(timeout, Some(password), endpoints);
        if let Some(pending) = self.waiting.get_mut(&waiter) {
            pending.account = account;
        }
        self.feed(Event::Login { waiter, account, endpoints, deadline });
        waiter
    }

    pub(crate) fn leave(&mut self, waiter: WaiterId) {
        self.waiting.remove(&waiter);
        self.feed(Event::Left { waiter });
    }

    /// What a caller was told; it must have been told something.
    pub(crate) fn answer(&self, waiter: WaiterId) -> Answer {
        self.answers.get(&waiter).map(|(_, answer)| *answer).expect("an answer")
    }

    /// When.
    pub(crate) fn answered_at(&self, waiter: WaiterId) -> Moment {
        self.answers[&waiter].0
    }

    /// Whether a caller got a live token.
    pub(crate) fn got(&self, waiter: WaiterId) -> bool {
        matches!(self.answer(waiter), Answer::Pair(_) | Answer::Generated)
    }

    pub(crate) fn refusal(&self, waiter: WaiterId) -> Refused {
        match self.answer(waiter) {
            Answer::Refused(refused) => refused,
            Answer::Pair(_) | Answer::Generated => panic!("{waiter:?} got a token"),
        }
    }

    pub(crate) fn condition(&self) -> Condition {
        self.session.condition(self.now)
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = WaiterId> + '_ {
        self.waiting.keys().copied()
    }

    /// When each refresh began.
    pub(crate) fn refreshes(&self) -> Vec<Moment> {
        self.moments(|action| matches!(action, Action::Refresh { .. }))
    }

    /// When each exchange began.
    pub(crate) fn exchanges(&self) -> Vec<Moment> {
        let is_exchange = |action: &Action| {
            matches!(action, Action::Refresh { .. } | Action::Login { .. } | Action::Generate { .. })
        };
        self.moments(is_exchange)
    }

    pub(crate) fn moments(&self, which: impl Fn(&Action) -> bool) -> Vec<Moment> {
        self.log.iter().filter(|(_, action)| which(action)).map(|(at, _)| *at).collect()
    }

    pub(crate) fn count(&self, which: impl Fn(&Action) -> bool) -> usize {
        self.moments(which).len()
    }

    /// The wake-up asked for.
    pub(crate) const fn wake(&self) -> Option<Moment> {
        self.wake
    }

    /// The life left in the token published.
    pub(crate) fn left(&self) -> Duration {
        let lease = self.session.published().and_then(|(_, lease)| lease);
        lease.map_or(Duration::ZERO, |lease| lease.remaining(self.now))
    }
}
