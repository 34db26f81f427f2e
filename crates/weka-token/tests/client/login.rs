//! `login` and `trust` without a terminal.

use crate::daemon::{Daemon, FINGERPRINT, Reply, blank_settings, for_login, settings};
use crate::program::{command_for, finish, run, run_with_input};
use secret::Password;
use std::io::Write;
use std::process::Stdio;
use wire::{Login, ProfileSettings, Request, Response, Target, TokenFileChoice, Trust, Verdict};

const STDIN: &[&str] = &["login", "--password-stdin"];

fn login_asked(daemon: &Daemon) -> Login {
    match daemon.requests().pop() {
        Some(Request::Login(login)) => *login,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_known_profile_needs_the_password_only() {
    let daemon = for_login(settings(), Verdict::Trusted);
    let outcome = run_with_input(&daemon, STDIN, b"Secret-1\r\nsecond line\n");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    assert_eq!(
        outcome.stderr,
        "logged in to https://weka01:14000 as alice (organization Root); tokens live 5m00s and are renewed by \
         themselves\n\
         profile default is saved in /home/alice/.config/weka-token/config.toml\n\
         tokens stay in the daemon's memory only\n"
    );
    let target = Target { profile: None, endpoints: vec![], trust: Trust::AsConfigured };
    assert_eq!(
        login_asked(&daemon),
        Login {
            target,
            org: Some("Root".into()),
            username: "alice".into(),
            password: Password::new("Secret-1".into()),
            token_file: TokenFileChoice::AsConfigured,
            save: true,
            timeout_ms: 30_000,
        }
    );
    assert!(matches!(
        daemon.requests().as_slice(),
        [Request::Describe { .. }, Request::Probe { .. }, Request::Login(_)]
    ));
    assert_eq!(run_with_input(&daemon, &["-q", "login", "--password-stdin"], b"x\n").stderr, "");
}

#[test]
fn options_win_over_everything() {
    let daemon = for_login(settings(), Verdict::Trusted);
    let arguments = [
        "login",
        "-p",
        "prod",
        "--endpoint",
        "a",
        "--endpoint",
        "b:15000",
        "--tenant",
        "research",
        "--user",
        "bob",
        "--password-stdin",
        "--fingerprint",
        FINGERPRINT,
        "--token-file",
        "rel/t.json",
        "--no-save",
        "--timeout",
        "5",
    ];
    let outcome = run_with_input(&daemon, &arguments, b"pw\n");
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let login = login_asked(&daemon);
    assert_eq!(login.target.profile.as_deref(), Some("prod"));
    assert_eq!(login.target.endpoints, ["a", "b:15000"]);
    assert_eq!(login.target.trust, Trust::Fingerprint(FINGERPRINT.into()));
    assert_eq!((login.org.as_deref(), login.username.as_str()), (Some("research"), "bob"));
    let expected = std::env::current_dir().unwrap().join("rel/t.json");
    assert_eq!(login.token_file, TokenFileChoice::Path(expected.to_str().unwrap().into()));
    assert_eq!((login.save, login.timeout_ms), (false, 5000));
}

#[test]
fn the_environment_fills_in_what_the_profile_lacks() {
    let fill = |settings: ProfileSettings| {
        let daemon = for_login(settings, Verdict::Trusted);
        let mut command = command_for(&daemon, STDIN);
        let variables =
            [("WEKA_HOST", "weka09"), ("WEKA_PORT", "14001"), ("WEKA_ORG", "lab"), ("WEKA_USERNAME", "eve")];
        command.envs(variables).stdin(password_file());
        assert_eq!(finish(&mut command).status, 0);
        login_asked(&daemon)
    };
    let login = fill(blank_settings());
    assert_eq!(login.target.endpoints, ["weka09:14001"]);
    assert_eq!((login.org.as_deref(), login.username.as_str()), (Some("lab"), "eve"));
    let login = fill(settings());
    assert!(login.target.endpoints.is_empty());
    assert_eq!((login.org.as_deref(), login.username.as_str()), (Some("Root"), "alice"));
}

fn password_file() -> std::fs::File {
    use std::io::Seek;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"pw\n").unwrap();
    file.rewind().unwrap();
    file
}

#[test]
fn a_token_file_without_a_path_is_the_usual_one() {
    for arguments in
        [&["login", "--password-stdin", "--token-file"][..], &["login", "--token-file", "--password-stdin"]]
    {
        let daemon = for_login(settings(), Verdict::Trusted);
        assert_eq!(run_with_input(&daemon, arguments, b"pw\n").status, 0);
        assert_eq!(login_asked(&daemon).token_file, TokenFileChoice::Usual);
    }
}

#[test]
fn what_is_missing_is_named_with_its_option() {
    let daemon = for_login(ProfileSettings { endpoints: vec![], ..settings() }, Verdict::Trusted);
    let outcome = run_with_input(&daemon, STDIN, b"pw\n");
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("--endpoint"), "{}", outcome.stderr);

    let daemon = for_login(ProfileSettings { username: None, ..settings() }, Verdict::Trusted);
    let outcome = run_with_input(&daemon, STDIN, b"pw\n");
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("--user"), "{}", outcome.stderr);

    let daemon = for_login(settings(), Verdict::Trusted);
    let outcome = run(&daemon, &["login"]);
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("--password-stdin"), "{}", outcome.stderr);
    assert!(daemon.requests().iter().all(|it| matches!(it, Request::Describe { .. })));
}

