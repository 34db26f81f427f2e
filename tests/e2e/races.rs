//! Things that happen at the same time: logins, renewals, logouts, callers that leave or wait.

use crate::{LoggedIn, login, login_with, profile, read_json, weka_user_login};
use e2e::process::Process;
use e2e::until;
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use serde_json::json;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;
use wire::State;

/// A login under way, its password sent.
fn begin_login(home: &Home, user: &str, password: &str) -> Process {
    let mut command =
        home.weka_token(&["-q", "login", "--user", user, "--password-stdin", "--timeout", "30s"]);
    let mut client = Process::start(command.stdin(Stdio::piped()).stderr(Stdio::null())).unwrap();
    client.child().stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    client
}

#[test]
fn a_client_that_leaves_does_not_cancel_its_login() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    cluster.fault(&json!({"kind": "slow", "delay_ms": 1000, "path": "/api/v2/login"}));
    let client = begin_login(&home, "alice", "Alice-Pass1");
    cluster.until_requests("path=/api/v2/login", 1);
    drop(client);
    daemon.until("logged in all the same", |profile| profile.state == State::Ready);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    assert_eq!(cluster.logins().len(), 1);
}

/// The client is stopped once the cluster has the request; the daemon has to notice what came of it by itself.
fn leaves_during(path: &str, arguments: &[&str], input: &str) -> LoggedIn {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.token();
    it.cluster.fault(&json!({"kind": "slow", "delay_ms": 1000, "path": path}));
    let mut client =
        Process::start(it.home.weka_token(arguments).stdin(Stdio::piped()).stderr(Stdio::null())).unwrap();
    client.child().stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    it.cluster.until_requests(&format!("path={path}"), 1);
    drop(client);
    it
}

#[test]
fn a_client_that_left_during_a_revocation_left_a_dead_token_to_be_handed_out() {
    let it = leaves_during("/api/v2/users/*", &["revoke-tokens", "--yes"], "");
    it.daemon.until("a login is needed", |profile| profile.state == State::LoginRequired);
    it.home.run(&["get"]).refused(4);
    assert_eq!(it.cluster.refreshes().len(), 0, "it was not found out by a failed renewal");
}

#[test]
fn a_client_that_left_during_logout_with_revoke_left_the_profile_logged_in() {
    let it = leaves_during("/api/v2/users/*", &["logout", "--revoke"], "");
    it.daemon.until("logged out", |profile| profile.state == State::LoggedOut);
    it.home.run(&["get"]).refused(4);
    assert_eq!(it.cluster.refreshes().len(), 0);
}

#[test]
fn a_client_that_left_during_a_change_of_password_left_the_old_tokens() {
    let it = leaves_during(
        "/api/v2/users/password",
        &["passwd", "--password-stdin"],
        "Admin-Pass1\nNew-Secret-9\n",
    );
    it.cluster.until_requests("path=/api/v2/login", 2);
    until("a token of the new password", || it.cluster.honours(&it.token()).then_some(()));
    assert_eq!((it.cluster.count("logins_ok"), it.cluster.refreshes().len()), (2, 0));
    assert_eq!(it.daemon.profile().state, State::Ready);
}

#[test]
fn an_end_waited_for_a_login_that_was_answered_too_late() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    cluster.fault(&json!({"kind": "status", "status": 502, "path": "/api/v2/login"}));
    login(&home, &cluster, "alice", "Alice-Pass1").refused(5);
    let began = std::time::Instant::now();
    daemon.stop();
    // It was the whole 15 s for which the answer might have come; the service manager kills after 10.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_login_during_a_renewal_takes_its_turn_and_wins() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "10s"]));
    it.cluster.fault(&json!({"kind": "slow", "delay_ms": 1500, "path": "/api/v2/login/refresh", "count": 1}));
    let mut refresh = Process::start(it.home.weka_token(&["-q", "refresh"]).stderr(Stdio::null())).unwrap();
    it.cluster.until_requests("path=/api/v2/login/refresh", 1);
    login(&it.home, &it.cluster, "admin", "Admin-Pass1").ok();
    assert!(refresh.ended_within(Duration::from_secs(60)).is_some());
    assert_eq!(it.cluster.check(&it.token())["username"], "admin");
    let before = it.daemon.profile().refreshes_total;
    it.daemon.until("another renewal", |profile| profile.refreshes_total > before);
    assert_eq!(it.cluster.check(&it.token())["username"], "admin");
}

