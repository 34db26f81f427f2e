//! A login by the source whose answer was lost: it may count as a failed one, and a few of those lock the account.

use crate::cluster::Mode;
use crate::world::World;
use crate::{ms, s};
use engine::{AccountId, Action, Condition, Event, Failure, Moment, Policy, Refused};
use std::time::Duration;

const LOST: Mode = Mode::Fails(Failure::Unreachable { sent: true });

/// With a source that holds this, and no answer to its first login, a second after the start.
fn lost(content: u64) -> World {
    let mut world = World::with_source(s(300));
    world.source = Some(content);
    world.cluster.all(Mode::AnswerLost);
    world.start(None);
    world.run_for(s(1));
    assert_eq!(world.cluster.logins, 1);
    world
}

fn logins(world: &World) -> Vec<Moment> {
    world.moments(|action| matches!(action, Action::Login { .. }))
}

fn reads(world: &World) -> usize {
    world.count(|action| *action == Action::ReadSource)
}

/// A caller each second, for so long.
fn asked_each_second(world: &mut World, duration: Duration) {
    let end = world.now + duration;
    while world.now < end {
        world.get_with(None, s(3));
        world.run_for(s(1));
    }
}

#[test]
fn a_sources_password_whose_answer_was_lost_is_sent_again_after_pauses_that_double_up_to_an_hour() {
    let mut world = lost(1);
    assert_eq!(world.session.next_refresh(), logins(&world).last().map(|at| *at + ms(100) + s(60)));
    world.run_for(s(6 * 3600));
    let at = logins(&world);
    for (index, pair) in at.windows(2).enumerate() {
        let pause = s(60 << index).min(s(3600));
        let waited = pair[1].since(pair[0]);
        assert!(waited >= pause && waited <= pause + s(1), "pause {index}: {waited:?}");
    }
    assert_eq!(at.len(), 11);
    assert_eq!(world.ticks.len(), reads(&world) - 1, "once a pause, and the first read was no tick's");
    assert_eq!(world.condition(), Condition::Unreachable);
    world.cluster.all(Mode::Up);
    world.run_for(s(3601));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_wrong_password_whose_refusals_get_lost_locks_no_account_however_many_ask() {
    let mut world = lost(2);
    asked_each_second(&mut world, s(298));
    assert_eq!(world.cluster.logins, 3, "five within minutes would lock it");
    let caller = world.get_with(None, s(3));
    world.run_for(s(3));
    assert_eq!(world.refusal(caller), Refused::Unreachable);
    world.cluster.all(Mode::Up);
    asked_each_second(&mut world, s(600));
    assert_eq!(world.cluster.logins, 4);
    assert_eq!(world.condition(), Condition::LoginRequired, "now it is known");
}

#[test]
fn a_login_that_was_not_done_leaves_no_doubt() {
    for failure in [Failure::Unavailable { retry_after: None }, Failure::Unreachable { sent: false }] {
        let mut world = World::with_source(s(300));
        world.cluster.all(Mode::Fails(failure));
        world.start(None);
        world.run_for(s(40));
        assert!(world.cluster.logins > 3, "{failure:?}");
        world.cluster.all(Mode::Up);
        world.run_for(s(31));
        assert_eq!(world.condition(), Condition::Ready, "{failure:?}");
    }
}

#[test]
fn new_content_is_sent_as_soon_as_a_caller_has_it_looked_for() {
    let mut world = lost(2);
    world.run_for(s(181));
    assert_eq!((world.cluster.logins, reads(&world)), (3, 3));
    asked_each_second(&mut world, s(70));
    assert_eq!((world.cluster.logins, reads(&world)), (3, 4), "the same as before");
    world.source = Some(1);
    world.cluster.all(Mode::Up);
    let caller = world.get_with(None, s(60));
    world.run_for(s(45));
    assert_eq!(reads(&world), 4, "it is not read at each call");
    world.run_for(s(10));
    assert!(world.got(caller));
    assert_eq!((world.cluster.logins, reads(&world)), (4, 5));
}

#[test]
fn new_content_is_in_no_doubt_and_the_old_one_still_is() {
    let mut world = lost(2);
    world.source = Some(3);
    world.run_for(s(60));
    world.source = Some(2);
    world.run_for(s(60));
    let at = logins(&world);
    assert_eq!(at.len(), 3);
    assert!(at[2].since(at[1]) <= s(61), "its first pause: {:?}", at[2].since(at[1]));
    // Content that leads nowhere means a person, and no later look sends what is in doubt.
    world.cluster.script.push_back(Mode::Up);
    world.source = Some(4);
    world.run_for(s(61));
    assert_eq!((world.condition(), world.cluster.logins), (Condition::LoginRequired, 4));
    world.source = Some(2);
    world.run_for(s(61));
    asked_each_second(&mut world, s(30));
    assert_eq!(world.cluster.logins, 5, "that one's pause was over");
    asked_each_second(&mut world, s(85));
    assert_eq!(world.cluster.logins, 5, "the next one is twice as long");
    asked_each_second(&mut world, s(10));
    assert_eq!(world.cluster.logins, 6);
}

#[test]
fn a_source_that_cannot_be_read_any_more_leaves_the_password_in_hand() {
    let mut world = lost(1);
    world.source = None;
    world.run_for(s(30));
    world.get_with(None, s(3));
    world.cluster.all(Mode::Up);
    world.run_for(s(31));
    assert_eq!(world.condition(), Condition::Ready);
    assert_eq!(reads(&world), 2);
}

#[test]
fn a_source_that_hangs_before_its_password_is_sent_again_means_a_person() {
    let mut world = lost(1);
    world.reads_hang = true;
    world.run_for(s(181));
    assert_eq!((world.condition(), world.cluster.logins), (Condition::LoginRequired, 1));
    world.reads_hang = false;
    world.cluster.all(Mode::Up);
    world.run_for(s(61));
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
}

#[test]
fn a_persons_login_and_another_account_end_the_doubt() {
    for person in [true, false] {
        let mut world = lost(1);
        for _ in 0..2 {
            world.run_for(s(121));
        }
        assert_eq!(world.cluster.logins, 3);
        if person {
            world.cluster.all(Mode::Up);
            let person = world.login(1, s(10));
            world.run_for(s(1));
            assert!(world.got(person));
            world.cluster.revoke();
            world.cluster.all(Mode::AnswerLost);
            world.feed(Event::Revoked);
        } else {
            world.reconfigure(Policy { account: Some(AccountId(5)), ..world.policy.clone() });
            world.cluster.all(Mode::AnswerLost);
        }
        world.run_for(s(1));
        let at = logins(&world);
        assert_eq!(at.last().map(|at| world.now.since(*at) < s(1)), Some(true), "it is sent at once");
        world.run_for(s(60));
        assert_eq!(logins(&world).len(), at.len() + 1, "and the first pause is a short one again");
    }
}

#[test]
fn a_reload_of_other_settings_made_a_doubt_forgotten() {
    let mut world = lost(1);
    world.reconfigure(Policy { refresh_at: 0.5, ..world.policy.clone() });
    assert!(world.memory.doubt.is_some());
    world.restart();
    asked_each_second(&mut world, s(57));
    assert_eq!(world.cluster.logins, 1);
    world.cluster.all(Mode::Up);
    world.run_for(s(3));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_renewal_ends_no_doubt_about_a_password() {
    let mut world = lost(2);
    world.cluster.all(Mode::Up);
    let copy = world.copy(s(400));
    world.write_file(copy);
    world.run_for(s(1));
    assert_eq!((world.refreshes().len(), world.condition()), (1, Condition::Ready));
    world.cluster.revoke();
    world.feed(Event::Revoked);
    asked_each_second(&mut world, s(55));
    assert_eq!(world.cluster.logins, 1);
}

#[test]
fn the_refusal_of_a_person_ends_no_doubt() {
    let mut world = lost(1);
    world.cluster.all(Mode::Up);
    let person = world.login(9, s(10));
    asked_each_second(&mut world, s(57));
    assert_eq!(world.refusal(person), Refused::WrongPassword);
    assert_eq!(world.cluster.logins, 2);
    world.run_for(s(3));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_pair_from_the_file_is_renewed_although_the_password_is_in_doubt() {
    let mut world = lost(2);
    world.cluster.all(Mode::Up);
    let copy = world.copy(s(400));
    world.write_file(copy);
    world.run_for(s(1));
    assert_eq!((world.refreshes().len(), world.cluster.logins), (1, 1));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_pair_from_the_file_that_is_no_good_does_not_end_the_doubt() {
    let mut world = lost(1);
    world.cluster.all(Mode::Up);
    let copy = world.copy(s(400));
    world.cluster.revoke();
    world.write_file(copy);
    world.run_for(s(5));
    assert_eq!(world.refreshes().len(), 1);
    assert_eq!(world.condition(), Condition::Unreachable);
    asked_each_second(&mut world, s(53));
    assert_eq!(world.cluster.logins, 1);
    world.run_for(s(2));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_revocation_while_it_is_under_way_does_not_end_the_doubt() {
    let mut world = World::with_source(s(300));
    world.cluster.all(LOST);
    world.start(None);
    world.run_for(ms(50));
    assert_eq!(world.cluster.logins, 1);
    world.feed(Event::Revoked);
    asked_each_second(&mut world, s(59));
    assert_eq!(world.cluster.logins, 1);
    world.cluster.all(Mode::Up);
    world.run_for(s(2));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn restarts_neither_end_the_doubt_nor_shorten_its_pauses() {
    let mut world = lost(2);
    for _ in 0..30 {
        world.restart();
        asked_each_second(&mut world, s(5));
    }
    let at = logins(&world);
    // After 60 s and then 120 s: the pause does not begin anew with a restart.
    assert_eq!(at.len(), 2, "{at:?}");
    assert!(at[1].since(at[0]) >= s(60), "{at:?}");
    world.restart();
    world.run_for(s(40));
    assert_eq!(logins(&world).len(), 3, "nor does it grow by one");
}

#[test]
fn after_a_restart_other_content_is_sent_at_once() {
    let mut world = lost(2);
    world.cluster.all(Mode::Up);
    world.source = Some(1);
    world.restart();
    world.run_for(s(1));
    assert_eq!((world.condition(), world.cluster.logins), (Condition::Ready, 2));
    assert_eq!(world.memory.doubt, None, "a login that worked ends the doubt");
}

#[test]
fn a_doubt_of_the_far_future_is_not_believed() {
    let mut world = World::with_source(s(300));
    world.source = Some(1);
    let about = engine::SourceId(1);
    let pause = engine::Pause { until: Moment::from_millis(u64::MAX), length: s(1_000_000) };
    world.memory.doubt = Some(engine::Doubted { about, pause });
    world.memory.attempt = Some(pause);
    world.start(None);
    world.run_for(s(3601));
    assert_eq!(world.condition(), Condition::Ready);
}
