//! Command lines that are wrong, and commands without a daemon.

use super::{Scene, line};
use e2e::Home;

#[test]
fn what_is_typed_wrong() {
    let home = Home::new();
    let mut scene = Scene::new(&home);
    for words in [
        &["gett"][..],
        &["frobnicate"],
        &["get", "extra"],
        &["get", "--watch"],
        &["get", "--format", "yaml"],
        &["get", "--min-ttl", "soon"],
        &["get", "--min-ttl", "5x"],
        &["get", "--min-ttl", "1h30"],
        &["get", "--min-ttl", "99999999999999999999"],
        &["get", "--min-ttl", "infinite"],
        &["get", "--timeout", "unlimited"],
        &["get", "--timeout", "50d"],
        &["get", "-p", "../x"],
        &["get", "-p", ""],
        &["get", "-p"],
        &["get", "-p", "a", "-p", "b"],
        &["get", "--socket", ""],
        &["login", "--ca-file", "a.pem", "--fingerprint", &format!("sha256:{}", "0".repeat(64))],
        &["login", "--fingerprint", "md5:00"],
        &["login", "--user", ""],
        &["login", "--org", "a\tb"],
        &["status", "--json", "--prometheus"],
        &["status", "--prometheus", "--watch"],
        &["mount-token"],
        &["mount-token", ""],
        &["mount-token", "a\nb"],
        &["mount-token", "secure", "--expires", "0"],
        &["mount-token", "secure", "--expires", "infinite"],
        &["generate-token", "--access-token-timeout", "unlimited"],
        &["generate-token", "--access-token-timeout", "0"],
        &["revoke-tokens", ""],
        &["revoke-tokens", "alice\n", "--yes"],
        &["revoke-tokens", "\u{1b}[31mred", "--yes"],
        &["revoke-tokens", "alice", "bob"],
        &["profiles", "add", "a b"],
        &["profiles", "add"],
        &["profiles", "rename", "lab"],
        &["profiles", "delete", "lab"],
        &["profiles", "--json", "add", "lab"],
        &["profiles", "-p", "lab"],
        &["completions", "tcsh"],
        &["completions"],
        &["man"],
        &["exec"],
        &["exec", "--"],
        &["curl"],
        &["mount", "weka01/secure"],
    ] {
        scene.refuses(words);
    }
    scene.refuses_by(
        "WEKA_TOKEN_PROFILE=../x weka-token get",
        home.weka_token(&["get"]).env("WEKA_TOKEN_PROFILE", "../x"),
    );
    scene.is("usage");
}

#[test]
fn what_is_typed_wrong_for_the_other_programs() {
    let home = Home::new();
    let mut scene = Scene::new(&home);
    for words in [
        &["--wrong"][..],
        &["extra"],
        &["--config"],
        &["--config", "nowhere.toml"],
        &["--config", "nowhere.toml", "--check"],
    ] {
        scene.refuses_by(&line("weka-tokend", words), &mut home.weka_tokend(words));
    }
    for words in [&["-p", "a/b"][..], &["x"], &[]] {
        scene.refuses_by(&line("weka-token-ui", words), &mut home.weka_token_ui(words));
    }
    scene.refuses(&["ui"]);
    scene.is("usage_of_the_others");
}

/// An empty name and one with control characters were asked for at the cluster, and printed as they were.
#[test]
fn a_name_that_nobody_can_have_was_asked_for_at_the_cluster() {
    let home = Home::new();
    for command in ["revoke-tokens", "mount-token"] {
        for name in ["", " ", "a\nb", "\u{1b}[2J"] {
            // Before the daemon is even looked for: there is none.
            let words = home.run(&[command, name]).refused(2);
            assert!(words.contains("empty") || words.contains("control characters"), "{command}: {words}");
            assert!(!words.contains('\u{1b}') && !words.contains("a\nb"), "{command}: {words:?}");
        }
    }
}

#[test]
fn nobody_listens() {
    let home = Home::new();
    let mut scene = Scene::new(&home);
    for words in [
        &["get"][..],
        &["get", "--socket", "elsewhere.sock"],
        &["status"],
        &["login"],
        &["exec", "--", "true"],
        &["curl", "/api/v2/cluster"],
        &["profiles"],
        &["generate-token"],
    ] {
        scene.refuses(words);
    }
    scene.is("no_daemon");
}
