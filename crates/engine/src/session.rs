//! One profile's tokens, from login to logout: events and a clock reading in, actions out.
//!
//! Each event changes what is known; then the session *settles*: it answers the callers that can be answered,
//! starts the one exchange that may be due, and says when it wants to be woken. What is promised to whom:
//!
//! - At most one exchange is in flight, and none begins while a new pair is on its way into the store.
//! - A pair granted is stored, then published, then handed out; the one before serves until then. There are two
//!   exceptions. One is `Logout` (and `Revoked`, for all but a person's login): what an exchange begun before it brings
//!   afterwards is dropped on arrival. The other is a pair that came from elsewhere during an exchange that no person had
//!   asked for with a password: somebody may have logged in, so that pair stays, and the driver keeps the one that was
//!   granted at hand in case that the other turns out to be worth nothing.
//! - Each caller is answered exactly once, at its deadline at the latest, unless it leaves.
//!
//! Inside: `pairs` (held, being saved, published), `source` (the way to the next pair), `schedule`, `round` and
//! `endpoints` (attempts), `waiters` and `verdict` (callers), `ended` (how exchanges end), `memory` (what outlives a
//! restart), `settle`, `view`.
//!
//! What is expected of the driver: it carries actions out in order, ends every exchange with
//! [`Event::Ended`], and keeps the bytes of the pair held and of the one published. Other answers
//! (`Saved`, `FileRead`, `SourceRead`) may fail to come; after a while the session goes on without.

mod dice;
mod ended;
mod endpoints;
mod memory;
mod pairs;
mod patience;
mod round;
mod schedule;
mod settle;
mod source;
mod verdict;
mod view;
mod waiters;

use crate::action::{Action, Answer, Refused};
use crate::caution::LONGEST_LOCKOUT;
use crate::event::{Adopted, Event, ExchangeId, Memory, SourceId, WaiterId};
use crate::lockouts::AccountId;
use crate::policy::Policy;
use crate::time::Moment;
use dice::Dice;
use ended::Exchange;
use endpoints::{Endpoints, Tour};
use pairs::{Origin, Pair, Pairs};
use round::Round;
use schedule::{Renewer, Schedule};
use source::{Path, Reading, Source};
use std::time::Duration;
use verdict::Verdict;
use waiters::{Waiters, Wish};

/// One profile's tokens.
#[derive(Debug, Clone)]
pub struct Session {
    policy: Policy,
    started: bool,
    memory: Memory,
    remembered: Memory,
    /// A little after the lockout of its own account ends: when the session itself tries again.
    after_lockout: Option<Moment>,
    dice: Dice,
    pairs: Pairs,
    schedule: Schedule,
    path: Path,
    source: Source,
    reading: Reading,
    exchange: Option<Exchange>,
    next_exchange: ExchangeId,
    last_start: Option<Moment>,
    endpoints: Endpoints,
    round: Round,
    waiters: Waiters,
    wake: Option<Moment>,
    refreshes: u64,
    failures: u64,
}

/// When the first renewal of an adopted pair is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Nobody knows how many others start at this moment.
    Phased,
    /// Whoever renewed it has its own rhythm; where several hosts share a file, the first one to wake renews
    /// and the others follow.
    Steady,
}

