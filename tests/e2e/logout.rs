//! `weka-token logout`: forgotten here, and with `--revoke` at the cluster too.

use crate::{LoggedIn, login, login_with, password_file, profile, weka_user_login};
use e2e::{Cluster, Daemon, Home};
use serde_json::json;
use wire::State;

#[test]
fn a_logout_forgets_the_tokens_and_sends_nothing() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "3s"]));
    // Another one, of the same life, by which time is told.
    let other = Cluster::start(&["--access-ttl", "3s"]);
    login_with(&it.home, &other, "alice", "Alice-Pass1", &["-p", "other"]).ok();
    let renewed = |times: u64| {
        let so_far = it.daemon.named("other").refreshes_total;
        it.daemon.until_named("other", "renewals", |profile| profile.refreshes_total >= so_far + times);
    };
    let token = it.token();
    it.home.run(&["logout"]).ok();
    assert_eq!(it.daemon.profile().state, State::LoggedOut);
    // What was on its way just then has arrived.
    renewed(1);
    let sent = it.cluster.count("requests");
    let words = it.home.run(&["get"]).refused(4);
    assert!(words.contains("weka-token login"), "{words}");
    it.home.run(&["refresh"]).refused(4);
    assert_eq!(it.home.run(&["status"]).status, 4);
    renewed(2);
    assert_eq!(it.cluster.count("requests"), sent, "nothing is renewed any more");
    assert_ne!(it.cluster.check(&token)["standing"], "revoked", "without --revoke the cluster is not told");
    login(&it.home, &it.cluster, "alice", "Alice-Pass1").ok();
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn revoke_ends_every_session_of_the_user_at_the_cluster() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let token = it.token();
    it.home.run(&["logout", "--revoke"]).ok();
    assert_eq!(it.cluster.check(&token)["standing"], "revoked");
    it.home.run(&["get"]).refused(4);
    assert_eq!(it.cluster.requests("method=DELETE").len(), 1);
}

#[test]
fn a_regular_user_may_not_revoke_and_stays_logged_in() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.home.run(&["logout", "--revoke"]).refused(6);
    assert!(it.cluster.honours(&it.token()), "what was asked was not done, so nothing is");
}

#[test]
fn revoke_at_a_cluster_that_is_away_fails_and_changes_nothing() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.cluster.fault(&json!({"kind": "refuse"}));
    it.home.run(&["logout", "--revoke", "--timeout", "2s"]).refused(5);
    it.cluster.heal();
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn a_logout_outlives_restarts_and_leaves_source_and_file_unused() {
    let cluster = Cluster::start(&[]);
    let (home, _) = password_file(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get"]).ok();
    home.run(&["logout"]).ok();
    assert!(daemon.stop().success());
    let sent = cluster.count("requests");
    let daemon = Daemon::start(&home);
    daemon.until("still logged out", |profile| profile.state == State::LoggedOut);
    home.run(&["get", "--timeout", "3s"]).refused(4);
    assert_eq!(cluster.count("requests"), sent, "the password source is left unused");
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_token_file_newer_than_the_logout_counts_as_a_login() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == State::Ready);
    home.run(&["logout"]).ok();
    assert!(!home.token_file().exists());
    // Whole seconds are what a file's date is compared by.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    home.write(&home.token_file(), &weka_user_login(&cluster, "admin", "Admin-Pass1"));
    daemon.until("ready again", |profile| profile.state == State::Ready);
    assert_eq!(cluster.check(&home.run(&["get"]).ok())["username"], "admin");
}

#[test]
fn a_logout_without_a_login_is_no_failure() {
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    home.run(&["logout"]).ok();
    home.run(&["logout"]).ok();
}
