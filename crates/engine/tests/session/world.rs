//! A driver in virtual time, and what must hold whatever happens.

mod desk;
mod rules;

use crate::cluster::{Cluster, Mode, RefreshToken};
use crate::{ms, s};
use engine::{
    AccountId, Action, Adopted, Answer, Condition, Event, ExchangeId, Failure, Generation, Lease, LoginBy,
    Memory, Moment, Outcome, Policy, Session, SourceId, WaiterId,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// The profile's account, unless a test says otherwise.
pub(crate) const OWN: AccountId = AccountId(1);

/// What the driver does with `Save`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saves {
    Work,
    Fail,
    /// No answer ever.
    Hang,
}

/// A pair as the driver holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) refresh: RefreshToken,
    pub(crate) lease: Option<Lease>,
    pub(crate) renewable: bool,
}

#[derive(Debug, Clone)]
struct Pending {
    deadline: Moment,
    password: Option<u64>,
    account: AccountId,
    endpoints: usize,
}

/// What will happen. Pairs get their names when they arrive, as in the driver.
#[derive(Debug, Clone)]
enum Coming {
    Event(Event),
    Granted(ExchangeId, Copy),
    Superseded(ExchangeId, Copy),
    FileRead,
}

#[derive(Debug, Clone, Copy)]
struct Save {
    began: Moment,
    done: bool,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) session: Session,
    pub(crate) policy: Policy,
    pub(crate) now: Moment,
    pub(crate) cluster: Cluster,
    /// The token file.
    pub(crate) file: Option<Copy>,
    /// The content of the password source.
    pub(crate) source: Option<u64>,
    pub(crate) latency: Duration,
    pub(crate) saves: Saves,
    /// Whether reads of file and source are answered.
    pub(crate) reads_hang: bool,
    pub(crate) memory: Memory,
    pub(crate) log: Vec<(Moment, Action)>,
    pub(crate) answers: BTreeMap<WaiterId, (Moment, Answer)>,
    pub(crate) ticks: Vec<Moment>,
    /// Ticks upon which nothing happened at all.
    pub(crate) idle_ticks: usize,
    queue: BTreeMap<(Moment, u64), Coming>,
    order: u64,
    /// The alarm, until it rings.
    wake: Option<Moment>,
    /// What was last asked for.
    asked: Option<Moment>,
    pairs: BTreeMap<Generation, Copy>,
    last_generation: u64,
    pub(crate) published: Option<Generation>,
    /// The newest pair that the session may use, by the driver's own account.
    newest: Option<Generation>,
    saved: BTreeMap<Generation, Save>,
    in_flight: Option<ExchangeId>,
    /// The newest pair when that exchange began.
    begun_with: Option<Generation>,
    /// An exchange begun before the last logout or revocation brings nothing any more.
    obsolete: bool,
    by: Option<LoginBy>,
    waiting: BTreeMap<WaiterId, Pending>,
    last_waiter: u64,
    refused: Option<SourceId>,
    /// Whose exchange it is.
    account: AccountId,
    /// Which accounts are locked, and until when.
    locked: BTreeMap<AccountId, Moment>,
    /// More of them than are told apart: until then, nobody else need be let through.
    crowded_until: Moment,
    hold_until: Moment,
    benched: BTreeMap<usize, Moment>,
    /// The content of the source that was sent last without an answer, for how long it is not sent again, and
    /// until when.
    doubt: Option<(SourceId, Duration, Moment)>,
    /// A password of the source is on its way: until when none is sent if the daemon dies now.
    sending: Option<Moment>,
    /// It died then.
    unended: Option<Moment>,
    /// The state as it was after the last event.
    shown: Condition,
    /// When the machine last woke: nothing could be answered before.
    woke: Moment,
}

impl World {
    /// A world whose session has not started.
    pub(crate) fn new(life: Duration, endpoints: usize) -> Self {
        let policy = Policy {
            refresh_at: 0.8,
            endpoints,
            has_source: false,
            source_recheck: s(60),
            account: Some(OWN),
            seed: 7,
        };
        Self {
            session: Session::new(policy.clone()),
            policy,
            now: Moment::from_millis(1_000_000),
            cluster: Cluster::new(life, endpoints),
            file: None,
            source: None,
            latency: ms(100),
            saves: Saves::Work,
            reads_hang: false,
            memory: Memory::default(),
            log: Vec::new(),
            answers: BTreeMap::new(),
            ticks: Vec::new(),
            idle_ticks: 0,
            queue: BTreeMap::new(),
            order: 0,
            wake: None,
            asked: None,
            pairs: BTreeMap::new(),
            last_generation: 0,
            published: None,
            newest: None,
            saved: BTreeMap::new(),
            in_flight: None,
            begun_with: None,
            obsolete: false,
            by: None,
            waiting: BTreeMap::new(),
            last_waiter: 0,
            refused: None,
            account: OWN,
            locked: BTreeMap::new(),
            crowded_until: Moment::default(),
            hold_until: Moment::default(),
            benched: BTreeMap::new(),
            doubt: None,
            sending: None,
            unended: None,
            shown: Condition::Starting,
            woke: Moment::default(),
        }
    }

