//! Wrong passwords and locked accounts: one attempt each, and silence while it would prolong the lockout.

use crate::{LoggedIn, at_once, login, login_with, profile};
use e2e::{Cluster, Daemon, Home};
use serde_json::json;
use std::time::Instant;
use wire::State;

/// A cluster that locks after two wrong passwords.
fn strict(lockout: &str, options: &[&str]) -> Cluster {
    let cluster = Cluster::start(options);
    cluster.set(&json!({"lockout_failures": 2, "lockout_duration": lockout}));
    cluster
}

/// A home whose daemon has been told of a lockout.
fn locked(cluster: &Cluster) -> (Home, Daemon) {
    let home = Home::new();
    home.configure(&profile("default", cluster, "username = \"alice\""));
    let daemon = Daemon::start(&home);
    // A short lockout may be over before one has looked.
    for _ in 0..20 {
        login(&home, cluster, "alice", "wrong").refused(4);
        if daemon.profile().state == State::LockedOut {
            return (home, daemon);
        }
    }
    panic!("not locked out: {:#?}", daemon.profile());
}

/// A lockout that began no earlier than at a moment lasts for so long, less what has gone by since.
#[track_caller]
fn assert_lasts(daemon: &Daemon, seconds: u64, began: Instant) {
    let left = daemon.profile().locked_for_s.expect("it is locked out");
    let gone = began.elapsed().as_secs() + 1;
    assert!((seconds.saturating_sub(gone)..=seconds + 1).contains(&left), "{left} of {seconds}");
}

#[test]
fn a_wrong_password_is_exit_4_after_exactly_one_attempt() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let words = login(&home, &cluster, "alice", "Wrong-Pass1").refused(4);
    assert!(words.contains("password") && !words.contains("Wrong-Pass1"), "{words}");
    assert_eq!(cluster.logins().len(), 1);
    home.run(&["get"]).refused(4);
    home.run(&["refresh"]).refused(4);
    assert_eq!(cluster.count("requests"), 1, "and nothing follows by itself");
}

#[test]
fn a_wrong_password_is_not_tried_at_the_other_endpoint() {
    let cluster = Cluster::start(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    login(&home, &cluster, "alice", "wrong").refused(4);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_lockout_says_until_when_and_nothing_is_sent_meanwhile() {
    let cluster = strict("5m", &[]);
    let began = Instant::now();
    let (home, daemon) = locked(&cluster);
    let sent = cluster.count("requests");
    assert_lasts(&daemon, 300, began);

    let words = home.run(&["get"]).refused(4);
    assert!(words.contains("until "), "{words}");
    // A person's login too: even the right password would only prolong it.
    let words = login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
    assert!(words.contains("locked"), "{words}");
    home.run(&["refresh"]).refused(4);
    let status = home.run(&["status"]);
    assert_eq!(status.status, 4);
    assert!(
        status.stdout.contains("locked-out") && status.stdout.contains("locked out for another"),
        "{status:?}"
    );
    assert_eq!(cluster.count("requests"), sent);
    assert_eq!(cluster.count("logins_locked"), u64::from(sent > 2));
}

/// What is said where a password would have been sent.
const SAID: [&str; 4] =
    ["locked the account", "for another ", "no password is sent meanwhile", "wait, then run: "];

#[test]
fn how_long_why_and_that_nothing_is_tried_is_said_wherever_one_looks() {
    let cluster = strict("5m", &[]);
    let (home, _daemon) = locked(&cluster);
    let sent = cluster.count("requests");
    let table = home.run(&["status"]).stdout;
    for words in [
        "locked-out",
        "default: the account is locked out for another ",
        "default: last error: ",
        "default: wait; nothing is sent to the cluster meanwhile",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    let json = crate::json(&home.run(&["status", "--json"]).stdout);
    let shown = &json["profiles"][0];
    assert_eq!(shown["state"], "locked-out");
    assert!((100..=300).contains(&shown["locked_for_s"].as_u64().unwrap()), "{shown}");
    assert!(shown["last_error"].as_str().unwrap().contains("locked"), "{shown}");
    for line in [
        &["get"][..],
        &["get", "--min-ttl", "1m", "--timeout", "30s"],
        &["refresh"],
        &["generate-token"],
        &["whoami"],
    ] {
        let words = home.run(line).refused(4);
        for expected in ["locked", "for another ", "until ", "nothing is sent to it meanwhile"] {
            assert!(words.contains(expected), "{line:?}: {expected}: {words}");
        }
    }
    let login = login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
    let passwd = home.run_with(&["passwd", "--password-stdin"], "Alice-Pass1\nAlice-Pass2\n").refused(4);
    for (words, said) in [&login, &passwd].into_iter().flat_map(|words| SAID.map(|said| (words, said))) {
        assert!(words.contains(said), "{said}: {words}");
    }
    assert_eq!(cluster.count("requests"), sent);
}

#[test]
fn a_lockout_outlives_a_restart_of_the_daemon() {
    let cluster = strict("5m", &[]);
    let began = Instant::now();
    let (home, daemon) = locked(&cluster);
    let sent = cluster.count("requests");
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&home);
    daemon.until("still locked out", |profile| profile.state == State::LockedOut);
    assert_lasts(&daemon, 300, began);
    home.run(&["get"]).refused(4);
    login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
    assert_eq!(cluster.count("requests"), sent);
}

#[test]
fn after_the_lockout_a_login_works() {
    let cluster = strict("4s", &[]);
    let (home, daemon) = locked(&cluster);
    daemon.until("the lockout is over", |profile| profile.state != State::LockedOut);
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn one_profiles_lockout_is_nothing_to_another() {
    let cluster = strict("5m", &[]);
    let (home, daemon) = locked(&cluster);
    login_with(&home, &cluster, "admin", "Admin-Pass1", &["-p", "admin"]).ok();
    assert!(cluster.honours(&home.run(&["get", "-p", "admin"]).ok()));
    assert_eq!(daemon.named("default").state, State::LockedOut);
}

#[test]
fn locked_while_refreshing_the_token_is_served_while_it_lives_and_comes_back_by_itself() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "12s"]));
    let fault = json!({"kind": "status", "status": 403, "locked_for": "4s", "count": 1});
    it.cluster.fault(&fault);
    it.home.run(&["refresh", "--timeout", "1s"]);
    let before = it.daemon.profile().refreshes_total;
    it.daemon.until("a failure", |profile| profile.refresh_failures_total >= 1);
    assert!(it.cluster.honours(&it.token()));
    let refused = it.cluster.requests("path=/api/v2/login/refresh&status=403");
    assert_eq!(refused.len(), 1, "403 is no reason to try again at once");
    it.daemon.until("renewed by itself", |profile| profile.refreshes_total > before);
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.cluster.count("logins_ok"), 1);
    let refused_at = refused[0]["real_ms"].as_u64().unwrap();
    let later = it.cluster.requests(&format!("path=/api/v2/login/refresh&after={}", refused[0]["seq"]));
    let next_at = later[0]["real_ms"].as_u64().unwrap();
    assert!(next_at - refused_at >= 3_900, "nothing is sent during a lockout");
}

