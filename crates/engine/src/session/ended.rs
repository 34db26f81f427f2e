//! How exchanges end.

use super::endpoints::{Benched, Tour};
use super::pairs::{Origin, Pair};
use super::round::Round;
use super::schedule::Renewer;
use super::source::Path;
use super::waiters::Wish;
use super::{Session, Start};
use crate::action::{Action, Answer, Refused};
use crate::caution::{self, Pause};
use crate::event::{Adopted, ExchangeId, Failure, Generation, Outcome, SourceId, WaiterId};
use crate::lockouts::AccountId;
use crate::time::{Lease, Moment};
use std::time::Duration;

/// On whose behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Refresh(Generation),
    /// A refresh, too, but its access token is the person's.
    Generate {
        waiter: WaiterId,
        generation: Generation,
    },
    Source(SourceId),
    Person(WaiterId),
}

/// The exchange in flight.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) id: ExchangeId,
    pub(super) by: By,
    /// For whose account.
    pub(super) account: AccountId,
    pub(super) endpoint: usize,
    /// The pair that was held when it began.
    pub(super) held: Option<Generation>,
    /// When the exchange before it began.
    pub(super) started_before: Option<Moment>,
    /// Whether a logout or revocation came in between: a pair that it brings is dropped.
    pub(super) obsolete: bool,
    /// A password of the source is on its way: how long none is sent if nobody lives to see the answer.
    pub(super) attempt: Option<Pause>,
}

impl Exchange {
    pub(super) const fn is_of_person(&self) -> bool {
        matches!(self.by, By::Person(_))
    }
}

impl Session {
    pub(super) fn ended(&mut self, exchange: Exchange, outcome: Outcome, now: Moment, out: &mut Vec<Action>) {
        match outcome {
            Outcome::Granted { generation, lease } => self.granted(&exchange, generation, lease, now, out),
            Outcome::Superseded(pair) => self.superseded(&exchange, pair, now, out),
            Outcome::Failed(failure) => {
                self.heed(&exchange, failure, now);
                match exchange.by {
                    By::Person(waiter) => self.person_failed(waiter, &exchange, failure, now, out),
                    By::Generate { waiter, generation } => {
                        self.generate_failed(waiter, generation, exchange.endpoint, failure, now, out);
                    }
                    By::Refresh(_) | By::Source(_) if exchange.obsolete => {}
                    By::Refresh(_) | By::Source(_) if failure == Failure::Barred => {
                        self.barred(&exchange, now)
                    }
                    By::Refresh(_) | By::Source(_) => self.own_failed(&exchange, failure, now),
                }
            }
        }
    }

    fn granted(
        &mut self,
        exchange: &Exchange,
        generation: Generation,
        lease: Lease,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        if exchange.obsolete {
            return;
        }
        self.endpoints.worked(exchange.endpoint);
        self.memory.lockouts.end(exchange.account);
        self.wait_for_lockout(now);
        match exchange.by {
            By::Refresh(_) | By::Generate { .. } => self.source.relax(),
            By::Source(_) | By::Person(_) => self.source.clear(),
        }
        match exchange.by {
            By::Refresh(_) => self.refreshes = self.refreshes.saturating_add(1),
            By::Source(_) => {}
            By::Generate { waiter, .. } => self.waiters.grant(waiter),
            By::Person(waiter) => {
                self.memory.refused = None;
                self.memory.logged_out = false;
                self.waiters.grant(waiter);
            }
        }
        if self.is_overtaken(exchange) {
            // The cluster is there, and the other pair has its own place in the schedule.
            self.round.succeeded();
            return;
        }
        self.path = Path::Refresh;
        let origin = match exchange.by {
            By::Generate { .. } => Origin::Rotated,
            By::Refresh(_) | By::Source(_) | By::Person(_) => Origin::Granted(exchange.id),
        };
        let pair = Pair { generation, lease: Some(lease), renewable: true, origin };
        if origin == Origin::Rotated {
            // The access token is as old as it was, and is renewed when it would have been.
            self.round.succeeded();
            if !pair.is_alive(now) {
                self.schedule.at_once(now);
            }
        } else if pair.is_alive(now) {
            self.round.succeeded();
            if matches!(exchange.by, By::Refresh(_)) {
                self.schedule.steady(&lease, Renewer::Ourselves, &self.policy, &mut self.dice);
            } else {
                self.schedule.phased(&lease, &self.policy, &mut self.dice, now);
            }
            self.schedule.not_before(self.last_start);
        } else {
            // It is good for its refresh token only; asking again and again would be a storm.
            self.schedule.at_once(now);
            self.round.end(&Tour::default(), &mut self.dice, now);
        }
        self.pairs.take(pair, true, now, out);
    }

