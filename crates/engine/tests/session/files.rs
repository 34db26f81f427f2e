//! Pairs that come from elsewhere: the token file, the store, other hosts.

use crate::cluster::Mode;
use crate::world::{Copy, World};
use crate::{ms, s};
use engine::{Action, Answer, Condition, Event, Failure, Generation, Refused};

#[test]
fn a_live_pair_is_taken_over_at_start_and_renewed_in_time() {
    let mut world = World::new(s(300), 1);
    let copy = world.copy(s(100));
    world.file = Some(copy);
    world.start(Some(copy));
    world.run_for(ms(20));
    let caller = world.get();
    assert!(world.got(caller));
    assert_eq!(world.condition(), Condition::Ready);
    let next = world.session.next_refresh().unwrap();
    assert!(next <= world.now + s(140), "its age counts");
    world.run_for(s(200));
    assert_eq!(world.condition(), Condition::Ready);
    assert!(world.session.refreshes() >= 1);
}

#[test]
fn a_pair_of_unknown_life_is_renewed_before_use() {
    let mut world = World::new(s(300), 1);
    let copy = Copy { lease: None, ..world.copy(s(0)) };
    world.start(Some(copy));
    assert_eq!(world.published, None);
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
    assert_eq!(world.refreshes().len(), 1);
}

#[test]
fn a_dead_pair_is_renewed_at_start() {
    let mut world = World::new(s(300), 1);
    let copy = world.copy(s(500));
    world.start(Some(copy));
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Ready);
    assert_eq!(world.refreshes().len(), 1);
}

#[test]
fn a_changed_file_is_adopted_and_ends_login_required() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    assert_eq!(world.condition(), Condition::LoginRequired);
    let copy = world.copy(s(2));
    world.write_file(copy);
    world.run_for(ms(20));
    assert_eq!(world.condition(), Condition::Ready);
    let caller = world.get();
    assert!(world.got(caller));
    assert!(world.count(|action| matches!(action, Action::Save { .. })) == 1, "the store has it, too");
}

#[test]
fn a_newer_pair_in_the_file_is_taken_instead_of_a_renewal() {
    let mut world = World::logged_in(s(300), 1);
    // Another host, whose write nobody here is told of.
    world.run_for(s(2));
    let copy = world.copy(s(1));
    world.file = Some(copy);
    let sent = world.cluster.refreshes;
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + ms(20));
    assert_eq!(world.cluster.refreshes, sent);
    assert_eq!(world.session.refreshes(), 0);
    assert_eq!(world.published, world.session.held());
    assert_eq!(world.condition(), Condition::Ready);
    let due = world.session.next_refresh().unwrap();
    let sent_at = copy.lease.unwrap().sent_at;
    assert!(due <= sent_at + s(240) && due >= sent_at + s(232), "its own age decides, not a new phase");
}

#[test]
fn a_superseding_pair_that_is_dead_is_renewed_at_once() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(2));
    let copy = Copy { lease: None, ..world.copy(s(0)) };
    world.file = Some(copy);
    world.sleep(s(300));
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
    assert_eq!(world.cluster.refreshes, 1);
}

#[test]
fn a_file_that_supersedes_again_and_again_is_met_with_back_off() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(2));
    world.sleep(s(301));
    world.file = Some(Copy { lease: None, ..world.copy(s(0)) });
    world.get_with(None, s(10));
    let end = world.now + s(10);
    while world.now < end {
        // Always another one, and none of any use.
        world.file = Some(Copy { lease: None, ..world.copy(s(0)) });
        world.run_for(ms(1));
    }
    let attempts = world.refreshes().len();
    assert!((3..=20).contains(&attempts), "{attempts} attempts in ten seconds");
    assert_eq!(world.cluster.refreshes, 0);
}