#[test]
fn an_empty_password_is_not_sent() {
    for input in [&b""[..], b"\n", b"\r\n", b"\xff\xfe\n"] {
        let daemon = for_login(settings(), Verdict::Trusted);
        let outcome = run_with_input(&daemon, STDIN, input);
        assert_eq!(outcome.status, 2, "{}", outcome.stderr);
        assert!(!daemon.requests().iter().any(|it| matches!(it, Request::Login(_))));
    }
}

#[test]
fn an_unknown_certificate_without_a_terminal_is_exit_4_and_both_ways_are_said() {
    let daemon = for_login(settings(), Verdict::Unknown("self-signed certificate".into()));
    for arguments in [STDIN, &["trust"]] {
        let outcome = run_with_input(&daemon, arguments, b"pw\n");
        assert_eq!(outcome.status, 4);
        assert!(outcome.stderr.contains("self-signed certificate"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&format!("--fingerprint {FINGERPRINT}")), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("--ca-file PEM"), "{}", outcome.stderr);
        assert!(matches!(daemon.requests().last(), Some(Request::Probe { .. })));
    }
}

#[test]
fn another_certificate_than_the_pinned_one_is_refused_loudly() {
    let daemon = for_login(settings(), Verdict::Mismatch("sha256:ff.. was pinned".into()));
    let outcome = run_with_input(&daemon, STDIN, b"pw\n");
    assert_eq!(outcome.status, 4);
    assert!(outcome.stderr.contains("IS NOT THE ONE EXPECTED: sha256:ff.. was pinned"), "{}", outcome.stderr);
    assert!(!daemon.requests().iter().any(|it| matches!(it, Request::Login(_))));
}

#[test]
fn plain_http_is_warned_about() {
    let daemon = for_login(settings(), Verdict::PlainHttp);
    let outcome = run_with_input(&daemon, STDIN, b"pw\n");
    assert_eq!(outcome.status, 0);
    assert!(outcome.stderr.starts_with("warning: https://weka01:14000 is reached without encryption"));
}

/// A daemon that knows of a lockout of alice's, and answers as `daemon` does whether a password may be sent.
fn knows_of_a_lockout(answer: fn(Request) -> Reply) -> Daemon {
    Daemon::start(move |request, _| match request {
        Request::Describe { .. } => {
            let locked = ProfileSettings { locked_for_s: Some(115), ..settings() };
            Reply::Answer(Response::Profile(locked))
        }
        Request::Probe { .. } => Reply::Answer(crate::daemon::certificate(Verdict::Trusted)),
        Request::MayLogIn { .. } => answer(request),
        _ => Reply::Answer(crate::daemon::logged_in()),
    })
}

#[test]
fn a_lockout_is_respected_before_anything_is_asked() {
    let daemon = knows_of_a_lockout(|_| {
        Reply::Answer(Response::Refused(wire::Refusal::new(wire::Code::LockedOut, "alice is locked")))
    });
    let outcome = run_with_input(&daemon, STDIN, b"pw\n");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (4, "weka-token: alice is locked\n"));
    let requests = daemon.requests();
    let [Request::Describe { .. }, Request::MayLogIn { username: Some(username), .. }] = requests.as_slice()
    else {
        panic!("{requests:?}");
    };
    assert_eq!(username, "alice");
}

