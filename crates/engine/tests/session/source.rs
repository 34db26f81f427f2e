//! The password source, and what is remembered of it.

use crate::cluster::Mode;
use crate::world::World;
use crate::{ms, s};
use engine::{Action, Condition, Failure, Refused, SourceId};

const REFUSED: Mode = Mode::Fails(Failure::Unreachable { sent: false });

fn reads(world: &World) -> usize {
    world.count(|action| *action == Action::ReadSource)
}

/// With a source whose password the cluster does not take.
fn wrong() -> World {
    let mut world = World::with_source(s(300));
    world.source = Some(2);
    world.start(None);
    world.run_for(s(1));
    world
}

#[test]
fn with_nothing_else_the_source_logs_in_at_start() {
    let mut world = World::with_source(s(300));
    world.start(None);
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
    assert_eq!((reads(&world), world.cluster.logins), (1, 1));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_refused_refresh_token_means_the_file_then_the_source_once() {
    let mut world = World::with_source(s(300));
    world.start(None);
    world.run_for(s(1));
    world.cluster.revoke();
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    let steps: Vec<&str> = world
        .log
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Refresh { .. } => Some("refresh"),
            Action::ReadFile => Some("file"),
            Action::ReadSource => Some("source"),
            Action::Login { .. } => Some("login"),
            _ => None,
        })
        .collect();
    assert_eq!(steps, ["source", "login", "refresh", "file", "source", "login"]);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_refused_password_is_never_sent_again_by_itself() {
    let mut world = wrong();
    assert_eq!(world.condition(), Condition::LoginRequired);
    assert_eq!(world.memory.refused, Some(SourceId(2)));
    for _ in 0..600 {
        world.get();
        world.renew(s(5));
        world.run_for(s(10));
    }
    assert_eq!(world.cluster.logins, 1);
    assert!(reads(&world) >= 80 && reads(&world) <= 101, "{} reads in 100 minutes", reads(&world));
}

#[test]
fn without_callers_the_source_is_left_alone() {
    let mut world = wrong();
    let before = reads(&world);
    world.run_for(s(86_400));
    assert_eq!(reads(&world), before);
    assert_eq!(world.wake(), None);
}

#[test]
fn a_refused_password_stays_refused_across_a_restart() {
    let mut world = wrong();
    world.restart();
    world.run_for(s(1));
    let caller = world.get();
    assert_eq!(world.refusal(caller), Refused::LoginRequired);
    assert_eq!(world.cluster.logins, 1);
}

#[test]
fn new_content_is_tried_when_a_caller_comes() {
    for renew in [false, true] {
        let mut world = wrong();
        world.source = Some(1);
        world.run_for(s(61));
        let caller = if renew { world.renew(s(10)) } else { world.get() };
        world.run_for(s(1));
        assert!(world.got(caller));
        assert_eq!(world.cluster.logins, 2);
    }
}

#[test]
fn between_two_looks_callers_are_answered_at_once() {
    let mut world = wrong();
    let before = reads(&world);
    let caller = world.get();
    assert_eq!(world.refusal(caller), Refused::LoginRequired);
    assert_eq!(reads(&world), before);
}

#[test]
fn a_person_who_logs_in_clears_what_was_refused() {
    let mut world = wrong();
    let person = world.login(1, s(10));
    world.run_for(s(1));
    assert!(world.got(person));
    assert_eq!(world.memory.refused, None);
    // The password is right by now.
    world.cluster.password = 2;
    world.cluster.revoke();
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_source_that_cannot_be_read_means_a_person_and_is_read_again_for_callers() {
    let mut world = World::with_source(s(300));
    world.source = None;
    world.start(None);
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::LoginRequired);
    world.source = Some(1);
    let early = world.get();
    assert_eq!(world.refusal(early), Refused::LoginRequired);
    world.run_for(s(61));
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
}

#[test]
fn a_source_that_never_answers_stops_nobody_for_ever() {
    let mut world = World::with_source(s(300));
    world.reads_hang = true;
    world.start(None);
    let caller = world.get();
    let person = world.login(1, s(10));
    world.run_for(s(1));
    assert!(world.got(caller) && world.got(person), "a person goes ahead of it");
    let mut world = World::with_source(s(300));
    world.reads_hang = true;
    world.start(None);
    world.run_for(s(121));
    assert_eq!(world.condition(), Condition::LoginRequired);
}

#[test]
fn an_outage_is_no_refusal() {
    let mut world = World::with_source(s(300));
    world.cluster.all(REFUSED);
    world.start(None);
    world.run_for(s(600));
    assert_eq!(world.memory.refused, None);
    assert_eq!(world.condition(), Condition::Unreachable);
    world.cluster.all(Mode::Up);
    world.run_for(s(31));
    assert_eq!(world.condition(), Condition::Ready);
    assert_eq!(reads(&world), 1);
}

#[test]
fn a_login_called_malformed_is_not_repeated_but_not_remembered_either() {
    let mut world = World::with_source(s(300));
    world.cluster.all(Mode::Fails(Failure::Rejected));
    world.start(None);
    for _ in 0..60 {
        world.get();
        world.run_for(s(10));
    }
    assert_eq!(world.cluster.logins, 1);
    assert_eq!(world.memory.refused, None);
    world.cluster.all(Mode::Up);
    world.reconfigure(world.policy.clone());
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn the_live_token_is_served_while_a_person_is_needed() {
    let mut world = World::with_source(s(300));
    world.start(None);
    world.run_for(s(1));
    world.cluster.revoke();
    world.cluster.password = 3;
    let end = world.session.published().unwrap().1.unwrap().expires_at();
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    assert_eq!(world.condition(), Condition::LoginRequired);
    let caller = world.get();
    assert!(world.got(caller));
    world.run_until(end + ms(1));
    let caller = world.get();
    world.run_for(s(1));
    assert_eq!(world.refusal(caller), Refused::LoginRequired);
    assert_eq!(world.cluster.logins, 2);
}

#[test]
fn a_machine_that_slept_while_the_source_was_read_gives_it_a_moment_more() {
    let mut world = World::with_source(s(300));
    world.start(None);
    world.sleep(s(500));
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
}

#[test]
fn one_that_may_not_log_in_yet_tried_again_and_again() {
    let mut world = World::with_source(s(300));
    world.cluster.all(Mode::Fails(Failure::Barred));
    world.start(None);
    world.run_for(s(1));
    assert_eq!((reads(&world), world.exchanges().len()), (1, 1));
    assert_eq!(world.condition(), Condition::LoginRequired);
    assert_eq!(world.wake(), None, "it waits for nothing but a word");
    assert_eq!(world.session.failures(), 0);
    world.cluster.all(Mode::Up);
    world.reconfigure(world.policy.clone());
    world.run_for(s(1));
    assert_eq!((reads(&world), world.condition()), (2, Condition::Ready));
}
