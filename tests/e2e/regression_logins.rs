//! What once went wrong with logins, logouts and trust, and must not again.

use crate::{LoggedIn, login, login_with, password_file, profile, read_json, weka_user_login};
use e2e::process::Process;
use e2e::until::PATIENCE;
use e2e::{Cluster, Daemon, Home, until};
use nix::sys::signal::Signal;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use wire::State;

/// A login to a cluster under way, its password sent.
fn begin(home: &Home, cluster: &Cluster, password: &str, options: &[&str]) -> Process {
    let mut command = home.weka_token(&["-q", "login", "--password-stdin", "--endpoint", cluster.endpoint()]);
    command.args(["--fingerprint", &cluster.fingerprint]).args(options);
    let mut client = Process::start(command.stdin(Stdio::piped()).stderr(Stdio::null())).unwrap();
    client.child().stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    client
}

fn slow_logins(cluster: &Cluster, delay_ms: u32) {
    cluster.fault(&json!({"kind": "slow", "delay_ms": delay_ms, "path": "/api/v2/login"}));
}

#[test]
fn a_failed_login_of_a_new_profile_took_away_what_another_login_had_brought() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    slow_logins(&cluster, 500);
    let mut wrong = begin(&home, &cluster, "wrong", &["--user", "alice", "-p", "new"]);
    cluster.until_requests("path=/api/v2/login", 1);
    let mut right = begin(&home, &cluster, "Alice-Pass1", &["--user", "alice", "-p", "new"]);
    assert_eq!(wrong.ended_within(PATIENCE).unwrap().code(), Some(4));
    assert!(right.ended_within(PATIENCE).unwrap().success());
    assert!(cluster.honours(&home.run(&["get", "-p", "new"]).ok()));
}

#[test]
fn a_reload_during_the_first_login_of_a_new_profile_took_its_tokens_away() {
    // Where the machine stood still meanwhile, the one may be over before the other begins.
    assert!((0..10).any(|_| a_reload_comes_during_a_first_login()), "the reload never came first");
}

/// `false` where it did not.
fn a_reload_comes_during_a_first_login() -> bool {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    slow_logins(&cluster, 2000);
    let began = Instant::now();
    let mut client = begin(&home, &cluster, "Alice-Pass1", &["--user", "alice", "-p", "new"]);
    cluster.until_requests("path=/api/v2/login", 2);
    daemon.signal(Signal::SIGHUP);
    let ended = client.ended_within(PATIENCE).unwrap();
    // A request is given up after 6 s.
    if began.elapsed() > Duration::from_secs(5) || !daemon.log().contains("read again") {
        return false;
    }
    assert!(ended.success(), "{}", daemon.log());
    assert!(cluster.honours(&home.run(&["get", "-p", "new"]).ok()));
    true
}

#[test]
fn a_password_that_was_refused_for_a_mistyped_organisation_was_never_tried_again() {
    let cluster = Cluster::start(&[]);
    let (home, _) = password_file(&cluster, "Alice-Pass1");
    let right = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&format!("{right}org = \"Rooot\"\n"));
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    home.configure(&right);
    daemon.signal(Signal::SIGHUP);
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn restarts_sent_a_password_again_and_again_whose_login_got_no_answer() {
    let cluster = Cluster::start(&[]);
    cluster.fault(&json!({"kind": "lose-answer", "path": "/api/v2/login"}));
    let (home, file) = password_file(&cluster, "Wrong-Pass1");
    for round in 0..5 {
        let daemon = Daemon::start(&home);
        home.run(&["get", "--timeout", "3s"]).refused(5);
        // The account is not touched by a reload of what has not changed either.
        daemon.signal(Signal::SIGHUP);
        if round % 2 == 0 {
            daemon.kill();
        } else {
            assert!(daemon.stop().success());
        }
    }
    assert_eq!(cluster.logins().len(), 1, "five would lock the account");
    cluster.heal();
    home.write(&file, "Alice-Pass1\n");
    let daemon = Daemon::start(&home);
    daemon.until("another password is in no doubt", |profile| profile.state == State::Ready);
    assert_eq!(cluster.logins().len(), 2);
}

#[test]
fn a_caller_whose_time_was_up_during_the_writing_of_a_refusal_was_told_to_wait() {
    let cluster = Cluster::start(&[]);
    let (home, _) = password_file(&cluster, "Wrong-Pass1");
    let daemon = Daemon::start(&home);
    // Its slow hash is being computed from now on.
    until("it is refused", || daemon.log().contains("an exchange failed").then_some(()));
    home.run(&["get", "--timeout", "0"]).refused(4);
}

