//! Pairs for whoever keeps a copy of them, and pairs that come back renewed.

use crate::LoggedIn;
use e2e::home::finish;
use e2e::{Cluster, Home};
use secret::{AccessToken, RefreshToken};
use serde_json::{Value, json};
use wire::{Code, Offer, Pair, Request, Response, State};

fn follow(it: &LoggedIn, after: Option<u64>, wait_s: u32) -> Pair {
    let request = Request::Follow { profile: None, after, wait_s, timeout_ms: 10_000 };
    match it.daemon.ask(&request) {
        Ok(Response::Pair(pair)) => pair,
        other => panic!("{other:?}\n{}", it.daemon.log()),
    }
}

fn adopt(it: &LoggedIn, after: u64, renewed: &Value) -> Response {
    let text = |key: &str| renewed[key].as_str().unwrap_or_default().to_owned();
    let offer = Offer {
        access_token: Some(AccessToken::new(text("access_token"))),
        refresh_token: RefreshToken::new(text("refresh_token")),
        token_type: text("token_type"),
    };
    it.daemon.ask(&Request::Adopt { profile: None, after, offer }).unwrap()
}

/// What a program that was given a pair does with it: `POST /login/refresh`.
fn renew(it: &LoggedIn, pair: &Pair) -> Value {
    let mut curl = it.home.command("curl");
    curl.args(["-sS", "--insecure", "-H", "Content-Type: application/json", "-d", "@-"]);
    curl.arg(format!("{}/api/v2/login/refresh", it.cluster.endpoint()));
    let refresh_token = pair.refresh_token.as_ref().expect("a refresh token").expose();
    let answer = finish(&mut curl, &json!({"refresh_token": refresh_token}).to_string()).ok();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert!(answer["data"]["refresh_token"].is_string(), "{answer}");
    answer["data"].clone()
}

#[test]
fn a_follower_has_the_pair_at_once_and_the_next_one_when_it_is_there() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let first = follow(&it, None, 50);
    assert_eq!(first.token.access_token.expose(), it.token());
    assert!(first.refresh_token.is_some());
    let second = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| follow(&it, Some(first.id), 50));
        it.home.run(&["refresh", "--timeout", "1m"]).ok();
        waiting.join().unwrap()
    });
    assert_ne!(first.id, second.id);
    assert_eq!(second.token.access_token.expose(), it.token());
    assert_ne!(first.refresh_token, second.refresh_token);
    assert_eq!(it.cluster.refreshes().len(), 1, "following renews nothing");
}

#[test]
fn a_follower_that_has_waited_long_enough_is_told_the_same_again() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let first = follow(&it, None, 0);
    let again = follow(&it, Some(first.id), 0);
    // The same, with what is left of it by then.
    let expires_in_s = again.token.expires_in_s;
    assert!(expires_in_s <= first.token.expires_in_s);
    let token = wire::Token { expires_in_s, ..first.token.clone() };
    assert_eq!(again, Pair { token, ..first });
}

#[test]
fn whoever_renews_twice_before_hearing_of_it_is_still_the_one_to_follow() {
    let it = LoggedIn::to(Cluster::start(&["--single-use-refresh"]));
    let first = follow(&it, None, 0);
    let once = renew(&it, &first);
    let refresh_token = once["refresh_token"].as_str().map(|text| RefreshToken::new(text.to_owned()));
    let twice = renew(&it, &Pair { refresh_token, ..first.clone() });
    for renewed in [&once, &twice] {
        match adopt(&it, first.id, renewed) {
            Response::Done { notes } => assert!(notes[0].contains("goes on with the renewed"), "{notes:?}"),
            other => panic!("{other:?}"),
        }
    }
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert_eq!((it.cluster.logins().len(), it.daemon.profile().state), (1, State::Ready));
}

#[test]
fn a_renewed_pair_is_used_from_now_on_where_the_old_one_is_dead() {
    let it = LoggedIn::to(Cluster::start(&["--single-use-refresh"]));
    let first = follow(&it, None, 0);
    let renewed = renew(&it, &first);
    match adopt(&it, first.id, &renewed) {
        Response::Done { notes } => assert!(notes[0].contains("goes on with the renewed pair"), "{notes:?}"),
        other => panic!("{other:?}"),
    }
    let second = follow(&it, Some(first.id), 20);
    assert_eq!(second.token.access_token.expose(), renewed["access_token"]);
    // And it is the one that is renewed, not the one that has been used up.
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.daemon.profile().refresh_failures_total, 0);
    assert_eq!(it.cluster.logins().len(), 1);
}

/// The answer came first, and for a moment whoever asked was given the token before.
#[test]
fn a_renewed_pair_is_handed_out_by_the_time_that_its_giver_is_told() {
    let home = Home::new();
    home.write(&home.token_file(), "{}");
    let it = LoggedIn::in_home(home, Cluster::start(&["--single-use-refresh"]), "alice", "Alice-Pass1");
    for _ in 0..10 {
        let pair = follow(&it, None, 0);
        let renewed = renew(&it, &pair);
        assert!(matches!(adopt(&it, pair.id, &renewed), Response::Done { .. }));
        let now = follow(&it, None, 0);
        assert_eq!(now.token.access_token.expose(), renewed["access_token"], "{}", it.daemon.log());
    }
}

#[test]
fn a_pair_that_comes_back_too_late_takes_the_place_of_none() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let first = follow(&it, None, 0);
    let renewed = renew(&it, &first);
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    let token = it.token();
    match adopt(&it, first.id, &renewed) {
        Response::Done { notes } => assert!(notes[0].contains("its own"), "{notes:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(it.token(), token);
}

#[test]
fn a_pair_that_comes_back_saves_a_login_that_was_lost_meanwhile() {
    let it = LoggedIn::to(Cluster::start(&["--single-use-refresh"]));
    let first = follow(&it, None, 0);
    let renewed = renew(&it, &first);
    // The daemon's own is used up.
    it.home.run(&["refresh"]).refused(4);
    it.daemon.until("a login is needed", |profile| profile.state == State::LoginRequired);
    assert!(matches!(adopt(&it, first.id, &renewed), Response::Done { .. }));
    it.daemon.until("it goes on", |profile| profile.state == State::Ready);
    assert_eq!(it.token(), renewed["access_token"]);
}

#[test]
fn a_pair_of_another_login_is_refused() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let first = follow(&it, None, 0);
    let renewed = renew(&it, &first);
    let (id, unknown) = (first.id, first.id.wrapping_add(1));
    let refused = |after: u64| match adopt(&it, after, &renewed) {
        Response::Refused(refusal) => assert_eq!(refusal.code, Code::Failed, "{refusal}"),
        other => panic!("{other:?}"),
    };
    refused(unknown);
    it.home.run(&["logout"]).ok();
    refused(id);
    crate::login(&it.home, &it.cluster, "admin", "Admin-Pass1").ok();
    refused(id);
    assert_eq!(it.cluster.check(&it.token())["username"], "admin");
}
