//! `status --watch`, on a terminal and off it.

use crate::daemon::{Daemon, Reply, profile, status_of};
use crate::program::command_for;
use crate::terminal;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use wire::{ProfileStatus, Request, Response, State};

/// A daemon whose status changes when the test says so: it holds each answer back until then.
fn changing(first: ProfileStatus) -> (Daemon, Sender<Option<ProfileStatus>>) {
    let (change, changes) = channel();
    let changes: Arc<Mutex<Receiver<Option<ProfileStatus>>>> = Arc::new(Mutex::new(changes));
    let mut current = first;
    let mut revision = 1;
    let daemon = Daemon::start(move |request, _| {
        let Request::Status { after_revision, .. } = request else { return Reply::Close };
        if after_revision == Some(revision) {
            match changes.lock().unwrap().recv() {
                Ok(Some(next)) => {
                    current = next;
                    revision += 1;
                }
                _ => return Reply::StopListening,
            }
        }
        Reply::Answer(Response::Status(status_of(revision, vec![current.clone()])))
    });
    (daemon, change)
}

fn next_line(lines: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line
}

#[test]
fn off_a_terminal_a_json_line_per_change() {
    let (daemon, change) = changing(profile("default", State::Ready, Some(100)));
    let mut child = command_for(&daemon, &["status", "--watch", "--json"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    assert!(next_line(&mut lines).contains("\"ready\""));
    change.send(Some(profile("default", State::Degraded, Some(50)))).unwrap();
    assert!(next_line(&mut lines).contains("\"degraded\""));
    // The daemon goes away and comes back with its revisions counted anew.
    change.send(None).unwrap();
    while daemon.socket().exists() && std::os::unix::net::UnixStream::connect(daemon.socket()).is_ok() {
        std::thread::yield_now();
    }
    daemon.listen_again(|request, _| match request {
        Request::Status { after_revision: None, .. } => {
            Reply::Answer(Response::Status(status_of(1, vec![profile("default", State::Starting, None)])))
        }
        _ => Reply::Silence,
    });
    assert!(next_line(&mut lines).contains("\"starting\""));
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(next_line(&mut lines), "");
}

#[test]
fn off_a_terminal_a_plain_table_per_change() {
    let (daemon, change) = changing(profile("default", State::Ready, Some(100)));
    let mut child = command_for(&daemon, &["status", "--watch"]).env("TERM", "xterm").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    assert!(next_line(&mut lines).starts_with("PROFILE"));
    assert!(next_line(&mut lines).starts_with("default  ready"));
    change.send(Some(profile("default", State::Degraded, Some(50)))).unwrap();
    while !next_line(&mut lines).starts_with("PROFILE") {}
    let row = next_line(&mut lines);
    assert!(row.starts_with("default  degraded") && !row.contains('\x1b'), "{row:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let (daemon, _change) = changing(profile("default", State::Ready, Some(100)));
    let mut child =
        command_for(&daemon, &["status", "--watch", "--json"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    next_line(&mut lines);
    drop(lines);
    // Nothing changes, and it ends all the same.
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
}

#[test]
fn on_a_terminal_it_is_rewritten_in_place_and_counts_down() {
    let (daemon, change) = changing(profile("default", State::Ready, Some(100)));
    let mut terminal = terminal::weka_token(&daemon, &["status", "--watch"]);
    let first = terminal.expect("1m40s");
    assert!(first.contains("\x1b[?25l"), "the cursor is hidden: {first:?}");
    assert!(first.contains("\x1b[32mready\x1b[0m"), "in colour: {first:?}");
    // By itself, from one second to the next, over the four lines drawn before.
    let second = terminal.expect("1m39s");
    assert!(second.contains("\x1b[4A"), "{second:?}");
    assert_eq!(daemon.requests().len(), 2, "counting down asks nothing");
    change.send(Some(profile("default", State::Degraded, Some(50)))).unwrap();
    terminal.expect("\x1b[33mdegraded\x1b[0m");
    terminal.type_in("\x03");
    let (status, rest, _) = terminal.finish_and_look();
    assert_eq!(status, 130);
    assert!(rest.contains("\x1b[?25h") && rest.contains("\x1b[?7h"), "given back: {rest:?}");
}

#[test]
fn on_a_terminal_a_restart_is_shown_and_survived() {
    let (daemon, change) = changing(profile("default", State::Ready, Some(100)));
    let mut terminal = terminal::weka_token(&daemon, &["status", "--watch"]);
    terminal.expect("ready");
    change.send(None).unwrap();
    terminal.expect("the daemon has gone; waiting for it to come back");
    daemon.listen_again(|request, _| match request {
        Request::Status { after_revision: None, .. } => {
            Reply::Answer(Response::Status(status_of(1, vec![profile("default", State::Starting, None)])))
        }
        _ => Reply::Silence,
    });
    terminal.expect("starting");
    terminal.type_in("\x03");
    assert_eq!(terminal.finish_and_look().0, 130);
}

#[test]
fn a_list_taller_than_the_window_is_cut_and_a_larger_window_shows_more() {
    let profiles: Vec<_> = (10..40).map(|n| profile(&format!("p{n}"), State::Ready, Some(1000))).collect();
    let daemon = Daemon::start(move |request, _| match request {
        Request::Status { after_revision: None, .. } => {
            Reply::Answer(Response::Status(status_of(1, profiles.clone())))
        }
        _ => Reply::Silence,
    });
    let mut terminal = terminal::weka_token(&daemon, &["status", "--watch"]);
    let shown = terminal.expect("(23 more lines)");
    assert!(shown.contains("p18") && !shown.contains("p19"), "{shown:?}");
    terminal.resize(50);
    let shown = terminal.expect("default profile default");
    assert!(shown.contains("\x1b[2J") && shown.contains("p39"), "{shown:?}");
    terminal.type_in("\x03");
    assert_eq!(terminal.finish_and_look().0, 130);
}