#[test]
fn the_first_login_of_a_profile_took_what_lay_in_its_token_file_to_its_cluster() {
    let [there, here] = [Cluster::start(&["--access-ttl", "1s"]), Cluster::start(&[])];
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(&there, "alice", "Alice-Pass1"));
    // The pair is older than its access token lives, as after a night.
    let left_over = read_json(&home.token_file());
    until("its end", || {
        (there.check(left_over["access_token"].as_str().unwrap())["standing"] == "expired").then_some(())
    });
    let daemon = Daemon::start(&home);
    daemon.until("its cluster is not known", |profile| profile.state != State::Starting);
    slow_logins(&here, 500);
    login_with(&home, &here, "alice", "wrong", &["-p", "new", "--token-file"]).refused(4);
    login_with(&home, &here, "alice", "Alice-Pass1", &["-p", "new", "--token-file"]).ok();
    assert!(here.refreshes().is_empty(), "{:?}", here.refreshes());
    let pair = read_json(&home.token_file());
    assert_eq!(
        pair["access_token"],
        home.run(&["get", "-p", "new"]).ok(),
        "the login's own pair is in the file"
    );
}

#[test]
fn a_failed_login_with_a_token_file_kept_the_default_profile_from_ever_taking_that_file_over() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "wrong", &["-p", "prod", "--token-file"]).refused(4);
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    daemon.until("it is taken over", |profile| profile.state == State::Ready);
    assert_eq!(home.run(&["get"]).ok(), read_json(&home.token_file())["access_token"]);
}

#[test]
fn a_reload_gave_the_default_profile_the_file_of_a_login_under_way() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    slow_logins(&cluster, 1500);
    let options = ["--user", "alice", "-p", "prod", "--token-file", "--no-save"];
    let mut client = begin(&home, &cluster, "Alice-Pass1", &options);
    cluster.until_requests("path=/api/v2/login", 1);
    home.configure(&profile("default", &cluster, "refresh_at = 0.7"));
    daemon.signal(Signal::SIGHUP);
    until("the reload", || daemon.log().contains("read again").then_some(()));
    assert!(client.ended_within(PATIENCE).unwrap().success());
    home.run(&["refresh", "-p", "prod"]).ok();
    let ours = home.run(&["get", "-p", "prod"]).ok();
    until("its pair in the file", || (read_json(&home.token_file())["access_token"] == *ours).then_some(()));
    home.run(&["get", "--timeout", "1s"]).refused(4);
}

#[test]
fn two_logins_under_way_were_promised_the_same_token_file() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    slow_logins(&cluster, 1500);
    let mut first = begin(&home, &cluster, "Alice-Pass1", &["--user", "alice", "-p", "one", "--token-file"]);
    cluster.until_requests("path=/api/v2/login", 1);
    let refusal =
        login_with(&home, &cluster, "admin", "Admin-Pass1", &["-p", "two", "--token-file"]).refused(2);
    assert!(refusal.contains("profile one is under way"), "{refusal}");
    assert!(first.ended_within(PATIENCE).unwrap().success());
    assert_eq!(home.run(&["get", "-p", "one"]).ok(), read_json(&home.token_file())["access_token"]);
    assert_eq!(cluster.logins().len(), 1);
}

/// A profile that fills a sink; the sink, and the profile's table without it.
fn with_a_sink() -> (LoggedIn, PathBuf, String) {
    let (cluster, home) = (Cluster::start(&[]), Home::new());
    let without = profile("default", &cluster, "username = \"alice\"");
    let sink = home.path().join("sink.json");
    home.configure(&format!("{without}[[profile.default.sink]]\npath = {sink:?}\n"));
    let it = LoggedIn::in_home(home, cluster, "alice", "Alice-Pass1");
    until("the sink", || sink.exists().then_some(()));
    (it, sink, without)
}

#[test]
fn a_login_under_way_brought_back_what_a_reload_had_taken_away() {
    let (it, sink, without) = with_a_sink();
    slow_logins(&it.cluster, 1500);
    let mut client = begin(&it.home, &it.cluster, "Admin-Pass1", &["--user", "admin"]);
    it.cluster.until_requests("path=/api/v2/login", 2);
    it.home.configure(&without);
    it.daemon.signal(Signal::SIGHUP);
    until("its end", || (!sink.exists()).then_some(()));
    assert!(client.ended_within(PATIENCE).unwrap().success());
    assert_eq!(it.cluster.check(&it.token())["username"], "admin", "what the login was about has come");
    it.home.run(&["refresh"]).ok();
    assert!(!sink.exists());
    assert!(fs::read_to_string(it.home.config_file()).unwrap().contains("username = \"admin\""));
}

