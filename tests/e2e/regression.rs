//! What once went wrong, and must not again.

use crate::{LoggedIn, json, login, login_with, password_file, profile, weka_user_login};
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use std::fs;
use wire::State;

#[test]
fn a_refused_password_was_forgotten_by_a_crash_right_after_its_refusal() {
    let cluster = Cluster::start(&[]);
    let (home, _) = password_file(&cluster, "Old-Pass1");
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
    let (home, _) = password_file(&cluster, "Alice-Pass1");
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

#[test]
fn a_profiles_token_file_was_seized_by_profile_default() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "prod", "--token-file"]).ok();
    home.run(&["get", "-p", "prod"]).ok();
    home.run(&["get", "-p", "default"]).refused(4);
    assert_eq!(cluster.count("refreshes_failed"), 0);
}

#[test]
fn a_reload_undid_a_login_that_was_not_saved() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--no-save"]).ok();
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--no-save", "-p", "extra"]).ok();
    daemon.signal(Signal::SIGHUP);
    daemon.until("the configuration was read again", |_| daemon.log().contains("read again"));
    for profile in ["default", "extra"] {
        let token = home.run(&["get", "-p", profile]).ok();
        assert!(cluster.honours(&token), "{profile}");
        home.run(&["refresh", "-p", profile, "--timeout", "20s"]).ok();
    }
}

#[test]
fn a_stale_pair_in_the_token_file_cost_a_good_login() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--token-file"]).ok();
    let stale = r#"{"access_token":"a.b.c","refresh_token":"stale","token_type":"Bearer"}"#;
    home.write(&home.token_file(), stale);
    daemon.until("the pair from before is in use again", |profile| {
        profile.refresh_failures_total >= 1 && profile.state == State::Ready
    });
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    assert_eq!(cluster.count("logins_ok"), 1);
}
