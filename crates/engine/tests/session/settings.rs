//! A changed configuration.

use crate::cluster::Mode;
use crate::world::World;
use crate::{ms, s};
use engine::{Condition, Failure};

#[test]
fn another_share_of_life_moves_the_next_renewal() {
    let mut world = World::logged_in(s(300), 1);
    let first = world.session.next_refresh().unwrap();
    world.run_until(first + s(10));
    let sent = world.refreshes()[0];
    let mut policy = world.policy.clone();
    policy.refresh_at = 0.5;
    world.reconfigure(policy.clone());
    let next = world.session.next_refresh().unwrap();
    assert!(next <= sent + s(150) && next >= sent + s(142), "{:?}", next.since(sent));
    policy.refresh_at = 0.9;
    world.reconfigure(policy.clone());
    let next = world.session.next_refresh().unwrap();
    assert!(next <= sent + s(270) && next >= sent + s(257), "{:?}", next.since(sent));
    world.run_until(sent + s(200));
    policy.refresh_at = 0.5;
    world.reconfigure(policy);
    assert_eq!(world.refreshes().len(), 2, "it is due already");
}

#[test]
fn a_phase_under_way_is_not_prolonged() {
    let mut world = World::logged_in(s(300), 1);
    let first = world.session.next_refresh().unwrap();
    let mut policy = world.policy.clone();
    policy.refresh_at = 0.95;
    world.reconfigure(policy);
    assert_eq!(world.session.next_refresh(), Some(first));
}

#[test]
fn fewer_endpoints_bring_the_one_in_use_back_into_the_list() {
    let mut world = World::logged_in(s(300), 3);
    world.cluster.modes = vec![
        Mode::Fails(Failure::Unreachable { sent: false }),
        Mode::Fails(Failure::Unreachable { sent: false }),
        Mode::Up,
    ];
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    assert_eq!(world.session.endpoint(), 2);
    let mut policy = world.policy.clone();
    policy.endpoints = 1;
    world.cluster.modes = vec![Mode::Up];
    world.reconfigure(policy);
    assert_eq!(world.session.endpoint(), 0);
    world.run_for(s(300));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_source_that_is_new_is_tried_where_a_person_was_needed() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    assert_eq!(world.condition(), Condition::LoginRequired);
    let mut policy = world.policy.clone();
    policy.has_source = true;
    world.source = Some(1);
    world.reconfigure(policy);
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_source_that_is_gone_leaves_a_person() {
    let mut world = World::with_source(s(300));
    world.cluster.all(Mode::Fails(Failure::Unreachable { sent: false }));
    world.start(None);
    world.run_for(s(1));
    let mut policy = world.policy.clone();
    policy.has_source = false;
    world.reconfigure(policy);
    assert_eq!(world.condition(), Condition::LoginRequired);
}

#[test]
fn new_settings_are_tried_at_once_and_the_tokens_stay() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.all(Mode::Fails(Failure::Misconfigured));
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    let published = world.published;
    world.cluster.all(Mode::Up);
    world.reconfigure(world.policy.clone());
    assert_eq!(world.published, published);
    world.run_for(ms(200));
    assert_eq!(world.condition(), Condition::Ready);
    assert_eq!(world.refreshes().len(), 2);
}

#[test]
fn new_settings_do_not_end_a_hold() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.script.push_back(Mode::Fails(Failure::Throttled { retry_after: Some(s(60)) }));
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    world.reconfigure(world.policy.clone());
    world.run_for(s(50));
    assert_eq!(world.refreshes().len(), 1);
}

#[test]
fn endpoints_that_may_be_other_hosts_now_owe_no_peace() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.script.push_back(Mode::Fails(Failure::Unavailable { retry_after: Some(s(300)) }));
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    assert_eq!(world.refreshes().len(), 1);
    world.reconfigure(world.policy.clone());
    assert_eq!(world.refreshes().len(), 2);
}