#[test]
fn a_look_at_a_certificate_brought_back_what_a_reload_had_taken_away() {
    let (it, sink, without) = with_a_sink();
    // The client has had a look already; the one that counts is slow.
    it.cluster.fault(&json!({"kind": "slow", "delay_ms": 1500, "at": "connect", "skip": 1}));
    let mut client = Process::start(
        it.home.weka_token(&["-q", "trust", "--fingerprint", &it.cluster.fingerprint]).stderr(Stdio::null()),
    )
    .unwrap();
    until("the handshake", || {
        let faults = it.cluster.control("GET", "/faults", &serde_json::Value::Null);
        (faults[0]["hits"] == 1).then_some(())
    });
    it.home.configure(&without);
    it.daemon.signal(Signal::SIGHUP);
    until("its end", || (!sink.exists()).then_some(()));
    assert!(client.ended_within(PATIENCE).unwrap().success());
    it.cluster.heal();
    it.home.run(&["refresh"]).ok();
    assert!(!sink.exists());
}

#[test]
fn a_reload_during_a_login_took_its_pair_to_another_cluster() {
    let [here, there] = [Cluster::start(&[]), Cluster::start(&[])];
    let home = Home::new();
    home.configure(&profile("default", &here, "username = \"alice\""));
    let daemon = Daemon::start(&home);
    slow_logins(&here, 1500);
    let mut command = home.weka_token(&["-q", "login", "--password-stdin"]);
    let mut client = Process::start(command.stdin(Stdio::piped()).stderr(Stdio::null())).unwrap();
    client.child().stdin.take().unwrap().write_all(b"Alice-Pass1\n").unwrap();
    here.until_requests("path=/api/v2/login", 1);
    home.configure(&profile("default", &there, "username = \"alice\""));
    daemon.signal(Signal::SIGHUP);
    until("the reload", || daemon.log().contains("read again").then_some(()));
    assert!(client.ended_within(PATIENCE).unwrap().success());
    home.run(&["refresh"]).ok();
    assert!(here.honours(&home.run(&["get"]).ok()));
    assert_eq!((here.refreshes().len(), there.log().len()), (1, 0));
    let text = fs::read_to_string(home.config_file()).unwrap();
    assert!(text.contains(here.endpoint()) && text.contains(&here.fingerprint), "{text}");
}

#[test]
fn a_mistyped_profile_whose_login_nobody_waited_for_stayed_until_a_restart() {
    let it = LoggedIn::to(Cluster::start(&[]));
    slow_logins(&it.cluster, 1000);
    let client = begin(&it.home, &it.cluster, "wrong", &["--user", "alice", "-p", "tpyo"]);
    it.cluster.until_requests("path=/api/v2/login", 2);
    drop(client);
    let names = |profiles: &[wire::ProfileStatus]| {
        profiles.iter().map(|profile| profile.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&it.daemon.status().profiles), ["default", "tpyo"], "it is still under way");
    it.daemon.until_status("it is gone", |status| names(&status.profiles) == ["default"]);
}

#[test]
fn a_login_that_nobody_waited_for_or_that_came_late_left_a_profile_that_was_not_known_to_be_saved() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    slow_logins(&cluster, 2500);
    let client = begin(&home, &cluster, "Alice-Pass1", &["--user", "alice", "-p", "left"]);
    cluster.until_requests("path=/api/v2/login", 1);
    drop(client);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "late", "--timeout", "1"]).refused(5);
    for name in ["left", "late"] {
        daemon.until_named(name, "the answer came", |profile| profile.state == State::Ready);
        until("it is saved", || {
            fs::read_to_string(home.config_file()).ok()?.contains(&format!("[profile.{name}]")).then_some(())
        });
        until("that is known", || (home.run(&["profiles", "set-default", name]).status == 0).then_some(()));
    }
}

#[test]
fn trust_in_another_cluster_took_the_refresh_token_there() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let other = Cluster::start(&[]);
    let line = ["trust", "--endpoint", other.endpoint(), "--fingerprint", &other.fingerprint];
    it.home.run(&line).ok();
    it.home.run(&["refresh", "--timeout", "20s"]).refused(4);
    it.home.run(&["get"]).refused(4);
    assert!(other.requests("path=/api/v2/*").is_empty(), "{:?}", other.log());
}

