//! Certificates.

use crate::cluster::Mode;
use crate::world::{Copy, World};
use crate::{ms, s};
use engine::{Action, Condition, Event, Failure, Refused};

const UNTRUSTED: Mode = Mode::Fails(Failure::Untrusted);

/// An adopted pair that has to be renewed, and a certificate nobody knows.
fn unknown() -> World {
    let mut world = World::new(s(300), 1);
    world.cluster.all(UNTRUSTED);
    let copy = Copy { lease: None, ..world.copy(s(0)) };
    world.start(Some(copy));
    world.run_for(s(1));
    world
}

#[test]
fn an_unknown_certificate_is_a_state_of_its_own() {
    let mut world = unknown();
    assert_eq!(world.condition(), Condition::Untrusted);
    world.run_for(s(5));
    let caller = world.get();
    world.run_for(s(1));
    assert_eq!(world.refusal(caller), Refused::Untrusted);
}

#[test]
fn a_caller_may_cause_one_attempt_at_the_limit_and_is_told_its_result() {
    let mut world = unknown();
    let before = world.refreshes().len();
    let early = world.get();
    assert_eq!(world.refusal(early), Refused::Untrusted, "the limit says no");
    world.run_for(s(5));
    let caller = world.get();
    assert!(!world.answers.contains_key(&caller));
    world.run_for(ms(100));
    assert_eq!(world.refusal(caller), Refused::Untrusted);
    assert_eq!(world.refreshes().len(), before + 1);
}

#[test]
fn a_certificate_set_right_at_the_other_end_is_noticed() {
    let mut world = unknown();
    world.run_for(s(10));
    world.cluster.all(Mode::Up);
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn without_callers_attempts_are_a_minute_apart_and_more() {
    let mut world = unknown();
    world.run_for(s(3600));
    let attempts = world.refreshes();
    assert!((5..=40).contains(&attempts.len()), "{}", attempts.len());
    for pair in attempts.windows(2) {
        assert!(pair[1].since(pair[0]) >= s(60));
    }
    world.cluster.all(Mode::Up);
    world.run_for(s(601));
    assert_eq!(world.condition(), Condition::Ready, "the token file's readers never call us");
}

#[test]
fn trust_means_an_attempt_now() {
    let mut world = unknown();
    world.cluster.all(Mode::Up);
    world.feed(Event::Trusted);
    world.run_for(ms(200));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn trust_without_need_sends_nothing() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(ms(10));
    world.feed(Event::FoundUntrusted);
    world.feed(Event::Trusted);
    assert_eq!(world.refreshes().len(), 0);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_certificate_found_wrong_at_start_is_shown_while_the_token_is_served() {
    let mut world = World::new(s(300), 1);
    world.cluster.all(UNTRUSTED);
    let copy = world.copy(s(0));
    world.start(Some(copy));
    world.feed(Event::FoundUntrusted);
    world.run_for(ms(20));
    assert_eq!(world.condition(), Condition::Untrusted);
    let caller = world.get();
    assert!(world.got(caller));
    world.cluster.all(Mode::Up);
    world.run_for(s(241));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn an_exchange_that_worked_knows_better_than_the_look_at_start() {
    let mut world = World::logged_in(s(300), 1);
    world.feed(Event::FoundUntrusted);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn where_a_person_has_to_log_in_anyway_that_comes_first() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    world.feed(Event::FoundUntrusted);
    assert_eq!(world.condition(), Condition::LoginRequired);
}

#[test]
fn a_live_token_is_served_whatever_the_certificate() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.all(UNTRUSTED);
    world.run_for(s(250));
    let caller = world.get();
    assert!(world.got(caller));
    let strict = world.get_with(Some(s(290)), s(10));
    world.run_for(s(1));
    assert_eq!(world.refusal(strict), Refused::Untrusted);
    assert!(world.count(|action| matches!(action, Action::Refresh { .. })) >= 1);
}

#[test]
fn a_caller_is_told_after_one_attempt_even_if_that_took_longer_than_the_limit() {
    let mut world = unknown();
    world.run_for(s(10));
    world.latency = s(6);
    let (came, caller) = (world.now, world.get_with(None, s(20)));
    world.run_for(s(20));
    assert_eq!(world.refusal(caller), Refused::Untrusted);
    assert_eq!(world.answered_at(caller).since(came), s(6));
}