#[test]
fn a_logout_during_a_renewal_lasts() {
    let cluster = Cluster::start(&["--access-ttl", "10s"]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--token-file"]).ok();
    // Longer than it takes to log out, on whatever machine: nobody waits for it.
    cluster.fault(&json!({"kind": "slow", "delay_ms": 20_000, "path": "/api/v2/login/refresh"}));
    let mut refresh = Process::start(home.weka_token(&["-q", "refresh"]).stderr(Stdio::null())).unwrap();
    cluster.until_requests("path=/api/v2/login/refresh", 1);
    home.run(&["logout"]).ok();
    assert!(!home.token_file().exists());
    cluster.until_requests("path=/api/v2/login/refresh&complete=true", 1);
    let ended = refresh.ended_within(Duration::from_secs(60)).unwrap();
    assert!(!ended.success());
    // The answer has come or its connection is closed. What comes of the next one comes after it.
    login(&home, &cluster, "alice", "Wrong-Pass1").refused(4);
    assert_eq!(daemon.profile().state, State::LoggedOut);
    assert!(!home.token_file().exists(), "a renewal that comes late brings nothing back");
    home.run(&["get", "--timeout", "1s"]).refused(4);
}

#[test]
fn two_logins_at_once_are_both_answered_and_each_sent_once() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    cluster.fault(&json!({"kind": "slow", "delay_ms": 500, "path": "/api/v2/login"}));
    let mut both = [begin_login(&home, "alice", "Alice-Pass1"), begin_login(&home, "admin", "Admin-Pass1")];
    for client in &mut both {
        assert!(client.ended_within(Duration::from_secs(60)).unwrap().success(), "{}", daemon.log());
    }
    assert_eq!(cluster.logins().len(), 2);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn every_waiting_caller_is_answered_by_its_own_deadline() {
    let it = LoggedIn::configured(Cluster::start(&["--access-ttl", "2s"]), "request_timeout = \"10m\"");
    it.cluster.fault(&json!({"kind": "hang"}));
    it.daemon.until("no token", |profile| profile.access_expires_in_s.is_none());
    crate::at_once(&[1, 2, 3, 4], |seconds| {
        let ran = it.home.run(&["get", "--timeout", &format!("{seconds}s")]);
        let (least, most) =
            (Duration::from_secs(*seconds) - Duration::from_millis(100), Duration::from_secs(seconds + 60));
        assert!((least..most).contains(&ran.took), "{seconds}: {ran:?}");
        ran.refused(5);
    });
    let ran = it.home.run(&["get", "--timeout", "0"]);
    assert!(ran.took < Duration::from_secs(60), "{ran:?}");
    ran.refused(5);
}

#[test]
fn no_token_is_handed_out_with_less_than_a_tenth_of_its_life() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "10s"]));
    // Through the whole lives of some.
    while it.daemon.profile().refreshes_total < 3 {
        let began = std::time::Instant::now();
        let shown = crate::json(&it.home.run(&["get", "--format", "json"]).ok());
        let left =
            it.cluster.check(shown["access_token"].as_str().unwrap())["remaining_ms"].as_u64().unwrap();
        // The cluster's own clock is read a moment after the daemon's.
        let at_least = Duration::from_secs(1).saturating_sub(began.elapsed());
        assert!(Duration::from_millis(left + 1) >= at_least, "{left} of {at_least:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_node_that_hangs_with_the_lock_in_its_hand_stops_no_other_node() {
    let cluster = Cluster::start(&["--access-ttl", "8s"]);
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    home.configure(&profile("default", &cluster, ""));
    let hung = Daemon::start(&home);
    hung.until("ready", |profile| profile.state == State::Ready);
    cluster.fault(&json!({"kind": "hang", "path": "/api/v2/login/refresh", "count": 1}));
    let _refresh = Process::start(home.weka_token(&["-q", "refresh"]).stderr(Stdio::null())).unwrap();
    cluster.until_requests("path=/api/v2/login/refresh", 1);
    hung.signal(Signal::SIGSTOP);

    let other = Daemon::spawn(&home, &home.path().join("other/agent.sock"), &[]);
    let socket = other.socket().to_str().unwrap().to_owned();
    while other.profile().refreshes_total < 2 {
        let ran = home.run(&["--socket", &socket, "get", "--timeout", "20s"]);
        assert_eq!(ran.status, 0, "{ran:?}\n{}", other.log());
        assert!(cluster.honours(ran.stdout.trim()), "{}", cluster.check(ran.stdout.trim()));
        std::thread::sleep(Duration::from_millis(200));
    }
    hung.signal(Signal::SIGCONT);
    hung.until("the pair of the other", |_| {
        home.run(&["get", "--timeout", "5s"]).stdout.trim() == read_json(&home.token_file())["access_token"]
    });
}
