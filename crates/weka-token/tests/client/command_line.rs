//! Help, version, usage mistakes, and the small commands.

use crate::daemon::Daemon;
use crate::program::{command, finish, run};
use wire::{Request, Response, Whoami};

/// Every command.
const COMMANDS: &[&str] = &[
    "get",
    "login",
    "trust",
    "logout",
    "status",
    "refresh",
    "whoami",
    "filesystems",
    "mount-token",
    "exec",
    "curl",
    "mount",
    "generate-token",
    "revoke-tokens",
    "passwd",
    "profiles",
    "doctor",
    "ui",
    "completions",
    "man",
];

#[test]
fn the_version_is_one_line() {
    for option in ["-V", "--version"] {
        let outcome = finish(&mut command(&[option]));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "weka-token 0.1.0\n"));
    }
}

#[test]
fn a_commands_version_was_that_of_a_program_that_is_not_there() {
    for words in [&["get", "-V"][..], &["status", "--version"], &["profiles", "add", "-V"]] {
        let outcome = finish(&mut command(words));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "weka-token 0.1.0\n"), "{words:?}");
    }
}

#[test]
fn a_duration_below_zero_was_taken_for_an_unknown_option() {
    for words in
        [&["get", "--min-ttl", "-5s"][..], &["refresh", "--timeout", "-5s"], &["get", "--min-ttl=-5s"]]
    {
        let outcome = finish(&mut command(words));
        assert_eq!(outcome.status, 2, "{words:?}");
        assert!(outcome.stderr.contains("'-5s'"), "{words:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("expected a duration such as 30s"), "{words:?}: {}", outcome.stderr);
    }
}

#[test]
fn a_socket_whose_path_is_too_long_left_open_what_to_do() {
    let path = format!("/tmp/{}", "x".repeat(110));
    let outcome = finish(&mut command(&["--socket", &path, "get"]));
    assert_eq!(outcome.status, 1);
    for words in ["too long: 115 bytes, and 107 are the most", "choose a shorter one", "--socket PATH"] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

/// Lines beyond the width that all of it is laid out for were broken by the terminal in the middle of a word.
#[test]
fn lines_of_the_help_were_wider_than_the_help() {
    for name in COMMANDS {
        for option in ["-h", "--help"] {
            let help = finish(&mut command(&[name, option])).stdout;
            let wide: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{name} {option}: {wide:#?}");
        }
    }
}

#[test]
fn the_help_names_every_command_and_every_exit_status() {
    let outcome = finish(&mut command(&["--help"]));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    for word in COMMANDS.iter().copied().chain(["Exit status:"]) {
        assert!(outcome.stdout.contains(word), "{word}");
    }
    for status in 0..=6 {
        assert!(outcome.stdout.contains(&format!("\n  {status}  ")), "{status}");
    }
    assert!(outcome.stdout.lines().all(|line| line.chars().count() <= 80), "{}", outcome.stdout);
}

#[test]
fn every_command_has_its_own_help() {
    for name in COMMANDS {
        let outcome = finish(&mut command(&[name, "--help"]));
        assert_eq!(outcome.status, 0, "{name}");
        assert!(outcome.stdout.contains(&format!("Usage: weka-token {name}")), "{}", outcome.stdout);
    }
}

#[test]
fn usage_mistakes_are_exit_2_and_say_what_is_wrong() {
    for (arguments, words) in [
        (&["get", "-p", "a/b"][..], "1 to 50 letters, digits, '-' or '_'"),
        (&["get", "-p", ""], "1 to 50"),
        (&["get", "--min-ttl", "5x"], "a bare number is seconds"),
        (&["get", "--timeout", "infinite"], "a limit is needed"),
        (&["get", "--format", "xml"], "raw, header, json, env, curl"),
        (&["get", "extra"], "unexpected argument 'extra'"),
        (&["stats"], "'status'"),
        (&["status", "--prometheus", "--json"], "cannot be used with"),
        (&["login", "--ca-file", "a", "--fingerprint", "sha256:00"], "64 hexadecimal digits"),
        (&["mount-token"], "<FILESYSTEM>"),
        (&["mount-token", ""], "this one is empty"),
        (&["mount-token", "fs", "--expires", "0"], "at least one second"),
        (&["mount-token", "fs", "--expires", "infinite"], "a limit is needed"),
        (&["profiles", "add", "a b"], "1 to 50"),
        (&["profiles", "rename", "a"], "<NEW>"),
        (&["profiles", "--json", "add", "a"], "cannot be used with"),
        (&["profiles", "-p", "a"], "leave -p out"),
        (&["completions", "tcsh"], "bash"),
        (&["frobnicate"], "unrecognized subcommand"),
    ] {
        let outcome = finish(&mut command(arguments));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(outcome.stderr.starts_with("weka-token: "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{arguments:?}: {}", outcome.stderr);
    }
}

#[test]
fn nothing_at_all_shows_the_help_as_a_mistake() {
    let outcome = finish(&mut command(&[]));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""));
    assert!(outcome.stderr.contains("Usage: weka-token"), "{}", outcome.stderr);
}

#[test]
fn a_bad_profile_in_the_environment_is_a_usage_mistake() {
    let outcome = finish(command(&["get"]).env("WEKA_TOKEN_PROFILE", "../x"));
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("WEKA_TOKEN_PROFILE"), "{}", outcome.stderr);
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome = finish(&mut command(&["completions", shell]));
        assert_eq!(outcome.status, 0, "{shell}");
        assert!(outcome.stdout.contains("weka-token") && outcome.stdout.contains("whoami"), "{shell}");
    }
}

#[test]
fn whoami_is_a_table_or_the_clusters_own_line() {
    let data = r#"{"username":"alice","org_id":0}"#;
    let daemon = Daemon::always(Response::Whoami(Whoami {
        profile: "default".into(),
        data_json: data.into(),
        username: Some("alice".into()),
        org: Some("Root".into()),
        role: Some("Regular".into()),
        source: Some("Internal".into()),
    }));
    let outcome = run(&daemon, &["whoami", "-p", "prod"]);
    assert_eq!(
        (outcome.status, outcome.stdout.as_str()),
        (0, "username  alice\norg       Root\nrole      Regular\nsource    Internal\n")
    );
    assert_eq!(run(&daemon, &["whoami", "--json"]).stdout, format!("{data}\n"));
    assert_eq!(
        daemon.requests().first(),
        Some(&Request::Whoami { profile: Some("prod".into()), timeout_ms: 10_000 })
    );
}

#[test]
fn refresh_tells_a_person_and_leaves_stdout_alone() {
    let daemon = Daemon::always(Response::Refreshed { profile: "default".into(), expires_in_s: 300 });
    let outcome = run(&daemon, &["refresh"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""));
    assert_eq!(outcome.stderr, "renewed; valid for 300 s\n");
    assert_eq!(run(&daemon, &["refresh", "-q"]).stderr, "");
}

#[test]
fn logout_repeats_what_the_daemon_did() {
    let daemon = Daemon::always(Response::Done { notes: vec!["forgot the tokens of prod".into()] });
    let outcome = run(&daemon, &["logout", "-p", "prod", "--revoke"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""));
    assert_eq!(outcome.stderr, "forgot the tokens of prod\n");
    assert_eq!(
        daemon.requests(),
        [Request::Logout { profile: Some("prod".into()), revoke: true, timeout_ms: 30_000 }]
    );
}

#[test]
fn every_command_has_a_manual_page_with_every_section() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    let outcome = finish(&mut command(&["man", pages.to_str().unwrap()]));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    let count = COMMANDS.len() + 1;
    assert_eq!(outcome.stderr, format!("{count} manual pages are in {}\n", pages.display()));
    let read = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    for name in COMMANDS {
        let page = read(&format!("weka-token-{name}.1"));
        assert!(page.contains(&format!(".TH weka-token-{name} 1 ")), "{page}");
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"SEE ALSO\""] {
            assert!(page.contains(&format!("\n.SH {section}\n")), "{section}: {page}");
        }
    }
    let page = read("weka-token.1");
    for section in ["COMMANDS", "EXAMPLES", "\"EXIT STATUS\"", "ENVIRONMENT"] {
        assert!(page.contains(&format!("\n.SH {section}\n")), "{section}: {page}");
    }
    assert!(!page.contains("EXTRA"), "{page}");
}