    /// A world with a password source of this content, which is right.
    pub(crate) fn with_source(life: Duration) -> Self {
        let mut world = Self::new(life, 1);
        world.policy.has_source = true;
        world.session = Session::new(world.policy.clone());
        world.source = Some(1);
        world
    }

    /// A world in which a person has just logged in, with these tokens' life.
    pub(crate) fn logged_in(life: Duration, endpoints: usize) -> Self {
        let mut world = Self::new(life, endpoints);
        world.start(None);
        let person = world.login(1, s(10));
        world.run_for(ms(150));
        assert!(matches!(world.answer(person), Answer::Pair(_)), "the login works");
        world
    }

    /// A new pair of the cluster's, as it would stand in a token file.
    pub(crate) fn copy(&mut self, age: Duration) -> Copy {
        let sent_at = Moment::from_millis(self.now.as_millis() - ms_of(age));
        let lease = Some(Lease { sent_at, life: self.cluster.life });
        Copy { refresh: self.cluster.grant(), lease, renewable: true }
    }

    pub(crate) fn start(&mut self, pair: Option<Copy>) {
        let pair = pair.map(|pair| self.adopt(pair));
        self.feed(Event::Started { pair, memory: Box::new(self.memory) });
    }

    /// The daemon ends and starts again with what outlived it.
    pub(crate) fn restart(&mut self) {
        let kept = self.newest.and_then(|generation| self.pairs.get(&generation)).copied();
        self.session = Session::new(self.policy.clone());
        self.queue.clear();
        self.wake = None;
        self.asked = None;
        self.published = None;
        self.in_flight = None;
        self.obsolete = false;
        self.by = None;
        self.waiting.clear();
        self.saved.clear();
        self.unended = self.sending.take().or(self.unended);
        // What 503 and 429 asked for does not outlive a restart; lockouts and doubts do.
        self.hold_until = Moment::default();
        self.benched.clear();
        self.start(kept.filter(|_| !self.memory.logged_out));
    }

    /// Feeds the session one event now, and carries out what it wants.
    pub(crate) fn feed(&mut self, event: Event) {
        match &event {
            Event::Logout | Event::Revoked => {
                let survives = event == Event::Revoked && matches!(self.by, Some(LoginBy::Person(_)));
                self.obsolete |= self.in_flight.is_some() && !survives;
                self.newest = None;
                self.saved.clear();
            }
            Event::FoundLocked { account, wait } => self.note_lockout(*account, *wait),
            Event::Sending { exchange } if self.in_flight == Some(*exchange) => {
                self.sending = Some(self.now + s(60));
            }
            Event::FileChanged { pair } => self.newest = Some(pair.generation),
            Event::FileRead { pair: Some(pair) } if !self.memory.logged_out => {
                self.newest = Some(pair.generation);
            }
            Event::Started { pair: Some(pair), .. } => self.newest = Some(pair.generation),
            Event::Saved { generation, .. } => {
                if let Some(save) = self.saved.get_mut(generation) {
                    save.done = true;
                }
            }
            Event::Ended { exchange, outcome } if self.in_flight == Some(*exchange) => {
                self.in_flight = None;
                self.sending = None;
                let obsolete = std::mem::take(&mut self.obsolete);
                self.note_outcome(*outcome, obsolete);
            }
            _ => {}
        }
        let is_tick = event == Event::Tick;
        let actions = self.session.on(event, self.now);
        if is_tick {
            let nothing = actions.iter().all(|action| matches!(action, Action::WakeAt(_)));
            self.ticks.push(self.now);
            self.idle_ticks += usize::from(nothing && self.shown == self.session.condition(self.now));
        }
        self.shown = self.session.condition(self.now);
        self.carry_out(actions);
        let published = self.session.published().map(|(generation, _)| generation);
        assert_eq!(published, self.published, "the session and the driver agree on what is published");
        for waiter in self.waiting.keys() {
            assert!(self.session.is_waiting(*waiter), "{waiter:?} has been forgotten");
        }
        self.no_login_is_held_back();
    }

