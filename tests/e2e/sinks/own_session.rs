//! Sinks with a login of their own: a pair that is nobody else's, and never one wrong password more than without them.

use super::until_noted;
use crate::{login, profile, read_json, renew, token_file};
use e2e::{Cluster, Daemon, Home, until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wire::State;

/// A home whose profile takes alice's password from a file and has one sink of its own session, and one of the profile's.
fn configured(cluster: &Cluster, password: &str) -> (Home, PathBuf, PathBuf) {
    let home = Home::new();
    home.write("password".as_ref(), &format!("{password}\n"));
    let (own, shared) = (home.path().join("own.json"), home.path().join("shared"));
    let keys = format!("username = \"alice\"\npassword = {{ file = {:?} }}", home.path().join("password"));
    let sinks = format!(
        "[[profile.default.sink]]\npath = {own:?}\nsession = \"own\"\n\
         [[profile.default.sink]]\npath = {shared:?}\ncontent = \"access\"\n"
    );
    home.configure(&(profile("default", cluster, &keys) + &sinks));
    (home, own, shared)
}

/// The pair in a file, as soon as it is another one than `before`.
fn next_pair(path: &Path, before: &Value) -> Value {
    next_pair_since(path, before).0
}

/// The same, and when it was not yet there.
fn next_pair_since(path: &Path, before: &Value) -> (Value, Instant) {
    let mut looked = Instant::now();
    until(&format!("another pair in {}", path.display()), || {
        let since = std::mem::replace(&mut looked, Instant::now());
        let pair: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        (pair["access_token"] != before["access_token"]).then_some((pair, since))
    })
}

/// Renews the pair in a file as a tool does that keeps the new one to itself; answers both. The daemon renews it as well,
/// at any moment, and may be first.
fn use_up(home: &Home, cluster: &Cluster, path: &Path) -> (Value, Value) {
    let mut pair = next_pair(path, &json!({}));
    loop {
        match renew(home, cluster, &pair) {
            Some(renewed) => return (pair, renewed),
            None => pair = next_pair(path, &pair),
        }
    }
}

#[test]
fn its_pair_is_nobody_elses_and_kept_fresh_where_refresh_tokens_work_once() {
    let cluster = Cluster::start(&["--access-ttl", "3s", "--single-use-refresh"]);
    let (home, own, shared) = configured(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    let mut pair = json!({});
    for _ in 0..4 {
        let since;
        (pair, since) = next_pair_since(&own, &pair);
        let token = pair["access_token"].as_str().unwrap();
        assert!(cluster.honoured_at(token, since));
        // On a busy machine it may be away for a moment.
        let other = until("the profile's token", || fs::read_to_string(&shared).ok());
        assert_ne!(other.trim_end(), token);
        assert_ne!(home.run(&["get"]).ok(), token);
    }
    assert_eq!(cluster.logins().len(), 2, "one for the profile, one for the sink");
    assert_eq!(cluster.count("refreshes_failed"), 0);
    assert_eq!(daemon.profile().notes, [""; 0]);
    assert!(!fs::read_to_string(home.path().join("weka-tokend.log")).unwrap().contains("Alice-Pass1"));
}

#[test]
fn a_tool_that_renews_the_pair_on_its_own_is_followed_and_its_refresh_token_left_to_it() {
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let (home, own, shared) = configured(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    let first = next_pair(&own, &json!({}));
    cluster.set(&json!({"access_ttl": "4s"}));
    let mut theirs = renew(&home, &cluster, &first).unwrap();
    for _ in 0..3 {
        fs::write(&own, token_file(&theirs, &json!({}))).unwrap();
        // It stays until it is soon over, and then another one comes, not one of before.
        let (next, since) = next_pair_since(&own, &theirs);
        assert_ne!(next["access_token"], first["access_token"]);
        assert!(cluster.honoured_at(next["access_token"].as_str().unwrap(), since));
        // The tool has it all in memory, and goes on with that.
        theirs = renew(&home, &cluster, &theirs).unwrap();
    }
    assert_eq!(cluster.count("refreshes_failed"), 0);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    assert!(shared.exists());
    assert_eq!(daemon.profile().state, State::Ready);
}

#[test]
fn one_whose_refresh_token_was_used_up_behind_its_back_logs_in_again() {
    let cluster = Cluster::start(&["--access-ttl", "12s", "--single-use-refresh"]);
    let (home, own, _) = configured(&cluster, "Alice-Pass1");
    let _daemon = Daemon::start(&home);
    let (first, kept) = use_up(&home, &cluster, &own);
    let (next, since) = next_pair_since(&own, &first);
    assert_ne!(next["refresh_token"], kept["refresh_token"]);
    assert!(cluster.honoured_at(next["access_token"].as_str().unwrap(), since));
    assert_eq!((cluster.logins().len(), cluster.count("logins_ok")), (3, 3));
    renew(&home, &cluster, &kept).unwrap();
}

#[test]
fn a_wrong_password_is_sent_once_and_once_more_after_a_persons_login() {
    let cluster = Cluster::start(&[]);
    cluster.set(&json!({"lockout_failures": 2, "lockout_duration": "1h"}));
    let (home, own, shared) = configured(&cluster, "Wrong-Pass1");
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    assert_eq!(cluster.logins().len(), 1);
    // A person logs in, and gives the source another chance by that: the sink's session uses it up.
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    until("the token", || fs::read_to_string(&shared).ok());
    until_noted(&daemon, &[own.to_str().unwrap(), "login-required"]);
    assert_eq!((cluster.logins().len(), cluster.count("logins_failed")), (3, 2));
    assert!(!own.exists());
    for _ in 0..2 {
        home.run(&["refresh", "--timeout", "1m"]).ok();
    }
    assert_eq!(cluster.logins().len(), 3, "a renewal is no reason to send it again");
}

#[test]
fn one_that_may_not_log_in_while_its_profile_needs_a_person_tried_again_twice_a_minute() {
    let cluster = Cluster::start(&["--access-ttl", "12s", "--single-use-refresh"]);
    cluster.set(&json!({"lockout_failures": 9}));
    let (home, own, shared) = configured(&cluster, "Alice-Pass1");
    // The shared one holds the refresh token, too, so that it can be used up.
    let text = fs::read_to_string(home.config_file()).unwrap().replace("content = \"access\"\n", "");
    home.configure(&text);
    let daemon = Daemon::start(&home);
    next_pair(&own, &json!({}));
    let password = home.path().join("password");
    home.write(&password, "Wrong-Pass1\n");
    use_up(&home, &cluster, &shared);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    home.write(&password, "Alice-Pass1\n");
    let sent = cluster.logins().len();
    let (before, _) = use_up(&home, &cluster, &own);
    until_noted(&daemon, &[own.to_str().unwrap(), "login-required", "while its profile has no token"]);
    assert_eq!(cluster.logins().len(), sent, "that would be the profile's to do first");
    // It is told as soon as that has changed, which a caller may not ask for again at once.
    until("a renewal", || (home.run(&["refresh", "--timeout", "1m"]).status == 0).then_some(()));
    let (next, since) = next_pair_since(&own, &before);
    assert!(cluster.honoured_at(next["access_token"].as_str().unwrap(), since));
    assert_eq!(cluster.logins().len(), sent + 2);
}

#[test]
fn a_lockout_that_a_sinks_session_meets_holds_for_the_profile() {
    let cluster = Cluster::start(&["--access-ttl", "12s", "--single-use-refresh"]);
    let (home, own, _) = configured(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    next_pair(&own, &json!({}));
    cluster.set(&json!({"lockout_failures": 1, "lockout_duration": "1h"}));
    let elsewhere = Home::new();
    let stranger = Daemon::start(&elsewhere);
    login(&elsewhere, &cluster, "alice", "wrong").refused(4);
    drop(stranger);
    use_up(&home, &cluster, &own);
    daemon.until("locked out", |profile| profile.state == State::LockedOut);
    until_noted(&daemon, &[own.to_str().unwrap(), "locked-out"]);
    let sent = cluster.logins().len();
    login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&home);
    daemon.until("still locked out", |profile| profile.state == State::LockedOut);
    login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
    assert_eq!(cluster.logins().len(), sent, "it would only prolong the lockout\n{}", daemon.log());
}

#[test]
fn what_a_sinks_session_was_refused_with_the_profiles_never_sends() {
    let cluster = Cluster::start(&["--access-ttl", "12s", "--single-use-refresh"]);
    cluster.set(&json!({"lockout_failures": 2, "lockout_duration": "1h"}));
    let (home, own, _) = configured(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    next_pair(&own, &json!({}));
    // The password is another one now, and the sink's session is the first that needs it.
    cluster.control(
        "POST",
        "/users",
        &json!({"username": "alice", "password": "Later-Pass1", "role": "Regular"}),
    );
    use_up(&home, &cluster, &own);
    until_noted(&daemon, &[own.to_str().unwrap(), "login-required"]);
    assert_eq!(daemon.profile().state, State::Ready);
    assert_eq!(cluster.count("logins_failed"), 1);
    cluster.revoke_all();
    for _ in 0..2 {
        home.run(&["refresh", "--timeout", "20s"]).refused(4);
    }
    assert_eq!(daemon.profile().state, State::LoginRequired);
    assert_eq!((cluster.count("logins_failed"), cluster.count("logins_locked")), (1, 0));
}

#[test]
fn when_both_sessions_are_revoked_a_wrong_password_is_sent_once_for_both() {
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    cluster.set(&json!({"lockout_failures": 2, "lockout_duration": "1h"}));
    let (home, own, shared) = configured(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    next_pair(&own, &json!({}));
    cluster.control(
        "POST",
        "/users",
        &json!({"username": "alice", "password": "Later-Pass1", "role": "Regular"}),
    );
    cluster.revoke_all();
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    for path in [&own, &shared] {
        until("it is gone", || fs::symlink_metadata(path).err());
    }
    for _ in 0..3 {
        home.run(&["get", "--timeout", "30s"]).refused(4);
    }
    assert_eq!((cluster.count("logins_failed"), cluster.count("logins_locked")), (1, 0));
    let daemon = {
        drop(daemon);
        Daemon::start(&home)
    };
    home.run(&["get", "--timeout", "30s"]).refused(4);
    assert_eq!((cluster.count("logins_failed"), cluster.count("logins_locked")), (1, 0));
    home.write("password".as_ref(), "Later-Pass1\n");
    until("a token", || (home.run(&["get", "--timeout", "2s"]).status == 0).then_some(()));
    next_pair(&own, &json!({}));
    daemon.until("no note", |profile| profile.notes.iter().all(|note| !note.contains("own.json")));
    assert_eq!(cluster.count("logins_failed"), 1);
}

#[test]
fn a_logout_ends_it_and_a_login_begins_another() {
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    let (home, own, shared) = configured(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    let pair = next_pair(&own, &json!({}));
    home.run(&["logout"]).ok();
    assert!(!own.exists() && !shared.exists());
    let before = cluster.log().len();
    drop(daemon);
    let _daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    assert_eq!(cluster.log().len(), before, "nothing is sent after a logout");
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    next_pair(&own, &pair);
}

#[test]
fn a_reload_starts_and_ends_it_and_leaves_the_profile_alone() {
    let cluster = Cluster::start(&[]);
    let (home, own, shared) = configured(&cluster, "Alice-Pass1");
    let whole = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&whole.replace("session = \"own\"", ""));
    let daemon = Daemon::start(&home);
    let token = home.run(&["get"]).ok();
    let pair = next_pair(&own, &json!({}));
    assert_eq!(pair["access_token"], token);
    home.configure(&whole);
    daemon.signal(Signal::SIGHUP);
    let pair = next_pair(&own, &pair);
    let moved = home.path().join("moved.json");
    home.configure(&whole.replace("own.json", "moved.json"));
    daemon.signal(Signal::SIGHUP);
    assert_ne!(next_pair(&moved, &json!({}))["access_token"], pair["access_token"]);
    until("it is gone", || fs::symlink_metadata(&own).err());
    home.configure(&whole.replace("session = \"own\"", "").replace("own.json", "moved.json"));
    daemon.signal(Signal::SIGHUP);
    until("the profile's pair", || fs::read_to_string(&moved).ok().filter(|text| text.contains(&token)));
    assert_eq!(home.run(&["get"]).ok(), token);
    assert_eq!(fs::read_to_string(&shared).unwrap().trim_end(), token);
    assert_eq!(read_json(&moved)["access_token"], token);
    assert_eq!(cluster.logins().len(), 3);
}
