//! Ten thousand daemons, and ten on one file.

mod renewals;

use crate::world::World;
use crate::{ms, s};
use engine::{Adopted, Event, Generation, Lease, Moment, Session};
use renewals::{LIFE, START, peak_over_mean};

#[test]
fn ten_thousand_daemons_that_log_in_in_the_same_second_part() {
    let fleet: Vec<_> = (0..10_000).map(renewals::after_a_login).collect();
    let ratio = peak_over_mean(&fleet);
    assert!(ratio <= 1.5, "peak is {ratio:.2} times the mean");
    assert!(ratio > 1.0);
}

#[test]
fn ten_thousand_daemons_that_start_with_pairs_of_the_same_age_part() {
    for age in [s(1), s(100)] {
        let start = move |session: &mut Session| {
            let sent_at = Moment::from_millis(START.as_millis() - crate::world::ms_of(age));
            let lease = Some(Lease { sent_at, life: LIFE });
            let pair = Some(Adopted { generation: Generation(1), lease, renewable: true });
            session.on(Event::Started { pair, memory: Box::default() }, START)
        };
        let fleet: Vec<_> = (0..5_000).map(|seed| renewals::after(seed, start)).collect();
        // Sessions with less time to part need more than one cycle for it.
        let ratio = peak_over_mean(&fleet);
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
