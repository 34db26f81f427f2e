//! What callers get, and when.

use crate::cluster::Mode;
use crate::world::World;
use crate::{ms, s};
use engine::{Action, Condition, Failure, Refused};

const DOWN: Mode = Mode::Fails(Failure::Unreachable { sent: false });

/// Just after the token died, with the machine asleep at the time of the renewal.
fn expired() -> World {
    let mut world = World::logged_in(s(300), 1);
    world.sleep(s(301));
    world
}

#[test]
fn a_live_token_is_handed_out_at_once() {
    let mut world = World::logged_in(s(300), 1);
    let caller = world.get();
    assert!(world.got(caller));
    assert_eq!(world.refreshes().len(), 0);
}

#[test]
fn a_thousand_callers_on_an_expired_token_make_one_refresh() {
    let mut world = expired();
    let callers: Vec<_> = (0..1000).map(|_| world.get()).collect();
    world.run_for(s(1));
    assert!(callers.iter().all(|caller| world.got(*caller)));
    assert_eq!(world.refreshes().len(), 1);
}

#[test]
fn a_caller_that_leaves_cancels_nothing() {
    let mut world = expired();
    let caller = world.get();
    world.leave(caller);
    world.run_for(s(1));
    assert!(!world.answers.contains_key(&caller));
    assert_eq!(world.session.refreshes(), 1);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn less_than_the_default_ttl_means_a_refresh_and_a_new_token() {
    let mut world = World::logged_in(s(300), 1);
    world.sleep(s(275));
    let old = world.published;
    let caller = world.get();
    assert!(!world.answers.contains_key(&caller));
    world.run_for(s(1));
    assert!(world.got(caller));
    assert!(world.published > old);
}

#[test]
fn an_explicit_ttl_is_met_by_a_refresh() {
    let mut world = World::logged_in(s(300), 1);
    world.sleep(s(1));
    let next = world.session.next_refresh().unwrap();
    assert!(next > world.now, "the session would not renew by itself yet");
    world.run_for(s(5));
    let caller = world.get_with(Some(s(299)), s(10));
    world.run_for(s(1));
    assert!(world.got(caller));
    assert_eq!(world.refreshes().len(), 1);
}

#[test]
fn an_explicit_ttl_beyond_the_known_life_is_refused_at_once() {
    let mut world = World::logged_in(s(300), 1);
    let caller = world.get_with(Some(s(301)), s(10));
    assert_eq!(world.refusal(caller), Refused::MinTtlTooLong { life: s(300) });
    assert_eq!(world.refreshes().len(), 0);
}

#[test]
fn an_explicit_ttl_that_a_fresh_token_does_not_meet_is_refused_after_one_refresh() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(6));
    world.cluster.life = s(60);
    let caller = world.get_with(Some(s(299)), s(10));
    world.run_for(s(1));
    assert_eq!(world.refusal(caller), Refused::MinTtlTooLong { life: s(60) });
    assert_eq!(world.refreshes().len(), 1);
}

#[test]
fn a_refresh_that_began_before_the_caller_came_proves_nothing_about_its_ttl() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(6));
    world.latency = s(3);
    world.renew(s(10));
    world.run_for(s(2));
    // 298 s will be left of the pair on its way.
    let caller = world.get_with(Some(s(298)), s(10));
    world.latency = ms(100);
    world.run_for(s(8));
    assert!(world.got(caller), "{:?}", world.answer(caller));
    assert_eq!(world.refreshes().len(), 2);
}

#[test]
fn refreshes_that_callers_cause_share_one_limit() {
    for (life, least) in [(s(300), s(5)), (s(20), s(2)), (s(5), ms(500))] {
        let mut world = World::logged_in(life, 1);
        world.run_for(s(6));
        let began = world.refreshes().len();
        for _ in 0..200 {
            world.renew(s(10));
            world.run_for(ms(100));
        }
        let refreshes = &world.refreshes()[began..];
        assert!(refreshes.len() >= 4, "{}", refreshes.len());
        for pair in refreshes.windows(2) {
            assert!(pair[1].since(pair[0]) >= least, "{life:?}: {:?}", pair[1].since(pair[0]));
        }
    }
}

