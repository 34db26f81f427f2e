//! `login` and `trust` with a person at a terminal.

use crate::daemon::{Daemon, FINGERPRINT, blank_settings, for_login, settings};
use crate::terminal;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wire::{Login, Request, Trust, Verdict};

fn login_asked(daemon: &Daemon) -> Login {
    match daemon.requests().pop() {
        Some(Request::Login(login)) => *login,
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_is_asked_once_and_the_password_without_echo() {
    let daemon = for_login(blank_settings(), Verdict::Unknown("self-signed certificate".into()));
    let mut terminal = terminal::weka_token(&daemon, &["login"]);
    terminal.expect("Cluster [https://localhost:14000]: ");
    assert!(terminal.echoes());
    terminal.type_in("weka01\n");
    let shown = terminal.expect("Trust this certificate? [yes/no]: ");
    for text in [
        "self-signed certificate",
        "CN=weka01, O=Example",
        "2000-02-29 00:00:00 UTC to 2100-01-01 00:00:00 UTC",
        FINGERPRINT,
    ] {
        assert!(shown.contains(text), "{shown}");
    }
    terminal.type_in("y\n");
    terminal.expect("Please type yes, no or the fingerprint.");
    terminal.type_in("yes\n");
    terminal.expect("Organization [Root]: ");
    terminal.type_in("\n");
    terminal.expect("User: ");
    terminal.type_in("\n");
    terminal.expect("User: ");
    terminal.type_in("alice\n");
    terminal.expect("Password of alice: ");
    assert!(!terminal.echoes());
    terminal.type_in("Secret-1\n");
    let (status, rest, echoes) = terminal.finish_and_look();
    assert_eq!(status, 0, "{rest}");
    assert!(echoes, "the terminal echoes again");
    assert!(rest.contains("logged in to https://weka01:14000 as alice"), "{rest}");
    assert!(!rest.contains("Secret-1"), "{rest}");
    let login = login_asked(&daemon);
    assert_eq!(login.target.endpoints, ["weka01"]);
    assert_eq!(login.target.trust, Trust::Fingerprint(FINGERPRINT.into()));
    assert_eq!((login.org.as_deref(), login.password.expose()), (Some("Root"), "Secret-1"));
}

#[test]
fn what_the_profile_knows_is_not_asked() {
    let daemon = for_login(settings(), Verdict::Trusted);
    let mut terminal = terminal::weka_token(&daemon, &["login"]);
    let before = terminal.expect("Password of alice: ");
    assert_eq!(before, "Password of alice: ");
    terminal.type_in("Secret-1\n");
    assert_eq!(terminal.finish_and_look().0, 0);
}

/// What was said, wherever this narrow terminal has had it broken.
fn in_one_line(shown: &str) -> String {
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn no_means_no() {
    let daemon = for_login(settings(), Verdict::Unknown("self-signed".into()));
    for command in ["login", "trust"] {
        let mut terminal = terminal::weka_token(&daemon, &[command]);
        terminal.expect("[yes/no]: ");
        terminal.type_in("no\n");
        let (status, rest, _) = terminal.finish_and_look();
        assert_eq!(status, 4);
        assert!(in_one_line(&rest).contains("nothing was sent"), "{rest}");
        assert!(matches!(daemon.requests().last(), Some(Request::Probe { .. })));
    }
}

#[test]
fn a_mismatch_is_never_asked_about() {
    let daemon = for_login(settings(), Verdict::Mismatch("another was pinned".into()));
    let (status, shown, _) = terminal::weka_token(&daemon, &["login"]).finish_and_look();
    assert_eq!(status, 4);
    assert!(in_one_line(&shown).contains("IS NOT THE ONE EXPECTED") && !shown.contains("yes/no"), "{shown}");
    assert!(shown.contains("\x1b[1;31mweka-token:\x1b[0m"), "in colour on a terminal: {shown}");
}

#[test]
fn ctrl_c_at_a_prompt_is_exit_130_with_the_terminal_restored() {
    for (given, prompt) in
        [(blank_settings(), "Cluster [https://localhost:14000]: "), (settings(), "Password of alice: ")]
    {
        let daemon = for_login(given, Verdict::Trusted);
        let mut terminal = terminal::weka_token(&daemon, &["login"]);
        terminal.expect(prompt);
        terminal.type_in("half\x03");
        let (status, rest, echoes) = terminal.finish_and_look();
        assert_eq!((status, echoes), (130, true), "{rest}");
        assert!(!rest.contains("weka-token:"), "{rest}");
        assert!(!daemon.requests().iter().any(|it| matches!(it, Request::Login(_))));
    }
}

#[test]
fn a_kill_from_outside_restores_the_terminal_too() {
    let daemon = for_login(settings(), Verdict::Trusted);
    let mut terminal = terminal::weka_token(&daemon, &["login"]);
    terminal.expect("Password of alice: ");
    kill(Pid::from_raw(i32::try_from(terminal.pid()).unwrap()), Signal::SIGTERM).unwrap();
    let (status, _, echoes) = terminal.finish_and_look();
    assert_eq!((status, echoes), (143, true));
}

#[test]
fn the_end_of_input_is_an_answer_too() {
    let daemon = for_login(settings(), Verdict::Trusted);
    let mut terminal = terminal::weka_token(&daemon, &["login"]);
    terminal.expect("Password of alice: ");
    terminal.type_in("\x04");
    let (status, rest, echoes) = terminal.finish_and_look();
    assert_eq!((status, echoes), (1, true));
    assert!(rest.contains("the question was not answered"), "{rest}");
}

/// A shell with job control: stopped, the terminal echoes; continued, the question comes again, silent.
#[test]
fn ctrl_z_gives_the_terminal_back_and_takes_it_again() {
    let daemon = for_login(settings(), Verdict::Trusted);
    let script = concat!(
        "set -m; ",
        env!("CARGO_BIN_EXE_weka-token"),
        " login; echo back in the shell; read line; echo got $line; fg; echo ended $?"
    );
    let mut terminal = terminal::run(&daemon, &["bash", "-c", script]);
    terminal.expect("Password of alice: ");
    terminal.type_in("\x1a");
    terminal.expect("back in the shell");
    assert!(terminal.echoes());
    terminal.type_in("on\n");
    terminal.expect("got on");
    terminal.expect("Password of alice: ");
    assert!(!terminal.echoes());
    terminal.type_in("Secret-1\n");
    terminal.expect("ended 0");
    let (_, _, echoes) = terminal.finish_and_look();
    assert!(echoes);
    assert_eq!(login_asked(&daemon).password.expose(), "Secret-1");
}

#[test]
fn a_colourless_terminal_stays_plain() {
    let daemon = for_login(settings(), Verdict::Mismatch("x".into()));
    let words = ["env", "NO_COLOR=1", env!("CARGO_BIN_EXE_weka-token"), "login"];
    let (_, shown, _) = terminal::run(&daemon, &words).finish_and_look();
    assert!(shown.contains("weka-token: THE CERTIFICATE") && !shown.contains('\x1b'), "{shown:?}");
}