#[test]
fn a_403_that_does_not_say_how_long_counts_125_seconds() {
    let cluster = Cluster::start(&[]);
    cluster.fault(&json!({"kind": "status", "status": 403, "path": "/api/v2/login"}));
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    let began = Instant::now();
    login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
    assert_lasts(&daemon, 125, began);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn two_wrong_logins_by_a_person_are_two_attempts() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    login(&home, &cluster, "alice", "wrong").refused(4);
    login(&home, &cluster, "alice", "wrong").refused(4);
    assert_eq!(cluster.count("logins_failed"), 2, "a person may repeat a password");
}

#[test]
fn get_says_at_once_that_the_account_is_locked() {
    let cluster = strict("5m", &[]);
    let (home, _daemon) = locked(&cluster);
    // No test waits for that long.
    home.run(&["get", "--timeout", "1h"]).refused(4);
}

#[test]
fn a_lockouts_words_are_read_in_every_form_that_clusters_use() {
    let cases = [
        (
            "Authentication Failed. User has been locked out for another 1m55s due to too many login attempts",
            115,
        ),
        ("User has been locked out for another 90s", 90),
        ("user has been LOCKED OUT for another 2 minutes", 120),
        ("Locked out for another 45 seconds", 45),
        ("Locked out for another 1h", 3600),
    ];
    at_once(&cases, |(words, seconds)| {
        for body in [json!({"data": words}), json!({"message": words})] {
            let cluster = Cluster::start(&[]);
            cluster.fault(&json!({"kind": "status", "status": 403, "body": body, "path": "/api/v2/login"}));
            let home = Home::new();
            home.configure(&profile("default", &cluster, ""));
            let daemon = Daemon::start(&home);
            let began = Instant::now();
            login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
            assert_lasts(&daemon, *seconds, began);
        }
    });
}

/// The README promised that an admin's unlock would help: the daemon waits for the time that the cluster has named.
#[test]
fn an_admins_unlock_was_promised_to_help_at_once() {
    let cluster = strict("5m", &[]);
    let (home, _daemon) = locked(&cluster);
    let sent = cluster.logins().len();
    cluster.control("POST", "/unlock", &json!({}));
    let words = login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
    assert!(words.contains("has locked the account"), "{words}");
    assert_eq!(cluster.logins().len(), sent, "nothing was sent");
    let readme = include_str!("../../README.md");
    let row = readme.lines().find(|line| line.starts_with("| `locked-out`")).unwrap();
    assert!(row.contains("wait until then, also where an admin unlocks"), "{row}");
}
