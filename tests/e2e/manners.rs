//! The client's manners: closed pipes, Ctrl-C, usage, size.

use crate::LoggedIn;
use e2e::home::finish;
use e2e::process::Process;
use e2e::{Cluster, Home, Ran, Terminal};
use nix::sys::signal::Signal;
use serde_json::json;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs a shell line with `weka-token` as `$WT`.
fn shell(home: &Home, line: &str) -> Ran {
    let program = home.weka_token(&[]).get_program().to_owned();
    let mut command = home.command("/bin/sh");
    command.args(["-c", line]).env("WT", program);
    finish(&mut command, "")
}

#[test]
fn a_closed_pipe_is_met_with_silence() {
    let it = LoggedIn::to(Cluster::start(&[]));
    for line in [
        "get",
        "get --format json",
        "status",
        "status --json",
        "status --prometheus",
        "completions bash",
        "--help",
    ] {
        let ran = shell(&it.home, &format!("\"$WT\" {line} | true"));
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{line}");
        // The reader is gone before the first byte, for certain.
        let ran = shell(&it.home, &format!("( sleep 0.2; \"$WT\" {line} ) | true"));
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{line}");
    }
}

#[test]
fn no_standard_output_at_all_is_no_reason_to_crash() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let ran = shell(&it.home, "\"$WT\" get >&-");
    assert!(ran.status < 100 && !ran.stderr.contains("panicked"), "{ran:?}");
    let ran = shell(&it.home, "\"$WT\" get > /dev/full");
    assert_eq!(ran.status, 1, "what could not be written is a failure: {ran:?}");
    assert!(ran.stderr.contains("space"), "{ran:?}");
}

/// It was made, written to /dev/null and reported as done: a token of 30 days that nobody had.
#[test]
fn a_token_that_outlives_the_daemon_was_made_for_a_standard_output_that_goes_nowhere() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let before = it.cluster.log().len();
    for line in ["generate-token >&-", "generate-token > /dev/null", "mount-token secure >&-"] {
        let ran = shell(&it.home, &format!("\"$WT\" {line}"));
        assert_eq!(ran.status, 1, "{line}: {ran:?}");
        assert!(ran.stderr.contains("nobody would have the token; none was made"), "{line}: {ran:?}");
    }
    assert_eq!(it.cluster.log().len(), before, "nothing was asked for");
    let ran = shell(&it.home, "\"$WT\" mount-token secure > /dev/full");
    assert!(ran.status == 1 && ran.stderr.contains("was made all the same"), "{ran:?}");
}

#[test]
fn a_watcher_whose_reader_leaves_ends_quietly() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let ran = shell(&it.home, "\"$WT\" status --watch --json | head -n 1");
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn ctrl_c_ends_a_waiting_get_and_costs_the_others_nothing() {
    let it = LoggedIn::configured(Cluster::start(&["--access-ttl", "2s"]), "request_timeout = \"1s\"");
    it.cluster.fault(&json!({"kind": "hang"}));
    it.daemon.until("unreachable", |profile| profile.state == wire::State::Unreachable);
    let get = |timeout: &str| {
        let mut command = it.home.weka_token(&["get", "--timeout", timeout]);
        Process::start(command.stdout(Stdio::null()).stderr(Stdio::null())).unwrap()
    };
    let (mut leaver, mut stayer) = (get("60s"), get("60s"));
    assert!(leaver.ended_within(Duration::from_millis(300)).is_none());
    leaver.signal(Signal::SIGINT);
    let ended = leaver.ended_within(Duration::from_secs(60)).unwrap();
    assert!(!ended.success());
    it.cluster.heal();
    let ended = stayer.ended_within(Duration::from_secs(60)).unwrap();
    assert!(ended.success(), "{ended:?}\n{}", it.daemon.log());
}

#[test]
fn a_stopped_daemon_that_slept_longer_than_a_life_serves_a_live_token() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    for _ in 0..2 {
        let before = it.token();
        it.daemon.signal(Signal::SIGSTOP);
        it.cluster.until_none_lives();
        it.daemon.signal(Signal::SIGCONT);
        let after = it.token();
        assert_ne!(before, after);
        assert!(it.cluster.honours(&after), "{}", it.cluster.check(&after));
    }
}

#[test]
fn usage_errors_are_2_and_print_nothing_on_stdout() {
    let home = Home::new();
    for line in [
        &["gett"][..],
        &["get", "--format", "yaml"],
        &["get", "--min-ttl", "soon"],
        &["get", "--min-ttl", "infinite"],
        &["get", "--timeout", "unlimited"],
        &["get", "extra"],
        &["login", "--ca-file", "a", "--fingerprint", "sha256:00"],
        &["login", "--fingerprint", "md5:00"],
        &["status", "--json", "--prometheus"],
        &["completions", "tcsh"],
        &["get", "-p", "../x"],
        &[],
    ] {
        let ran = home.run(line);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{line:?}: {ran:?}");
        assert_ne!(ran.stderr, "", "{line:?}");
    }
    let words = home.run(&["get", "--timeout", "infinite"]).refused(2);
    assert!(words.contains("infinite"), "it says why: {words}");
}

