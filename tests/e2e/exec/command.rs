//! The command that is run: its exit status, its signals, its job.

use super::{Resting, entries, folder, logged_in};
use e2e::home::finish;
use e2e::terminal::Terminal;
use e2e::until::PATIENCE;
use e2e::{Daemon, Home, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::time::Duration;

#[test]
fn the_exit_status_is_the_commands_own() {
    let it = logged_in(&[]);
    let exit = |words: &[&str]| it.home.run(&[&["exec", "--"], words].concat());
    for status in [0, 1, 7, 125, 255] {
        assert_eq!(exit(&["sh", "-c", &format!("exit {status}")]).status, status);
    }
    assert_eq!(exit(&["sh", "-c", "kill -TERM $$"]).status, 128 + 15);
    assert_eq!(exit(&["sh", "-c", "kill -KILL $$"]).status, 128 + 9);
    let words = exit(&["no-such-command"]).refused(127);
    assert!(words.contains("no command no-such-command in the folders of PATH"), "{words}");
    assert!(exit(&["/etc/passwd"]).refused(126).contains("/etc/passwd"));
    assert!(exit(&["/etc/passwd/x"]).status == 126);
    // Without `--` too, and options behind the command are the command's own.
    assert_eq!(it.home.run(&["exec", "echo", "-p", "--timeout", "x"]).ok(), "-p --timeout x");
    assert!(entries(&folder(&it.home)).is_empty(), "nothing is left behind");
}

#[test]
fn a_failure_before_the_command_is_125() {
    let home = Home::new();
    let words = home.run(&["exec", "--", "true"]).refused(125);
    assert!(words.contains("no daemon"), "{words}");
    home.run(&["exec"]).refused(125);
    home.run(&["exec", "--timeout", "x", "--", "true"]).refused(125);
    home.run(&["exec", "-p", "a/b", "--", "true"]).refused(125);
    let daemon = Daemon::start(&home);
    let words = home.run(&["exec", "--", "true"]).refused(125);
    assert!(words.contains("weka-token login"), "{words}");
    assert!(entries(&folder(&home)).is_empty());
    drop(daemon);
}

#[test]
fn signals_are_passed_on_and_the_command_decides() {
    let it = logged_in(&[]);
    for signal in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGWINCH,
    ] {
        let name = signal.as_str().trim_start_matches("SIG");
        let script =
            format!("trap 'exit 42' {name}; echo \"$WEKA_TOKEN\"; while :; do read -r word || exit 1; done");
        let mut running = Resting::run(&it.home, &script);
        running.process.signal(signal);
        let status = running.process.ended_within(PATIENCE).expect("it ends");
        assert_eq!(status.code(), Some(42), "{name}");
        assert!(!running.file.exists());
    }
    // One that is not caught ends the command, and with it this.
    let mut running = Resting::start(&it.home);
    running.process.signal(Signal::SIGTERM);
    assert_eq!(running.process.ended_within(PATIENCE).unwrap().code(), Some(128 + 15));
    assert!(!running.file.exists());
}

#[test]
fn signals_that_nobody_had_thought_of_left_the_command_alone_with_a_file_that_nobody_kept() {
    let it = logged_in(&[]);
    let send = |signal: i32, running: &Resting| {
        let pid = running.process.pid().to_string();
        finish(it.home.command("kill").args([format!("-{signal}"), pid]), "").ok();
    };
    // The last is a real-time signal, which has a number and no name.
    for signal in [Signal::SIGALRM as i32, Signal::SIGXCPU as i32, Signal::SIGABRT as i32, 36] {
        let mut running = Resting::start(&it.home);
        send(signal, &running);
        let status = running.process.ended_within(PATIENCE).expect("it ends");
        assert_eq!(status.code(), Some(128 + signal), "of the command, and not of ours");
        assert!(!running.file.exists(), "{signal}");
    }
    // The command decides about them, too.
    let script = "trap 'exit 42' ALRM; echo \"$WEKA_TOKEN\"; while :; do read -r word || exit 1; done";
    let mut running = Resting::run(&it.home, script);
    send(Signal::SIGALRM as i32, &running);
    assert_eq!(running.process.ended_within(PATIENCE).expect("it ends").code(), Some(42));
    assert!(entries(&folder(&it.home)).is_empty());
}

#[test]
fn ctrl_c_reaches_the_command_once() {
    let it = logged_in(&[]);
    let script = "trap 'echo caught' INT; echo ready; read -r word; echo \"word $word\"";
    let mut terminal = Terminal::run(&it.home.weka_token(&["exec", "--", "bash", "-c", script]));
    terminal.expect("ready");
    terminal.type_in("\x03");
    terminal.expect("caught");
    terminal.type_in("go on\n");
    let rest = terminal.expect("word ");
    assert!(!rest.contains("caught"), "{rest}");
    let (status, _) = terminal.finish();
    assert_eq!(status, 0);
}

#[test]
fn a_job_is_stopped_and_goes_on_as_any_other() {
    let it = logged_in(&[]);
    let mut shell = it.home.command("bash");
    shell
        .args(["--norc", "--noprofile", "-i"])
        .env("PS1", "prompt> ")
        .env("PROGRAM", e2e::binaries::path("weka-token"));
    let mut terminal = Terminal::run(&shell);
    terminal.expect("prompt> ");
    terminal.type_in("\"$PROGRAM\" exec -- bash -c 'echo re\"\"ady; read -r word; echo \"said $word\"'\n");
    terminal.expect("ready");
    terminal.type_in("\x1a");
    terminal.expect("Stopped");
    terminal.type_in("echo sh\"\"ell; fg\n");
    terminal.expect("shell");
    terminal.type_in("it\n");
    terminal.expect("said it");
    terminal.type_in("exit\n");
    let (status, _) = terminal.finish();
    assert_eq!(status, 0);
    assert!(entries(&folder(&it.home)).is_empty());
}

#[test]
fn idle_is_idle() {
    let it = logged_in(&[]);
    let running = Resting::start(&it.home);
    // The file is watched and the daemon asked once it sleeps for the first time.
    until("it sleeps", || (state(running.process.pid()) == 'S').then_some(()));
    let switches = || {
        let text = fs::read_to_string(format!("/proc/{}/status", running.process.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    let mut before = switches();
    // It settles; and then for two seconds on end it is not woken once.
    until("two quiet seconds", || {
        std::thread::sleep(Duration::from_secs(2));
        let now = switches();
        (std::mem::replace(&mut before, now) == now).then_some(())
    });
    running.end();
}

fn state(pid: u32) -> char {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    text.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or('?')
}

#[test]
fn an_orphans_command_is_none_of_our_business() {
    let it = logged_in(&[]);
    let script = "sleep 1000 >/dev/null 2>&1 & echo $!";
    let pid: i32 = it.home.run(&["exec", "--", "sh", "-c", script]).ok().parse().unwrap();
    assert!(entries(&folder(&it.home)).is_empty());
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}