#[test]
fn a_refused_refresh_token_is_replaced_by_the_one_in_the_file() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(2));
    world.cluster.revoke();
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + ms(50));
    let copy = world.copy(s(1));
    // Too late for the look before the refresh, in time for the one after it.
    world.file = Some(copy);
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Ready);
    assert_eq!(world.refreshes().len(), 1);
    assert!(world.left() > s(295));
}

/// A world in which a pair comes with the file while another is being renewed, and the renewal is over.
fn overtaken(single_use: bool, renewable: bool) -> (World, Option<Generation>) {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.single_use = single_use;
    world.latency = s(2);
    let next = world.session.next_refresh().expect("a renewal is due");
    world.run_until(next + s(1));
    let copy = Copy { renewable, ..world.copy(s(1)) };
    world.write_file(copy);
    world.run_for(ms(100));
    let from_file = world.published;
    assert_eq!(from_file, world.session.held());
    world.run_for(s(2));
    assert_eq!(world.session.refreshes(), 1, "the renewal has worked");
    (world, from_file)
}

#[test]
fn a_login_that_came_with_the_file_during_a_renewal_was_overwritten_by_it() {
    for single_use in [false, true] {
        let (mut world, from_file) = overtaken(single_use, true);
        assert_eq!((world.published, world.session.held()), (from_file, from_file));
        assert_eq!(world.condition(), Condition::Ready);
        let caller = world.get();
        assert!(world.got(caller));
        world.run_for(s(250));
        assert!(world.published > from_file);
        assert_eq!(
            (world.session.refreshes(), world.condition()),
            (2, Condition::Ready),
            "it is renewed in its turn"
        );
    }
}

