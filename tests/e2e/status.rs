//! `weka-token status`: a table for people, JSON and Prometheus for programs, and changes as they happen.

use crate::{LoggedIn, json, login};
use e2e::{Cluster, Daemon, Home, Terminal};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};
use wire::State;

#[test]
fn the_table_shows_state_user_org_endpoint_and_times() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "10m"]));
    let ran = it.home.run(&["status"]);
    let table = ran.stdout.clone();
    ran.ok();
    let row = table.lines().nth(1).unwrap();
    for part in ["default", "ready", "alice", "Root", it.cluster.endpoint(), " 9m"] {
        assert!(row.contains(part), "{part}: {table}");
    }
    assert!(table.contains(it.daemon.socket().to_str().unwrap()), "{table}");
    assert!(!table.contains('\x1b'), "no colour off a terminal: {table:?}");
    assert!(table.lines().all(|line| line.len() <= 130), "{table}");
}

#[test]
fn colour_is_for_terminals_without_no_color() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let (status, shown) = Terminal::run(&it.home.weka_token(&["status"])).finish();
    assert_eq!(status, 0);
    assert!(shown.contains("\x1b[32mready"), "{shown:?}");
    let mut command = it.home.weka_token(&["status"]);
    let (_, shown) = Terminal::run(command.env("NO_COLOR", "1")).finish();
    assert!(!shown.contains('\x1b'), "{shown:?}");
}

#[test]
fn json_has_exactly_the_keys_of_the_contract_in_their_order() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "5m"]));
    it.token();
    let shown = json(&it.home.run(&["status", "--json"]).ok());
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&shown), ["daemon", "profiles"]);
    assert_eq!(keys(&shown["daemon"]), ["version", "pid", "uptime_s", "socket"]);
    let profile = &shown["profiles"][0];
    assert_eq!(
        keys(profile),
        [
            "name",
            "state",
            "username",
            "org",
            "endpoint",
            "access_expires_in_s",
            "next_refresh_in_s",
            "refreshes_total",
            "refresh_failures_total",
            "gets_total",
            "last_error",
            "locked_for_s"
        ]
    );
    assert_eq!(shown["daemon"]["pid"], it.daemon.pid());
    assert_eq!(shown["daemon"]["socket"], it.daemon.socket().to_str().unwrap());
    assert_eq!((&profile["state"], &profile["gets_total"]), (&json!("ready"), &json!(1)));
    assert_eq!((&profile["last_error"], &profile["locked_for_s"]), (&Value::Null, &Value::Null));
    assert_eq!(profile["endpoint"], it.cluster.endpoint());
    let left = profile["access_expires_in_s"].as_u64().unwrap();
    assert!((200..=300).contains(&left), "{left}");
    let next = profile["next_refresh_in_s"].as_u64().unwrap();
    // The first one comes at any moment before, by a phase of its own for each machine, user and profile.
    assert!(next <= 240, "{next}");
}

#[test]
fn unknown_values_are_null() {
    let home = Home::new();
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    let ran = home.run(&["status", "--json"]);
    assert_eq!(ran.status, 4);
    let profile = &json(&ran.stdout)["profiles"][0];
    for key in ["username", "access_expires_in_s", "next_refresh_in_s", "last_error", "locked_for_s"] {
        assert_eq!(profile[key], Value::Null, "{key}: {profile}");
    }
    assert_eq!(profile["state"], "login-required");
}

#[test]
fn prometheus_has_the_five_names_each_with_help_type_and_profile() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "10s"]));
    it.home.run(&["refresh", "--timeout", "20s"]).ok();
    let text = it.home.run(&["status", "--prometheus"]).ok();
    let names = [
        ("weka_token_up", "gauge"),
        ("weka_token_access_expires_seconds", "gauge"),
        ("weka_token_refreshes_total", "counter"),
        ("weka_token_refresh_failures_total", "counter"),
        ("weka_token_gets_total", "counter"),
    ];
    for (name, kind) in names {
        assert!(text.contains(&format!("# HELP {name} ")), "{text}");
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{text}");
        assert!(text.contains(&format!("\n{name}{{profile=\"default\"}} ")), "{text}");
    }
    assert!(text.contains("weka_token_up{profile=\"default\"} 1\n"), "{text}");
    assert!(text.contains("weka_token_refreshes_total{profile=\"default\"} "), "{text}");
    assert_eq!(text.lines().count(), 15, "and nothing else: {text}");
}

