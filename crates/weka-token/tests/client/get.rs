//! `get`: formats, options, repetition, pipes.

use crate::daemon::{Daemon, Reply, TOKEN, token};
use crate::program::{command, command_for, finish, run};
use std::fs::OpenOptions;
use std::process::Stdio;
use std::time::{Duration, Instant};
use wire::Request;

#[test]
fn a_token_and_a_newline_and_nothing_else() {
    let daemon = Daemon::always(token());
    let outcome = run(&daemon, &["get"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    assert_eq!(outcome.stdout, format!("{TOKEN}\n"));
    assert_eq!(daemon.requests(), [Request::Get { profile: None, min_ttl_s: None, timeout_ms: 10_000 }]);
}

#[test]
fn every_format_both_ways_in() {
    for (format, expected) in [
        ("raw", format!("{TOKEN}\n")),
        ("header", format!("Authorization: Bearer {TOKEN}\n")),
        ("curl", format!("header = \"Authorization: Bearer {TOKEN}\"\n")),
        ("env", format!("export WEKA_ACCESS_TOKEN='{TOKEN}'\n")),
        (
            "json",
            format!(
                "{{\"access_token\":\"{TOKEN}\",\"token_type\":\"Bearer\",\"expires_in\":252,\
                 \"profile\":\"default\",\"endpoint\":\"https://weka01:14000\",\"org\":\"Root\",\
                 \"username\":\"alice\"}}\n"
            ),
        ),
    ] {
        let daemon = Daemon::always(token());
        assert_eq!(run(&daemon, &["get", "--format", format]).stdout, expected);
        // Combined short options are left to clap.
        assert_eq!(run(&daemon, &["-qpprod", "get", "--format", format]).stdout, expected);
    }
}

#[test]
fn options_reach_the_daemon() {
    let daemon = Daemon::always(token());
    run(&daemon, &["-p", "prod", "get", "--min-ttl", "2m", "--timeout=1m30s"]);
    run(&daemon, &["get", "-qpprod", "--timeout", "0"]);
    assert_eq!(
        daemon.requests(),
        [
            Request::Get { profile: Some("prod".into()), min_ttl_s: Some(120), timeout_ms: 90_000 },
            Request::Get { profile: Some("prod".into()), min_ttl_s: None, timeout_ms: 0 },
        ]
    );
}

#[test]
fn the_profile_of_the_environment_yields_to_the_option() {
    let daemon = Daemon::always(token());
    let profile_asked_for = |arguments: &[&str]| {
        finish(command_for(&daemon, arguments).env("WEKA_TOKEN_PROFILE", "from-env"));
        match daemon.requests().last() {
            Some(Request::Get { profile, .. }) => profile.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(profile_asked_for(&["get"]).as_deref(), Some("from-env"));
    assert_eq!(profile_asked_for(&["get", "-p", "flag"]).as_deref(), Some("flag"));
}

#[test]
fn a_socket_is_found_in_the_runtime_folder() {
    let daemon = Daemon::always(token());
    let outcome = finish(command(&["get"]).env("XDG_RUNTIME_DIR", daemon.runtime_dir()));
    assert_eq!((outcome.status, outcome.stdout), (0, format!("{TOKEN}\n")), "{}", outcome.stderr);
}

#[test]
fn a_connection_that_ends_before_the_answer_is_made_again() {
    let daemon = Daemon::start(|_, number| match number {
        0 => Reply::Close,
        // Half an answer is none.
        1 => Reply::Bytes(vec![1, 200, 0, 0, 0, 0]),
        _ => Reply::Answer(token()),
    });
    let outcome = run(&daemon, &["get"]);
    assert_eq!((outcome.status, outcome.stdout), (0, format!("{TOKEN}\n")), "{}", outcome.stderr);
    let asked = daemon.requests();
    assert_eq!(asked.len(), 3);
    let last = asked.last().unwrap();
    assert!(matches!(last, Request::Get { timeout_ms, .. } if *timeout_ms < 10_000), "{last:?}");
}

#[test]
fn a_daemon_that_stops_listening_for_a_moment_is_waited_for() {
    let daemon = Daemon::start(|_, _| Reply::StopListening);
    let child = command_for(&daemon, &["get"]).spawn().unwrap();
    while daemon.requests().is_empty() {
        std::thread::yield_now();
    }
    daemon.listen_again(|_, _| Reply::Answer(token()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, format!("{TOKEN}\n").into_bytes());
}

#[test]
fn repetition_ends_with_the_timeout() {
    let daemon = Daemon::start(|_, _| Reply::Close);
    let began = Instant::now();
    let outcome = run(&daemon, &["get", "--timeout", "4"]);
    assert!(began.elapsed() >= Duration::from_millis(3700), "{:?}", began.elapsed());
    // Where nobody says how long, it is ten seconds; and each time there is less left.
    let left: Vec<_> = daemon
        .requests()
        .iter()
        .map(|request| match request {
            Request::Get { timeout_ms, .. } => *timeout_ms,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(left.len() > 2 && left[0] == 4000 && left.is_sorted_by(|a, b| a > b), "{left:?}");
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("ended the connection without an answer"), "{}", outcome.stderr);
    assert!((3..60).contains(&daemon.requests().len()), "{}", daemon.requests().len());
}

#[test]
fn no_time_means_no_repetition() {
    let daemon = Daemon::start(|_, _| Reply::Close);
    assert_eq!(run(&daemon, &["get", "--timeout", "0"]).status, 1);
    assert_eq!(daemon.requests().len(), 1);
}

#[test]
fn a_closed_pipe_is_quiet() {
    let daemon = Daemon::always(token());
    for arguments in [&["get"][..], &["--help"], &["completions", "bash"], &["get", "--format", "json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let outcome = finish(command_for(&daemon, arguments).stdout(writer));
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_full_disk_is_named() {
    let daemon = Daemon::always(token());
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let outcome = finish(command_for(&daemon, &["get"]).stdout(full));
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("cannot write to standard output"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains(TOKEN));
}

#[test]
fn the_output_comes_in_one_write() {
    let daemon = Daemon::always(token());
    let (reader, writer) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let writer: std::os::fd::OwnedFd = writer.into();
    let status =
        command_for(&daemon, &["get", "--format", "json"]).stdout(Stdio::from(writer)).status().unwrap();
    assert!(status.success());
    // A datagram is what one write wrote.
    let mut buffer = [0; 4096];
    let count = reader.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..count].last(), Some(&b'\n'));
    reader.set_nonblocking(true).unwrap();
    assert!(reader.recv(&mut buffer).is_err(), "a second write");
}