impl Session {
    /// A session that waits for [`Event::Started`].
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            dice: Dice::new(policy.seed),
            policy,
            started: false,
            memory: Memory::default(),
            remembered: Memory::default(),
            after_lockout: None,
            pairs: Pairs::default(),
            schedule: Schedule::default(),
            path: Path::Person,
            source: Source::default(),
            reading: Reading::default(),
            exchange: None,
            next_exchange: ExchangeId(0),
            last_start: None,
            endpoints: Endpoints::default(),
            round: Round::default(),
            waiters: Waiters::default(),
            wake: None,
            refreshes: 0,
            failures: 0,
        }
    }

    /// Takes an event in, at this reading of the clock, and tells what to do, in order.
    #[must_use]
    pub fn on(&mut self, event: Event, now: Moment) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Started { pair, memory } => self.start(pair, *memory, now, &mut out),
            Event::Tick => {}
            Event::Get { waiter, min_ttl, deadline } => {
                if self.get(waiter, min_ttl, deadline, now, &mut out) {
                    return out;
                }
            }
            Event::Renew { waiter, deadline } => self.wait(waiter, Wish::Renew, deadline, now),
            Event::Login { waiter, account, endpoints, deadline } => {
                let wish = Wish::Login {
                    account,
                    endpoints: endpoints.max(1),
                    tour: Tour::default(),
                    granted: false,
                };
                self.wait(waiter, wish, deadline, now);
            }
            Event::Generate { waiter, deadline } => {
                self.wait(waiter, Wish::Generate { tour: Tour::default(), granted: false }, deadline, now);
            }
            Event::Left { waiter } => self.waiters.remove(waiter),
            Event::Recalled { memory } => self.recalled(*memory, now, &mut out),
            Event::Forgiven => self.forgiven(),
            Event::Sending { exchange } => self.sending(exchange, now),
            Event::Ended { exchange, outcome } => {
                if let Some(ended) = self.exchange.take_if(|current| current.id == exchange) {
                    self.ended(ended, outcome, now, &mut out);
                }
            }
            Event::FileRead { pair } => self.file_read(pair, now, &mut out),
            Event::FileChanged { pair } => {
                if !self.pairs.is_held(pair.generation) {
                    self.memory.logged_out = false;
                    self.adopt(pair, Start::Steady, now, &mut out);
                }
            }
            Event::SourceRead { content } => self.source_read(content, now),
            Event::Saved { generation, ok } => self.pairs.saved(generation, ok, now, &mut out),
            Event::Trusted => {
                self.round.cleared();
                self.last_start = None;
            }
            Event::FoundUntrusted => self.round.found_untrusted(),
            Event::FoundLocked { account, wait } => self.locked(account, wait, now),
            Event::Logout => self.logout(&mut out),
            Event::Revoked => self.revoked(now, &mut out),
            Event::Reconfigured { policy } => self.reconfigured(policy, now),
        }
        self.settle(now, &mut out);
        out
    }

    fn start(&mut self, pair: Option<Adopted>, memory: Memory, now: Moment, out: &mut Vec<Action>) {
        if self.started {
            return;
        }
        self.started = true;
        self.memory = memory;
        self.remembered = memory;
        self.source.recall(&memory, now);
        self.memory.lockouts.clamp(now + LONGEST_LOCKOUT);
        self.own_account_changed(now);
        if self.pairs.held().is_some() {
            return;
        }
        self.schedule.at_once(now);
        match pair {
            Some(pair) if !memory.logged_out => self.adopt(pair, Start::Phased, now, out),
            _ => self.seek_source(now),
        }
    }

    /// Takes over a pair that came from elsewhere. It is handed out only if it is known to live.
    fn adopt(&mut self, adopted: Adopted, start: Start, now: Moment, out: &mut Vec<Action>) {
        let Adopted { generation, lease, renewable } = adopted;
        let pair = Pair { generation, lease, renewable, origin: Origin::Adopted };
        let lives = pair.is_alive(now);
        self.path = match (renewable, self.policy.has_source) {
            (true, _) => Path::Refresh,
            (false, true) => Path::Source,
            (false, false) => Path::Person,
        };
        match lease.filter(|_| lives) {
            Some(lease) if start == Start::Phased => {
                self.schedule.phased(&lease, &self.policy, &mut self.dice, now);
            }
            Some(lease) => {
                self.schedule.steady(&lease, Renewer::Another, &self.policy, &mut self.dice);
            }
            None => self.schedule.at_once(now),
        }
        if self.schedule.due() > now {
            self.round.relieved();
        }
        self.pairs.take(pair, lives, now, out);
    }

    /// Answers a caller at once, without a look at the others, wherever that is all there is to do.
    fn get(
        &mut self,
        id: WaiterId,
        min_ttl: Option<Duration>,
        deadline: Moment,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> bool {
        let waiter = self.waiters.make(Wish::Get { min_ttl }, deadline, now, self.next_exchange);
        let verdict = self.verdict(&waiter, now);
        let is_late = self.wake.is_some_and(|wake| wake <= now);
        match verdict {
            Verdict::Answer(answer) => {
                self.waiters.remove(id);
                out.push(Action::Answer { waiter: id, answer });
                !is_late
            }
            Verdict::Wait | Verdict::Want => {
                self.waiters.add(id, waiter);
                if is_late || verdict == Verdict::Want {
                    return false;
                }
                if self.wake.is_none_or(|wake| deadline < wake) {
                    self.wake = Some(deadline);
                    out.push(Action::WakeAt(self.wake));
                }
                true
            }
        }
    }

    fn wait(&mut self, id: WaiterId, wish: Wish, deadline: Moment, now: Moment) {
        let waiter = self.waiters.make(wish, deadline, now, self.next_exchange);
        self.waiters.add(id, waiter);
    }

    fn file_read(&mut self, pair: Option<Adopted>, now: Moment, out: &mut Vec<Action>) {
        let was_asked = self.reading.file.take().is_some();
        if self.memory.logged_out {
            return;
        }
        match pair.filter(|pair| !self.pairs.is_held(pair.generation)) {
            Some(pair) => self.adopt(pair, Start::Steady, now, out),
            None if was_asked && self.path == Path::File => self.seek_source(now),
            None => {}
        }
    }

    fn source_read(&mut self, content: Option<SourceId>, now: Moment) {
        if self.reading.source.take().is_none() || !matches!(self.path, Path::Source | Path::Doubt(_)) {
            return;
        }
        match content {
            Some(id) if self.memory.refused != content && self.source.rejected != content => {
                self.go_by_password(id, now);
            }
            Some(_) => self.source_failed(now),
            None => match self.path {
                // The password last read is still in hand.
                Path::Doubt(id) => self.go_by_password(id, now),
                _ => self.source_failed(now),
            },
        }
    }

    fn go_by_password(&mut self, id: SourceId, now: Moment) {
        self.path = if self.source.doubted_until(id) > now {
            self.source.look_later(self.policy.source_recheck, now);
            Path::Doubt(id)
        } else {
            Path::Login(id)
        };
    }

    /// There is no refresh token any more: the source, or else a person.
    fn seek_source(&mut self, now: Moment) {
        let may_read = self.policy.has_source && !self.source.is_resting(now);
        self.path = if may_read { Path::Source } else { Path::Person };
    }

    fn source_failed(&mut self, now: Moment) {
        self.source.rest(self.policy.source_recheck, now);
        self.path = Path::Person;
    }

    fn logout(&mut self, out: &mut Vec<Action>) {
        self.memory.logged_out = true;
        self.pairs.forget();
        self.path = Path::Person;
        self.reading = Reading::default();
        self.round.cleared();
        if let Some(exchange) = &mut self.exchange {
            exchange.obsolete = true;
        }
        out.push(Action::Withdraw);
        for waiter in self.waiters.take_all() {
            out.push(Action::Answer { waiter, answer: Answer::Refused(Refused::LoggedOut) });
        }
    }

    fn revoked(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.pairs.forget();
        self.schedule.at_once(now);
        self.round.cleared();
        self.seek_source(now);
        if let Some(exchange) = &mut self.exchange {
            exchange.obsolete |= !exchange.is_of_person();
        }
        out.push(Action::Withdraw);
    }

    fn reconfigured(&mut self, policy: Policy, now: Moment) {
        if policy.seed != self.policy.seed {
            self.dice = Dice::new(policy.seed);
        }
        let replan = policy.refresh_at.to_bits() != self.policy.refresh_at.to_bits();
        let is_another = policy.account != self.policy.account;
        self.policy = policy;
        if is_another {
            self.own_account_changed(now);
        }
        self.endpoints.renumber(self.policy.endpoints);
        self.round.cleared();
        self.source.reconfigured(is_another);
        match self.path {
            Path::Person if self.policy.has_source && self.started => self.path = Path::Source,
            Path::Doubt(_) if self.policy.has_source => self.path = Path::Source,
            Path::Source | Path::Login(_) | Path::Doubt(_) if !self.policy.has_source => {
                self.path = Path::Person;
            }
            _ => {}
        }
        if let Some(pair) = self.pairs.held().filter(|_| replan && self.path == Path::Refresh)
            && let Some(lease) = pair.lease
        {
            let by = match pair.origin {
                Origin::Granted(_) | Origin::Rotated => Renewer::Ourselves,
                Origin::Adopted => Renewer::Another,
            };
            self.schedule.replan(&lease, by, &self.policy, &mut self.dice);
        }
    }

    /// Whose tokens and whose password source they are.
    fn own_account(&self) -> AccountId {
        self.policy.account.unwrap_or(AccountId::UNNAMED)
    }

    /// Until when the session's own account is locked, and nothing is sent for it. As long as nobody has said which
    /// one that is, it may be any.
    fn own_lockout(&self, now: Moment) -> Option<Moment> {
        match self.policy.account {
            // Its own is never given up for want of room, so what holds for others is nothing to it.
            Some(account) => self.memory.lockouts.listed(account, now),
            None => self.memory.lockouts.longest(now),
        }
    }

    /// It may have been one of those whose lockout was given up for want of room.
    fn own_account_changed(&mut self, now: Moment) {
        if let Some(account) = self.policy.account
            && let Some(until) = self.memory.lockouts.of(account, now)
        {
            self.memory.lockouts = self.memory.lockouts.with(account, until, Some(account));
        }
        self.wait_for_lockout(now);
    }

    /// The session itself goes on a little after the end of its own account's lockout, if there is one.
    fn wait_for_lockout(&mut self, now: Moment) {
        self.after_lockout = self.own_lockout(now).map(|until| {
            let margin = self.dice.between(Duration::from_secs(1), Duration::from_secs(2));
            until + margin
        });
    }
}
