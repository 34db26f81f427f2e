//! Other writers of the token file: noticed at once and adopted, however they write.

use crate::{profile, read_json, token_file, weka_user_login};
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;
use wire::State;

/// A daemon that keeps alice's file, and admin's pair to put there.
fn two_logins(options: &[&str]) -> (Cluster, Home, Daemon, String) {
    let cluster = Cluster::start(options);
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    home.configure(&profile("default", &cluster, ""));
    let theirs = weka_user_login(&cluster, "admin", "Admin-Pass1");
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert_eq!(cluster.check(&home.run(&["get"]).ok())["username"], "alice");
    (cluster, home, daemon, theirs)
}

fn until_admin(cluster: &Cluster, home: &Home, daemon: &Daemon) {
    daemon.until("the other writer's pair is in use", |_| {
        cluster.check(&home.run(&["get"]).ok())["username"] == "admin"
    });
}

#[test]
fn a_rename_is_adopted() {
    let (cluster, home, daemon, theirs) = two_logins(&[]);
    let fresh = home.path().join(".weka/fresh");
    fs::write(&fresh, &theirs).unwrap();
    fs::rename(&fresh, home.token_file()).unwrap();
    until_admin(&cluster, &home, &daemon);
    assert_eq!(fs::read_to_string(home.token_file()).unwrap(), theirs, "and left as it is");
}

#[test]
fn a_rewrite_in_place_is_adopted() {
    let (cluster, home, daemon, theirs) = two_logins(&[]);
    fs::write(home.token_file(), &theirs).unwrap();
    until_admin(&cluster, &home, &daemon);
}

#[test]
fn a_slow_rewrite_in_place_is_left_alone_until_the_file_is_closed() {
    let (cluster, home, daemon, theirs) = two_logins(&["--access-ttl", "3s"]);
    // As wekalib does: truncate, then write, here in pieces and across a refresh.
    let (first, second) = theirs.split_at(theirs.len() / 2);
    let before = daemon.profile().refreshes_total;
    let mut file = File::create(home.token_file()).unwrap();
    file.write_all(first.as_bytes()).unwrap();
    file.sync_all().unwrap();
    daemon.until("a refresh has come by meanwhile", |profile| profile.refreshes_total > before);
    assert!(!home.run(&["get"]).ok().is_empty(), "gets go on meanwhile");
    assert_eq!(fs::read_to_string(home.token_file()).unwrap(), first, "it is not written over");
    file.write_all(second.as_bytes()).unwrap();
    drop(file);
    until_admin(&cluster, &home, &daemon);
}

#[test]
fn a_tool_that_refreshed_on_its_own_and_wrote_back_is_followed() {
    let (cluster, home, daemon, theirs) = two_logins(&["--single-use-refresh"]);
    fs::write(home.token_file(), &theirs).unwrap();
    until_admin(&cluster, &home, &daemon);
    home.run(&["refresh", "--timeout", "20s"]).ok();
    let pair = read_json(&home.token_file());
    let ours = home.run(&["get"]).ok();
    assert_eq!(pair["access_token"], ours);
    assert_eq!(cluster.count("refreshes_failed"), 0);
}

#[test]
fn a_deleted_folder_that_comes_back_is_watched_again() {
    let (cluster, home, daemon, theirs) = two_logins(&[]);
    fs::remove_dir_all(home.path().join(".weka")).unwrap();
    home.write(&home.token_file(), &theirs);
    until_admin(&cluster, &home, &daemon);
}

#[test]
fn a_login_elsewhere_ends_login_required() {
    let (cluster, home, daemon, _) = two_logins(&["--access-ttl", "2s"]);
    cluster.revoke_all();
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    fs::write(home.token_file(), weka_user_login(&cluster, "admin", "Admin-Pass1")).unwrap();
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_refresh_token_that_is_refused_makes_the_file_be_read_again() {
    // The pair in the file was renewed by another host, whose writes inotify does not see: here the daemon is
    // stopped while it happens, and the old refresh token is used up.
    let (cluster, home, daemon, theirs) = two_logins(&["--single-use-refresh"]);
    daemon.signal(nix::sys::signal::Signal::SIGSTOP);
    cluster.control("POST", "/revoke", &json!({"username": "alice"}));
    fs::write(home.token_file(), &theirs).unwrap();
    let mut command = home.weka_token(&["-q", "refresh", "--timeout", "60s"]);
    let mut refresh = Process::start(command.stderr(Stdio::null())).unwrap();
    daemon.signal(nix::sys::signal::Signal::SIGCONT);
    refresh.ended_within(Duration::from_secs(90)).expect("it ends");
    daemon.until("ready as admin", |_| {
        let ran = home.run(&["get"]);
        ran.status == 0 && cluster.check(ran.stdout.trim())["username"] == "admin"
    });
    assert_eq!(cluster.count("refreshes_failed"), 0, "the file was looked at first");
}

#[test]
fn what_others_add_to_the_file_is_kept() {
    // None is renewed while we write.
    let (_cluster, home, daemon, _) = two_logins(&[]);
    let pair = read_json(&home.token_file());
    fs::write(home.token_file(), token_file(&pair, &json!({"note": "mine"}))).unwrap();
    home.run(&["refresh", "--timeout", "1m"]).ok();
    let token = home.run(&["get"]).ok();
    assert_ne!(pair["access_token"], token);
    daemon.until("the new token is there", |_| read_json(&home.token_file())["access_token"] == token);
    assert_eq!(read_json(&home.token_file())["note"], "mine");
}

#[test]
fn an_old_pair_that_a_tool_writes_back_is_not_what_the_next_reader_finds() {
    let (cluster, home, daemon, _) = two_logins(&[]);
    let old = fs::read_to_string(home.token_file()).unwrap();
    home.run(&["refresh", "--timeout", "1m"]).ok();
    let ours = home.run(&["get"]).ok();
    for _ in 0..3 {
        fs::write(home.token_file(), &old).unwrap();
        daemon.until("the file holds the new pair again", |_| {
            let text = fs::read_to_string(home.token_file()).unwrap();
            serde_json::from_str::<Value>(&text).is_ok_and(|pair| pair["access_token"] == *ours)
        });
    }
    assert_eq!(home.run(&["get"]).ok(), ours, "the old one is not handed out");
    assert_eq!(cluster.count("refreshes_ok"), 1);
}
