//! Random histories: whatever happens, in whatever order, with a driver that is late or loses answers, what the
//! [`World`] asserts at each step holds, and in the end everybody has been answered and the session recovers.

use crate::cluster::Mode;
use crate::world::{Copy, Saves, World};
use crate::{Duration, ms, s};
use engine::{
    AccountId, Action, Adopted, Condition, Event, ExchangeId, Failure, Generation, Lease, Outcome, Session,
    SourceId,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Pass(u32),
    /// The machine sleeps, and nothing is delivered meanwhile.
    Sleep(u32),
    Get {
        min_ttl_s: Option<u16>,
        timeout_ms: u16,
    },
    Renew {
        timeout_ms: u16,
    },
    Login {
        account: u64,
        password: u64,
        timeout_ms: u16,
    },
    Generate {
        timeout_ms: u16,
    },
    /// One of those who wait leaves.
    Leave(usize),
    Endpoint(usize, Mode),
    AllUp,
    Life(u16),
    SingleUse(bool),
    /// The user's password at the cluster.
    Password(u64),
    /// All tokens die at the cluster, and nobody here is told.
    ClusterRevokes,
    Source(Option<u64>),
    Latency(u16),
    Saves(Saves),
    ReadsHang(bool),
    /// A pair in the file, with or without this host being told.
    File {
        age_s: Option<u16>,
        renewable: bool,
        told: bool,
    },
    NoFile,
    Trusted,
    FoundUntrusted,
    FoundLocked(u64, Option<Duration>),
    Logout,
    Revoked,
    Reconfigure {
        refresh_at: f64,
        endpoints: usize,
        has_source: bool,
        account: Option<u64>,
    },
    Restart,
    /// What no driver should say.
    Stray(Stray),
}

#[derive(Debug, Clone, Copy)]
enum Stray {
    Tick,
    Ended(u64),
    Failed(u64),
    Saved { generation: u64, ok: bool },
    NoFileRead,
    SourceRead(Option<u64>),
    Started,
}

fn wait() -> impl Strategy<Value = Option<Duration>> {
    option::of((0..400_u64).prop_map(s))
}

/// Mostly one of a few; sometimes more than are told apart.
fn account() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 1..4_u64, 1 => 1..16_u64]
}

fn mode() -> impl Strategy<Value = Mode> {
    let failure = prop_oneof![
        Just(Failure::Unauthorized),
        Just(Failure::Rejected),
        wait().prop_map(|wait| Failure::Locked { wait }),
        wait().prop_map(|retry_after| Failure::Throttled { retry_after }),
        wait().prop_map(|retry_after| Failure::Unavailable { retry_after }),
        any::<bool>().prop_map(|sent| Failure::Unreachable { sent }),
        Just(Failure::Untrusted),
        Just(Failure::Misconfigured),
    ];
    prop_oneof![2 => Just(Mode::Up), 1 => Just(Mode::AnswerLost), 5 => failure.prop_map(Mode::Fails)]
}