#[test]
fn a_manual_page_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let outcome = finish(&mut command(&["man", file.join("man1").to_str().unwrap()]));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
    assert!(
        outcome.stderr.contains(&format!("cannot write {}/man1: ", file.display())),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_terminal_ui_is_run_from_path_with_what_it_has_to_know() {
    // The one that is built beside the client under test comes first, so it is run from another folder.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let client = folder.path().join("weka-token");
    std::fs::hard_link(env!("CARGO_BIN_EXE_weka-token"), &client).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(&client);
    command.args(["-p", "prod", "ui", "--socket", "/s"]).env_clear().env("PATH", elsewhere.path());
    let outcome = finish(&mut command);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (127, ""));
    assert!(outcome.stderr.contains("weka-token-ui is not installed"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("status --watch"), "{}", outcome.stderr);

    let program = elsewhere.path().join("weka-token-ui");
    std::fs::write(&program, "").unwrap();
    assert_eq!(finish(&mut command).status, 126, "it may not be executed");
    std::fs::remove_file(&program).unwrap();
    std::os::unix::fs::symlink("/bin/echo", &program).unwrap();
    let outcome = finish(&mut command);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "--socket /s --profile prod\n"));
}

/// `weka-token help get` stands in the README, and was an unrecognized subcommand.
#[test]
fn help_was_not_to_be_had_by_its_name() {
    for (asked, meant) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "get"], &["get", "--help"]),
        (&["help", "profiles", "rename"], &["profiles", "rename", "--help"]),
    ] {
        let (by_name, by_option) = (finish(&mut command(asked)), finish(&mut command(meant)));
        assert_eq!((by_name.status, by_name.stderr.as_str()), (0, ""), "{asked:?}");
        assert_eq!(by_name.stdout, by_option.stdout, "{asked:?}");
    }
    let outcome = finish(&mut command(&["help", "frobnicate"]));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""));
}
