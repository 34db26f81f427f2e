//! The terminal that `weka-token ui` runs on: taken over, and given back whatever happens.

use crate::LoggedIn;
use crate::ui::{assert_given_back, leave, opened};
use e2e::home::finish;
use e2e::{Cluster, Home, Tmux, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;

#[test]
fn signals_give_the_terminal_back() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let tmux = Tmux::start(&it.home, 80, 24);
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        ended_by(&it.home, &tmux, signal as i32);
    }
}

#[test]
fn signals_that_nobody_had_thought_of_left_the_terminal_as_it_was_drawn_on() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let tmux = Tmux::start(&it.home, 80, 24);
    // The last is a real-time signal, which has a number and no name.
    for signal in [Signal::SIGUSR1, Signal::SIGABRT, Signal::SIGALRM, Signal::SIGXCPU] {
        ended_by(&it.home, &tmux, signal as i32);
    }
    ended_by(&it.home, &tmux, 36);
}

fn ended_by(home: &Home, tmux: &Tmux, signal: i32) {
    tmux.enter("clear; weka-token ui; echo \"status $?.\"");
    tmux.until_shown("ready: a live token");
    assert_eq!(tmux.value("#{alternate_on}"), "1");
    finish(home.command("kill").args([format!("-{signal}"), tmux.job().to_string()]), "").ok();
    tmux.until_shown(&format!("status {}.", 128 + signal));
    assert_given_back(tmux);
}

#[test]
fn it_can_be_stopped_and_comes_back() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let tmux = Tmux::start(&it.home, 80, 24);
    tmux.enter("set -m; weka-token ui");
    tmux.until_shown("ready: a live token");
    let pid = tmux.job();
    for stop in [None, Some(Signal::SIGTSTP)] {
        match stop {
            None => tmux.press("C-z"),
            Some(signal) => kill(Pid::from_raw(pid), signal).unwrap(),
        }
        tmux.until_shown("Stopped");
        assert_given_back(&tmux);
        tmux.enter("clear; fg");
        tmux.until_shown("ready: a live token");
        assert_eq!(tmux.value("#{alternate_on}"), "1");
    }
    // Nobody is told of this one: the screen is taken over again when it goes on.
    kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
    until("it is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.contains(") T ").then_some(())
    });
    // The terminal is still as it was then, and a line ends with nothing but a newline.
    tmux.type_in("printf '\\033[?1049l\\033[?25h'; stty sane; clear; echo the shell\"'s\"\n");
    tmux.until_shown("the shell's");
    tmux.enter("clear; fg");
    tmux.until_shown("ready: a live token");
    tmux.type_in("?");
    tmux.until_shown("renew the token now");
    tmux.press("Escape");
    leave(&tmux);
    assert_given_back(&tmux);
}

#[test]
fn a_terminal_that_goes_takes_it_along_whether_it_is_told_or_not() {
    let it = LoggedIn::to(Cluster::start(&[]));
    for before in ["", "trap '' HUP; "] {
        let tmux = Tmux::start(&it.home, 80, 24);
        tmux.enter(&format!("{before}weka-token ui"));
        tmux.until_shown("ready: a live token");
        let pid = tmux.job();
        tmux.hang_up();
        until("it has ended", || (!Path::new(&format!("/proc/{pid}")).exists()).then_some(()));
    }
}

#[test]
fn the_window_may_change_its_size_down_to_60_by_16() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let tmux = Tmux::start(&it.home, 100, 30);
    tmux.enter("weka-token ui");
    tmux.until_shown("CLUSTER");
    tmux.resize(60, 16);
    tmux.until("it fits", |screen| {
        let last = screen.lines().last().unwrap_or_default();
        last.contains("? help  q quit") && screen.lines().all(|line| line.chars().count() <= 60)
    });
    tmux.resize(59, 16);
    tmux.until_shown("weka-token needs 60 columns and 16 rows");
    tmux.resize(80, 24);
    tmux.until_shown("ready: a live token");
    leave(&tmux);
}

#[test]
fn no_color_means_no_colour_and_another_locale_ascii() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let coloured = |environment: &str| {
        let tmux = Tmux::start(&it.home, 80, 24);
        std::fs::write(it.home.path().join("screen.bytes"), "").unwrap();
        tmux.enter(&format!("{environment} weka-token ui"));
        let screen = tmux.until_shown("ready: a live token");
        leave(&tmux);
        // They come to us by way of another program.
        until("the screen is left", || tmux.bytes().contains("\x1b[?1049l").then_some(()));
        let bytes = tmux.bytes();
        let colours = (30..=37).chain(90..=97).any(|code| bytes.contains(&format!("[{code}m")))
            || bytes.contains("[38;")
            || bytes.contains("[48;");
        (colours, screen.is_ascii())
    };
    assert_eq!(coloured("LANG=C.UTF-8"), (true, false));
    assert_eq!(coloured("NO_COLOR=1"), (false, false));
    assert_eq!(coloured("LANG=C"), (true, true));
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let home = Home::new();
    let refusal = home.run(&["ui"]).refused(2);
    assert!(refusal.contains("weka-token-ui: ") && refusal.contains("weka-token status"), "{refusal}");
    let mut command = home.command(e2e::binaries::path("weka-token-ui"));
    let refusal = finish(command.args(["-p", "a/b"]), "").refused(2);
    assert!(refusal.contains("1 to 50 letters"), "{refusal}");
    let mut command = home.command(e2e::binaries::path("weka-token-ui"));
    assert_eq!(finish(command.arg("--version"), "").ok(), "weka-token-ui 0.1.0");
}

#[test]
fn whatever_was_switched_on_is_switched_off_by_a_signal_too() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let tmux = opened(&it.home);
    kill(Pid::from_raw(tmux.job()), Signal::SIGTERM).unwrap();
    until("the screen is left", || (tmux.value("#{alternate_on}") == "0").then_some(()));
    // Pasted text that is marked as such, and the mouse, which tmux tells of only in part.
    until("the terminal is given back", || {
        let given_back = "\x1b[?2004l\x1b[?1006l\x1b[?1000l\x1b[0m\x1b[?1049l\x1b[?25h";
        tmux.bytes().contains(given_back).then_some(())
    });
}

#[test]
fn what_was_typed_into_a_dialog_outlives_a_change_of_size() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let tmux = opened(&it.home);
    tmux.type_in("p");
    tmux.until_shown("Old password");
    tmux.type_in("Alice-Pass1");
    tmux.until_shown("•••••••••••");
    tmux.resize(50, 10);
    tmux.until_shown("needs 60 columns");
    tmux.resize(60, 16);
    tmux.until("it is all there", |screen| {
        screen.contains("•••••••••••")
            && screen.contains("Esc cancel")
            && screen.lines().all(|line| line.chars().count() <= 60)
    });
    tmux.press("Escape");
    tmux.until_shown("? help");
    leave(&tmux);
}

#[test]
fn a_terminal_of_any_name_will_do_but_one_that_cannot_be_drawn_on() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let tmux = Tmux::start(&it.home, 60, 16);
    for name in ["xterm", "linux", "vt100"] {
        tmux.enter(&format!("clear; TERM={name} weka-token ui"));
        tmux.until_shown("ready: a live token");
        leave(&tmux);
    }
    tmux.enter("clear; TERM=dumb weka-token ui; echo \"status $?.\"");
    let refused = tmux.until_shown("status 2.");
    assert!(refused.contains("TERM=dumb") && refused.contains("status --watch"), "{refused}");
}
