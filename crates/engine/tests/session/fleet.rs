//! Ten thousand daemons, and ten on one file.

use crate::world::World;
use crate::{ms, s};
use engine::{Action, Adopted, Event, Generation, Lease, Memory, Moment, Outcome, Policy, Session, WaiterId};
use std::collections::BTreeMap;

const LIFE: std::time::Duration = s(300);
const START: Moment = Moment::from_millis(5_000_000);

/// When a session that logs in at [`START`] renews its tokens within the next hour.
fn renewals(seed: u64, begin: impl Fn(&mut Session) -> Vec<Action>) -> Vec<Moment> {
    let policy = Policy { refresh_at: 0.8, endpoints: 2, has_source: true, source_recheck: s(60), seed };
    let mut session = Session::new(policy);
    let (mut now, mut generation, mut renewals) = (START, 1, Vec::new());
    let mut actions = begin(&mut session);
    let end = START + s(3600);
    while now < end {
        let mut wake = None;
        let mut next = Vec::new();
        for action in actions {
            match action {
                Action::Refresh { exchange, .. } | Action::Login { exchange, .. } => {
                    renewals.push(now);
                    generation += 1;
                    let lease = Lease { sent_at: now, life: LIFE };
                    now = now + ms(20);
                    let outcome = Outcome::Granted { generation: Generation(generation), lease };
                    next.extend(session.on(Event::Ended { exchange, outcome }, now));
                }
                Action::Save { generation } => {
                    next.extend(session.on(Event::Saved { generation, ok: true }, now));
                }
                Action::WakeAt(at) => wake = at,
                _ => {}
            }
        }
        if next.is_empty() {
            let Some(wake) = wake else { break };
            now = wake;
            next = session.on(Event::Tick, now);
        }
        actions = next;
    }
    renewals
}

fn peak_over_mean(renewals: &[Vec<Moment>], from: Moment, until: Moment) -> f64 {
    let mut bins: BTreeMap<u64, u32> = BTreeMap::new();
    for at in renewals.iter().flatten().filter(|at| **at >= from && **at < until) {
        *bins.entry(at.as_millis() / 5_000).or_default() += 1;
    }
    let count = f64::from(u32::try_from(until.since(from).as_secs() / 5).expect("a few"));
    let peak = bins.values().copied().max().expect("some");
    f64::from(peak) / (f64::from(bins.values().sum::<u32>()) / count)
}

/// From the second cycle on.
fn assert_spread(fleet: &[Vec<Moment>]) {
    let ratio = peak_over_mean(fleet, START + s(240), START + s(3480));
    assert!(ratio <= 1.5, "peak is {ratio:.2} times the mean");
    assert!(ratio > 1.0);
}

#[test]
fn ten_thousand_daemons_that_log_in_in_the_same_second_part() {
    let start = |session: &mut Session| {
        let waiter = WaiterId(1);
        let memory = Memory::default();
        let mut actions = session.on(Event::Started { pair: None, memory }, START);
        actions.extend(session.on(Event::Login { waiter, endpoints: 2, deadline: START + s(10) }, START));
        actions
    };
    let fleet: Vec<_> = (0..10_000).map(|seed| renewals(seed, start)).collect();
    assert_spread(&fleet);
}

#[test]
fn ten_thousand_daemons_that_start_with_pairs_of_the_same_age_part() {
    for age in [s(1), s(100)] {
        let start = move |session: &mut Session| {
            let sent_at = Moment::from_millis(START.as_millis() - crate::world::ms_of(age));
            let lease = Some(Lease { sent_at, life: LIFE });
            let pair = Some(Adopted { generation: Generation(1), lease, renewable: true });
            session.on(Event::Started { pair, memory: Memory::default() }, START)
        };
        let fleet: Vec<_> = (0..5_000).map(|seed| renewals(seed, start)).collect();
        // Sessions with less time to part need more than one cycle for it.
        let ratio = peak_over_mean(&fleet, START + s(240), START + s(3480));
        let most = if age == s(1) { 1.5 } else { 2.5 };
        assert!(ratio <= most, "age {age:?}: peak is {ratio:.2} times the mean");
    }
}

/// Ten hosts with one token file: whoever wakes first renews, the others see it when their own time comes.
#[test]
fn ten_daemons_on_one_file_make_one_refresh_a_cycle() {
    let mut file = World::new(s(300), 1).copy(s(0));
    let mut hosts: Vec<World> = (0..10)
        .map(|seed| {
            let mut world = World::new(s(300), 1);
            world.policy.seed = seed;
            world.session = Session::new(world.policy.clone());
            world.cluster.grant();
            world.file = Some(file);
            world.start(Some(file));
            world
        })
        .collect();
    let mut sent = 0;
    let (mut now, end) = (hosts[0].now, hosts[0].now + s(24_000));
    let mut living = file.refresh;
    while now < end {
        now = now + ms(250);
        for host in &mut hosts {
            host.file = Some(file);
            // The clusters of all hosts are one: the same refresh token lives in each.
            while host.cluster.grant() <= living {}
            let before = host.cluster.refreshes;
            host.run_until(now);
            sent += host.cluster.refreshes - before;
            if let Some(copy) =
                host.file.filter(|copy| copy.lease.unwrap().sent_at > file.lease.unwrap().sent_at)
            {
                file = copy;
                living = living.max(copy.refresh);
            }
        }
    }
    // 24,000 s are some 102 periods of about 236 s.
    assert!((98..=112).contains(&sent), "{sent} refreshes by ten hosts in about 102 cycles");
    for host in &mut hosts {
        let caller = host.get();
        assert!(host.got(caller));
    }
}
