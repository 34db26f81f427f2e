//! 403: the account is locked out, and each attempt keeps it so.

use crate::cluster::Mode;
use crate::world::{OWN, World};
use crate::{ms, s};
use engine::{AccountId, Action, Condition, Failure, Lockouts, Moment, Refused};
use std::time::Duration;

fn locked(wait: Option<Duration>) -> Mode {
    Mode::Fails(Failure::Locked { wait })
}

/// A lockout met by the first renewal, as long as this.
fn met(wait: Option<Duration>) -> World {
    let mut world = World::logged_in(s(300), 2);
    let next = world.session.next_refresh().expect("a renewal");
    world.cluster.script.push_back(locked(wait));
    world.run_until(next + ms(100));
    world
}

#[test]
fn nothing_is_sent_until_it_is_over_and_then_it_goes_on_by_itself() {
    for (wait, expected) in [(Some(s(115)), s(115)), (None, s(125)), (Some(s(0)), s(125))] {
        let mut world = met(wait);
        assert_eq!(world.condition(), Condition::LockedOut);
        assert_eq!(world.session.locked_until(world.now).unwrap().since(world.now), expected);
        let begun = world.now;
        for _ in 0..110 {
            world.get_with(Some(s(299)), s(5));
            world.run_for(s(1));
        }
        assert_eq!(world.refreshes().len(), 1);
        world.run_for(expected - s(110) + s(3));
        let again = world.refreshes()[1].since(begun);
        assert!(again >= expected && again <= expected + s(3), "{again:?}");
        assert_eq!(world.condition(), Condition::Ready);
        assert_eq!(world.memory.lockouts, Lockouts::default());
    }
}

#[test]
fn an_hour_is_the_longest_that_is_believed() {
    let mut world = met(Some(s(86_400)));
    world.run_for(s(3600));
    assert_eq!(world.refreshes().len(), 1);
    world.run_for(s(3));
    assert_eq!(world.refreshes().len(), 2);
}

#[test]
fn callers_are_told_until_when_and_live_tokens_are_served() {
    let mut world = met(Some(s(400)));
    let until = world.session.locked_until(world.now).unwrap();
    let caller = world.get();
    assert!(world.got(caller));
    let strict = world.get_with(Some(s(299)), s(10));
    let person = world.renew(s(10));
    let login = world.login(1, s(10));
    for refused in [strict, person, login] {
        assert_eq!(world.refusal(refused), Refused::LockedOut { until });
    }
    world.run_for(s(301));
    let late = world.get();
    assert_eq!(world.refusal(late), Refused::LockedOut { until });
    assert_eq!(world.cluster.logins, 1, "not even a person's password is sent");
}

#[test]
fn the_end_of_a_lockout_is_noticed_with_nobody_asking() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    world.cluster.script.push_back(locked(Some(s(60))));
    let person = world.login(1, s(10));
    world.run_for(ms(100));
    let until = world.now + s(60);
    assert_eq!(world.refusal(person), Refused::LockedOut { until });
    assert_eq!(world.condition(), Condition::LockedOut);
    assert_eq!(world.wake(), Some(until));
    world.run_for(s(60));
    assert_eq!(world.condition(), Condition::LoginRequired);
    assert_eq!(world.wake(), None);
    let again = world.login(1, s(10));
    world.run_for(s(1));
    assert!(world.got(again));
}