#[test]
fn an_older_daemon_knows_of_one_account_only_so_nobody_logs_in_during_its_lockout() {
    let daemon = knows_of_a_lockout(|_| Reply::Bytes(wire::frame::unsupported("upgrade weka-tokend")));
    let outcome = run_with_input(&daemon, STDIN, b"pw\n");
    assert_eq!(outcome.status, 4);
    assert!(
        outcome.stderr.contains("locked the account of profile default for another 1m55s"),
        "{}",
        outcome.stderr
    );
    assert!(matches!(daemon.requests().as_slice(), [Request::Describe { .. }, Request::MayLogIn { .. }]));
}

#[test]
fn a_lockout_of_one_account_kept_another_from_logging_in() {
    let daemon = knows_of_a_lockout(|_| Reply::Answer(Response::Done { notes: Vec::new() }));
    let outcome = run_with_input(&daemon, STDIN, b"pw\n");
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(matches!(daemon.requests().pop(), Some(Request::Login(_))));
}

#[test]
fn a_login_is_never_repeated_by_itself() {
    let daemon = Daemon::start(|request, _| match request {
        Request::Describe { .. } => Reply::Answer(Response::Profile(settings())),
        Request::Probe { .. } => Reply::Answer(crate::daemon::certificate(Verdict::Trusted)),
        _ => Reply::Close,
    });
    let outcome = run_with_input(&daemon, STDIN, b"Secret-1\n");
    assert_eq!(outcome.status, 1);
    assert!(!outcome.stderr.contains("Secret-1"));
    assert_eq!(daemon.requests().iter().filter(|it| matches!(it, Request::Login(_))).count(), 1);
}

#[test]
fn trust_settles_without_a_password() {
    let daemon = for_login(settings(), Verdict::Trusted);
    let outcome =
        run(&daemon, &["trust", "--ca-file", "/etc/weka/ca.pem", "--endpoint", "weka07", "--no-save"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""));
    assert_eq!(outcome.stderr, "the certificate is trusted for profile default\n");
    assert_eq!(
        daemon.requests().pop(),
        Some(Request::Trust {
            target: Target {
                profile: None,
                endpoints: vec!["weka07".into()],
                trust: Trust::CaFile("/etc/weka/ca.pem".into())
            },
            save: false,
            timeout_ms: 30_000,
        })
    );
}

#[test]
fn the_summary_says_where_tokens_go_and_what_the_cluster_wants() {
    let daemon = Daemon::start(|request, _| {
        Reply::Answer(match request {
            Request::Describe { .. } => Response::Profile(settings()),
            Request::Probe { .. } => crate::daemon::certificate(Verdict::Trusted),
            _ => match crate::daemon::logged_in() {
                Response::LoggedIn(done) => Response::LoggedIn(wire::LoggedIn {
                    saved_to: None,
                    token_file: Some("/home/alice/.weka/auth-token.json".into()),
                    password_change_required: true,
                    notes: vec!["a note".into()],
                    ..done
                }),
                other => other,
            },
        })
    });
    let outcome = run_with_input(&daemon, STDIN, b"pw\n");
    let lines: Vec<&str> = outcome.stderr.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "profile default is not saved",
            "/home/alice/.weka/auth-token.json is kept fresh",
            "the cluster wants this password changed, and may refuse everything else until then; run: weka-token passwd -p default",
            "a note",
        ]
    );
}

#[test]
fn the_password_is_in_no_argument_no_environment_and_no_error() {
    let daemon = Daemon::start(|request, _| match request {
        Request::Describe { .. } => Reply::Answer(Response::Profile(settings())),
        Request::Probe { .. } => Reply::Answer(crate::daemon::certificate(Verdict::Trusted)),
        _ => Reply::Silence,
    });
    let arguments = ["login", "--password-stdin", "--timeout", "6"];
    let mut child = command_for(&daemon, &arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"Secret-1\n").unwrap();
    while !daemon.requests().iter().any(|it| matches!(it, Request::Login(_))) {
        std::thread::yield_now();
    }
    // The password has been sent, and the client waits for the answer.
    for file in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{}/{file}", child.id())).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(if file == "cmdline" { "login" } else { "WEKA_TOKEN_SOCKET" }), "{text}");
        assert!(!text.contains("Secret-1"), "{text}");
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("has not answered") && !said.contains("Secret-1"), "{said}");
}
