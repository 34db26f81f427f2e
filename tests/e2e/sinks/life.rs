//! What stands in a sink, when it comes, and when it goes.

use super::{holds_token, own, sink, until_gone, until_holds, until_noted, with_sinks};
use crate::{LoggedIn, login, mode, profile, read_json, token_file};
use e2e::{Cluster, Daemon, Home, until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use wire::State;

#[test]
fn each_holds_what_it_says_with_its_mode_and_follows_every_renewal() {
    let home = Home::new();
    let (pair, access, header) =
        (own(&home).join("pair.json"), own(&home).join("deep/access"), home.path().join("header"));
    let sinks = [
        sink(&pair, ""),
        sink(&access, "mode = \"0644\"\ncontent = \"access\""),
        sink(&header, "mode = \"0640\"\ncontent = \"header\""),
    ];
    let it = with_sinks(Cluster::start(&[]), home, "", &sinks);
    for _ in 0..3 {
        let token = it.token();
        until_holds(&it.daemon, &access, "the token", |text| text == format!("{token}\n"));
        until_holds(&it.daemon, &header, "the header", |text| {
            text == format!("Authorization: Bearer {token}\n")
        });
        until_holds(&it.daemon, &pair, "the pair", |text| text.contains(&token));
        let held = read_json(&pair);
        assert_eq!((&held["token_type"], held.as_object().unwrap().len()), (&json!("Bearer"), 3));
        assert_eq!(it.cluster.check(held["refresh_token"].as_str().unwrap())["kind"], "refresh");
        assert_eq!((mode(&pair), mode(&access), mode(&header)), (0o600, 0o644, 0o640));
        it.home.run(&["refresh", "--timeout", "1m"]).ok();
        assert_ne!(it.token(), token);
    }
    assert_eq!((mode(&own(&it.home)), mode(access.parent().unwrap())), (0o755, 0o755));
    assert_eq!(it.daemon.profile().notes, [""; 0]);
    // A file that is to take another's place is there for a moment.
    let names = |folder: &Path| fs::read_dir(folder).unwrap().count();
    until("nothing is left beside them", || {
        ((names(&own(&it.home)), names(access.parent().unwrap())) == (2, 1)).then_some(())
    });
    // The usual token file is none of theirs.
    assert!(!it.home.token_file().exists());
}

#[test]
fn a_dead_token_is_not_left_in_it_and_the_next_one_comes_back() {
    let home = Home::new();
    let (inside, outside) = (own(&home).join("pair.json"), home.path().join("token"));
    let sinks = [sink(&inside, ""), sink(&outside, "content = \"access\"")];
    let it = with_sinks(Cluster::start(&["--access-ttl", "3s"]), home, "", &sinks);
    until_holds(&it.daemon, &outside, "a token", |text| !text.is_empty());
    it.cluster.fault(&json!({"kind": "refuse"}));
    for path in [&inside, &outside] {
        until_gone(&it.daemon, path);
    }
    it.cluster.heal();
    let token = it.token();
    until_holds(&it.daemon, &outside, "a live token", |text| !text.is_empty());
    assert!(it.cluster.honours(&token));
    until_holds(&it.daemon, &inside, "a live pair", |text| text.contains("refresh_token"));
}

#[test]
fn with_the_daemon_goes_what_is_in_its_own_folder_and_nothing_else() {
    let home = Home::new();
    let (inside, outside) = (own(&home).join("token"), home.path().join("token"));
    let keys = "content = \"access\"";
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&inside, keys), sink(&outside, keys)]);
    let token = it.token();
    for path in [&inside, &outside] {
        until_holds(&it.daemon, path, "the token", holds_token(&token));
    }
    let LoggedIn { home, daemon, cluster } = it;
    assert!(daemon.stop().success());
    assert!(!inside.exists());
    assert_eq!(fs::read_to_string(&outside).unwrap().trim_end(), token);
    // The next daemon knows nobody's password; the token that was left may be used for as long as it lives.
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    assert!(cluster.honours(fs::read_to_string(&outside).unwrap().trim_end()));
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    let token = home.run(&["get"]).ok();
    for path in [&inside, &outside] {
        until_holds(&daemon, path, "the new token", holds_token(&token));
    }
    // One that is killed leaves both.
    daemon.kill();
    assert!(inside.exists() && outside.exists());
}

