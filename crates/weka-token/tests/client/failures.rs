//! What goes wrong, what is said about it, and the exit status.

use crate::daemon::{Daemon, Reply, token};
use crate::program::{command, command_for, finish, run};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};
use wire::{Code, Refusal, Request, Response, frame};

#[test]
fn no_socket_is_exit_3_at_once_with_the_command_that_starts_a_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.sock");
    // No test waits for an hour.
    let outcome = finish(command(&["get", "--timeout", "1h"]).env("WEKA_TOKEN_SOCKET", &path));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (3, ""));
    assert_eq!(
        outcome.stderr,
        format!(
            "weka-token: no daemon: no socket at {0}\n  run: weka-tokend --socket {0} &\n",
            path.display()
        )
    );
}

#[test]
fn a_socket_left_behind_is_exit_3_and_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("weka-token")).unwrap();
    let path = folder.path().join("weka-token/agent.sock");
    drop(UnixListener::bind(&path).unwrap());
    for arguments in [&["get"][..], &["status"], &["login"], &["status", "--watch"]] {
        let outcome = finish(command(arguments).env("XDG_RUNTIME_DIR", folder.path()));
        assert_eq!(outcome.status, 3, "{arguments:?}");
        assert!(outcome.stderr.contains("nobody listens on"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("\n  run: weka-tokend &\n"), "{}", outcome.stderr);
    }
}

#[test]
fn a_socket_one_may_not_use_is_exit_6() {
    if nix::unistd::geteuid().is_root() {
        // Root may use every socket; what cannot be one is a link to itself.
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        let outcome = finish(&mut command(&["get", "--socket", link.to_str().unwrap()]));
        assert_eq!(outcome.status, 1);
        assert!(outcome.stderr.contains("cannot connect to"), "{}", outcome.stderr);
        return;
    }
    let daemon = Daemon::always(token());
    std::fs::set_permissions(daemon.socket(), std::fs::Permissions::from_mode(0o000)).unwrap();
    let outcome = run(&daemon, &["get"]);
    assert_eq!(outcome.status, 6);
    assert!(outcome.stderr.contains("permission denied"), "{}", outcome.stderr);
}

#[test]
fn every_refusal_has_its_exit_status_and_its_next_step() {
    for (code, status) in [
        (Code::Failed, 1),
        (Code::NoSuchProfile, 1),
        (Code::MinTtlTooLong, 1),
        (Code::LoginRequired, 4),
        (Code::Untrusted, 4),
        (Code::LockedOut, 4),
        (Code::WrongPassword, 4),
        (Code::Unreachable, 5),
        (Code::NotPermitted, 6),
        (Code::Busy, 1),
        (Code::Misconfigured, 1),
        (Code::BadRequest, 2),
        (Code::Unsupported, 1),
    ] {
        let refusal = Refusal::new(code, "profile prod needs a login").then("run: weka-token login -p prod");
        let daemon = Daemon::always(Response::Refused(refusal));
        for arguments in [&["get"][..], &["whoami"], &["refresh"], &["logout"], &["trust"], &["status"]] {
            let outcome = run(&daemon, arguments);
            assert_eq!((outcome.status, outcome.stdout.as_str()), (status, ""), "{code:?} {arguments:?}");
            assert_eq!(
                outcome.stderr,
                "weka-token: profile prod needs a login\n  run: weka-token login -p prod\n"
            );
        }
    }
}

#[test]
fn another_version_is_told_in_the_daemons_words_and_not_retried() {
    let daemon =
        Daemon::start(|_, _| Reply::Bytes(frame::unsupported("this daemon is older; upgrade weka-tokend")));
    for arguments in [&["get"][..], &["whoami"], &["status", "--watch"]] {
        let before = daemon.requests().len();
        let outcome = run(&daemon, arguments);
        assert_eq!(outcome.status, 1);
        assert_eq!(outcome.stderr, "weka-token: this daemon is older; upgrade weka-tokend\n");
        assert_eq!(daemon.requests().len(), before + 1);
    }
}

#[test]
fn what_is_no_answer_is_refused_and_not_retried() {
    for bytes in [vec![9, 0, 0, 0, 0], vec![1, 255, 255, 255, 255], vec![1, 1, 0, 0, 0, 200]] {
        let daemon = Daemon::start(move |_, _| Reply::Bytes(bytes.clone()));
        let outcome = run(&daemon, &["get"]);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
        assert!(outcome.stderr.contains("\n  upgrade weka-token"), "{}", outcome.stderr);
        assert_eq!(daemon.requests().len(), 1);
    }
    let daemon = Daemon::always(Response::Done { notes: vec![] });
    let outcome = run(&daemon, &["get"]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("does not fit the question"), "{}", outcome.stderr);
}

#[test]
fn a_stuck_daemon_does_not_hang_the_client() {
    let daemon = Daemon::start(|_, _| Reply::Silence);
    let began = Instant::now();
    let outcome = run(&daemon, &["get", "--timeout", "0"]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("has not answered within 2 s"), "{}", outcome.stderr);
    let took = began.elapsed();
    assert!((Duration::from_millis(1900)..Duration::from_secs(60)).contains(&took), "{took:?}");
}

/// Each time that it went on, it began to wait anew.
#[test]
fn a_client_that_is_stopped_again_and_again_waited_for_a_stuck_daemon_for_ever() {
    use nix::sys::signal::{Signal, kill};
    let daemon = Daemon::start(|_, _| Reply::Silence);
    let mut child = command_for(&daemon, &["get", "--timeout", "0"]).spawn().unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(60) {
            kill(pid, Signal::SIGKILL).unwrap();
        }
        for signal in [Signal::SIGSTOP, Signal::SIGCONT] {
            kill(pid, signal).unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("has not answered within 2 s"), "{output:?}");
}

#[test]
fn a_daemon_whose_queue_is_full_does_not_hang_the_client() {
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let listener = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None).unwrap();
    bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    listen(&listener, Backlog::new(0).unwrap()).unwrap();
    // Nobody accepts, and this one takes the only place.
    let _first = UnixStream::connect(&path).unwrap();
    let outcome = finish(command(&["get", "--timeout", "0"]).env("WEKA_TOKEN_SOCKET", &path));
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("has not answered within 2 s"), "{}", outcome.stderr);
}

#[test]
fn what_changes_something_is_asked_once() {
    for arguments in [&["refresh"][..], &["logout"], &["trust"]] {
        let daemon = Daemon::start(|request, _| match request {
            Request::Describe { .. } => Reply::Answer(Response::Profile(crate::daemon::settings())),
            _ => Reply::Close,
        });
        let outcome = run(&daemon, arguments);
        assert_eq!(outcome.status, 1, "{arguments:?}");
        let asked = daemon.requests();
        let others = asked.iter().filter(|it| !matches!(it, Request::Describe { .. })).count();
        assert_eq!(others, 1, "{asked:?}");
    }
}

#[test]
fn errors_are_printed_even_when_quiet_and_without_colour_off_a_terminal() {
    let daemon = Daemon::always(Response::Refused(Refusal::new(Code::Failed, "no\x1b[2J")));
    let outcome = finish(command_for(&daemon, &["-q", "get"]).env("TERM", "xterm"));
    assert_eq!(outcome.stderr, "weka-token: no\u{fffd}[2J\n");
}
