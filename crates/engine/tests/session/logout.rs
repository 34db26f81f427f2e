//! Logout and revocation.

use crate::world::World;
use crate::{ms, s};
use engine::{Action, Condition, Event, Refused};

#[test]
fn a_logout_forgets_everything_and_tells_everybody() {
    let mut world = World::logged_in(s(300), 1);
    world.sleep(s(301));
    let callers = [world.get(), world.renew(s(10))];
    world.feed(Event::Logout);
    for caller in callers {
        assert_eq!(world.refusal(caller), Refused::LoggedOut);
    }
    assert_eq!(world.condition(), Condition::LoggedOut);
    assert_eq!((world.published, world.session.held()), (None, None));
    assert!(world.memory.logged_out);
    assert_eq!(world.wake(), None);
    let late = world.get();
    assert_eq!(world.refusal(late), Refused::LoggedOut);
}

#[test]
fn a_pair_that_was_on_its_way_is_dropped() {
    let mut world = World::logged_in(s(300), 1);
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + ms(50));
    world.feed(Event::Logout);
    world.run_for(s(600));
    assert_eq!((world.published, world.session.held()), (None, None));
    assert_eq!(world.condition(), Condition::LoggedOut);
}

#[test]
fn a_logout_outlives_a_restart_and_leaves_file_and_source_alone() {
    let mut world = World::with_source(s(300));
    world.start(None);
    world.run_for(s(1));
    world.feed(Event::Logout);
    let exchanges = world.exchanges().len();
    world.restart();
    let copy = world.copy(s(1));
    let pair = Some(world.adopt(copy));
    world.feed(Event::FileRead { pair });
    world.run_for(s(3600));
    assert_eq!(world.condition(), Condition::LoggedOut);
    assert_eq!(world.exchanges().len(), exchanges);
    assert_eq!(world.count(|action| *action == Action::ReadSource), 1);
}

#[test]
fn a_pair_found_at_start_is_left_alone_after_a_logout() {
    let mut world = World::new(s(300), 1);
    world.memory.logged_out = true;
    let copy = world.copy(s(1));
    world.start(Some(copy));
    world.run_for(s(600));
    assert_eq!(world.condition(), Condition::LoggedOut);
    assert_eq!(world.exchanges().len(), 0);
}

#[test]
fn the_next_login_ends_it() {
    let mut world = World::logged_in(s(300), 1);
    world.feed(Event::Logout);
    let wrong = world.login(2, s(10));
    world.run_for(s(1));
    assert_eq!(world.refusal(wrong), Refused::WrongPassword);
    assert_eq!(world.condition(), Condition::LoggedOut);
    let person = world.login(1, s(10));
    world.run_for(s(1));
    assert!(world.got(person));
    assert!(!world.memory.logged_out);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_login_after_it_waits_for_the_exchange_that_was_under_way() {
    let mut world = World::logged_in(s(300), 1);
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + ms(50));
    world.feed(Event::Logout);
    let person = world.login(1, s(10));
    world.run_for(s(1));
    assert!(world.got(person));
}

#[test]
fn a_login_under_way_is_undone_by_it() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    let person = world.login(1, s(10));
    world.run_for(ms(50));
    world.feed(Event::Logout);
    assert_eq!(world.refusal(person), Refused::LoggedOut);
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::LoggedOut);
    assert_eq!(world.published, None);
}

#[test]
fn a_newer_token_file_ends_it() {
    let mut world = World::logged_in(s(300), 1);
    world.feed(Event::Logout);
    let copy = world.copy(s(1));
    world.write_file(copy);
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Ready);
    assert!(!world.memory.logged_out);
}

#[test]
fn revoked_tokens_are_withdrawn_at_once() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.revoke();
    world.feed(Event::Revoked);
    assert_eq!(world.published, None);
    let caller = world.get();
    assert_eq!(world.refusal(caller), Refused::LoginRequired);
    assert_eq!(world.condition(), Condition::LoginRequired);
    assert!(!world.memory.logged_out);
}

#[test]
fn after_a_revocation_the_source_logs_in_once() {
    let mut world = World::with_source(s(300));
    world.start(None);
    world.run_for(s(1));
    world.cluster.revoke();
    world.feed(Event::Revoked);
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
    assert_eq!(world.cluster.logins, 2);
}

#[test]
fn a_renewal_under_way_when_tokens_are_revoked_brings_nothing() {
    let mut world = World::with_source(s(300));
    world.start(None);
    world.run_for(s(1));
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + ms(50));
    world.cluster.revoke();
    world.feed(Event::Revoked);
    world.run_for(s(1));
    assert_eq!(world.cluster.logins, 2, "the pair it brought is revoked as well");
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_persons_login_under_way_when_tokens_are_revoked_counts() {
    let mut world = World::logged_in(s(300), 1);
    let person = world.login(1, s(10));
    world.run_for(ms(50));
    world.feed(Event::Revoked);
    world.run_for(s(1));
    assert!(world.got(person));
    assert_eq!(world.cluster.logins, 2, "it is not sent again");
}

#[test]
fn what_must_be_remembered_came_after_answers_that_wait_for_it() {
    let mut world = World::logged_in(s(300), 1);
    world.sleep(s(301));
    let caller = world.renew(s(10));
    let actions = world.session.on(Event::Logout, world.now);
    assert_eq!(actions.first(), Some(&Action::Remember), "{actions:?}");
    assert!(actions.iter().any(|it| matches!(it, Action::Answer { waiter, .. } if *waiter == caller)));
    assert_eq!(actions.iter().filter(|it| **it == Action::Remember).count(), 1);
}
