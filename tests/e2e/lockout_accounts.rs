//! A lockout is that of an account, not of a profile: another account may log in, and the locked one may not, from
//! wherever it is tried.

use crate::{login, login_with, profile};
use e2e::{Cluster, Daemon, Home, Terminal};
use serde_json::json;
use wire::State;

/// A cluster that locks at the first wrong password, and a home whose profile has met that as alice.
fn alice_locked(options: &[&str]) -> (Cluster, Home, Daemon) {
    let cluster = Cluster::start(options);
    cluster.set(&json!({"lockout_failures": 1, "lockout_duration": "5m"}));
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    for _ in 0..2 {
        login(&home, &cluster, "alice", "wrong").refused(4);
    }
    daemon.until("locked out", |profile| profile.state == State::LockedOut);
    (cluster, home, daemon)
}

#[track_caller]
fn is_held_back(home: &Home, cluster: &Cluster, username: &str, options: &[&str]) {
    let sent = cluster.logins().len();
    let words = login_with(home, cluster, username, "Alice-Pass1", options).refused(4);
    assert!(words.contains("has locked the account") && words.contains("no password is sent"), "{words}");
    assert_eq!(cluster.logins().len(), sent, "nothing was sent");
}

#[test]
fn another_account_was_held_back_by_the_lockout_of_one() {
    let (cluster, home, daemon) = alice_locked(&[]);
    login(&home, &cluster, "admin", "Admin-Pass1").ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    let shown = daemon.profile();
    assert_eq!((shown.state, shown.locked_for_s), (State::Ready, None));
    assert!(shown.notes[0].contains("alice (organization Root) is locked out until"), "{shown:?}");
    home.run(&["refresh"]).ok();
    home.run(&["generate-token"]).ok();
}

#[test]
fn another_organizations_user_of_the_same_name_is_another_account() {
    let (cluster, home, _daemon) = alice_locked(&[]);
    login_with(&home, &cluster, "alice", "wrong", &["--org", "research"]).refused(4);
    assert_eq!(cluster.logins().len(), 3, "it was sent");
    login_with(&home, &cluster, "bob", "Bob-Pass1", &["--org", "research"]).ok();
}

#[test]
fn the_lockout_of_one_account_was_forgotten_when_another_logged_in() {
    let (cluster, home, daemon) = alice_locked(&[]);
    login(&home, &cluster, "admin", "wrong").refused(4);
    is_held_back(&home, &cluster, "alice", &[]);
    let words = login(&home, &cluster, "admin", "Admin-Pass1").refused(4);
    assert!(words.contains("locked"), "the cluster has locked admin, too: {words}");
    is_held_back(&home, &cluster, "admin", &[]);
    login_with(&home, &cluster, "bob", "Bob-Pass1", &["--org", "research"]).ok();
    for username in ["alice", "admin"] {
        is_held_back(&home, &cluster, username, &["--org", "Root"]);
    }
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&home);
    for username in ["alice", "ALICE", "admin"] {
        is_held_back(&home, &cluster, username, &["--org", "root"]);
    }
    daemon.kill();
    let _daemon = Daemon::start(&home);
    is_held_back(&home, &cluster, "alice", &["--org", "Root"]);
    login_with(&home, &cluster, "bob", "Bob-Pass1", &["--org", "research"]).ok();
}

#[test]
fn a_locked_account_is_locked_at_every_endpoint_of_its_cluster_and_at_no_other_cluster() {
    let (cluster, home, _daemon) = alice_locked(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    let sent = cluster.logins().len();
    for endpoint in &cluster.endpoints {
        let arguments = [
            "login",
            "--user",
            "alice",
            "--password-stdin",
            "--endpoint",
            endpoint,
            "--fingerprint",
            &cluster.fingerprint,
        ];
        home.run_with(&arguments, "Alice-Pass1\n").refused(4);
    }
    assert_eq!(cluster.logins().len(), sent);
    let elsewhere = Cluster::start(&[]);
    login(&home, &elsewhere, "alice", "Alice-Pass1").ok();
    assert!(elsewhere.honours(&home.run(&["get"]).ok()));
    is_held_back(&home, &cluster, "alice", &[]);
}

#[test]
fn a_locked_account_was_tried_from_another_profile() {
    let (cluster, home, _daemon) = alice_locked(&[]);
    is_held_back(&home, &cluster, "alice", &["-p", "other"]);
    login_with(&home, &cluster, "admin", "Admin-Pass1", &["-p", "other"]).ok();
    is_held_back(&home, &cluster, "alice", &["-p", "other"]);
}

#[test]
fn a_profile_that_a_locked_login_would_have_made_was_forgotten_and_the_lockout_with_it() {
    let cluster = Cluster::start(&[]);
    cluster.set(&json!({"lockout_failures": 1, "lockout_duration": "5m"}));
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    for _ in 0..2 {
        login_with(&home, &cluster, "alice", "wrong", &["-p", "new"]).refused(4);
    }
    is_held_back(&home, &cluster, "alice", &["-p", "new"]);
    login_with(&home, &cluster, "admin", "Admin-Pass1", &["-p", "new"]).ok();
}

#[test]
fn at_a_terminal_the_user_is_asked_for_before_it_is_said_that_the_account_is_locked() {
    let (cluster, home, _daemon) = alice_locked(&[]);
    let sent = cluster.logins().len();
    let mut terminal = Terminal::run(&home.weka_token(&["login"]));
    terminal.expect("Organization");
    terminal.type_in("\n");
    terminal.expect("User");
    terminal.type_in("alice\n");
    let seen = terminal.expect("no password is sent meanwhile");
    assert!(!seen.contains("Password of"), "{seen}");
    assert_eq!(terminal.finish().0, 4);
    let mut terminal = Terminal::run(&home.weka_token(&["login", "--org", "Root"]));
    terminal.expect("User");
    terminal.type_in("admin\n");
    terminal.expect("Password of admin");
    terminal.type_in("Admin-Pass1\n");
    terminal.expect("logged in to");
    assert_eq!(terminal.finish().0, 0);
    assert_eq!(cluster.logins().len(), sent + 1);
}

#[test]
fn what_an_older_daemon_remembered_of_a_lockout_is_the_profiles() {
    let (cluster, home, daemon) = alice_locked(&[]);
    login(&home, &cluster, "admin", "Admin-Pass1").ok();
    assert!(daemon.stop().success());
    let folder = home.path().join(".local/state/weka-token");
    let host = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let file = host.join("default.json");
    let mut kept = crate::read_json(&file);
    assert!(kept["locked_until"].is_i64() && kept["locked"][0]["account"]["username"] == "alice", "{kept}");
    kept.as_object_mut().unwrap().remove("locked");
    std::fs::write(&file, kept.to_string()).unwrap();
    let daemon = Daemon::start(&home);
    daemon.until("locked out", |profile| profile.state == State::LockedOut);
    is_held_back(&home, &cluster, "admin", &[]);
}
