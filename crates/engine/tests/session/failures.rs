//! What each kind of failure leads to, with one endpoint.

use crate::cluster::Mode;
use crate::world::World;
use crate::{ms, s};
use engine::{Action, Condition, Failure, Refused};

const REFUSED: Mode = Mode::Fails(Failure::Unreachable { sent: false });

fn throttled(seconds: u64) -> Mode {
    Mode::Fails(Failure::Throttled { retry_after: Some(s(seconds)) })
}

fn unavailable(seconds: u64) -> Mode {
    Mode::Fails(Failure::Unavailable { retry_after: Some(s(seconds)) })
}

/// Logged in, and at the moment of the first renewal.
fn due() -> World {
    let mut world = World::logged_in(s(300), 1);
    let next = world.session.next_refresh().expect("a renewal");
    world.run_until(engine::Moment::from_millis(next.as_millis() - 1));
    world
}

#[test]
fn back_off_grows_with_full_jitter_from_half_a_second_to_thirty() {
    let mut world = due();
    world.cluster.all(REFUSED);
    world.latency = ms(0);
    world.run_for(s(600));
    let attempts = world.refreshes();
    let waits: Vec<_> = attempts.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    for (index, wait) in waits.iter().enumerate() {
        let most = ms(500 << (index + 1).min(6)).min(s(30));
        assert!(*wait > ms(500) && *wait <= most, "wait {index}: {wait:?}, at most {most:?}");
    }
    let late = &waits[8..];
    assert!(late.iter().any(|wait| *wait < s(10)) && late.iter().any(|wait| *wait > s(20)), "{late:?}");
}

#[test]
fn success_ends_the_back_off() {
    let mut world = due();
    world.cluster.all(REFUSED);
    world.run_for(s(200));
    world.cluster.all(Mode::Up);
    world.run_for(s(31));
    assert_eq!(world.condition(), Condition::Ready);
    assert!(world.left() > s(200));
    let failures = world.session.failures();
    world.cluster.script.push_back(REFUSED);
    world.run_for(s(240));
    assert_eq!(world.session.failures(), failures + 1);
    let attempts = world.refreshes();
    let [.., failed, repeated] = attempts[..] else { panic!("{attempts:?}") };
    assert!(repeated.since(failed) <= s(1) + ms(100), "the first wait is a short one again");
}

#[test]
fn the_current_token_is_served_through_an_outage_and_its_end_is_noticed() {
    let mut world = due();
    let end = world.session.published().unwrap().1.unwrap().expires_at();
    world.cluster.all(REFUSED);
    world.run_for(ms(200));
    assert_eq!(world.condition(), Condition::Degraded);
    world.run_until(engine::Moment::from_millis(end.as_millis() - 1000));
    assert_eq!(world.condition(), Condition::Degraded);
    let ticks = world.ticks.len();
    world.run_for(ms(1));
    assert_eq!(world.condition(), Condition::Unreachable);
    assert_eq!(world.ticks.len(), ticks + 1, "the driver is woken to show it");
}

#[test]
fn every_shape_of_unreachable_is_survived() {
    for mode in [
        REFUSED,
        Mode::Fails(Failure::Unreachable { sent: true }),
        Mode::Fails(Failure::Unavailable { retry_after: None }),
        Mode::Fails(Failure::Throttled { retry_after: None }),
        Mode::Fails(Failure::Unavailable { retry_after: Some(s(0)) }),
        Mode::Fails(Failure::Throttled { retry_after: Some(s(0)) }),
        Mode::Fails(Failure::Misconfigured),
    ] {
        let mut world = due();
        world.cluster.all(mode);
        world.run_for(s(400));
        assert_eq!(world.condition(), Condition::Unreachable, "{mode:?}");
        let attempts = world.refreshes().len();
        assert!((3..=80).contains(&attempts), "{mode:?}: {attempts} attempts");
        world.cluster.all(Mode::Up);
        let caller = world.get();
        world.run_for(s(10));
        assert!(world.got(caller), "{mode:?}");
        assert_eq!(world.condition(), Condition::Ready, "{mode:?}");
    }
}

#[test]
fn retry_after_of_429_holds_callers_and_timers_alike() {
    let mut world = due();
    world.cluster.script.push_back(throttled(100));
    world.run_for(s(1));
    let asked = world.refreshes()[0];
    for _ in 0..110 {
        world.get_with(Some(s(299)), s(3));
        world.run_for(s(1));
    }
    let waited = world.refreshes()[1].since(asked);
    assert!(waited >= s(100) && waited <= s(108), "{waited:?}");
}

#[test]
fn retry_after_is_capped_at_five_minutes() {
    for mode in [throttled(86_400), unavailable(86_400)] {
        let mut world = due();
        world.cluster.script.push_back(mode);
        world.run_for(s(340));
        let waited = world.refreshes()[1].since(world.refreshes()[0]);
        assert!(waited >= s(300) && waited <= s(301), "{waited:?}");
    }
}

#[test]
fn retry_after_of_503_holds_the_only_endpoint() {
    let mut world = due();
    world.cluster.script.push_back(unavailable(60));
    world.run_for(s(1));
    world.sleep(s(58));
    let caller = world.get_with(Some(s(299)), s(30));
    world.run_for(s(10));
    assert!(world.got(caller));
    let waited = world.refreshes()[1].since(world.refreshes()[0]);
    assert!(waited >= s(60) && waited <= s(65), "{waited:?}");
}

#[test]
fn a_lost_answer_on_a_living_refresh_token_is_repeated() {
    let mut world = due();
    world.cluster.single_use = false;
    world.cluster.script.push_back(Mode::AnswerLost);
    world.run_for(s(3));
    assert_eq!(world.refreshes().len(), 2);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_lost_answer_on_a_single_use_refresh_token_needs_a_person_but_serves_what_lives() {
    let mut world = due();
    world.cluster.script.push_back(Mode::AnswerLost);
    world.run_for(s(3));
    assert_eq!(world.condition(), Condition::LoginRequired);
    let caller = world.get();
    assert!(world.got(caller));
    let strict = world.get_with(Some(s(299)), s(10));
    assert_eq!(world.refusal(strict), Refused::LoginRequired);
    world.run_for(s(300));
    let late = world.get();
    assert_eq!(world.refusal(late), Refused::LoginRequired);
    assert_eq!(world.refreshes().len(), 2, "a dead refresh token is not sent again");
}

#[test]
fn refused_refresh_tokens_are_not_repeated_and_the_file_is_looked_at_first() {
    for failure in [Failure::Unauthorized, Failure::Rejected] {
        let mut world = due();
        world.cluster.script.push_back(Mode::Fails(failure));
        world.run_for(s(600));
        assert_eq!(world.refreshes().len(), 1);
        assert_eq!(world.count(|action| *action == Action::ReadFile), 1);
        assert_eq!(world.condition(), Condition::LoginRequired);
        assert_eq!(world.wake(), None);
    }
}

#[test]
fn a_broken_configuration_is_told_to_callers_as_such() {
    let mut world = due();
    world.cluster.all(Mode::Fails(Failure::Misconfigured));
    world.run_for(s(300));
    let caller = world.get();
    world.run_for(s(1));
    assert_eq!(world.refusal(caller), Refused::Rejected);
}

#[test]
fn failures_are_counted() {
    let mut world = due();
    for _ in 0..3 {
        world.cluster.script.push_back(REFUSED);
    }
    world.run_for(s(30));
    assert_eq!((world.session.failures(), world.session.refreshes()), (3, 1));
}
