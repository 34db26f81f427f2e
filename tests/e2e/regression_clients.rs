//! What once went wrong with clients that wait, leave or come in crowds, and must not again.

use crate::LoggedIn;
use e2e::home::finish;
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home, until};
use nix::sys::signal::Signal;
use serde_json::json;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How many descriptors a process has.
fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

#[test]
fn clients_that_had_gone_kept_their_seats_until_their_own_deadline() {
    let cluster = Cluster::start(&[]);
    cluster.fault(&json!({"kind": "refuse"}));
    let (home, _) = crate::password_file(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "1s"]).refused(5);
    let before = descriptors(daemon.pid());
    let waiting: Vec<_> = (0..20)
        .map(|_| Process::start(home.weka_token(&["get", "--timeout", "1h"]).stderr(Stdio::null())).unwrap())
        .collect();
    until("all of them wait", || (descriptors(daemon.pid()) >= before + 15).then_some(()));
    // Dropped, they are killed.
    drop(waiting);
    until("their seats are free", || (descriptors(daemon.pid()) < before + 8).then_some(()));
}

#[test]
fn a_waiting_caller_was_not_told_that_the_daemon_had_ended() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "1s"]));
    it.cluster.fault(&json!({"kind": "refuse"}));
    it.daemon.until("no token", |profile| profile.access_expires_in_s.is_none());
    let mut command = it.home.weka_token(&["-q", "get", "--timeout", "12s"]);
    let mut waiting = Process::start(command.stderr(Stdio::null()).stdout(Stdio::null())).unwrap();
    until("it waits", || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", waiting.pid())).ok()?;
        open.flatten()
            .any(|link| {
                std::fs::read_link(link.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
            })
            .then_some(())
    });
    assert!(it.daemon.stop().success());
    assert_eq!(waiting.ended_within(Duration::from_secs(60)).unwrap().code(), Some(3));
}

#[test]
fn a_crowd_that_takes_every_descriptor_filled_the_log_and_hung() {
    let home = Home::new();
    let mut command = Command::new("prlimit");
    command.args(["--nofile=30:30", "--"]).arg(home.weka_tokend(&[]).get_program());
    command.env_clear().env("HOME", home.path()).env("XDG_RUNTIME_DIR", home.runtime());
    let daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    let crowd: Vec<_> = (0..60).filter_map(|_| UnixStream::connect(home.socket()).ok()).collect();
    let ran = home.run(&["get", "--timeout", "3s"]);
    assert_ne!(ran.status, 0);
    assert!(ran.took < Duration::from_secs(60), "{ran:?}");
    let count =
        || daemon.log().lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
    let seen = count();
    // There were twenty lines in the time that another one is given.
    assert_ne!(home.run(&["get", "--timeout", "0"]).status, 0);
    assert!(count() <= seen + 1 && seen < 10, "{}", daemon.log());
    drop(crowd);
    until("there is room again", || (home.run(&["get", "--timeout", "3s"]).status == 4).then_some(()));
}

#[test]
fn the_command_that_starts_a_daemon_did_not_start_one() {
    let home = Home::new();
    let without = |words: &[&str]| {
        let mut command = home.weka_token(words);
        command.env_remove("XDG_RUNTIME_DIR");
        command
    };
    if std::path::Path::new(&format!("/run/user/{}", nix::unistd::geteuid())).exists() {
        // The daemon would take that one, as the client does.
        return;
    }
    let refusal = finish(&mut without(&["get"]), "").refused(3);
    let command = refusal.lines().find_map(|line| line.trim().strip_prefix("run: ")).unwrap();
    // As a person would do it: run that, and then what was run before.
    let (client, daemon) = (home.weka_token(&[]), home.weka_tokend(&[]));
    let (client, daemon) = (client.get_program().display(), daemon.get_program().display());
    let script = format!(
        "{}\npid=$!; trap 'kill $pid' EXIT; for i in $(seq 600); do {client} get 2>/dev/null; s=$?; \
         [ $s = 3 ] || exit $s; sleep 0.1; done; exit 3",
        command.replace("weka-tokend", &daemon.to_string()).replace(" &", " 2>/dev/null &")
    );
    let mut shell = home.command("sh");
    let ran = finish(shell.env_remove("XDG_RUNTIME_DIR").args(["-c", &script]), "");
    assert_eq!(ran.status, 4, "it answers that somebody has to log in: {ran:?}");
    for taken in ["/etc/passwd", "/tmp"] {
        let refusal = home.run(&["--socket", taken, "get"]).refused(3);
        assert!(!refusal.contains(&format!("weka-tokend --socket {taken}")), "{refusal}");
    }
}

#[test]
fn a_stopped_daemon_is_told_from_one_that_is_not_there() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.daemon.signal(Signal::SIGSTOP);
    let ran = it.home.run(&["get", "--timeout", "1s"]);
    it.daemon.signal(Signal::SIGCONT);
    ran.refused(1);
}