    /// Whether another pair has come from elsewhere since a renewal, or a login by the source, began. Somebody may have
    /// logged in, and a person's act goes before what the session does by itself; one that cannot be renewed is no login.
    fn is_overtaken(&self, exchange: &Exchange) -> bool {
        let other = self.pairs.held().filter(|held| Some(held.generation) != exchange.held);
        !exchange.is_of_person() && other.is_some_and(|other| other.renewable)
    }

    fn superseded(&mut self, exchange: &Exchange, pair: Adopted, now: Moment, out: &mut Vec<Action>) {
        if exchange.obsolete {
            return;
        }
        let may_repeat = self.round.superseded(&mut self.dice, now);
        if may_repeat {
            // Nothing was sent, so nothing counts against the limit.
            self.last_start = exchange.started_before;
        }
        if !self.pairs.is_held(pair.generation) {
            self.adopt(pair, Start::Steady, now, out);
        }
        if let By::Person(waiter) = exchange.by {
            self.tell(waiter, Refused::Unreachable, out);
        }
    }

    pub(super) fn locked(&mut self, account: AccountId, wait: Option<Duration>, now: Moment) {
        let until = now + caution::lockout(wait);
        self.memory.lockouts.expire(now);
        self.memory.lockouts = self.memory.lockouts.with(account, until, self.policy.account);
        if self.policy.account.is_none_or(|own| own == account) {
            self.wait_for_lockout(now);
        }
    }

    /// What the cluster says about itself or the account holds, whoever asked.
    fn heed(&mut self, exchange: &Exchange, failure: Failure, now: Moment) {
        match failure {
            Failure::Locked { wait } => self.locked(exchange.account, wait, now),
            Failure::Throttled { retry_after: Some(asked) } => {
                let until = Round::peace(asked, &mut self.dice, now);
                self.round.hold_until(until);
            }
            Failure::Unavailable { retry_after: Some(asked) } => {
                let until = Round::peace(asked, &mut self.dice, now);
                self.endpoints.bench(exchange.endpoint, until);
            }
            Failure::Unreachable { sent: true } => {
                if let By::Source(id) = exchange.by {
                    self.source.doubt(id, exchange.attempt, self.policy.source_recheck, now);
                }
            }
            Failure::Unauthorized => {
                if let By::Source(id) = exchange.by {
                    self.memory.refused = Some(id);
                }
            }
            _ => {}
        }
        if matches!(exchange.by, By::Source(_)) && !was_not_sent(failure) {
            self.source.answered();
        }
    }

    /// Nothing was tried, and nothing will come of trying again until somebody says so.
    fn barred(&mut self, exchange: &Exchange, now: Moment) {
        self.round.relieved();
        if let By::Source(id) = exchange.by
            && self.path == Path::Login(id)
        {
            self.source_failed(now);
        }
    }

    fn own_failed(&mut self, exchange: &Exchange, failure: Failure, now: Moment) {
        self.failures = self.failures.saturating_add(1);
        self.round.note(exchange.id);
        match failure {
            Failure::Unauthorized | Failure::Rejected => {
                self.endpoints.worked(exchange.endpoint);
                self.round.denied(&mut self.dice, now);
                match exchange.by {
                    By::Refresh(generation) => self.refresh_refused(generation, now),
                    By::Source(id) => self.password_refused(id, failure, now),
                    By::Person(_) | By::Generate { .. } => {}
                }
            }
            Failure::Locked { .. } => self.round.locked(),
            _ => self.own_missed(exchange, failure, now),
        }
    }

    /// The cluster gave no answer that settles anything: the next endpoint, or the next round.
    fn own_missed(&mut self, exchange: &Exchange, failure: Failure, now: Moment) {
        let mut tour = self.round.tour();
        note(&mut tour, exchange.endpoint, failure);
        let may_go_on = match exchange.by {
            // A refresh can be repeated; with single-use tokens whose answer was lost, nothing helps anyway.
            By::Refresh(_) => !matches!(failure, Failure::Throttled { .. }),
            // A password that may have arrived is not sent again at once.
            By::Source(_) | By::Person(_) | By::Generate { .. } => was_not_sent(failure),
        };
        let next = self.endpoints.pick(self.policy.endpoints, &tour, Benched::LeftAlone, now);
        // The file may have brought another pair meanwhile, which is not due yet.
        let is_wanted = match exchange.by {
            By::Refresh(generation) => self.pairs.is_held(generation) || self.schedule.due() <= now,
            By::Source(id) => self.path == Path::Login(id),
            By::Person(_) | By::Generate { .. } => false,
        };
        match (next.is_some() && may_go_on, is_wanted) {
            (true, true) => self.round.go_on(tour),
            (false, true) => {
                self.round.end(&tour, &mut self.dice, now);
                if let By::Source(id) = exchange.by
                    && self.source.doubted_until(id) > now
                {
                    self.path = Path::Doubt(id);
                }
            }
            (_, false) => self.round.relieved(),
        }
    }