#[test]
fn what_a_daemon_that_was_killed_has_left_goes_when_its_token_dies() {
    let home = Home::new();
    let (pair, header) = (own(&home).join("pair"), own(&home).join("header"));
    let sinks = [sink(&pair, ""), sink(&header, "content = \"header\"")];
    let it = with_sinks(Cluster::start(&["--access-ttl", "3s"]), home, "", &sinks);
    until_holds(&it.daemon, &header, "a header", |text| !text.is_empty());
    until_holds(&it.daemon, &pair, "a pair", |text| !text.is_empty());
    let LoggedIn { home, daemon, cluster } = it;
    daemon.kill();
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    for path in [&pair, &header] {
        until_gone(&daemon, path);
    }
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_logout_deletes_them_all_before_it_is_answered() {
    let home = Home::new();
    let (inside, outside) = (own(&home).join("pair.json"), home.path().join("token"));
    let sinks = [sink(&inside, ""), sink(&outside, "content = \"access\"")];
    let it = with_sinks(Cluster::start(&[]), home, "", &sinks);
    for path in [&inside, &outside] {
        until_holds(&it.daemon, path, "a token", |text| !text.is_empty());
    }
    it.home.run(&["logout"]).ok();
    assert!(!inside.exists() && !outside.exists());
    login(&it.home, &it.cluster, "alice", "Alice-Pass1").ok();
    let token = it.token();
    until_holds(&it.daemon, &outside, "the new token", holds_token(&token));
    until_holds(&it.daemon, &inside, "the new pair", |text| text.contains(&token));
}

#[test]
fn a_reload_moves_changes_and_deletes_them() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let file = |name: &str| home.path().join(name);
    let (a, b, c) = (file("a"), file("b"), file("c"));
    let keys = "content = \"access\"";
    let table = profile("default", &cluster, "");
    let configure = |sinks: &[String]| home.configure(&(table.clone() + &sinks.concat()));
    configure(&[sink(&a, keys), sink(&b, keys)]);
    let daemon = Daemon::start(&home);
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    let token = home.run(&["get"]).ok();
    for path in [&a, &b] {
        until_holds(&daemon, path, "the token", holds_token(&token));
    }
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let before = inode(&b);
    configure(&[sink(&b, keys), sink(&c, "content = \"header\"")]);
    daemon.signal(Signal::SIGHUP);
    until_gone(&daemon, &a);
    until_holds(&daemon, &c, "the header", |text| text == format!("Authorization: Bearer {token}\n"));
    assert_eq!(inode(&b), before, "what has not changed is left alone");
    configure(&[sink(&b, "content = \"header\"\nmode = \"0640\""), sink(&c, "mode = \"0640\"")]);
    daemon.signal(Signal::SIGHUP);
    until_holds(&daemon, &b, "the header", |text| text.starts_with("Authorization: "));
    until_holds(&daemon, &c, "the pair", |text| text.contains("refresh_token"));
    assert_eq!((mode(&b), mode(&c)), (0o640, 0o640));
    home.configure(&profile("other", &cluster, ""));
    daemon.signal(Signal::SIGHUP);
    for path in [&b, &c] {
        until_gone(&daemon, path);
    }
}

#[test]
fn failing_ones_that_a_reload_took_out_were_said_to_be_kept_again() {
    let home = Home::new();
    let (missing, notes) = (home.path().join("missing/token"), home.path().join("notes.txt"));
    home.write(&notes, "buy milk\n");
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&missing, ""), sink(&notes, "")]);
    until_noted(&it.daemon, &["missing", "there is no folder"]);
    until_noted(&it.daemon, &["notes.txt", "holds no token"]);
    it.home.configure(&profile("default", &it.cluster, ""));
    it.daemon.signal(Signal::SIGHUP);
    it.daemon.until("no note", |profile| profile.notes.is_empty());
    assert!(it.daemon.stop().success());
    let log = fs::read_to_string(it.home.path().join("weka-tokend.log")).unwrap();
    assert!(!log.contains("kept again"), "{log}");
}

#[test]
fn another_account_takes_the_place_of_the_one_before() {
    let home = Home::new();
    let path = home.path().join("token");
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&path, "content = \"access\"")]);
    let token = it.token();
    until_holds(&it.daemon, &path, "alice's token", holds_token(&token));
    login(&it.home, &it.cluster, "admin", "Admin-Pass1").ok();
    let token = it.token();
    until_holds(&it.daemon, &path, "admin's token", holds_token(&token));
    assert_eq!(it.cluster.check(&token)["username"], "admin");
}

#[test]
fn a_pair_that_a_tool_has_renewed_in_place_is_used_from_now_on() {
    let home = Home::new();
    let (shared, copy) = (own(&home).join("pair.json"), home.path().join("token"));
    let keys = "token_file = \"~/tokens.json\"";
    let sinks = [sink(&shared, ""), sink(&copy, "content = \"access\"")];
    let it = with_sinks(Cluster::start(&[]), home, keys, &sinks);
    let token = it.token();
    until_holds(&it.daemon, &shared, "the pair", |text| text.contains(&token));
    let theirs = crate::weka_user_login(&it.cluster, "alice", "Alice-Pass1");
    let theirs: Value = serde_json::from_str(&theirs).unwrap();
    // As wekalib does: truncate, then write.
    fs::write(&shared, token_file(&theirs, &json!({"password_change_required": false}))).unwrap();
    let token = theirs["access_token"].as_str().unwrap();
    until_holds(&it.daemon, &copy, "the tool's token", holds_token(token));
    assert_eq!(it.token(), token);
    until_holds(&it.daemon, &it.home.path().join("tokens.json"), "the tool's token", |text| {
        text.contains(token)
    });
    assert_eq!(read_json(&shared)["refresh_token"], theirs["refresh_token"]);
    // Ours is renewed from theirs, and its other keys stay.
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    let token = it.token();
    until_holds(&it.daemon, &shared, "our token", |text| text.contains(&token));
    assert_eq!(read_json(&shared)["password_change_required"], false);
    // An old pair that is put back is put right.
    fs::write(&shared, token_file(&theirs, &json!({}))).unwrap();
    until_holds(&it.daemon, &shared, "our token again", |text| text.contains(&token));
    assert_eq!(it.token(), token);
}
