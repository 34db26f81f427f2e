//! A new pair's way into the store.

use crate::world::{Saves, World};
use crate::{ms, s};
use engine::{Action, Condition, Event};

fn saves(world: &World) -> Vec<engine::Moment> {
    world.moments(|action| matches!(action, Action::Save { .. }))
}

#[test]
fn a_failed_save_is_degraded_and_repeated_until_it_works() {
    let mut world = World::logged_in(s(3600), 1);
    world.run_for(s(6));
    world.saves = Saves::Fail;
    let person = world.renew(s(10));
    world.run_for(ms(150));
    assert!(world.got(person), "the pair is handed out all the same");
    assert_eq!(world.condition(), Condition::Degraded);
    let before = saves(&world).len();
    world.run_for(s(300));
    let waits: Vec<u64> =
        saves(&world)[before - 1..].windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    assert_eq!(waits[..6], [5, 10, 20, 40, 60, 60]);
    world.saves = Saves::Work;
    world.run_for(s(61));
    assert_eq!(world.condition(), Condition::Ready);
    let done = saves(&world).len();
    world.run_for(s(300));
    assert_eq!(saves(&world).len(), done);
}

#[test]
fn no_exchange_begins_before_the_pair_is_saved() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(6));
    world.saves = Saves::Hang;
    let first = world.renew(s(20));
    world.run_for(ms(100));
    let login = world.login(1, s(20));
    world.run_for(s(2));
    assert_eq!(world.exchanges().len(), 2);
    assert!(!world.answers.contains_key(&first));
    let generation = world.session.held().unwrap();
    world.saves = Saves::Work;
    world.feed(Event::Saved { generation, ok: true });
    assert!(world.got(first));
    world.run_for(s(1));
    assert!(world.got(login));
}

#[test]
fn a_store_that_never_answers_delays_a_pair_by_three_seconds_only() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(6));
    world.saves = Saves::Hang;
    let person = world.renew(s(10));
    world.run_for(s(4));
    assert!(world.got(person));
    assert_eq!(world.condition(), Condition::Degraded);
    let generation = world.session.held().unwrap();
    world.feed(Event::Saved { generation, ok: true });
    assert_eq!(world.condition(), Condition::Ready, "late is better than never");
}

#[test]
fn a_repeated_save_holds_up_nothing() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(6));
    world.saves = Saves::Fail;
    world.renew(s(10));
    world.run_for(s(1));
    world.saves = Saves::Hang;
    world.run_for(s(5));
    let renewed = world.refreshes().len();
    world.saves = Saves::Work;
    let person = world.renew(s(10));
    world.run_for(s(1));
    assert!(world.got(person));
    assert_eq!(world.refreshes().len(), renewed + 1);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn answers_about_other_pairs_are_ignored() {
    let mut world = World::logged_in(s(300), 1);
    for ok in [true, false] {
        world.feed(Event::Saved { generation: engine::Generation(77), ok });
    }
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_published_pair_that_could_not_be_put_into_a_file_is_degraded_and_saved_again() {
    let mut world = World::logged_in(s(300), 1);
    let held = world.session.held().expect("a pair");
    let before = saves(&world).len();
    world.feed(Event::Saved { generation: held, ok: false });
    assert_eq!(world.condition(), Condition::Degraded);
    world.run_for(s(6));
    assert_eq!(saves(&world).len(), before + 1, "it is tried again");
    assert_eq!(world.condition(), Condition::Ready);
}