#[test]
fn a_renewal_wins_over_a_pair_from_the_file_that_nobody_can_renew() {
    let (world, from_file) = overtaken(true, false);
    assert!(world.published > from_file);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn whoever_asked_for_a_renewal_that_a_login_overtook_gets_one_of_the_new_pair() {
    let mut world = World::logged_in(s(300), 1);
    world.latency = s(2);
    world.run_for(s(6));
    let person = world.renew(s(20));
    world.run_for(s(1));
    let copy = world.copy(s(5));
    world.write_file(copy);
    world.run_for(s(12));
    assert!(world.got(person));
    assert_eq!((world.session.refreshes(), world.cluster.refreshes), (2, 2));
}

#[test]
fn a_long_lived_token_that_was_made_meanwhile_is_handed_over_all_the_same() {
    let mut world = World::logged_in(s(300), 1);
    world.latency = s(2);
    let person = world.generate(s(20));
    world.run_for(s(1));
    let copy = world.copy(s(1));
    world.write_file(copy);
    let from_file = world.session.held();
    world.run_for(s(2));
    assert_eq!(world.answer(person), Answer::Generated);
    assert_eq!((world.session.held(), world.cluster.long_lived), (from_file, 1));
}

#[test]
fn a_login_by_the_password_source_gives_way_to_a_person_who_came_meanwhile() {
    let mut world = World::with_source(s(300));
    world.latency = s(2);
    world.start(None);
    world.run_for(s(1));
    let copy = world.copy(s(1));
    world.write_file(copy);
    let from_file = world.session.held();
    world.run_for(s(3));
    assert_eq!((world.published, world.cluster.logins), (from_file, 1));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn when_the_old_refresh_token_is_refused_the_one_from_the_file_goes_on() {
    let mut world = World::logged_in(s(300), 1);
    world.latency = s(2);
    world.cluster.revoke();
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    let copy = world.copy(s(1));
    world.write_file(copy);
    world.run_for(s(2));
    assert_eq!(world.count(|action| *action == Action::ReadFile), 0);
    assert_eq!(world.condition(), Condition::Ready);
    world.run_for(s(240));
    assert_eq!(world.session.refreshes(), 1);
}

#[test]
fn when_the_old_pairs_renewal_fails_otherwise_the_one_from_the_file_is_not_hurried() {
    let mut world = World::logged_in(s(300), 1);
    world.latency = s(2);
    world.cluster.script.push_back(Mode::Fails(Failure::Unreachable { sent: true }));
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    let copy = world.copy(s(1));
    world.write_file(copy);
    world.run_for(s(60));
    assert_eq!(world.refreshes().len(), 1);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_file_without_life_that_comes_during_a_save_does_not_stop_publication() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(6));
    let person = world.renew(s(10));
    world.run_for(ms(105));
    let copy = Copy { lease: None, ..world.copy(s(0)) };
    world.write_file(copy);
    world.run_for(ms(5));
    assert!(world.got(person));
    assert!(world.session.held() > world.published, "the newer one is renewed next");
    world.run_for(s(1));
    assert_eq!(world.session.held(), world.published);
}

#[test]
fn a_pair_without_a_refresh_token_is_served_while_it_lives_then_a_person_is_needed() {
    let mut world = World::new(s(300), 1);
    let copy = Copy { renewable: false, ..world.copy(s(10)) };
    world.start(Some(copy));
    world.run_for(ms(20));
    assert_eq!(world.condition(), Condition::Ready);
    let caller = world.get();
    assert!(world.got(caller));
    world.run_for(s(241));
    assert_eq!(world.condition(), Condition::LoginRequired);
    let caller = world.get();
    assert!(world.got(caller));
    world.run_for(s(50));
    let caller = world.get();
    assert_eq!(world.refusal(caller), Refused::LoginRequired);
    assert_eq!(world.cluster.refreshes, 0);
}

#[test]
fn a_pair_without_a_refresh_token_gives_way_to_the_source_when_it_is_due() {
    let mut world = World::with_source(s(300));
    let copy = Copy { renewable: false, ..world.copy(s(10)) };
    world.start(Some(copy));
    world.run_for(s(1));
    assert_eq!((world.cluster.logins, world.condition()), (0, Condition::Ready));
    world.run_for(s(300));
    assert_eq!((world.cluster.logins, world.condition()), (1, Condition::Ready));
    assert_eq!(world.cluster.refreshes, world.refreshes().len());
}

#[test]
fn a_file_that_cannot_be_read_in_time_does_not_stop_the_source() {
    let mut world = World::logged_in(s(300), 1);
    world.reads_hang = true;
    world.cluster.revoke();
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(6));
    assert_eq!(world.condition(), Condition::LoginRequired);
    // What comes later than it was waited for is still a pair.
    let copy = world.copy(s(1));
    let pair = Some(world.adopt(copy));
    world.feed(Event::FileRead { pair });
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn refused_pairs_one_after_the_other_are_met_with_back_off() {
    let mut world = World::logged_in(s(300), 1);
    let end = world.now + s(10);
    while world.now < end {
        let copy = Copy { lease: None, ..world.copy(s(0)) };
        world.cluster.revoke();
        world.write_file(copy);
        world.run_for(ms(200));
    }
    let attempts = world.refreshes().len();
    assert!((3..=25).contains(&attempts), "{attempts} attempts in ten seconds");
}

#[test]
fn what_was_not_sent_does_not_count_against_the_limit() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(6));
    let copy = world.copy(s(5));
    world.file = Some(copy);
    let (came, caller) = (world.now, world.get_with(Some(s(298)), s(10)));
    world.run_for(s(10));
    assert!(world.got(caller));
    assert!(world.answered_at(caller).since(came) < s(1));
    assert_eq!(world.cluster.refreshes, 1);
}

#[test]
fn a_live_pair_from_elsewhere_ends_an_outage() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.all(Mode::Fails(Failure::Unreachable { sent: false }));
    world.run_for(s(400));
    assert_eq!(world.condition(), Condition::Unreachable);
    let copy = world.copy(s(1));
    let attempts = world.refreshes().len();
    world.write_file(copy);
    world.run_for(s(200));
    assert_eq!(world.condition(), Condition::Ready);
    assert_eq!(world.refreshes().len(), attempts);
}
