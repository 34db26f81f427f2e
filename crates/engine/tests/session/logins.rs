//! A person logs in.

use crate::cluster::Mode;
use crate::world::World;
use crate::{ms, s};
use engine::{Action, Answer, Condition, Failure, Refused};

#[test]
fn a_login_brings_a_pair_that_is_saved_before_the_person_is_told() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    assert_eq!(world.condition(), Condition::LoginRequired);
    let person = world.login(1, s(10));
    world.run_for(ms(109));
    assert!(!world.answers.contains_key(&person));
    world.run_for(ms(1));
    assert_eq!(world.answer(person), Answer::Pair(world.published.unwrap()));
    assert_eq!(world.condition(), Condition::Ready);
    assert_eq!(world.session.refreshes(), 0, "a login is no refresh");
}

#[test]
fn a_wrong_password_is_told_and_changes_nothing_else() {
    let mut world = World::logged_in(s(300), 1);
    let before = (world.published, world.session.next_refresh(), world.memory);
    let person = world.login(2, s(10));
    world.run_for(s(1));
    assert_eq!(world.refusal(person), Refused::WrongPassword);
    assert_eq!(before, (world.published, world.session.next_refresh(), world.memory));
    assert_eq!(world.condition(), Condition::Ready);
    let caller = world.get();
    assert!(world.got(caller));
    assert_eq!(world.cluster.logins, 2);
}

#[test]
fn a_refusal_of_another_kind_is_told_as_such() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    world.cluster.script.push_back(Mode::Fails(Failure::Rejected));
    let person = world.login(1, s(10));
    world.run_for(s(1));
    assert_eq!(world.refusal(person), Refused::Rejected);
    assert_eq!(world.condition(), Condition::LoginRequired);
}

#[test]
fn callers_wait_for_a_login_under_way() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    world.latency = s(2);
    world.login(1, s(10));
    let caller = world.get();
    world.run_for(s(3));
    assert!(world.got(caller));
}

#[test]
fn callers_are_told_to_log_in_when_that_login_fails() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    world.login(9, s(10));
    let caller = world.get();
    world.run_for(ms(100));
    assert_eq!(world.refusal(caller), Refused::LoginRequired);
}

#[test]
fn logins_take_turns_with_refreshes_and_each_other() {
    let mut world = World::logged_in(s(300), 1);
    world.latency = s(1);
    world.run_for(s(6));
    let renewal = world.renew(s(20));
    let (first, second) = (world.login(1, s(20)), world.login(1, s(20)));
    world.run_for(s(5));
    // A login that is granted answers whoever wanted a renewal before it began.
    for waiter in [renewal, first, second] {
        assert!(world.got(waiter));
    }
    assert!(world.answered_at(renewal) < world.answered_at(first));
    assert!(world.answered_at(first) < world.answered_at(second));
    let kinds: Vec<bool> = world
        .log
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Refresh { .. } => Some(false),
            Action::Login { .. } => Some(true),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [true, false, true, true]);
}

#[test]
fn a_login_that_is_slower_than_its_deadline_is_adopted_all_the_same() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    world.latency = s(5);
    let (person, before) = (world.login(1, s(2)), world.now);
    world.run_for(s(6));
    assert_eq!(world.refusal(person), Refused::Unreachable);
    assert_eq!(world.answered_at(person).since(before), s(2));
    assert_eq!(world.condition(), Condition::Ready);
    assert!(world.published.is_some());
}

#[test]
fn a_person_who_left_before_the_turn_came_is_not_logged_in() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(6));
    world.latency = s(2);
    world.renew(s(10));
    let person = world.login(1, s(10));
    world.leave(person);
    world.run_for(s(10));
    assert_eq!(world.cluster.logins, 1);
}

#[test]
fn a_person_who_left_while_it_was_sent_has_logged_in() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    let person = world.login(1, s(10));
    world.run_for(ms(50));
    world.leave(person);
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_login_replaces_a_live_pair() {
    let mut world = World::logged_in(s(300), 1);
    let old = world.published;
    world.login(1, s(10));
    world.run_for(s(1));
    assert!(world.published > old);
    assert_eq!(world.session.held(), world.published);
}

