//! What once went wrong, and must not again.

use crate::{LoggedIn, json, login, profile, weka_user_login};
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use std::fs;
use wire::State;

#[test]
fn a_refused_password_was_forgotten_by_a_crash_right_after_its_refusal() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write("password".as_ref(), "Old-Pass1\n");
    let keys = format!("username = \"alice\"\npassword = {{ file = {:?} }}", home.path().join("password"));
    home.configure(&profile("default", &cluster, &keys));
    for _ in 0..3 {
        let daemon = Daemon::start(&home);
        home.run(&["get", "--timeout", "30s"]).refused(4);
        daemon.kill();
    }
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_logout_was_forgotten_by_a_crash_right_after_it() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write("password".as_ref(), "Alice-Pass1\n");
    let keys = format!("username = \"alice\"\npassword = {{ file = {:?} }}", home.path().join("password"));
    home.configure(&profile("default", &cluster, &keys));
    let daemon = Daemon::start(&home);
    home.run(&["get"]).ok();
    home.run(&["logout"]).ok();
    daemon.kill();
    let daemon = Daemon::start(&home);
    daemon.until("logged out", |profile| profile.state == State::LoggedOut);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_lockout_was_forgotten_by_a_crash_right_after_it() {
    let cluster = Cluster::start(&[]);
    cluster.set(&json!({"lockout_failures": 1, "lockout_duration": "5m"}));
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    login(&home, &cluster, "alice", "wrong").refused(4);
    if daemon.profile().state != State::LockedOut {
        login(&home, &cluster, "alice", "wrong").refused(4);
    }
    daemon.kill();
    let daemon = Daemon::start(&home);
    let sent = cluster.logins().len();
    daemon.until("locked out", |profile| profile.state == State::LockedOut);
    login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
    assert_eq!(cluster.logins().len(), sent);
}

#[test]
fn a_changed_user_in_the_configuration_left_the_other_users_tokens_in_use() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let text = fs::read_to_string(it.home.config_file()).unwrap();
    it.home.configure(&text.replace("alice", "admin"));
    it.daemon.signal(Signal::SIGHUP);
    it.daemon.until("the other user", |profile| profile.username.as_deref() == Some("admin"));
    let ran = it.home.run(&["get", "--timeout", "3s"]);
    assert_eq!(ran.status, 4, "these are alice's tokens, and the profile is admin's: {ran:?}");
}

#[test]
fn a_token_file_was_forgotten_when_its_profiles_mistyped_endpoint_was_mended() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let wrong = format!(
        "[profile.default]\nendpoints = [\"127.0.0.1:1\"]\nfingerprint = \"{}\"\n",
        cluster.fingerprint
    );
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    home.configure(&wrong);
    let daemon = Daemon::start(&home);
    daemon.until("unreachable", |profile| profile.state == State::Unreachable);
    home.configure(&profile("default", &cluster, ""));
    daemon.signal(Signal::SIGHUP);
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    assert!(home.token_file().exists());
}