#[test]
fn help_and_version_need_no_daemon() {
    let home = Home::new();
    for line in [&["--help"][..], &["-h"], &["get", "--help"], &["login", "-h"]] {
        assert!(home.run(line).ok().contains("Usage"), "{line:?}");
    }
    let version = home.run(&["-V"]).ok();
    assert_eq!(version, format!("weka-token {}", env!("CARGO_PKG_VERSION")));
    let version = finish(&mut home.weka_tokend(&["--version"]), "").ok();
    assert_eq!(version, format!("weka-tokend {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_without_a_daemon_is_3_at_once_with_the_command_that_starts_one() {
    let home = Home::new();
    for line in [
        // No test waits for an hour.
        &["get", "--timeout", "1h"][..],
        &["status"],
        &["status", "--watch"],
        &["refresh", "--timeout", "1h"],
        &["logout", "--timeout", "1h"],
        &["whoami", "--timeout", "1h"],
        &["login", "--user", "alice", "--password-stdin"],
        &["trust"],
    ] {
        let words = home.run(line).refused(3);
        assert!(words.contains("run: weka-tokend &"), "{line:?}: {words}");
    }
}

#[test]
fn durations_are_as_in_wekas_cli() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "30d"]));
    for duration in ["30s", "5m", "2h", "1d", "1d5h", "1w", "90"] {
        it.home.run(&["get", "--min-ttl", duration]).ok();
    }
    it.home.run(&["get", "--min-ttl", "5w"]).refused(1);
}

#[test]
fn the_client_has_no_runtime_and_no_tls() {
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(manifest).args([
        "tree",
        "--offline",
        "--locked",
        "--package",
        "weka-token",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    let tree = finish(&mut command, "").ok();
    let names: Vec<_> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"wire"), "{tree}");
    for banned in
        ["tokio", "rustls", "ring", "reqwest", "hyper", "native-tls", "openssl", "mio", "serde_json"]
    {
        assert!(!names.contains(&banned), "{banned} in\n{tree}");
    }
}

#[test]
fn completions_for_each_shell_name_the_commands_and_bash_takes_them() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = home.run(&["completions", shell]).ok();
        for word in
            ["get", "login", "trust", "logout", "status", "refresh", "whoami", "completions", "min-ttl"]
        {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
    let script = home.run(&["completions", "bash"]).ok();
    home.write("completions.bash".as_ref(), &script);
    let completed = |words: &str| {
        let line = format!(
            r#"source completions.bash; COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            read -ra words < <(complete -p weka-token); for i in "${{!words[@]}}"; do
                if [ "${{words[i]}}" = -F ]; then
                    "${{words[i+1]}}" weka-token "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"
                fi
            done; echo "${{COMPREPLY[*]}}""#
        );
        finish(home.command("/bin/bash").args(["-c", &line]), "").ok()
    };
    assert_eq!(completed("weka-token sta"), "status");
    // Behind a command, too, and where it has a hyphen of its own.
    assert_eq!(completed("weka-token get --min"), "--min-ttl");
    assert_eq!(completed("weka-token get --format h"), "header");
    assert_eq!(completed("weka-token -q generate-token --access"), "--access-token-timeout");
    assert_eq!(completed("weka-token profiles ren"), "rename");
    assert_eq!(completed("weka-token profiles set-default --sock"), "--socket");
}

#[test]
fn quiet_means_errors_only() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = e2e::Daemon::start(&home);
    let ran = crate::login_with(&home, &cluster, "alice", "Alice-Pass1", &["-q"]);
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""), "{ran:?}");
    let ran = home.run(&["logout", "-q"]);
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""), "{ran:?}");
    home.run(&["-q", "get"]).refused(4);
}

#[test]
fn every_refusal_has_a_next_step() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    let step = |line: &[&str], status| {
        let words = it.home.run(line).refused(status);
        assert!(words.lines().count() >= 2, "{line:?}: what is wrong, and what to do: {words}");
    };
    step(&["get", "-p", "prod"], 1);
    step(&["get", "--min-ttl", "1h"], 1);
    step(&["whoami"], 6);
    it.cluster.fault(&json!({"kind": "refuse"}));
    it.daemon.until("unreachable", |profile| profile.state == wire::State::Unreachable);
    step(&["get", "--timeout", "1s"], 5);
    step(&["refresh", "--timeout", "1s"], 5);
    step(&["whoami", "--timeout", "1s"], 5);
    it.home.run(&["logout"]).ok();
    step(&["get"], 4);
    step(&["refresh"], 4);
    step(&["whoami"], 4);
}

/// What colours take of a line, and no columns.
const COLOURS: usize = "\x1b[1;31m\x1b[0m".len();

/// It was one line of 230 columns, which the terminal broke wherever it was full.
#[test]
fn a_confirmation_was_broken_in_the_middle_of_words() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let mut terminal = Terminal::of_size(&it.home.weka_token(&["revoke-tokens"]), 24, 60);
    let shown = terminal.expect("Type yes");
    assert!(shown.lines().count() >= 4, "{shown}");
    for line in shown.lines().map(str::trim_end) {
        assert!(line.chars().count() <= 60, "{line}");
    }
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("long-lived ones, those of WEKA's own tools and GUI, and those of other hosts"),
        "{shown}"
    );
    terminal.type_in("no\n");
    assert_eq!(terminal.finish().0, 1);
    // A failure, too; what is to be copied is in one piece.
    it.home.run(&["logout"]).ok();
    let terminal =
        Terminal::of_size(&it.home.weka_token(&["get", "-p", "a-profile-that-is-not-there"]), 24, 40);
    let (status, shown) = terminal.finish();
    assert_eq!(status, 1);
    let lines: Vec<_> = shown.lines().map(str::trim_end).collect();
    assert!(
        lines.iter().all(|line| line.starts_with(' ') || line.chars().count() <= 40 + COLOURS),
        "{shown}"
    );
    assert!(lines.contains(&"  run: weka-token login -p a-profile-that-is-not-there"), "{shown}");
}