fn stray() -> impl Strategy<Value = Stray> {
    prop_oneof![
        Just(Stray::Tick),
        (0..60_u64).prop_map(Stray::Ended),
        (0..60_u64).prop_map(Stray::Failed),
        (0..60_u64, any::<bool>()).prop_map(|(generation, ok)| Stray::Saved { generation, ok }),
        Just(Stray::NoFileRead),
        option::of(1..4_u64).prop_map(Stray::SourceRead),
        Just(Stray::Started),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let timeout = 0..20_000_u16;
    prop_oneof![
        8 => (0..5_000_u32).prop_map(Step::Pass),
        8 => (0..400_000_u32).prop_map(Step::Pass),
        2 => (0..900_000_u32).prop_map(Step::Sleep),
        8 => (option::of(0..400_u16), timeout.clone())
            .prop_map(|(min_ttl_s, timeout_ms)| Step::Get { min_ttl_s, timeout_ms }),
        3 => timeout.clone().prop_map(|timeout_ms| Step::Renew { timeout_ms }),
        2 => timeout.clone().prop_map(|timeout_ms| Step::Generate { timeout_ms }),
        4 => (account(), 1..4_u64, timeout)
            .prop_map(|(account, password, timeout_ms)| Step::Login { account, password, timeout_ms }),
        1 => any::<usize>().prop_map(Step::Leave),
        8 => (0..3_usize, mode()).prop_map(|(endpoint, mode)| Step::Endpoint(endpoint, mode)),
        4 => Just(Step::AllUp),
        1 => prop_oneof![Just(0), Just(1), Just(5), Just(60), Just(300), Just(3600)].prop_map(Step::Life),
        1 => any::<bool>().prop_map(Step::SingleUse),
        2 => (1..4_u64).prop_map(Step::Password),
        1 => Just(Step::ClusterRevokes),
        2 => option::of(1..4_u64).prop_map(Step::Source),
        2 => (0..9_000_u16).prop_map(Step::Latency),
        2 => prop_oneof![Just(Saves::Work), Just(Saves::Fail), Just(Saves::Hang)].prop_map(Step::Saves),
        1 => any::<bool>().prop_map(Step::ReadsHang),
        3 => (option::of(0..400_u16), any::<bool>(), any::<bool>())
            .prop_map(|(age_s, renewable, told)| Step::File { age_s, renewable, told }),
        1 => Just(Step::NoFile),
        1 => Just(Step::Trusted),
        1 => Just(Step::FoundUntrusted),
        1 => (account(), wait()).prop_map(|(account, wait)| Step::FoundLocked(account, wait)),
        1 => Just(Step::Logout),
        1 => Just(Step::Revoked),
        1 => (0.5..0.95_f64, 1..4_usize, any::<bool>(), option::of(account()))
            .prop_map(|(refresh_at, endpoints, has_source, account)| {
                Step::Reconfigure { refresh_at, endpoints, has_source, account }
            }),
        2 => Just(Step::Restart),
        2 => stray().prop_map(Step::Stray),
    ]
}

fn take(world: &mut World, step: &Step) {
    match *step {
        Step::Pass(millis) => world.run_for(ms(millis.into())),
        Step::Sleep(millis) => {
            world.sleep(ms(millis.into()));
            world.run_for(ms(0));
        }
        Step::Get { min_ttl_s, timeout_ms } => {
            world.get_with(min_ttl_s.map(|seconds| s(seconds.into())), ms(timeout_ms.into()));
        }
        Step::Renew { timeout_ms } => {
            world.renew(ms(timeout_ms.into()));
        }
        Step::Login { account, password, timeout_ms } => {
            world.login_as(AccountId(account), password, ms(timeout_ms.into()));
        }
        Step::Generate { timeout_ms } => {
            world.generate(ms(timeout_ms.into()));
        }
        Step::Leave(which) => {
            let waiting: Vec<_> = world.waiting().collect();
            if let Some(waiter) = waiting.get(which % waiting.len().max(1)) {
                world.leave(*waiter);
            }
        }
        Step::Endpoint(endpoint, mode) => {
            if let Some(current) = world.cluster.modes.get_mut(endpoint) {
                *current = mode;
            }
        }
        Step::AllUp => world.cluster.all(Mode::Up),
        Step::Life(seconds) => world.cluster.life = s(seconds.into()),
        Step::SingleUse(single_use) => world.cluster.single_use = single_use,
        Step::Password(password) => world.cluster.password = password,
        Step::ClusterRevokes => world.cluster.revoke(),
        Step::Source(content) => world.source = content,
        Step::Latency(millis) => world.latency = ms(millis.into()),
        Step::Saves(saves) => world.saves = saves,
        Step::ReadsHang(hang) => world.reads_hang = hang,
        Step::File { age_s, renewable, told } => {
            let copy = world.copy(s(age_s.unwrap_or(0).into()));
            let copy = Copy { lease: copy.lease.filter(|_| age_s.is_some()), renewable, ..copy };
            if told {
                world.write_file(copy);
            } else {
                world.file = Some(copy);
            }
        }
        Step::NoFile => world.file = None,
        Step::Trusted => world.feed(Event::Trusted),
        Step::FoundUntrusted => world.feed(Event::FoundUntrusted),
        Step::FoundLocked(account, wait) => {
            world.feed(Event::FoundLocked { account: AccountId(account), wait });
        }
        Step::Logout => world.feed(Event::Logout),
        Step::Revoked => world.feed(Event::Revoked),
        Step::Reconfigure { refresh_at, endpoints, has_source, account } => {
            let account = account.map(AccountId);
            let policy =
                engine::Policy { refresh_at, endpoints, has_source, account, ..world.policy.clone() };
            world.reconfigure(policy);
        }
        Step::Restart => world.restart(),
        Step::Stray(stray) => say(world, stray),
    }
}

fn say(world: &mut World, stray: Stray) {
    let lease = Lease { sent_at: world.now, life: s(300) };
    // Names that the session has not given out, or that are used up.
    let unknown = |exchange: u64, world: &World| {
        let exchange = ExchangeId(exchange);
        if world.in_flight() == Some(exchange) { ExchangeId(1_000_000) } else { exchange }
    };
    match stray {
        Stray::Tick => world.feed(Event::Tick),
        Stray::Ended(exchange) => {
            let exchange = unknown(exchange, world);
            let outcome = Outcome::Granted { generation: Generation(exchange.0 + 500_000), lease };
            world.feed(Event::Ended { exchange, outcome });
        }
        Stray::Failed(exchange) => {
            let exchange = unknown(exchange, world);
            world.feed(Event::Ended { exchange, outcome: Outcome::Failed(Failure::Unauthorized) });
        }
        Stray::Saved { generation, ok } => {
            world.feed(Event::Saved { generation: Generation(generation), ok });
        }
        Stray::NoFileRead => world.feed(Event::FileRead { pair: None }),
        Stray::SourceRead(content) => world.feed(Event::SourceRead { content: content.map(SourceId) }),
        Stray::Started => {
            let pair = Some(Adopted { generation: Generation(600_000), lease: Some(lease), renewable: true });
            let memory = Box::new(world.memory);
            // Only the first counts; and it has been.
            let actions = world.session.on(Event::Started { pair, memory }, world.now);
            assert!(actions.iter().all(|action| !matches!(action, Action::Save { .. })), "{actions:?}");
            world.carry_out(actions);
        }
    }
}

/// The most exchanges of the session's own that a minute may see, from what may cause them: callers at the limit
/// of the shortest life used here (one in 100 ms at one second), or short-lived tokens renewed in time.
fn most_exchanges(life: u64, steps: &[Step]) -> usize {
    let short = life < 60 || steps.iter().any(|step| matches!(step, Step::Life(life) if *life < 60));
    let events = steps.iter().filter(|step| !matches!(step, Step::Pass(_) | Step::Sleep(_))).count();
    let rounds = if short { 600 } else { 60 / 5 + 12 };
    3 * (rounds + events)
}

fn most_within_a_minute(moments: &[engine::Moment]) -> usize {
    let mut most = 0;
    let mut first = 0;
    for (index, at) in moments.iter().enumerate() {
        while at.since(moments[first]) > s(60) {
            first += 1;
        }
        most = most.max(index - first + 1);
    }
    most
}

fn run(life: u64, endpoints: usize, has_source: bool, seed: u64, begin: bool, steps: &[Step]) {
    let mut world = World::new(s(life), endpoints);
    world.policy.has_source = has_source;
    world.policy.seed = seed;
    world.source = has_source.then_some(1);
    world.session = Session::new(world.policy.clone());
    let copy = begin.then(|| world.copy(s(1)));
    world.start(copy);
    for step in steps {
        take(&mut world, step);
    }
    // Nobody waits longer than twenty seconds.
    world.run_for(s(25));
    assert_eq!(world.waiting().count(), 0, "everybody is answered");
    let most = most_within_a_minute(&world.exchanges());
    assert!(most <= most_exchanges(life, steps), "{most} exchanges in a minute");
    // A tick upon which nothing happens is one that was not needed. But whoever slept is given a moment more, and
    // what hangs may be given up quietly.
    let harmless = |step: &&Step| matches!(step, Step::Stray(Stray::Tick) | Step::Sleep(_));
    let harmless = steps.iter().filter(harmless).count();
    let saves = world.count(|action| matches!(action, Action::Save { .. }));
    let published = world.count(|action| matches!(action, Action::Publish { .. }));
    let reads = world.count(|action| matches!(action, Action::ReadFile | Action::ReadSource));
    let reads = if steps.iter().any(|step| matches!(step, Step::ReadsHang(true))) { reads } else { 0 };
    let most = harmless + saves - published + reads;
    assert!(world.idle_ticks <= most, "{} idle ticks, at most {most}", world.idle_ticks);

    recovers(&mut world);
}

/// With everything in order again, a person's login brings a live token, and from then on it stays.
fn recovers(world: &mut World) {
    world.cluster.all(Mode::Up);
    world.cluster.life = s(300);
    world.latency = ms(100);
    world.saves = Saves::Work;
    world.reads_hang = false;
    world.file = None;
    // Longer than any lockout and hold that was told here, and than any exchange or read still under way.
    world.run_for(s(700));
    let person = world.login(world.cluster.password, s(10));
    world.run_for(s(10));
    assert!(world.got(person), "{:?}", world.answer(person));
    world.run_for(s(600));
    assert_eq!(world.condition(), Condition::Ready);
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
    let ticks = world.ticks.len();
    world.run_for(s(2400));
    assert!(world.ticks.len() - ticks <= 20, "{} wake-ups in at most 18 cycles", world.ticks.len() - ticks);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_must_hold_holds_in_every_history(
        life in prop_oneof![1 => Just(0_u64), 1 => Just(1), 1 => Just(5), 1 => Just(60), 4 => Just(300)],
        endpoints in 1..4_usize,
        has_source: bool,
        seed: u64,
        begin: bool,
        steps in vec(step(), 1..60),
    ) {
        run(life, endpoints, has_source, seed, begin, &steps);
    }

    #[test]
    fn with_a_source_and_a_cluster_that_works_a_get_is_answered_with_a_token(
        seed: u64,
        single_use: bool,
        waits in vec((0..2_000_000_u32, any::<bool>()), 1..30),
    ) {
        let mut world = World::with_source(s(300));
        world.policy.seed = seed;
        world.session = Session::new(world.policy.clone());
        world.cluster.single_use = single_use;
        world.start(None);
        world.run_for(s(1));
        for (millis, asleep) in waits {
            if asleep {
                world.sleep(ms(millis.into()));
            } else {
                world.run_for(ms(millis.into()));
            }
            let caller = world.get();
            world.run_for(s(1));
            prop_assert!(world.got(caller));
        }
        prop_assert_eq!(world.cluster.logins, 1);
        prop_assert_eq!(world.session.failures(), 0);
    }
}