#[test]
fn a_caller_within_the_limit_was_told_that_the_cluster_had_not_answered() {
    let mut world = World::logged_in(s(300), 1);
    let login = world.exchanges()[0];
    world.run_for(s(2));
    let hasty = [world.renew(s(1)), world.get_with(Some(s(299)), s(1))];
    world.run_for(s(2));
    for caller in hasty {
        assert_eq!(world.refusal(caller), Refused::TooSoon { next: login + s(5) });
    }
    assert_eq!(world.exchanges().len(), 1, "nothing was sent");
    // Where the cluster does not answer, that is what there is to say.
    world.cluster.all(DOWN);
    let patient = world.renew(s(10));
    world.run_for(s(11));
    assert_eq!(world.refusal(patient), Refused::Unreachable);
}

#[test]
fn the_limit_counts_from_the_last_start_of_any_exchange() {
    let mut world = World::logged_in(s(300), 1);
    let login = world.exchanges()[0];
    world.run_for(s(2));
    let caller = world.get_with(Some(s(299)), s(10));
    world.run_for(s(10));
    assert_eq!(world.refreshes()[0].since(login), s(5));
    assert!(world.got(caller));
}

#[test]
fn any_live_token_is_served_when_the_cluster_cannot_be_reached() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.all(DOWN);
    let end = world.session.published().unwrap().1.unwrap().expires_at();
    world.run_until(engine::Moment::from_millis(end.as_millis() - 1200));
    assert_eq!(world.condition(), Condition::Degraded);
    assert!(world.left() < s(30));
    let caller = world.get();
    assert!(world.got(caller));
}

#[test]
fn a_live_token_below_the_default_ttl_is_served_at_the_deadline_when_the_cluster_hangs() {
    let mut world = World::logged_in(s(300), 1);
    world.latency = s(60);
    world.sleep(s(280));
    let caller = world.get_with(None, s(3));
    world.run_for(s(3));
    assert!(world.got(caller));
    assert_eq!(world.answered_at(caller), world.now);
}

#[test]
fn an_explicit_ttl_does_not_give_way_to_an_outage() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.all(DOWN);
    world.run_for(s(250));
    let (before, caller) = (world.now, world.get_with(Some(s(60)), s(10)));
    let modest = world.get_with(Some(s(10)), s(10));
    assert!(world.got(modest));
    world.run_for(s(10));
    assert_eq!(world.refusal(caller), Refused::Unreachable);
    assert_eq!(world.answered_at(caller).since(before), s(10));
}

#[test]
fn callers_wait_until_their_deadline_for_an_unreachable_cluster() {
    let mut world = expired();
    world.cluster.all(DOWN);
    let before = world.now;
    let callers = [1, 4, 10].map(|timeout| (timeout, world.get_with(None, s(timeout))));
    world.run_for(s(11));
    for (timeout, caller) in callers {
        assert_eq!(world.refusal(caller), Refused::Unreachable);
        assert_eq!(world.answered_at(caller).since(before), s(timeout));
    }
    assert_eq!(world.condition(), Condition::Unreachable);
}

#[test]
fn callers_go_ahead_of_the_back_off_so_that_recovery_is_seen_within_seconds() {
    let mut world = expired();
    world.cluster.all(DOWN);
    world.run_for(s(600));
    world.cluster.all(Mode::Up);
    let caller = world.get();
    let back = world.now;
    world.run_for(s(10));
    assert!(world.got(caller));
    assert!(world.answered_at(caller).since(back) <= s(6));
}

#[test]
fn without_callers_recovery_is_seen_within_half_a_minute() {
    let mut world = expired();
    world.cluster.all(DOWN);
    world.run_for(s(3600));
    world.cluster.all(Mode::Up);
    world.run_for(s(31));
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_caller_whose_time_is_over_when_it_comes_is_answered_at_once() {
    let mut world = expired();
    let caller = world.get_with(None, ms(0));
    assert_eq!(world.refusal(caller), Refused::Unreachable);
}

#[test]
fn nothing_of_a_token_with_less_than_a_second_left() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.all(DOWN);
    let end = world.session.published().unwrap().1.unwrap().expires_at();
    world.run_until(engine::Moment::from_millis(end.as_millis() - 1000));
    let caller = world.get();
    assert!(world.got(caller));
    world.run_for(ms(1));
    let caller = world.get_with(Some(ms(0)), ms(0));
    assert_eq!(world.refusal(caller), Refused::Unreachable);
}