    fn refresh_refused(&mut self, generation: Generation, now: Moment) {
        if self.pairs.is_held(generation) {
            self.pairs.wither();
            self.schedule.at_once(now);
            self.path = Path::File;
        }
    }

    fn password_refused(&mut self, id: SourceId, failure: Failure, now: Moment) {
        if failure != Failure::Unauthorized {
            self.source.rejected = Some(id);
        }
        if self.path == Path::Login(id) {
            self.source_failed(now);
        }
    }

    fn person_failed(
        &mut self,
        waiter: WaiterId,
        exchange: &Exchange,
        failure: Failure,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        let Some(Wish::Login { endpoints, tour, .. }) = self.waiters.get(waiter).map(|waiter| &waiter.wish)
        else {
            return;
        };
        let mut tour = tour.clone();
        let endpoints = *endpoints;
        note(&mut tour, exchange.endpoint, failure);
        match failure {
            Failure::Unauthorized => self.tell(waiter, Refused::WrongPassword, out),
            Failure::Rejected => self.tell(waiter, Refused::Rejected, out),
            Failure::Locked { .. } => {
                let until = self.memory.lockouts.of(exchange.account, now).unwrap_or(now);
                self.tell(waiter, Refused::LockedOut { until }, out);
            }
            _ if was_not_sent(failure) && self.pick_for_person(endpoints, &tour, now).is_some() => {
                self.waiters.go_on(waiter, tour);
            }
            _ if tour.untrusted => self.tell(waiter, Refused::Untrusted, out),
            _ if tour.misconfigured => self.tell(waiter, Refused::Rejected, out),
            _ => self.tell(waiter, Refused::Unreachable, out),
        }
    }

    fn generate_failed(
        &mut self,
        waiter: WaiterId,
        generation: Generation,
        endpoint: usize,
        failure: Failure,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        let Some(Wish::Generate { tour, .. }) = self.waiters.get(waiter).map(|waiter| &waiter.wish) else {
            if failure == Failure::Unauthorized {
                self.refresh_refused(generation, now);
            }
            return;
        };
        let mut tour = tour.clone();
        note(&mut tour, endpoint, failure);
        match failure {
            // Nothing was made. With the next pair, if there is to be one, it is tried again.
            Failure::Unauthorized => {
                self.endpoints.worked(endpoint);
                self.round.denied(&mut self.dice, now);
                self.refresh_refused(generation, now);
            }
            Failure::Rejected => self.tell(waiter, Refused::Rejected, out),
            Failure::Locked { .. } => {
                let until = self.own_lockout(now).unwrap_or(now);
                self.tell(waiter, Refused::LockedOut { until }, out);
            }
            // What may have been made is not made twice.
            _ if was_not_sent(failure) && self.may_go_on(&tour, now) => self.waiters.go_on(waiter, tour),
            _ if tour.untrusted => self.tell(waiter, Refused::Untrusted, out),
            _ if tour.misconfigured => self.tell(waiter, Refused::Rejected, out),
            _ => self.tell(waiter, Refused::Unreachable, out),
        }
    }

    fn may_go_on(&self, tour: &Tour, now: Moment) -> bool {
        self.endpoints.pick(self.policy.endpoints, tour, Benched::LeftAlone, now).is_some()
    }

    pub(super) fn tell(&mut self, waiter: WaiterId, refused: Refused, out: &mut Vec<Action>) {
        if self.waiters.contains(waiter) {
            self.waiters.remove(waiter);
            out.push(Action::Answer { waiter, answer: Answer::Refused(refused) });
        }
    }
}

const fn was_not_sent(failure: Failure) -> bool {
    matches!(
        failure,
        Failure::Unreachable { sent: false } | Failure::Untrusted | Failure::Misconfigured | Failure::Barred
    )
}

fn note(tour: &mut Tour, endpoint: usize, failure: Failure) {
    tour.tried(endpoint);
    match failure {
        Failure::Untrusted => tour.untrusted = true,
        Failure::Misconfigured => tour.misconfigured = true,
        _ => tour.unreachable = true,
    }
}
