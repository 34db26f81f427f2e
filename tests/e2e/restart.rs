//! Daemons that end, crash, stop and come back under waiting clients.

use crate::{LoggedIn, login_with, profile, weka_user_login};
use e2e::home::finish;
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use serde_json::json;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;
use wire::State;

#[test]
fn a_waiting_get_sees_no_restart() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let cluster = Cluster::start(&["--access-ttl", "1s"]);
        let home = Home::new();
        home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
        home.configure(&profile("default", &cluster, ""));
        cluster.fault(&json!({"kind": "hang"}));
        let daemon = Daemon::start(&home);
        daemon.until("the file's token is dead", |profile| {
            profile.state != State::Starting && profile.access_expires_in_s.is_none()
        });
        let mut command = home.weka_token(&["get", "--timeout", "40s"]);
        let mut get = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped())).unwrap();
        let ended = get.ended_within(Duration::from_millis(300));
        assert!(ended.is_none(), "{ended:?}: {}\n{}", rest(&mut get), daemon.log());
        daemon.signal(signal);
        if signal == Signal::SIGTERM {
            assert!(daemon.stop().success());
        } else {
            daemon.kill()
        }
        cluster.heal();
        cluster.set(&json!({"access_ttl": "5m"}));
        let daemon = Daemon::start(&home);
        let ended = get.ended_within(Duration::from_secs(60)).unwrap();
        assert!(ended.success(), "{signal}: {ended:?}\n{}", daemon.log());
    }
}

/// What a command that has ended said.
fn rest(process: &mut Process) -> String {
    let mut text = String::new();
    drop(process.child().stderr.take().unwrap().read_to_string(&mut text));
    text
}

#[test]
fn a_restart_goes_on_from_the_token_file_without_a_login() {
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let home = Home::new();
    let mut daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--token-file"]).ok();
    for round in 0..6 {
        if round % 2 == 0 {
            daemon.kill()
        } else {
            assert!(daemon.stop().success());
        }
        daemon = Daemon::start(&home);
        assert!(cluster.honours(&home.run(&["get"]).ok()));
        home.run(&["refresh", "--timeout", "20s"]).ok();
    }
    assert_eq!((cluster.count("logins_ok"), cluster.count("refreshes_failed")), (1, 0));
}

#[test]
fn tokens_that_were_in_memory_only_need_a_login_after_a_restart() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let LoggedIn { home, daemon, cluster } = it;
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    assert_eq!(daemon.profile().username.as_deref(), Some("alice"), "the rest is known");
    home.run(&["get"]).refused(4);
    home.run_with(&["login", "--password-stdin"], "Alice-Pass1\n").ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_daemon_that_does_not_move_is_given_up_soon_after_the_timeout() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.daemon.signal(Signal::SIGSTOP);
    let ran = it.home.run(&["get", "--timeout", "1s"]);
    it.daemon.signal(Signal::SIGCONT);
    assert!(ran.took < Duration::from_secs(60), "{ran:?}");
    assert!([1, 5].contains(&ran.status), "{ran:?}");
    assert_ne!(ran.stderr, "");
    it.token();
}

#[test]
fn wekas_own_variable_for_a_token_file_is_not_ours() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    home.write("theirs.json".as_ref(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    let mut command = home.weka_tokend(&[]);
    command.env("WEKA_TOKEN", home.path().join("theirs.json"));
    let _daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    let mut get = home.weka_token(&["get", "--timeout", "2s"]);
    finish(get.env("WEKA_TOKEN", home.path().join("theirs.json")), "").refused(4);
}