#[test]
fn a_lockout_outlives_a_restart() {
    let mut world = met(Some(s(100)));
    let until = world.session.locked_until(world.now).unwrap();
    assert_eq!(world.memory.lockouts.of(OWN, world.now), Some(until));
    world.restart();
    assert_eq!(world.condition(), Condition::LockedOut);
    world.run_for(s(99));
    assert_eq!(world.refreshes().len(), 1);
    // The pair that was saved may not be due when the lockout ends.
    world.run_for(s(240));
    assert!(world.refreshes().len() > 1);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_remembered_lockout_beyond_an_hour_is_not_believed() {
    let mut world = World::new(s(300), 1);
    world.memory.lockouts = Lockouts::default().with(OWN, Moment::from_millis(u64::MAX), None);
    world.start(None);
    assert_eq!(world.session.locked_until(world.now), Some(world.now + s(3600)));
}

#[test]
fn a_source_waits_for_the_end_of_a_lockout_and_then_goes_on() {
    let mut world = World::with_source(s(300));
    world.cluster.script.push_back(locked(Some(s(115))));
    world.start(None);
    world.run_for(s(115));
    assert_eq!(world.cluster.logins, 1);
    world.run_for(s(4));
    assert_eq!(world.cluster.logins, 2);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_new_token_file_does_not_end_a_lockout_but_is_served() {
    let mut world = met(Some(s(115)));
    let copy = world.copy(s(1));
    world.write_file(copy);
    world.run_for(ms(20));
    let caller = world.get();
    assert!(world.got(caller));
    assert_eq!(world.condition(), Condition::LockedOut);
    assert_eq!(world.count(|action| matches!(action, Action::Refresh { .. })), 1);
}

#[test]
fn a_lockout_that_another_request_met_is_heeded() {
    let mut world = World::logged_in(s(300), 1);
    world.feed(engine::Event::FoundLocked { account: OWN, wait: Some(s(60)) });
    let person = world.login(1, s(10));
    assert!(matches!(world.refusal(person), Refused::LockedOut { .. }));
    let caller = world.get();
    assert!(world.got(caller), "the token at hand is good all the same");
    assert_eq!(world.cluster.logins, 1, "nothing was sent");
    world.run_for(s(61));
    let person = world.login(1, s(10));
    world.run_for(s(1));
    assert!(world.got(person));
}

const OTHER: AccountId = AccountId(2);

#[test]
fn another_account_was_held_back_by_the_lockout_of_one() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    world.cluster.script.push_back(locked(Some(s(115))));
    world.login(1, s(10));
    world.run_for(ms(200));
    assert_eq!(world.condition(), Condition::LockedOut);
    let other = world.login_as(OTHER, 1, s(10));
    world.run_for(ms(200));
    assert!(world.got(other));
    assert_eq!(world.condition(), Condition::Ready, "the profile is the other account's now");
    assert_eq!(world.cluster.logins, 2);
    world.run_for(s(600));
    assert_eq!(world.condition(), Condition::Ready, "and its tokens are renewed");
}

#[test]
fn the_lockout_of_one_account_is_not_forgotten_over_another() {
    let mut world = met(Some(s(1000)));
    let wrong = world.login_as(OTHER, 9, s(10));
    world.run_for(ms(200));
    assert_eq!(world.refusal(wrong), Refused::WrongPassword);
    assert_eq!(world.condition(), Condition::LockedOut);
    let right = world.login_as(OTHER, 1, s(10));
    world.run_for(ms(200));
    assert!(world.got(right));
    for _ in 0..2 {
        let sent = world.cluster.logins;
        let person = world.login_as(OWN, 1, s(10));
        assert!(matches!(world.refusal(person), Refused::LockedOut { .. }));
        assert_eq!(world.cluster.logins, sent);
        assert_eq!(world.condition(), Condition::Ready);
        world.restart();
        world.run_for(s(1));
    }
    world.run_for(s(1000));
    assert_eq!(world.memory.lockouts, Lockouts::default(), "what is over is not kept");
}

#[test]
fn as_long_as_nobody_has_said_whose_tokens_they_are_any_lockout_may_be_theirs() {
    let mut world = World::new(s(300), 1);
    world.policy.account = None;
    world.session = engine::Session::new(world.policy.clone());
    let copy = world.copy(s(1));
    world.start(Some(copy));
    world.feed(engine::Event::FoundLocked { account: OTHER, wait: Some(s(3000)) });
    world.run_for(s(600));
    assert_eq!(world.condition(), Condition::LockedOut);
    assert_eq!(world.refreshes().len(), 0);
    let person = world.login_as(OWN, 1, s(10));
    world.run_for(s(1));
    assert!(world.got(person));
    assert_eq!(world.condition(), Condition::Ready);
}
