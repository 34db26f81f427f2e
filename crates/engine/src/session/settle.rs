//! What follows from what is known: answers, the next exchange, the next wake-up.

use super::Session;
use super::ended::{By, Exchange};
use super::endpoints::{Benched, Tour};
use super::patience::Patience;
use super::source::Path;
use super::waiters::Wish;
use crate::action::{Action, Answer, Condition, LoginBy, Refused};
use crate::event::{ExchangeId, WaiterId};
use crate::lockouts::AccountId;
use crate::time::Moment;
use crate::ttl::{caller_limit, dead_from};
use std::time::Duration;

/// Far more than any event needs; a bound all the same.
const STEPS: usize = 16;
/// The shared limit on exchanges that callers cause, where the life of a token is not known.
const UNKNOWN_LIFE_LIMIT: Duration = Duration::from_secs(5);
/// However short the life.
const LEAST_LIMIT: Duration = Duration::from_millis(100);

impl Session {
    pub(super) fn settle(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.remember(now, out);
        let mut wanted = false;
        for _ in 0..STEPS {
            self.pairs.attend(now, out);
            self.give_up_reading(now);
            wanted = self.answer(now, out);
            if !self.advance(wanted, now, out) {
                break;
            }
        }
        self.ask_for_wake(wanted, now, out);
    }

    fn give_up_reading(&mut self, now: Moment) {
        if self.reading.file.take_if(|patience| patience.is_over(now)).is_some() && self.path == Path::File {
            self.seek_source(now);
        }
        if self.reading.source.take_if(|patience| patience.is_over(now)).is_some()
            && matches!(self.path, Path::Source | Path::Doubt(_))
        {
            self.source_failed(now);
        }
    }

    /// Takes one step, if there is one to take.
    fn advance(&mut self, wanted: bool, now: Moment, out: &mut Vec<Action>) -> bool {
        if self.exchange.is_some() || self.pairs.is_storing() {
            return false;
        }
        if let Some(id) = self.waiters.next_login() {
            self.log_person_in(id, now, out);
            return true;
        }
        if let Some(id) = self.waiters.next_generation()
            && self.generate_at().is_some_and(|at| at <= now)
        {
            self.generate(id, now, out);
            return true;
        }
        let is_due = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        let is_time = is_due(self.own_attempt()) || (wanted && is_due(self.called_attempt(now)));
        if !is_time {
            return false;
        }
        match self.path {
            Path::Person => self.path = Path::Source,
            Path::File => {
                self.reading.file(now);
                out.push(Action::ReadFile);
            }
            Path::Source | Path::Doubt(_) => {
                self.reading.source(now);
                out.push(Action::ReadSource);
            }
            Path::Refresh => match self.pairs.held() {
                Some(pair) => self.attempt(By::Refresh(pair.generation), now, out),
                None => self.seek_source(now),
            },
            Path::Login(source) => self.attempt(By::Source(source), now, out),
        }
        true
    }

    fn attempt(&mut self, by: By, now: Moment, out: &mut Vec<Action>) {
        let tour = self.round.tour();
        match self.endpoints.pick(self.policy.endpoints, &tour, Benched::LeftAlone, now) {
            Some(endpoint) => self.begin(by, endpoint, now, out),
            None => self.round.end(&tour, &mut self.dice, now),
        }
    }

    fn log_person_in(&mut self, id: WaiterId, now: Moment, out: &mut Vec<Action>) {
        let endpoint = self.waiters.get(id).and_then(|waiter| match &waiter.wish {
            Wish::Login { endpoints, tour, .. } => self.pick_for_person(*endpoints, tour, now),
            Wish::Get { .. } | Wish::Renew | Wish::Generate { .. } => None,
        });
        match endpoint {
            Some(endpoint) => self.begin(By::Person(id), endpoint, now, out),
            None => {
                self.waiters.remove(id);
                out.push(Action::Answer { waiter: id, answer: Answer::Refused(Refused::Unreachable) });
            }
        }
    }

    /// When a long-lived token may be asked for: ahead of what the session does by itself, as a person waits for it,
    /// but never against the cluster's word.
    fn generate_at(&self) -> Option<Moment> {
        let is_open = self.open_path() == Some(Path::Refresh) && self.pairs.held().is_some();
        is_open.then(|| self.cluster_at())
    }

    fn generate(&mut self, id: WaiterId, now: Moment, out: &mut Vec<Action>) {
        let endpoint = self.waiters.get(id).and_then(|waiter| match &waiter.wish {
            Wish::Generate { tour, .. } => {
                self.endpoints.pick(self.policy.endpoints, tour, Benched::LeftAlone, now)
            }
            Wish::Get { .. } | Wish::Renew | Wish::Login { .. } => None,
        });
        match (endpoint, self.pairs.held().map(|pair| pair.generation)) {
            (Some(endpoint), Some(generation)) => {
                self.begin(By::Generate { waiter: id, generation }, endpoint, now, out);
            }
            _ => self.tell(id, Refused::Unreachable, out),
        }
    }

    /// A person's one attempt is let through even where the cluster asked for peace: they came on purpose.
    pub(super) fn pick_for_person(&self, count: usize, tour: &Tour, now: Moment) -> Option<usize> {
        let pick = |benched| self.endpoints.pick(count, tour, benched, now);
        let rested = if count == self.policy.endpoints { pick(Benched::LeftAlone) } else { None };
        rested.or_else(|| pick(Benched::Included))
    }

