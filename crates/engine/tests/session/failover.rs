//! Several endpoints.

use crate::cluster::Mode;
use crate::world::World;
use crate::{ms, s};
use engine::{Action, Answer, Condition, Failure, Moment, Refused};

const REFUSED: Mode = Mode::Fails(Failure::Unreachable { sent: false });
const LOST: Mode = Mode::Fails(Failure::Unreachable { sent: true });
const UNTRUSTED: Mode = Mode::Fails(Failure::Untrusted);

fn due(endpoints: usize) -> World {
    let mut world = World::logged_in(s(300), endpoints);
    let next = world.session.next_refresh().expect("a renewal");
    world.run_until(Moment::from_millis(next.as_millis() - 1));
    world
}

/// Which endpoints the refreshes went to.
fn tried(world: &World) -> Vec<usize> {
    let endpoint = |action: &Action| match action {
        Action::Refresh { endpoint, .. } => Some(*endpoint),
        _ => None,
    };
    world.log.iter().filter_map(|(_, action)| endpoint(action)).collect()
}

#[test]
fn the_next_endpoint_is_tried_at_once_and_stays_in_use_when_it_works() {
    let mut world = due(3);
    world.cluster.modes = vec![REFUSED, LOST, Mode::Up];
    world.run_for(ms(500));
    assert_eq!(tried(&world), [0, 1, 2]);
    assert_eq!(world.session.endpoint(), 2);
    assert_eq!(world.condition(), Condition::Ready);
    world.run_for(s(240));
    assert_eq!(tried(&world), [0, 1, 2, 2]);
}

#[test]
fn each_endpoint_is_tried_once_a_round() {
    let mut world = due(3);
    world.cluster.all(REFUSED);
    world.run_for(ms(400));
    assert_eq!(tried(&world), [0, 1, 2]);
    world.run_for(s(1));
    assert_eq!(tried(&world)[..6], [0, 1, 2, 0, 1, 2]);
}

#[test]
fn a_change_of_endpoint_is_no_change_of_state() {
    let mut world = due(2);
    world.cluster.modes[0] = REFUSED;
    world.run_for(ms(101));
    assert_eq!(tried(&world), [0, 1]);
    assert_eq!(world.condition(), Condition::Ready);
    assert_eq!(world.session.endpoint(), 1, "it is being tried");
}

#[test]
fn an_endpoint_that_asked_for_peace_is_left_alone_while_others_work() {
    let mut world = due(2);
    world.cluster.modes[0] = Mode::Fails(Failure::Unavailable { retry_after: Some(s(200)) });
    world.run_for(s(1));
    assert_eq!(tried(&world), [0, 1]);
    world.cluster.modes[1] = REFUSED;
    world.sleep(s(240));
    world.run_for(s(1));
    assert_eq!(tried(&world)[..4], [0, 1, 1, 0], "its time was over by then");
}

#[test]
fn when_all_asked_for_peace_the_first_to_be_free_is_waited_for() {
    let mut world = due(2);
    for wait in [100, 50] {
        world.cluster.script.push_back(Mode::Fails(Failure::Unavailable { retry_after: Some(s(wait)) }));
    }
    world.run_for(s(60));
    assert_eq!(tried(&world), [0, 1, 1]);
    let at = world.refreshes();
    let waited = at[2].since(at[1]);
    assert!(waited >= s(50) && waited <= s(54), "{waited:?}");
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_429_stops_the_round() {
    let mut world = due(3);
    world.cluster.modes[0] = Mode::Fails(Failure::Throttled { retry_after: Some(s(30)) });
    world.run_for(s(20));
    assert_eq!(tried(&world), [0]);
}

#[test]
fn an_untrusted_endpoint_does_not_keep_the_others_from_working() {
    let mut world = due(2);
    world.cluster.modes[0] = UNTRUSTED;
    world.run_for(s(1));
    assert_eq!(tried(&world), [0, 1]);
    assert_eq!(world.condition(), Condition::Ready);
}

#[test]
fn a_round_with_an_untrusted_endpoint_and_none_that_works_is_untrusted() {
    let mut world = due(2);
    world.cluster.modes = vec![REFUSED, UNTRUSTED];
    world.run_for(s(1));
    assert_eq!(world.condition(), Condition::Untrusted);
    world.cluster.modes[0] = Mode::Up;
    world.run_for(s(31));
    assert_eq!(world.condition(), Condition::Ready, "the reachable one was tried on");
}

#[test]
fn a_persons_password_goes_to_the_next_endpoint_only_if_it_was_never_sent() {
    for (failure, logins) in [(REFUSED, 2), (UNTRUSTED, 2), (LOST, 1)] {
        let mut world = World::new(s(300), 2);
        world.start(None);
        world.cluster.modes[0] = failure;
        let person = world.login(1, s(10));
        world.run_for(s(60));
        assert_eq!(world.cluster.logins, logins, "{failure:?}");
        assert_eq!(matches!(world.answer(person), Answer::Pair(_)), logins == 2);
    }
}

#[test]
fn a_persons_login_that_reached_nobody_says_why_and_is_not_repeated() {
    for (modes, refused) in [
        ([REFUSED, REFUSED], Refused::Unreachable),
        ([UNTRUSTED, REFUSED], Refused::Untrusted),
        ([Mode::Fails(Failure::Misconfigured), REFUSED], Refused::Rejected),
        ([Mode::Fails(Failure::Unavailable { retry_after: None }), Mode::Up], Refused::Unreachable),
        ([Mode::Fails(Failure::Throttled { retry_after: None }), Mode::Up], Refused::Unreachable),
    ] {
        let mut world = World::new(s(300), 2);
        world.start(None);
        world.cluster.modes = modes.to_vec();
        let person = world.login(1, s(10));
        world.run_for(s(1));
        assert_eq!(world.refusal(person), refused, "{modes:?}");
        let logins = world.cluster.logins;
        world.cluster.all(Mode::Up);
        world.run_for(s(600));
        assert_eq!(world.cluster.logins, logins);
    }
}

#[test]
fn a_sources_password_does_not_go_to_the_next_endpoint_once_it_was_sent() {
    let unavailable = Mode::Fails(Failure::Unavailable { retry_after: None });
    for (mode, soon, after) in [(REFUSED, 2, ms(0)), (LOST, 1, s(59)), (unavailable, 1, ms(500))] {
        let mut world = World::new(s(300), 2);
        world.policy.has_source = true;
        world.session = engine::Session::new(world.policy.clone());
        world.source = Some(1);
        world.cluster.script.push_back(mode);
        world.start(None);
        world.run_for(ms(400));
        assert_eq!(world.cluster.logins, soon, "{mode:?}");
        world.run_for(after);
        assert_eq!(world.cluster.logins, soon, "{mode:?}");
        world.run_for(s(2));
        assert_eq!(world.condition(), Condition::Ready, "{mode:?}");
        assert_eq!(world.cluster.logins, 2);
    }
}

#[test]
fn any_number_of_endpoints_is_survived() {
    for endpoints in [0, 1, usize::MAX] {
        let mut world = World::new(s(300), 1);
        world.policy.endpoints = endpoints;
        world.session = engine::Session::new(world.policy.clone());
        world.start(None);
        let waiter = engine::WaiterId(1);
        let deadline = world.now + s(5);
        let begun = world
            .session
            .on(engine::Event::Login { waiter, account: crate::world::OWN, endpoints, deadline }, world.now);
        assert!(begun.iter().any(|action| matches!(action, Action::Login { endpoint: 0, .. })), "{begun:?}");
    }
}