#[test]
fn a_machine_that_slept_serves_no_dead_token_and_renews_at_wake() {
    for order in [true, false] {
        let mut world = expired();
        // The alarm may ring before or after the first caller comes.
        if order {
            world.run_for(ms(0));
            assert_eq!(world.refreshes(), [world.now]);
        }
        let caller = world.get();
        world.run_for(s(1));
        assert!(world.got(caller));
        assert_eq!(world.refreshes().len(), 1);
    }
}

#[test]
fn a_renewal_asked_for_by_a_person_is_one_that_began_after_it() {
    let mut world = World::logged_in(s(300), 1);
    world.run_for(s(6));
    world.latency = s(2);
    let first = world.renew(s(10));
    world.run_for(s(1));
    let second = world.renew(s(10));
    world.run_for(s(9));
    assert!(world.got(first) && world.got(second));
    assert_ne!(world.answer(first), world.answer(second));
    assert_eq!(world.refreshes().len(), 2);
}

#[test]
fn a_renewal_that_fails_leaves_the_live_token_alone() {
    let mut world = World::logged_in(s(300), 1);
    world.cluster.all(DOWN);
    let person = world.renew(s(10));
    let caller = world.get();
    world.run_for(s(10));
    assert_eq!(world.refusal(person), Refused::Unreachable);
    assert!(world.got(caller));
    assert_eq!(world.condition(), Condition::Degraded);
}

#[test]
fn a_caller_that_comes_before_the_start_is_answered_after_it() {
    let mut world = World::new(s(300), 1);
    let caller = world.get();
    let copy = world.copy(s(10));
    world.start(Some(copy));
    world.run_for(s(1));
    assert!(world.got(caller));
}

#[test]
fn answers_follow_publication_and_the_wake_up_comes_last() {
    let mut world = expired();
    let caller = world.get();
    world.run_for(s(1));
    let at = world.answered_at(caller);
    let order: Vec<&str> = world
        .log
        .iter()
        .filter(|(then, _)| *then == at)
        .map(|(_, action)| match action {
            Action::Publish { .. } => "publish",
            Action::Answer { .. } => "answer",
            Action::WakeAt(_) => "wake",
            _ => "else",
        })
        .collect();
    assert_eq!(order, ["publish", "answer", "wake"]);
}

#[test]
fn a_refresh_slower_than_the_default_ttl_allows_is_served_while_it_lives() {
    let mut world = World::logged_in(s(20), 1);
    world.latency = s(18) + ms(500);
    world.sleep(s(20));
    let caller = world.get_with(None, s(30));
    world.run_for(s(19));
    assert!(world.got(caller));
    assert!(world.left() < s(2));
}

#[test]
fn the_default_ttl_gives_way_as_soon_as_one_endpoint_has_failed() {
    let mut world = World::logged_in(s(300), 2);
    world.cluster.modes[0] = DOWN;
    world.sleep(s(280));
    let (came, caller) = (world.now, world.get());
    world.run_for(s(10));
    assert!(world.got(caller));
    assert_eq!(world.answered_at(caller).since(came), ms(100));
}

#[test]
fn the_default_ttl_gives_way_while_another_way_to_a_pair_is_looked_for() {
    let mut world = World::logged_in(s(300), 1);
    world.reads_hang = true;
    world.cluster.revoke();
    world.sleep(s(280));
    let (came, caller) = (world.now, world.get());
    world.run_for(s(1));
    assert!(world.got(caller));
    assert_eq!(world.answered_at(caller).since(came), ms(100));
    world.run_for(s(10));
    assert_eq!(world.condition(), Condition::LoginRequired);
    let caller = world.get();
    assert!(world.got(caller), "less than the default is left, and a person is needed");
}
