//! Daemons that end in the middle of a login, or start before they know what the last one knew.

use crate::cluster::Mode;
use crate::world::{OWN, World};
use crate::{ms, s};
use engine::{
    AccountId, Action, Condition, Doubted, Event, Failure, Lockouts, Memory, Moment, Pause, Policy, Refused,
    SourceId,
};

fn logins(world: &World) -> Vec<Moment> {
    world.moments(|action| matches!(action, Action::Login { .. }))
}

/// The daemon dies while its login is under way.
fn killed_during_its_login() -> World {
    let mut world = World::with_source(s(300));
    world.start(None);
    world.run_for(ms(50));
    assert_eq!(world.cluster.logins, 1);
    world.restart();
    world
}

#[test]
fn daemons_that_were_killed_during_their_logins_sent_one_each() {
    let mut world = killed_during_its_login();
    world.latency = s(2);
    for _ in 0..3600 {
        world.run_for(s(1));
        if world.in_flight().is_some() {
            world.restart();
        }
    }
    let at = logins(&world);
    for (index, pair) in at.windows(2).enumerate() {
        // It is looked at once a second.
        let pause = s(60 << index).min(s(3600));
        let waited = pair[1].since(pair[0]);
        assert!(waited >= pause && waited <= pause + s(3), "pause {index}: {waited:?}");
    }
    assert!((2..=6).contains(&at.len()), "{at:?}");
}

#[test]
fn a_login_after_the_pause_goes_on_as_if_nothing_had_been() {
    let mut world = killed_during_its_login();
    let caller = world.get_with(None, s(3));
    world.run_for(s(3));
    assert_eq!(world.refusal(caller), Refused::Unreachable);
    world.run_for(s(58));
    assert_eq!((world.condition(), world.cluster.logins), (Condition::Ready, 2));
    assert_eq!(world.memory, Memory::default());
}

#[test]
fn whatever_the_source_holds_by_then_waits_as_well_but_a_person_does_not() {
    let mut world = killed_during_its_login();
    world.source = Some(5);
    for _ in 0..50 {
        world.get_with(None, s(1));
        world.run_for(s(1));
    }
    assert_eq!(world.cluster.logins, 1);
    let person = world.login(1, s(5));
    world.run_for(s(1));
    assert!(world.got(person));
    assert_eq!(world.memory, Memory::default());
}

#[test]
fn another_account_does_not_wait() {
    let mut world = killed_during_its_login();
    world.reconfigure(Policy { account: Some(AccountId(9)), ..world.policy.clone() });
    world.run_for(s(1));
    assert_eq!((world.condition(), world.cluster.logins), (Condition::Ready, 2));
}

#[test]
fn an_answer_that_was_lost_counts_once_and_not_as_two() {
    let mut world = killed_during_its_login();
    world.cluster.all(Mode::AnswerLost);
    world.run_for(s(62));
    assert_eq!(world.cluster.logins, 2);
    let doubt = world.memory.doubt.expect("the second got no answer");
    assert_eq!((doubt.about, doubt.pause.length), (SourceId(1), s(120)));
    assert_eq!(world.memory.attempt, None);
}

#[test]
fn nothing_is_noted_where_no_password_left() {
    let mut world = World::with_source(s(300));
    world.cluster.all(Mode::Fails(Failure::Unreachable { sent: false }));
    world.latency = ms(2);
    world.start(None);
    for _ in 0..20 {
        world.run_for(s(3));
        world.get_with(None, s(1));
        world.restart();
    }
    assert!(world.cluster.logins > 10, "{}", world.cluster.logins);
    assert_eq!(world.count(|action| *action == Action::Remember), 0);
}

#[test]
fn the_note_is_made_before_anything_else_happens_and_taken_back_after_it() {
    let mut world = World::with_source(s(300));
    world.start(None);
    world.run_for(ms(24));
    assert_eq!(world.memory.attempt, None);
    world.run_for(ms(2));
    let until = logins(&world)[0] + ms(5) + s(60);
    assert_eq!(world.memory.attempt, Some(Pause { until, length: s(60) }));
    world.run_for(s(1));
    assert_eq!(world.memory.attempt, None);
    assert_eq!(world.count(|action| *action == Action::Remember), 2);
}

#[test]
fn a_refusal_that_comes_after_a_logout_was_not_remembered() {
    let mut world = World::with_source(s(300));
    world.source = Some(2);
    world.start(None);
    world.run_for(ms(50));
    world.feed(Event::Logout);
    world.run_for(s(1));
    assert_eq!(world.memory.refused, Some(SourceId(2)));
    assert!(world.memory.logged_out);
    let copy = world.copy(s(400));
    world.cluster.revoke();
    world.write_file(copy);
    world.run_for(s(5));
    assert_eq!((world.condition(), world.cluster.logins), (Condition::LoginRequired, 1));
}

/// A start that nobody has told what the last daemon knew, and what came of it.
fn told_late(memory: Memory) -> World {
    let mut world = World::with_source(s(300));
    world.reads_hang = true;
    world.start(None);
    world.run_for(s(5));
    world.reads_hang = false;
    world.feed(Event::Recalled { memory: Box::new(memory) });
    world.feed(Event::SourceRead { content: Some(SourceId(1)) });
    world.run_for(s(1));
    world
}

#[test]
fn what_the_last_daemon_knew_counts_although_it_comes_late() {
    let world = told_late(Memory::default());
    assert_eq!(world.condition(), Condition::Ready);

    let world = told_late(Memory { refused: Some(SourceId(1)), ..Memory::default() });
    assert_eq!((world.condition(), world.cluster.logins), (Condition::LoginRequired, 0));

    let now = World::new(s(1), 1).now;
    let pause = Pause { until: now + s(60), length: s(60) };
    let doubt = Some(Doubted { about: SourceId(1), pause });
    for memory in [
        Memory { doubt, ..Memory::default() },
        Memory { attempt: Some(pause), ..Memory::default() },
        Memory { lockouts: Lockouts::default().with(OWN, now + s(60), None), ..Memory::default() },
    ] {
        let mut world = told_late(memory);
        world.run_until(now + s(59));
        assert_eq!(world.cluster.logins, 0, "{memory:?}");
        world.run_for(s(4));
        assert_eq!((world.condition(), world.cluster.logins), (Condition::Ready, 1), "{memory:?}");
    }
}

#[test]
fn a_logout_that_is_heard_of_late_counts_but_for_a_persons_login() {
    let memory = Memory { logged_out: true, ..Memory::default() };
    let mut world = told_late(memory);
    assert_eq!((world.condition(), world.cluster.logins), (Condition::LoggedOut, 0));
    let copy = world.copy(s(1));
    world.write_file(copy);
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Ready, "somebody has logged in since");

    let mut world = World::new(s(300), 1);
    let copy = world.copy(s(1));
    world.start(Some(copy));
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Ready);
    let person = world.login(1, s(5));
    world.feed(Event::Recalled { memory: Box::new(memory) });
    assert_eq!(world.condition(), Condition::LoggedOut);
    world.run_for(s(1));
    assert!(world.got(person));
    assert!(!world.memory.logged_out);
}