    fn begin(&mut self, by: By, endpoint: usize, now: Moment, out: &mut Vec<Action>) {
        let id = self.next_exchange;
        self.next_exchange = ExchangeId(id.0.wrapping_add(1));
        let started_before = self.last_start.replace(now);
        let held = self.pairs.held().map(|pair| pair.generation);
        let account = self.account_of(by);
        let (obsolete, attempt) = (false, None);
        self.exchange = Some(Exchange { id, by, account, endpoint, held, started_before, obsolete, attempt });
        out.push(match by {
            By::Refresh(generation) => Action::Refresh { exchange: id, endpoint, generation },
            By::Generate { waiter, generation } => {
                Action::Generate { exchange: id, endpoint, generation, waiter }
            }
            By::Source(source) => Action::Login { exchange: id, endpoint, by: LoginBy::Source(source) },
            By::Person(waiter) => Action::Login { exchange: id, endpoint, by: LoginBy::Person(waiter) },
        });
    }

    fn account_of(&self, by: By) -> AccountId {
        match by {
            By::Person(id) => match self.waiters.get(id).map(|waiter| &waiter.wish) {
                Some(Wish::Login { account, .. }) => *account,
                _ => AccountId::UNNAMED,
            },
            By::Refresh(_) | By::Generate { .. } | By::Source(_) => self.own_account(),
        }
    }

    /// When the session acts by itself.
    pub(super) fn own_attempt(&self) -> Option<Moment> {
        let begun = self.round.is_open();
        match self.open_path()? {
            Path::Person => None,
            Path::File => Some(Moment::default()),
            Path::Source => Some(self.cluster_at().max(self.schedule.due())),
            Path::Doubt(id) => {
                Some(self.cluster_at().max(self.schedule.due()).max(self.source.doubted_until(id)))
            }
            Path::Refresh | Path::Login(_) if begun => Some(self.cluster_at()),
            Path::Refresh | Path::Login(_) => {
                Some(self.cluster_at().max(self.schedule.due()).max(self.round.back_off()))
            }
        }
    }

    /// When the session acts if a caller wants it to: ahead of the back-off, but at the limit that all callers
    /// share, and never against the cluster's word.
    pub(super) fn called_attempt(&self, now: Moment) -> Option<Moment> {
        match self.open_path()? {
            Path::Person => (self.policy.has_source && !self.source.is_resting(now)).then_some(now),
            Path::File => Some(Moment::default()),
            Path::Source => Some(self.cluster_at()),
            Path::Doubt(id) => Some(self.cluster_at().max(self.source.look_at(id))),
            Path::Refresh | Path::Login(_) => {
                let limit = match self.pairs.life() {
                    Some(life) if !life.is_zero() => caller_limit(life).max(LEAST_LIMIT),
                    Some(_) | None => UNKNOWN_LIFE_LIMIT,
                };
                let paced = self.last_start.map(|start| start + limit).unwrap_or_default();
                Some(self.cluster_at().max(paced))
            }
        }
    }

    /// The way to the next pair, unless something under way has to end first.
    fn open_path(&self) -> Option<Path> {
        let is_closed = !self.started
            || self.memory.logged_out
            || self.exchange.is_some()
            || self.pairs.is_storing()
            || self.reading_now().is_some();
        (!is_closed).then_some(self.path)
    }

    /// How long what has to be read next is waited for, if it is being read.
    pub(super) const fn reading_now(&self) -> Option<Patience> {
        match self.path {
            Path::File => self.reading.file,
            Path::Source | Path::Doubt(_) => self.reading.source,
            Path::Refresh | Path::Login(_) | Path::Person => None,
        }
    }

    /// When the cluster may be spoken to again.
    fn cluster_at(&self) -> Moment {
        let free_at = self.endpoints.free_at(self.policy.endpoints);
        self.after_lockout.unwrap_or_default().max(self.round.hold()).max(free_at)
    }

    fn ask_for_wake(&mut self, wanted: bool, now: Moment, out: &mut Vec<Action>) {
        let called = if wanted { self.called_attempt(now) } else { None };
        // The state changes then, though nothing else happens.
        let condition_ends = match self.condition(now) {
            Condition::Degraded => self.pairs.live(now).map(|(_, lease)| dead_from(&lease)),
            Condition::Ready if self.path == Path::Person => Some(self.schedule.due()),
            _ => None,
        };
        let soonest = [
            self.pairs.next(),
            self.reading_now().map(Patience::until),
            self.waiters.earliest_deadline(),
            self.own_attempt(),
            self.waiters.next_generation().and_then(|_| self.generate_at()),
            // Shown, and kept across restarts, no longer than it lasts.
            self.memory.lockouts.next_end(now),
            called,
            condition_ends,
        ];
        // Whatever should have happened by now has; a moment later at the earliest, so that nothing spins.
        let wake = soonest.into_iter().flatten().min().map(|at| at.max(now + Duration::from_millis(1)));
        if wake != self.wake {
            self.wake = wake;
            out.push(Action::WakeAt(wake));
        }
    }
}
