//! Idle is idle.

use crate::cluster::Mode;
use crate::world::{Copy, World};
use crate::{ms, s};
use engine::{Event, Failure};

#[test]
fn without_callers_there_is_one_wake_up_a_renewal() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(86_400));
    assert_eq!(world.ticks.len(), world.refreshes().len());
    assert_eq!(world.idle_ticks, 0);
}

#[test]
fn nothing_wakes_a_session_that_waits_for_a_person() {
    let mut world = World::new(s(300), 1);
    world.start(None);
    world.run_for(s(86_400));
    assert_eq!((world.ticks.len(), world.wake()), (0, None));
    let mut world = World::logged_in(s(300), 1);
    world.feed(Event::Logout);
    world.run_for(s(86_400));
    assert_eq!((world.ticks.len(), world.wake()), (0, None));
}

#[test]
fn callers_that_are_answered_at_once_move_no_alarm() {
    let mut world = World::logged_in(s(300), 1);
    let wake = world.wake();
    let actions = world.log.len();
    for _ in 0..100 {
        world.get();
    }
    assert_eq!(world.wake(), wake);
    assert_eq!(world.log.len(), actions + 100);
}

#[test]
fn an_outage_wakes_no_more_often_than_it_is_tried() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.all(Mode::Fails(Failure::Unreachable { sent: false }));
    world.run_for(s(3600));
    // One more shows the end of the token.
    assert!(world.ticks.len() <= world.refreshes().len() + 1);
    assert!(world.ticks.len() < 400, "{}", world.ticks.len());
}

#[test]
fn an_early_alarm_is_harmless_and_is_not_asked_for_twice() {
    let mut world = World::logged_in(s(300), 1);
    let actions = world.log.len();
    for _ in 0..100 {
        world.run_for(ms(1));
        world.feed(Event::Tick);
    }
    assert_eq!(world.log.len(), actions);
}

#[test]
fn the_end_of_a_pair_that_cannot_be_renewed_is_the_only_wake_up_it_needs() {
    let mut world = World::new(s(300), 1);
    let copy = Copy { renewable: false, ..world.copy(s(10)) };
    world.start(Some(copy));
    world.run_for(s(86_400));
    assert_eq!(world.ticks.len(), 1);
    assert_eq!(world.wake(), None);
}
