//! The socket: private, never taken from a live daemon, gone at the end.

use crate::{LoggedIn, mode};
use e2e::home::finish;
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};
use wire::{Request, Response, blocking};

#[test]
fn it_is_0600_in_a_folder_of_0700() {
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let socket = home.socket();
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    assert!(fs::symlink_metadata(&socket).unwrap().file_type().is_socket());
}

#[test]
fn a_second_daemon_is_refused_with_the_firsts_pid_and_the_first_goes_on() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let token = it.token();
    let words = finish(&mut it.home.weka_tokend(&[]), "").refused(1);
    assert!(words.contains(&format!("pid {}", it.daemon.pid())), "{words}");
    assert_eq!(it.token(), token);
    assert_eq!(it.daemon.status().daemon.pid, it.daemon.pid());
}

#[test]
fn of_many_daemons_started_at_once_one_lives() {
    let home = Home::new();
    let mut children: Vec<_> = (0..10)
        .map(|_| {
            e2e::process::Process::start(home.weka_tokend(&[]).stderr(std::process::Stdio::null())).unwrap()
        })
        .collect();
    let alive = e2e::until("all but one have ended", || {
        let alive =
            children.iter_mut().filter_map(|it| it.ended_within(Duration::ZERO).is_none().then_some(()));
        Some(alive.count()).filter(|alive| *alive <= 1)
    });
    assert_eq!(alive, 1);
    e2e::until("it answers", || (home.run(&["get"]).status == 4).then_some(()));
}

#[test]
fn a_dead_daemons_socket_is_replaced() {
    let home = Home::new();
    Daemon::start(&home).kill();
    assert!(home.socket().exists(), "a killed daemon leaves it");
    // There is no waiting: no test would do so for an hour.
    home.run(&["get", "--timeout", "1h"]).refused(3);
    let _daemon = Daemon::start(&home);
    home.run(&["get"]).refused(4);
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let home = Home::new();
    home.write(&home.socket(), "precious");
    let folder = home.socket().parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let words = finish(&mut home.weka_tokend(&[]), "").refused(1);
    assert!(words.contains(home.socket().to_str().unwrap()), "{words}");
    assert_eq!(fs::read_to_string(home.socket()).unwrap(), "precious");
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let home = Home::new();
    let folder = home.socket().parent().unwrap().to_owned();
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let words = finish(&mut home.weka_tokend(&[]), "").refused(1);
    assert!(words.contains("0777"), "{words}");
}

#[test]
fn sigterm_and_sigint_end_it_with_0_and_take_the_socket_away() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let it = LoggedIn::to(Cluster::start(&[]));
        let LoggedIn { home, daemon, .. } = it;
        daemon.signal(signal);
        assert!(daemon.stop().success());
        assert!(!home.socket().exists());
        home.run(&["get"]).refused(3);
    }
}

#[test]
fn requests_that_are_open_at_sigterm_are_answered() {
    // A daemon waits for two seconds at most. Where the machine stood still for as long, that says nothing of it.
    assert!((0..10).any(|_| is_answered_at_sigterm()));
}

/// `false` where it ended too late to tell.
fn is_answered_at_sigterm() -> bool {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "10s"]));
    it.cluster.fault(&json!({"kind": "slow", "delay_ms": 300, "path": "/api/v2/login/refresh"}));
    let seen = it.cluster.requests("").len();
    let mut open = UnixStream::connect(it.daemon.socket()).unwrap();
    blocking::send(&mut open, &Request::Refresh { profile: None, timeout_ms: 60_000 }).unwrap();
    it.cluster.until_requests("path=/api/v2/login/refresh", 1);
    assert!(it.cluster.requests("").len() > seen);
    let began = Instant::now();
    it.daemon.signal(Signal::SIGTERM);
    open.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let answer = blocking::receive(&mut open);
    assert!(it.daemon.stop().success());
    let in_time = began.elapsed() < Duration::from_secs(2);
    assert!(!in_time || matches!(answer, Ok(Response::Refreshed { .. })), "{answer:?}");
    in_time
}

#[test]
fn an_end_waits_for_open_requests_for_two_seconds_at_most() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "10s"]));
    it.cluster.fault(&json!({"kind": "hang"}));
    let mut open = UnixStream::connect(it.daemon.socket()).unwrap();
    blocking::send(&mut open, &Request::Refresh { profile: None, timeout_ms: 3_600_000 }).unwrap();
    it.cluster.until_requests("path=/api/v2/login/refresh", 1);
    // The request itself would wait for an hour.
    assert!(it.daemon.stop().success());
}

#[test]
fn a_long_poll_does_not_hold_up_the_end() {
    let home = Home::new();
    let daemon = Daemon::start(&home);
    let revision = daemon.status().revision;
    let mut open = UnixStream::connect(daemon.socket()).unwrap();
    let watch =
        Request::Status { profile: None, after_revision: Some(revision), wait_s: 50, after_name: None };
    blocking::send(&mut open, &watch).unwrap();
    let began = Instant::now();
    assert!(daemon.stop().success());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn another_socket_may_be_named_on_both_sides() {
    let home = Home::new();
    let socket = home.path().join("elsewhere/my.sock");
    let daemon = Daemon::spawn(&home, &socket, &[]);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    let text = socket.to_str().unwrap();
    home.run(&["--socket", text, "get"]).refused(4);
    let mut command = home.weka_token(&["get"]);
    finish(command.env("WEKA_TOKEN_SOCKET", text), "").refused(4);
    home.run(&["get"]).refused(3);
    assert_eq!(daemon.status().daemon.socket, text);
    drop(daemon);
    let mut command = home.weka_tokend(&[]);
    command.env("WEKA_TOKEN_SOCKET", &socket);
    let _daemon = Daemon::launch(command, &socket, &home.path().join("log"));
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_said() {
    let home = Home::new();
    let long = format!("{}/{}", home.path().display(), "x".repeat(120));
    let words = finish(&mut home.weka_tokend(&["--socket", &long]), "").refused(1);
    assert!(words.contains("--socket"), "{words}");
    let words = home.run(&["--socket", &long, "get"]).refused(1);
    assert!(words.contains(&long), "{words}");
}

#[test]
fn a_listener_that_never_answers_is_told_from_no_daemon() {
    let home = Home::new();
    let socket = home.path().join("mute.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let ran = home.run(&["--socket", socket.to_str().unwrap(), "get", "--timeout", "1s"]);
    assert!(ran.took < Duration::from_secs(60), "{ran:?}");
    assert!(ran.status == 1 || ran.status == 5, "{ran:?}");
}
