//! A cluster in trouble: the current token is handed out while it lives, then exit 5 in time, then recovery
//! within seconds and without a person.

use crate::{LoggedIn, at_once};
use e2e::Cluster;
use serde_json::{Value, json};
use std::time::Duration;
use wire::State;

const TIMEOUTS: &str = "connect_timeout = \"1s\"\nrequest_timeout = \"1s\"";

/// Goes through a whole outage: with a token that outlives it, and with one that does not.
fn survives(fault: &Value) {
    at_once(&["1d", "3s"], |life| {
        let it = LoggedIn::configured(Cluster::start(&["--access-ttl", life]), TIMEOUTS);
        it.cluster.fault(fault);
        if *life == "1d" {
            what_lives_is_handed_out(&it)
        } else {
            what_is_dead_is_not(&it)
        }

        // Back again: whoever asks is served within seconds.
        it.cluster.heal();
        let token = it.home.run(&["get", "--timeout", "20s"]).ok();
        assert!(it.cluster.honours(&token));
        if *life == "1d" {
            it.home.run(&["refresh", "--timeout", "20s"]).ok();
        }
        let profile = it.daemon.until("ready", |profile| profile.state == State::Ready);
        assert_eq!(profile.last_error, None);
        assert_eq!(it.cluster.count("logins_ok"), 1, "no person was needed");
    });
}

fn what_lives_is_handed_out(it: &LoggedIn) {
    let ran = it.home.run(&["refresh", "--timeout", "7s"]);
    assert_ne!(ran.status, 0, "{ran:?}");
    // No test waits for that long.
    let served = it.home.run(&["get", "--timeout", "1h"]);
    assert!(it.cluster.honours(&served.ok()));
    let profile = it.daemon.until("degraded", |profile| profile.state == State::Degraded);
    assert!(profile.last_error.is_some(), "{profile:?}");
    assert_eq!(it.home.run(&["status"]).status, 0, "there is a live token");
}

fn what_is_dead_is_not(it: &LoggedIn) {
    it.daemon.until("unreachable", |profile| profile.state == State::Unreachable);
    let refused = it.home.run(&["get", "--timeout", "2s"]);
    // Where nobody says how long, it is ten seconds.
    assert!(refused.took < Duration::from_millis(9500), "{refused:?}");
    let words = refused.refused(5);
    assert!(words.contains(it.cluster.endpoint()), "{words}");
    assert_eq!(it.home.run(&["status"]).status, 5);
}

#[test]
fn errors_are_survived() {
    at_once(
        &[
            json!({"kind": "status", "status": 503}),
            json!({"kind": "status", "status": 500, "body": "Internal Server Error"}),
            json!({"kind": "html", "status": 400}),
            json!({"kind": "html", "status": 401}),
            json!({"kind": "html", "status": 404}),
            json!({"kind": "html", "status": 502}),
        ],
        survives,
    );
}

#[test]
fn silence_and_slowness_are_survived() {
    at_once(
        &[
            json!({"kind": "hang"}),
            json!({"kind": "hang", "at": "connect"}),
            json!({"kind": "slow", "delay_ms": 5000}),
            json!({"kind": "drip", "delay_ms": 50}),
            json!({"kind": "endless", "delay_ms": 100}),
        ],
        survives,
    );
}

#[test]
fn broken_connections_are_survived() {
    at_once(
        &[
            json!({"kind": "refuse"}),
            json!({"kind": "reset"}),
            json!({"kind": "reset", "at": "connect"}),
            json!({"kind": "close"}),
            json!({"kind": "close", "at": "connect"}),
        ],
        survives,
    );
}

#[test]
fn nonsense_is_survived() {
    at_once(
        &[
            json!({"kind": "html", "status": 200}),
            json!({"kind": "garbage"}),
            json!({"kind": "not-http"}),
            json!({"kind": "truncated"}),
            json!({"kind": "endless"}),
        ],
        survives,
    );
}

#[test]
fn says_it_is_something_else_than_json() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "10s"]));
    it.cluster.fault(&json!({"kind": "content-type", "value": "text/html"}));
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert!(it.cluster.honours(&it.token()), "the body counts, not its label");
}

#[test]
fn is_back_without_anybody_asking() {
    let it = LoggedIn::configured(Cluster::start(&["--access-ttl", "3s"]), TIMEOUTS);
    it.cluster.fault(&json!({"kind": "refuse"}));
    it.daemon.until("unreachable", |profile| profile.state == State::Unreachable);
    it.cluster.heal();
    it.daemon.until("ready", |profile| profile.state == State::Ready);
    assert_eq!(it.cluster.count("logins_ok"), 1);
}

#[test]
fn a_stopped_and_restarted_process_is_waited_for() {
    let it = LoggedIn::configured(Cluster::start(&["--access-ttl", "3s"]), TIMEOUTS);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(it.cluster.pid()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    it.daemon.until("unreachable", |profile| profile.state == State::Unreachable);
    let refused = it.home.run(&["get", "--timeout", "1s"]);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    refused.refused(5);
    assert!(it.cluster.honours(&it.home.run(&["get", "--timeout", "20s"]).ok()));
}

#[test]
fn a_cluster_that_asks_for_patience_gets_it() {
    at_once(&[429, 503], |status| {
        let it = LoggedIn::to(Cluster::start(&["--access-ttl", "20s"]));
        let fault = json!({"kind": "status", "status": status, "retry_after": 5, "count": 1});
        it.cluster.fault(&fault);
        // Callers' refreshes are at most one per 2 s here, the login included.
        it.home.run(&["refresh", "--timeout", "4s"]);
        it.daemon.until("renewed after all", |profile| profile.refreshes_total >= 1);
        let sent: Vec<_> = it.cluster.refreshes().iter().map(|it| it["real_ms"].as_u64().unwrap()).collect();
        assert_eq!(sent.len(), 2, "{sent:?}");
        assert!(sent[1] - sent[0] >= 4_900, "{sent:?}");
    });
}

#[test]
fn an_explicit_min_ttl_does_not_give_way_to_an_outage() {
    let it = LoggedIn::configured(Cluster::start(&["--access-ttl", "20s"]), TIMEOUTS);
    it.cluster.fault(&json!({"kind": "refuse"}));
    it.daemon.until("less than that is left", |profile| profile.access_expires_in_s < Some(19));
    it.home.run(&["get", "--min-ttl", "19s", "--timeout", "1s"]).refused(5);
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn an_outage_is_logged_once_and_not_per_retry() {
    let it = LoggedIn::configured(Cluster::start(&["--access-ttl", "3s"]), TIMEOUTS);
    let before = it.daemon.log().len();
    it.cluster.fault(&json!({"kind": "status", "status": 503}));
    it.daemon.until("some failures", |profile| profile.refresh_failures_total >= 4);
    let log = it.daemon.log();
    let warnings: Vec<_> = log[before..].lines().filter(|line| line.contains("WARN")).collect();
    // Degraded, and unreachable after it.
    assert!((1..=2).contains(&warnings.len()), "{warnings:#?}");
}

#[test]
fn patience_has_an_end() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "20s"]));
    it.cluster.fault(&json!({"kind": "status", "status": 503, "retry_after": 100_000}));
    it.home.run(&["refresh", "--timeout", "4s"]);
    let seen = it.daemon.until("a failure", |profile| profile.refresh_failures_total >= 1);
    let next = seen.next_refresh_in_s.unwrap();
    assert!(next <= 300, "{next}");
}
