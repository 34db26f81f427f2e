//! What must hold whatever happens, by the driver's own account of what it was told.

use super::World;
use crate::s;
use engine::ttl::is_alive;
use engine::{AccountId, Answer, ExchangeId, Failure, LoginBy, Moment, Outcome, SourceId, WaiterId};
use std::time::Duration;

/// So many lockouts are told apart.
const TOLD_APART: usize = 8;

/// After this the session may go on without an answer to `Save`.
pub(super) const SAVE_PATIENCE: Duration = s(3);

impl World {
    pub(super) fn note_outcome(&mut self, outcome: Outcome, obsolete: bool) {
        let by = self.by.take();
        let is_of_person = matches!(by, Some(LoginBy::Person(_)));
        let other = self.newest.filter(|newest| Some(*newest) != self.begun_with);
        let is_overtaken = !is_of_person && other.is_some_and(|other| self.pairs[&other].renewable);
        match outcome {
            Outcome::Granted { generation, .. } if !obsolete => {
                if !is_overtaken {
                    self.newest = Some(generation);
                }
                self.locked.remove(&self.account);
                self.hold_until = Moment::default();
                self.benched.clear();
                if by.is_some() {
                    (self.doubt, self.unended) = (None, None);
                }
                if is_of_person {
                    self.refused = None;
                }
            }
            Outcome::Superseded(pair) if !obsolete => self.newest = Some(pair.generation),
            Outcome::Failed(Failure::Locked { wait }) => self.note_lockout(self.account, wait),
            Outcome::Failed(Failure::Throttled { retry_after: Some(asked) }) => {
                self.hold_until = self.now + asked.min(s(300));
            }
            Outcome::Failed(Failure::Unavailable { retry_after: Some(asked) }) => {
                let endpoint = self.session.endpoint();
                self.benched.insert(endpoint, self.now + asked.min(s(300)));
            }
            Outcome::Failed(Failure::Unreachable { sent: true }) => {
                if let Some(LoginBy::Source(id)) = by {
                    let before = self.doubt.filter(|(about, ..)| *about == id);
                    let pause = before.map_or(s(60), |(_, pause, _)| (pause * 2).min(s(3600)));
                    self.doubt = Some((id, pause, self.now + pause));
                }
            }
            Outcome::Failed(Failure::Unauthorized) => {
                if let Some(LoginBy::Source(id)) = by {
                    self.refused = Some(id);
                }
            }
            _ => {}
        }
    }

    pub(super) fn note_lockout(&mut self, account: AccountId, wait: Option<Duration>) {
        let wait = wait.filter(|wait| *wait >= s(1)).unwrap_or(s(125)).min(s(3600));
        self.locked.retain(|_, until| *until > self.now);
        self.locked.insert(account, self.now + wait);
        if self.locked.len() > TOLD_APART {
            self.crowded_until =
                self.crowded_until.max(self.locked.values().copied().max().unwrap_or_default());
        }
    }

    fn is_locked(&self, account: AccountId) -> bool {
        self.locked.get(&account).is_some_and(|until| *until > self.now)
    }

    /// An exchange of a person's for this account, or of the session's for its own.
    pub(super) fn begin(
        &mut self,
        exchange: ExchangeId,
        endpoint: usize,
        count: usize,
        person: Option<AccountId>,
    ) {
        assert_eq!(self.in_flight, None, "one exchange at a time");
        match person.or(self.policy.account) {
            Some(account) => {
                assert!(!self.is_locked(account), "nothing is sent for an account that is locked out");
            }
            None => {
                let mut all = self.locked.keys();
                assert!(all.all(|it| !self.is_locked(*it)), "nothing is sent for who may be locked out");
            }
        }
        self.account = person.or(self.policy.account).unwrap_or(AccountId::UNNAMED);
        let storing = self.saved.iter().find(|(generation, save)| {
            Some(**generation) > self.published
                && Some(**generation) == self.newest
                && !save.done
                && save.began + SAVE_PATIENCE > self.now
        });
        assert!(storing.is_none(), "no exchange begins before the last pair is saved");
        assert!(endpoint < count.max(1), "the endpoint exists");
        self.in_flight = Some(exchange);
        self.begun_with = self.newest;
    }

    pub(super) fn leave_in_peace(&self, endpoint: usize) {
        assert!(self.now >= self.hold_until, "Retry-After of a 429 is respected");
        let benched = self.benched.get(&endpoint).copied().unwrap_or_default();
        assert!(self.now >= benched, "Retry-After of a 503 is respected");
    }

    pub(super) fn leave_in_doubt(&self, id: SourceId) {
        let until = self.doubt.filter(|(about, ..)| *about == id).map(|(.., until)| until);
        assert!(
            until.is_none_or(|until| self.now >= until),
            "a password that may have been counted as wrong is not sent again for a while"
        );
        assert!(
            self.unended.is_none_or(|until| self.now >= until),
            "nor is any after a daemon that died during a login"
        );
    }

    /// A person who may log in, and has nobody in front, is being logged in.
    pub(super) fn no_login_is_held_back(&self) {
        let is_storing = self.saved.last_key_value().is_some_and(|(last, _)| Some(*last) > self.published);
        let is_free = self.in_flight.is_none() && !is_storing;
        let mut persons = self.waiting.values().filter(|pending| pending.password.is_some());
        let is_held_back =
            persons.any(|pending| !self.is_locked(pending.account) && self.now >= self.crowded_until);
        assert!(!is_free || !is_held_back, "a person's login is sent at once, whoever else is locked out");
    }

    pub(super) fn take_answer(&mut self, waiter: WaiterId, answer: Answer) {
        let pending = self.waiting.remove(&waiter).expect("a caller is answered once");
        let latest = pending.deadline.max(self.woke);
        assert!(self.now <= latest, "a caller is answered by its deadline");
        if let Answer::Pair(generation) = answer {
            assert_eq!(Some(generation), self.published, "only what is published is handed out");
            let lease = self.pairs[&generation].lease.expect("its life is known");
            assert!(is_alive(&lease, self.now), "a dead token is never handed out");
        }
        self.answers.insert(waiter, (self.now, answer));
    }
}