    pub(crate) fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.perform(action);
        }
    }

    pub(crate) const fn in_flight(&self) -> Option<ExchangeId> {
        self.in_flight
    }

    fn perform(&mut self, action: Action) {
        self.log.push((self.now, action));
        match action {
            Action::Refresh { exchange, endpoint, generation } => {
                self.refresh(exchange, endpoint, generation)
            }
            Action::Generate { exchange, endpoint, generation, waiter } => {
                assert!(self.waiting.contains_key(&waiter), "a long-lived token is made only for who waits");
                self.make(exchange, endpoint, generation);
            }
            Action::Login { exchange, endpoint, by } => self.log_in(exchange, endpoint, by),
            Action::ReadFile => {
                if !self.reads_hang {
                    self.come(ms(5), Coming::FileRead);
                }
            }
            Action::ReadSource => {
                if !self.reads_hang {
                    self.later(ms(20), Event::SourceRead { content: self.source.map(SourceId) });
                }
            }
            Action::Save { generation } => {
                assert!(self.pairs.contains_key(&generation), "{generation:?} is there to be saved");
                self.saved.insert(generation, Save { began: self.now, done: false });
                match self.saves {
                    Saves::Work => self.later(ms(10), Event::Saved { generation, ok: true }),
                    Saves::Fail => self.later(ms(10), Event::Saved { generation, ok: false }),
                    Saves::Hang => {}
                }
            }
            Action::Publish { generation } => {
                let save = self.saved.get(&generation).expect("a pair is saved before it is published");
                assert!(
                    save.done || save.began + rules::SAVE_PATIENCE <= self.now,
                    "the store is heard before a pair is published"
                );
                self.published = Some(generation);
                self.pairs = self.pairs.split_off(&generation);
                if self.file.is_some() {
                    self.file = self.pairs.get(&generation).copied();
                }
            }
            Action::Withdraw => {
                self.published = None;
                self.pairs.clear();
            }
            Action::Answer { waiter, answer } => self.take_answer(waiter, answer),
            Action::Remember => self.memory = self.session.memory(),
            Action::WakeAt(at) => {
                assert!(at.is_none_or(|at| at > self.now), "a wake-up lies ahead");
                assert_ne!(at, self.asked, "a wake-up is asked for only when it changes");
                self.asked = at;
                self.wake = at;
            }
        }
    }

    fn refresh(&mut self, exchange: ExchangeId, endpoint: usize, generation: Generation) {
        self.begin(exchange, endpoint, self.policy.endpoints, None);
        self.leave_in_peace(endpoint);
        assert_eq!(Some(generation), self.newest, "the newest pair is the one that is renewed");
        let pair = self.pairs[&generation];
        if let Some(copy) = self.file.filter(|copy| !self.is_known(copy)) {
            self.come(ms(5), Coming::Superseded(exchange, copy));
            return;
        }
        let answer = self.cluster.refresh(endpoint, pair.refresh);
        self.end(exchange, answer);
    }

    fn make(&mut self, exchange: ExchangeId, endpoint: usize, generation: Generation) {
        self.begin(exchange, endpoint, self.policy.endpoints, None);
        self.leave_in_peace(endpoint);
        assert_eq!(Some(generation), self.newest, "the newest pair is the one that is used");
        let pair = self.pairs[&generation];
        if let Some(copy) = self.file.filter(|copy| !self.is_known(copy)) {
            self.come(ms(5), Coming::Superseded(exchange, copy));
            return;
        }
        let coming = match self.cluster.refresh(endpoint, pair.refresh) {
            Ok(refresh) => {
                self.cluster.long_lived += 1;
                let none = Lease { sent_at: self.now, life: Duration::ZERO };
                let lease = Some(pair.lease.unwrap_or(none));
                Coming::Granted(exchange, Copy { refresh, lease, renewable: true })
            }
            Err(failure) => Coming::Event(Event::Ended { exchange, outcome: Outcome::Failed(failure) }),
        };
        self.come(self.latency, coming);
    }

    fn log_in(&mut self, exchange: ExchangeId, endpoint: usize, by: LoginBy) {
        // What the cluster asked for binds whoever comes by himself; a person comes on purpose.
        let (password, count, account) = match by {
            LoginBy::Person(waiter) => {
                let pending = self.waiting.get(&waiter).expect("a login is sent only while somebody waits");
                (pending.password.expect("it is a login"), pending.endpoints, Some(pending.account))
            }
            LoginBy::Source(id) => {
                assert_ne!(Some(id), self.refused, "a refused password is never sent again");
                assert_ne!(Some(id), self.memory.refused, "nor after a restart");
                self.leave_in_peace(endpoint);
                self.leave_in_doubt(id);
                (id.0, self.policy.endpoints, None)
            }
        };
        self.begin(exchange, endpoint, count, account);
        self.by = Some(by);
        if matches!(by, LoginBy::Source(_)) {
            self.later(ms(5), Event::Sending { exchange });
        }
        let answer = self.cluster.login(endpoint, password);
        self.end(exchange, answer);
    }

    fn end(&mut self, exchange: ExchangeId, answer: Result<RefreshToken, Failure>) {
        let coming = match answer {
            Ok(refresh) => {
                let lease = Some(Lease { sent_at: self.now, life: self.cluster.life });
                Coming::Granted(exchange, Copy { refresh, lease, renewable: true })
            }
            Err(failure) => Coming::Event(Event::Ended { exchange, outcome: Outcome::Failed(failure) }),
        };
        self.come(self.latency, coming);
    }

    fn arrive(&mut self, coming: Coming) {
        let event = match coming {
            Coming::Event(event) => event,
            Coming::Granted(exchange, copy) => {
                let lease = copy.lease.expect("the cluster says so");
                let generation = self.add(copy);
                if matches!(self.by, Some(LoginBy::Person(_)))
                    && self.in_flight == Some(exchange)
                    && !self.obsolete
                {
                    // The login's settings become the profile's.
                    let account = Some(self.account);
                    if self.policy.account != account {
                        self.reconfigure(Policy { account, ..self.policy.clone() });
                    }
                }
                Event::Ended { exchange, outcome: Outcome::Granted { generation, lease } }
            }
            Coming::Superseded(exchange, copy) => {
                let outcome = Outcome::Superseded(self.adopt(copy));
                Event::Ended { exchange, outcome }
            }
            Coming::FileRead => {
                let pair = self.file.filter(|copy| !self.is_known(copy));
                Event::FileRead { pair: pair.map(|copy| self.adopt(copy)) }
            }
        };
        self.feed(event);
    }

    fn add(&mut self, copy: Copy) -> Generation {
        self.last_generation += 1;
        let generation = Generation(self.last_generation);
        self.pairs.insert(generation, copy);
        generation
    }

    pub(crate) fn adopt(&mut self, copy: Copy) -> Adopted {
        let generation = self.add(copy);
        Adopted { generation, lease: copy.lease, renewable: copy.renewable }
    }

    fn is_known(&self, copy: &Copy) -> bool {
        self.pairs.values().any(|pair| pair.refresh == copy.refresh)
    }

    /// An event that comes after a while.
    pub(crate) fn later(&mut self, after: Duration, event: Event) {
        self.come(after, Coming::Event(event));
    }

    fn come(&mut self, after: Duration, coming: Coming) {
        self.order += 1;
        self.queue.insert((self.now + after, self.order), coming);
    }

    /// Lets time pass, with every event in its place.
    pub(crate) fn run_until(&mut self, end: Moment) {
        loop {
            let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
            let next = [queued, self.wake].into_iter().flatten().min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            if queued == Some(next) {
                let (_, coming) = self.queue.pop_first().expect("it was there");
                self.arrive(coming);
            } else {
                self.wake = None;
                self.feed(Event::Tick);
            }
        }
        self.now = self.now.max(end);
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    /// The machine sleeps: time passes, and nothing else happens.
    pub(crate) fn sleep(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.woke = self.now;
    }

    /// Another writer puts this into the token file.
    pub(crate) fn write_file(&mut self, copy: Copy) {
        self.file = Some(copy);
        let pair = self.adopt(copy);
        self.feed(Event::FileChanged { pair });
    }

    pub(crate) fn reconfigure(&mut self, policy: Policy) {
        self.cluster.modes.resize(policy.endpoints, Mode::Up);
        if policy.account != self.policy.account {
            (self.doubt, self.unended) = (None, None);
        }
        self.policy = policy.clone();
        self.benched.clear();
        self.feed(Event::Reconfigured { policy });
    }
}

pub(crate) fn ms_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a short time")
}
