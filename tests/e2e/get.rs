//! `weka-token get`, from login to expiry.

use crate::{LoggedIn, json};
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn after_a_login_get_prints_a_token_that_the_cluster_honours() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let token = it.token();
    assert!(it.cluster.honours(&token), "{}", it.cluster.check(&token));
}

#[test]
fn every_format_carries_the_same_token() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let token = it.token();
    let get = |format: &str| it.home.run(&["get", "--format", format]).ok();
    assert_eq!(get("raw"), token);
    assert_eq!(get("header"), format!("Authorization: Bearer {token}"));
    assert_eq!(get("curl"), format!("header = \"Authorization: Bearer {token}\""));
    assert_eq!(get("env"), format!("export WEKA_ACCESS_TOKEN='{token}'"));
    let json = json(&get("json"));
    assert_eq!(json["access_token"], token);
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["profile"], "default");
    assert_eq!(json["endpoint"], it.cluster.endpoint());
    assert_eq!(json["org"], "Root");
    assert_eq!(json["username"], "alice");
    let left = json["expires_in"].as_u64().unwrap();
    assert!((86_300..=86_400).contains(&left), "{left}");
}

#[test]
fn the_token_is_renewed_by_itself_before_it_expires() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "3s"]));
    let first = it.token();
    it.daemon.until("two renewals and a live token", |profile| {
        profile.refreshes_total >= 2 && profile.access_expires_in_s.is_some()
    });
    let second = it.token();
    assert_ne!(first, second);
    assert!(it.cluster.honours(&second));
    assert_eq!(it.cluster.count("logins_ok"), 1);
}

#[test]
fn three_hundred_gets_at_expiry_make_one_refresh_and_get_three_hundred_live_tokens() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "5s"]));
    // The daemon is stopped past the token's end, so that all callers find it expired.
    it.daemon.signal(nix::sys::signal::Signal::SIGSTOP);
    it.cluster.until_none_lives();
    let before = it.cluster.count("refreshes_ok");
    // However long all of them take, the next one needs no other.
    it.cluster.set(&json!({"access_ttl": "1d"}));
    // By one shell: as many pipes might be more than this process may have.
    let script = "for n in $(seq 300); do \"$PROGRAM\" get --timeout 60s > got.$n 2>&1 & done; echo begun; wait; echo done";
    let mut shell = it.home.command("sh");
    shell.env("PROGRAM", e2e::binaries::path("weka-token")).args(["-c", script]);
    let mut shell = Process::start(shell.stdout(Stdio::piped())).unwrap();
    let mut said = BufReader::new(shell.child().stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(said.next().unwrap(), "begun");
    it.daemon.signal(nix::sys::signal::Signal::SIGCONT);
    assert_eq!(said.next().unwrap(), "done");
    assert_eq!(it.cluster.count("refreshes_ok") - before, 1, "one refresh, whoever asks");
    for number in 1..=300 {
        let token = std::fs::read_to_string(it.home.path().join(format!("got.{number}"))).unwrap();
        assert_eq!(it.cluster.check(token.trim())["standing"], "alive", "{token}");
    }
}

#[test]
fn a_daemon_that_slept_past_its_tokens_life_serves_a_live_one() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    let first = it.token();
    it.daemon.signal(nix::sys::signal::Signal::SIGSTOP);
    it.cluster.until_none_lives();
    it.daemon.signal(nix::sys::signal::Signal::SIGCONT);
    let second = it.token();
    assert_ne!(first, second);
    assert!(it.cluster.honours(&second), "{}", it.cluster.check(&second));
}

#[test]
fn a_min_ttl_beyond_the_life_of_a_fresh_token_is_refused_and_names_that_life() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "1m"]));
    let words = it.home.run(&["get", "--min-ttl", "2m"]).refused(1);
    assert!(words.contains("60 s"), "{words}");
}

#[test]
fn a_min_ttl_that_the_current_token_lacks_is_met_by_a_renewal() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "1m"]));
    it.daemon.until("less than that is left", |profile| profile.access_expires_in_s < Some(53));
    let json = json(&it.home.run(&["get", "--min-ttl", "53s", "--format", "json"]).ok());
    assert!(json["expires_in"].as_u64().unwrap() >= 53, "{json}");
}

#[test]
fn without_a_daemon_get_fails_at_once_and_says_how_to_start_one() {
    let home = Home::new();
    let words = home.run(&["get"]).refused(3);
    assert!(words.contains("run: weka-tokend &"), "{words}");
}

#[test]
fn before_a_login_get_says_how_to_log_in() {
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let words = home.run(&["get"]).refused(4);
    assert!(words.contains("weka-token login"), "{words}");
}

#[test]
fn an_unknown_profile_is_refused_with_the_names_there_are() {
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let words = home.run(&["get", "-p", "prod"]).refused(1);
    assert!(words.contains("prod") && words.contains("default"), "{words}");
}