/// A world whose renewal was told to wait that long, a second ago.
fn told_to_wait(told: Failure) -> World {
    let mut world = World::logged_in(s(300), 1);
    let next = world.session.next_refresh().expect("a renewal");
    world.cluster.script.push_back(Mode::Fails(told));
    world.run_until(next + s(1));
    world
}

#[test]
fn a_login_during_a_hold_is_sent_at_once_and_nothing_else_is() {
    let retry_after = Some(s(30));
    for told in [Failure::Throttled { retry_after }, Failure::Unavailable { retry_after }] {
        let mut world = told_to_wait(told);
        let renewal = world.renew(s(20));
        let came = world.now;
        let mistaken = world.login(2, s(10));
        assert_eq!(world.exchanges().last(), Some(&came), "{told:?}");
        world.run_for(s(1));
        assert_eq!(world.refusal(mistaken), Refused::WrongPassword);
        world.run_for(s(20));
        assert_eq!(world.refusal(renewal), Refused::Unreachable);
        assert_eq!(world.refreshes().len(), 1, "{told:?}");
        let person = world.login(1, s(10));
        assert_eq!(world.exchanges().last(), Some(&world.now), "{told:?}");
        world.run_for(s(1));
        assert!(world.got(person), "{told:?}");
        assert_eq!(world.cluster.logins, 3, "one attempt a person");
    }
}

#[test]
fn a_login_that_is_told_to_wait_itself_is_one_attempt() {
    let retry_after = Some(s(30));
    for told in [Failure::Throttled { retry_after }, Failure::Unavailable { retry_after }] {
        let mut world = told_to_wait(told);
        world.cluster.all(Mode::Fails(told));
        let person = world.login(1, s(60));
        world.run_for(s(60));
        assert_eq!(world.refusal(person), Refused::Unreachable);
        assert_eq!(world.cluster.logins, 2);
    }
}

#[test]
fn a_login_goes_to_an_endpoint_that_asked_for_peace_only_after_the_others() {
    let benches = Mode::Fails(Failure::Unavailable { retry_after: Some(s(200)) });
    let refused = Mode::Fails(Failure::Unreachable { sent: false });
    let mut world = World::logged_in(s(300), 3);
    let next = world.session.next_refresh().unwrap();
    world.cluster.modes = vec![benches, benches, refused];
    world.run_until(next + s(1));
    world.cluster.modes = vec![Mode::Up, Mode::Up, refused];
    world.log.clear();
    let person = world.login(1, s(10));
    world.run_for(s(1));
    assert!(world.got(person));
    let tried: Vec<usize> = world
        .log
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Login { endpoint, .. } => Some(*endpoint),
            _ => None,
        })
        .collect();
    assert_eq!(tried, [2, 0]);
}

#[test]
fn a_login_whose_time_is_over_is_not_sent() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    let person = world.login(1, ms(0));
    assert_eq!(world.refusal(person), Refused::Unreachable);
    assert_eq!(world.cluster.logins, 0);
}

#[test]
fn callers_wait_for_a_login_whose_turn_has_not_come() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    world.latency = s(2);
    let mistaken = world.login(9, s(10));
    let person = world.login(1, s(10));
    let caller = world.get();
    world.run_for(s(3));
    assert_eq!(world.refusal(mistaken), Refused::WrongPassword);
    assert!(!world.answers.contains_key(&caller), "the one after it may work");
    world.run_for(s(2));
    assert!(world.got(person) && world.got(caller));
}

#[test]
fn a_lockout_too_short_to_be_meant_sends_no_password_again() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    let wait = Some(std::time::Duration::from_nanos(1));
    world.cluster.all(Mode::Fails(Failure::Locked { wait }));
    let person = world.login(1, s(10));
    world.run_for(s(5));
    assert!(matches!(world.refusal(person), Refused::LockedOut { .. }));
    assert_eq!(world.cluster.logins, 1);
}
