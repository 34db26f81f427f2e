//! The session's own renewals.

use crate::world::World;
use crate::{ms, s};
use engine::{Action, Condition, Event, ExchangeId, Failure, Generation, Lease, Moment, Outcome};
use std::time::Duration;

#[test]
fn a_pair_is_renewed_at_its_share_of_life_or_a_little_earlier_never_later() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(3600));
    let refreshes = world.refreshes();
    assert!(refreshes.len() >= 14, "{}", refreshes.len());
    for pair in refreshes.windows(2) {
        let period = pair[1].since(pair[0]);
        assert!(period <= s(240) && period >= s(228), "{period:?}");
    }
    assert_eq!(world.session.refreshes(), u64::try_from(refreshes.len()).unwrap());
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn the_first_period_after_a_login_is_cut_short_at_random() {
    let first = |seed| {
        let mut world = World::new(s(300), 1);
        world.policy.seed = seed;
        world.session = engine::Session::new(world.policy.clone());
        world.start(None);
        world.login(1, s(10));
        let login = world.now;
        world.run_for(s(300));
        world.refreshes()[0].since(login)
    };
    let firsts: Vec<Duration> = (0..200).map(first).collect();
    assert!(firsts.iter().all(|first| *first <= s(240)));
    for quarter in 0..4 {
        let range = s(60 * quarter)..s(60 * (quarter + 1));
        let within = firsts.iter().filter(|first| range.contains(first)).count();
        assert!((25..=75).contains(&within), "{within} of 200 in {range:?}");
    }
}

#[test]
fn the_same_seed_moves_in_the_same_way() {
    let run = || {
        let mut world = World::logged_in(s(60), 1);
        world.run_for(s(600));
        world.refreshes()
    };
    assert_eq!(run(), run());
}

#[test]
fn the_old_pair_serves_until_the_new_one_is_saved_and_published() {
    let mut world = World::logged_in(s(300), 1);
    let old = world.published;
    world.latency = s(2);
    let next = world.session.next_refresh().unwrap();
    world.run_until(next + s(1));
    let during = world.get();
    assert!(world.got(during));
    assert_eq!(world.published, old);
    world.run_for(s(2));
    assert!(world.published > old);
    let order: Vec<&Action> = world
        .log
        .iter()
        .map(|(_, action)| action)
        .filter(|action| matches!(action, Action::Save { .. } | Action::Publish { .. }))
        .collect();
    for steps in order.chunks(2) {
        let [Action::Save { generation: saved }, Action::Publish { generation: published }] = steps else {
            panic!("{steps:?}");
        };
        assert_eq!(saved, published);
    }
}

#[test]
fn five_second_tokens_are_kept_alive_without_a_gap() {
    let mut world = World::logged_in(s(5), 1);
    for _ in 0..240 {
        world.run_for(ms(250));
        let caller = world.get();
        world.run_for(ms(250));
        assert!(world.got(caller));
    }
    let refreshes = world.refreshes().len();
    assert!((28..=36).contains(&refreshes), "{refreshes} in two minutes");
}

#[test]
fn one_second_tokens_work_and_make_no_storm() {
    let mut world = World::logged_in(s(1), 1);
    world.run_for(s(60));
    let refreshes = world.refreshes().len();
    assert!((60..=120).contains(&refreshes), "{refreshes} in a minute");
    let caller = world.get();
    world.run_for(s(1));
    assert!(world.got(caller));
}

#[test]
fn tokens_without_life_are_asked_for_with_back_off_only() {
    let mut world = World::new(s(0), 1);
    world.start(None);
    let person = world.login(1, s(10));
    world.run_for(s(600));
    assert_eq!(world.refusal(person), engine::Refused::Unreachable);
    let refreshes = world.refreshes().len();
    assert!((15..=60).contains(&refreshes), "{refreshes} in ten minutes");
    world.cluster.life = s(300);
    world.run_for(s(31));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn callers_make_no_storm_of_tokens_without_life() {
    let mut world = World::new(s(0), 1);
    world.start(None);
    world.login(1, s(10));
    for _ in 0..120 {
        world.get();
        world.run_for(ms(500));
    }
    let refreshes = world.refreshes().len();
    assert!(refreshes <= 30, "{refreshes} in a minute");
}

#[test]
fn nonsense_lives_and_shares_do_no_harm() {
    for life in [ms(1), ms(999), s(1), s(10 * 366 * 24 * 3600), Duration::MAX] {
        for refresh_at in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1.0, 7.0, f64::MIN_POSITIVE] {
            let mut world = World::new(life, 1);
            world.policy.refresh_at = refresh_at;
            world.session = engine::Session::new(world.policy.clone());
            world.start(None);
            world.login(1, s(10));
            world.run_for(s(60));
            let exchanges = world.exchanges().len();
            assert!(exchanges <= 130, "{exchanges} in a minute, with {life:?} and {refresh_at}");
        }
    }
}

#[test]
fn a_life_of_ten_years_is_renewed_in_its_time() {
    let years = s(10 * 366 * 24 * 3600);
    let mut world = World::logged_in(years, 1);
    let next = world.session.next_refresh().unwrap();
    assert!(next > world.now && next <= world.now + years);
    world.run_until(next + s(1));
    assert_eq!(world.session.refreshes(), 1);
}

#[test]
fn ends_of_unknown_exchanges_are_ignored() {
    let mut world = World::logged_in(s(300), 1);
    let before = (world.session.held(), world.published, world.session.failures());
    let lease = Lease { sent_at: world.now, life: s(300) };
    for outcome in
        [Outcome::Granted { generation: Generation(99), lease }, Outcome::Failed(Failure::Unauthorized)]
    {
        for exchange in [ExchangeId(0), ExchangeId(77)] {
            world.feed(Event::Ended { exchange, outcome });
        }
    }
    assert_eq!(before, (world.session.held(), world.published, world.session.failures()));
}

#[test]
fn a_clock_at_its_end_stops_nothing() {
    let mut world = World::new(s(300), 1);
    world.now = Moment::from_millis(u64::MAX - 1);
    world.start(None);
    let caller = world.get();
    assert_eq!(world.refusal(caller), engine::Refused::LoginRequired);
}
