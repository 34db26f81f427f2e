//! Long-lived tokens: one more exchange, in its turn.

use crate::cluster::Mode;
use crate::world::World;
use crate::{ms, s};
use engine::{Action, Answer, Condition, Failure, Refused};

fn generations(world: &World) -> usize {
    world.count(|action| matches!(action, Action::Generate { .. }))
}

#[test]
fn a_long_lived_token_is_one_exchange_and_the_refresh_token_that_comes_with_it_is_used_from_then_on() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(20));
    let (due, published) = (world.session.next_refresh(), world.published);
    let person = world.generate(s(10));
    world.run_for(s(1));
    assert_eq!(world.answer(person), Answer::Generated);
    assert_eq!((generations(&world), world.cluster.long_lived), (1, 1));
    assert!(world.published > published, "the pair with the new refresh token is stored and published");
    assert_eq!(world.session.next_refresh(), due, "its access token is as old as before");
    assert_eq!(world.session.refreshes(), 0);
    // The model's refresh tokens are good for one use only.
    world.run_for(s(600));
    assert_eq!(world.condition(), Condition::Ready);
    assert_eq!(world.session.failures(), 0);
}

#[test]
fn it_is_never_in_flight_together_with_a_refresh() {
    let mut world = World::logged_in(s(300), 1);
    world.latency = s(2);
    world.run_for(s(6));
    let renewal = world.renew(s(20));
    let (first, second) = (world.generate(s(20)), world.generate(s(20)));
    let caller = world.get();
    world.run_for(s(7));
    // The world itself asserts that there is one exchange at a time.
    for waiter in [renewal, first, second, caller] {
        assert!(world.got(waiter));
    }
    assert_eq!((generations(&world), world.refreshes().len()), (2, 1));
}

#[test]
fn a_login_goes_first() {
    let mut world = World::logged_in(s(300), 1);
    world.latency = s(1);
    world.run_for(s(6));
    world.renew(s(20));
    let (long_lived, login) = (world.generate(s(20)), world.login(1, s(20)));
    world.run_for(s(5));
    assert!(world.answered_at(login) < world.answered_at(long_lived));
}

#[test]
fn what_the_cluster_refuses_is_told_and_changes_nothing() {
    let mut world = World::logged_in(s(300), 2);
    world.run_for(s(20));
    let before = (world.published, world.session.next_refresh());
    world.cluster.script.push_back(Mode::Fails(Failure::Rejected));
    let person = world.generate(s(10));
    world.run_for(s(1));
    assert_eq!(world.refusal(person), Refused::Rejected);
    assert_eq!((world.published, world.session.next_refresh()), before);
    assert_eq!((generations(&world), world.condition()), (1, Condition::Ready));
}

#[test]
fn it_goes_on_at_the_next_endpoint_only_if_nothing_was_sent() {
    for (failure, expected) in [
        (Failure::Unreachable { sent: false }, None),
        (Failure::Untrusted, None),
        (Failure::Unreachable { sent: true }, Some(Refused::Unreachable)),
        (Failure::Unavailable { retry_after: None }, Some(Refused::Unreachable)),
    ] {
        let mut world = World::logged_in(s(300), 2);
        world.run_for(s(20));
        world.cluster.script.push_back(Mode::Fails(failure));
        let person = world.generate(s(10));
        world.run_for(s(1));
        match expected {
            None => assert_eq!(world.answer(person), Answer::Generated, "{failure:?}"),
            Some(refused) => assert_eq!(world.refusal(person), refused, "{failure:?}"),
        }
        assert_eq!(generations(&world), if expected.is_none() { 2 } else { 1 }, "{failure:?}");
    }
}

#[test]
fn where_the_refresh_token_is_dead_the_source_brings_another_and_it_is_made_after_all() {
    let mut world = World::with_source(s(300));
    world.start(None);
    world.run_for(s(20));
    world.cluster.revoke();
    let person = world.generate(s(30));
    world.run_for(s(5));
    assert_eq!(world.answer(person), Answer::Generated);
    assert_eq!((world.cluster.logins, world.cluster.long_lived), (2, 1));
}

#[test]
fn without_a_refresh_token_a_login_is_needed_first() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    let person = world.generate(s(10));
    assert_eq!(world.refusal(person), Refused::LoginRequired);
    assert_eq!(generations(&world), 0);
}

#[test]
fn a_lockout_and_a_logout_are_told_at_once() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(20));
    world.cluster.script.push_back(Mode::Fails(Failure::Locked { wait: Some(s(60)) }));
    let person = world.generate(s(10));
    world.run_for(s(1));
    assert!(matches!(world.refusal(person), Refused::LockedOut { .. }));
    let another = world.generate(s(10));
    assert!(matches!(world.refusal(another), Refused::LockedOut { .. }));
    assert_eq!(generations(&world), 1);
    let mut world = World::logged_in(s(300), 1);
    world.feed(engine::Event::Logout);
    let person = world.generate(s(10));
    assert_eq!(world.refusal(person), Refused::LoggedOut);
}

#[test]
fn where_the_cluster_asked_for_peace_it_waits_its_turn() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(20));
    world.cluster.script.push_back(Mode::Fails(Failure::Throttled { retry_after: Some(s(5)) }));
    world.renew(s(1));
    world.run_for(ms(500));
    let (patient, hasty) = (world.generate(s(20)), world.generate(s(2)));
    world.run_for(s(8));
    assert_eq!(world.refusal(hasty), Refused::Unreachable);
    assert_eq!(world.answer(patient), Answer::Generated);
    assert_eq!(world.cluster.long_lived, 1);
}

#[test]
fn a_dead_access_token_is_renewed_right_after() {
    let mut world = World::logged_in(s(300), 1);
    world.sleep(s(400));
    let person = world.generate(s(10));
    world.run_for(s(2));
    assert_eq!(world.answer(person), Answer::Generated);
    assert!(world.left() > s(200));
}