#[test]
fn prometheus_says_when_a_profile_is_down() {
    let home = Home::new();
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    let ran = home.run(&["status", "--prometheus"]);
    assert_eq!(ran.status, 4);
    assert!(ran.stdout.contains("weka_token_up{profile=\"default\"} 0\n"), "{ran:?}");
}

#[test]
fn watching_prints_a_change_when_it_happens_and_asks_for_nothing_in_between() {
    let home = Home::new();
    let cluster = Cluster::start(&[]);
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    let mut command = home.weka_token(&["status", "--watch", "--json"]);
    let mut watcher = e2e::process::Process::start(command.stdout(Stdio::piped())).unwrap();
    let mut lines = BufReader::new(watcher.child().stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = json(&lines.next().unwrap());
    assert_eq!(first["profiles"][0]["state"], "login-required");

    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    let logged_in = Instant::now();
    let change = lines.find(|line| json(line)["profiles"][0]["state"] == "ready").unwrap();
    // A long poll is answered after 50 s if nothing happens.
    assert!(logged_in.elapsed() < Duration::from_secs(30), "{:?}", logged_in.elapsed());
    assert_eq!(json(&change)["profiles"][0]["username"], "alice");

    // Idle: the watcher sleeps in one long poll.
    until_idle(watcher.pid(), Duration::from_secs(3));
    watcher.signal(nix::sys::signal::Signal::SIGINT);
    let ended = watcher.ended_within(Duration::from_secs(60)).unwrap();
    assert_eq!(ended.code(), Some(130));
}

#[test]
fn watching_on_a_terminal_updates_in_place_and_leaves_it_as_it_was() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut terminal = Terminal::run(&it.home.weka_token(&["status", "--watch"]));
    terminal.expect("ready");
    it.home.run(&["logout"]).ok();
    terminal.expect("logged-out");
    terminal.type_in("\u{3}");
    let (status, _) = terminal.finish();
    assert_eq!(status, 130);
}

#[test]
fn watching_goes_on_over_a_restart_of_the_daemon() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let LoggedIn { home, daemon, cluster } = it;
    let mut command = home.weka_token(&["status", "--watch", "--json"]);
    let mut watcher = e2e::process::Process::start(command.stdout(Stdio::piped())).unwrap();
    let mut lines = BufReader::new(watcher.child().stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(json(&lines.next().unwrap())["profiles"][0]["state"], "ready");
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&home);
    let pid = daemon.pid();
    assert!(lines.any(|line| json(&line)["daemon"]["pid"] == pid));
    drop((cluster, daemon));
}

#[test]
fn one_profile_may_be_asked_for() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.home.run(&["status", "-p", "default"]).ok();
    it.home.run(&["status", "-p", "prod"]).refused(1);
}

#[test]
fn an_idle_daemon_sleeps() {
    let it = LoggedIn::to(Cluster::start(&[]));
    until_idle(it.daemon.pid(), Duration::from_secs(4));
}

/// Waits until a process has settled, and then is woken once at most for so long. Its system calls are counted by its
/// voluntary switches.
#[track_caller]
fn until_idle(pid: u32, quiet: Duration) {
    let switches = || {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = text.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
        line.split_whitespace().last().unwrap().parse::<u64>().unwrap()
    };
    let mut before = switches();
    e2e::until(&format!("{quiet:?} of rest"), || {
        std::thread::sleep(quiet);
        let now = switches();
        (now - std::mem::replace(&mut before, now) <= 1).then_some(())
    });
}

#[test]
fn a_get_is_counted_and_a_failed_one_is_not() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let gets = || it.daemon.profile().gets_total;
    let before = gets();
    for _ in 0..3 {
        it.token();
    }
    assert_eq!(gets(), before + 3);
    it.home.run(&["logout"]).ok();
    it.home.run(&["get"]).refused(4);
    assert_eq!(gets(), before + 3);
}