#[test]
fn a_logout_that_could_not_revoke_did_not_say_that_nothing_was_done() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.cluster.fault(&json!({"kind": "refuse"}));
    let refusal = it.home.run(&["logout", "--revoke"]).refused(5);
    assert!(refusal.contains("still logged in"), "{refusal}");
    assert!(refusal.contains("leave --revoke out"), "the way that works now: {refusal}");
    it.home.run(&["get"]).ok();
    it.home.run(&["logout"]).ok();
}

#[test]
fn a_login_whose_answer_came_late_was_told_as_something_else_and_not_saved() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, "request_timeout = \"1m\""));
    let daemon = Daemon::start(&home);
    slow_logins(&cluster, 8000);
    let refusal = login_with(&home, &cluster, "alice", "Alice-Pass1", &["--timeout", "4"]).refused(5);
    assert!(refusal.contains(cluster.endpoint()), "the endpoint that was asked: {refusal}");
    assert!(!refusal.contains("tried again"), "nobody repeats a login: {refusal}");
    daemon.until("the answer came", |profile| profile.state == State::Ready);
    until("it is saved", || fs::read_to_string(home.config_file()).ok()?.contains("alice").then_some(()));
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_login_that_a_logout_overtook_left_its_settings_behind() {
    let it = LoggedIn::configured(Cluster::start(&[]), "request_timeout = \"1m\"");
    slow_logins(&it.cluster, 5000);
    let mut client = begin(&it.home, &it.cluster, "Bob-Pass1", &["--user", "bob", "--org", "research"]);
    it.cluster.until_requests("path=/api/v2/login", 2);
    it.home.run(&["logout"]).ok();
    assert_eq!(client.ended_within(PATIENCE).unwrap().code(), Some(4));
    it.cluster.until_requests("path=/api/v2/login&complete=true", 2);
    // The answer is on its way; what comes of the next one comes after it.
    it.cluster.heal();
    login(&it.home, &it.cluster, "alice", "Wrong-Pass1").refused(4);
    let shown = it.daemon.profile();
    assert_eq!(shown.username.as_deref(), Some("alice"), "{shown:?}");
    assert_eq!(shown.state, State::LoggedOut);
}

#[test]
fn a_refresh_that_is_forbidden_for_whatever_reason_kept_everybody_from_logging_in() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    it.cluster.fault(&json!({"kind": "status", "status": 403, "path": "/api/v2/login/refresh"}));
    it.daemon.until("it is refused", |profile| profile.refresh_failures_total >= 1);
    login(&it.home, &it.cluster, "alice", "Alice-Pass1").ok();
    assert_eq!(it.cluster.count("logins_ok"), 2);
}

#[test]
fn a_wait_that_the_cluster_had_asked_for_held_a_person_back() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    it.cluster.fault(&json!({"kind": "status", "status": 503, "retry_after": 300, "path": "/api/v2/login*"}));
    it.daemon.until("no token", |profile| profile.state == State::Unreachable);
    it.cluster.heal();
    login(&it.home, &it.cluster, "alice", "Alice-Pass1").ok();
    it.home.run(&["get"]).ok();
}

#[test]
fn wrong_values_of_a_login_were_failures_and_no_mistakes_of_usage() {
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let long = "x".repeat(70_000);
    let endpoints = ["ftp://a", "", "h:99999", "https://h/path?x=1", "http://192.0.2.1"];
    let lines = endpoints.map(|endpoint| vec!["--endpoint", endpoint, "--user", "alice"]);
    for options in lines.into_iter().chain([vec!["--user", ""], vec!["--user", &long]]) {
        let line = [&["login", "--password-stdin"], options.as_slice()].concat();
        let refusal = home.run_with(&line, "Alice-Pass1\n").refused(2);
        assert!(!refusal.contains("upgrade"), "{options:?}: {refusal}");
    }
}

#[test]
fn a_ca_file_that_is_not_there_was_told_as_a_cluster_that_is_down() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    for file in ["/nonexistent.pem", "/etc/passwd"] {
        let line = ["login", "--user", "alice", "--password-stdin", "--endpoint", cluster.endpoint()];
        let ran = home.run_with(&[line.as_slice(), &["--ca-file", file]].concat(), "Alice-Pass1\n");
        assert_ne!(ran.status, 0);
        assert!(ran.stderr.contains(file) && !ran.stderr.contains("cluster is up"), "{ran:?}");
    }
    assert!(cluster.logins().is_empty());
}
