//! Long-lived tokens: made once, handed over, and kept by nobody.

use crate::{LoggedIn, login_with, profile};
use e2e::{Cluster, Home, Terminal};
use serde_json::json;

#[test]
fn it_is_printed_alone_and_opens_the_api_for_thirty_days() {
    let it = LoggedIn::as_user(Cluster::start(&["--access-ttl", "5m"]), "admin", "Admin-Pass1");
    let ran = it.home.run(&["generate-token"]);
    assert!(ran.stderr.contains("lives 30d") || ran.stderr.contains("lives 29d"), "{ran:?}");
    let token = ran.ok();
    assert_eq!(token.lines().count(), 1);
    it.cluster.advance("29d");
    assert!(it.cluster.honours(&token));
    it.cluster.advance("2d");
    assert!(!it.cluster.honours(&token));
}

#[test]
fn the_refresh_token_that_came_with_it_is_the_daemons_and_the_access_token_is_not() {
    // Each refresh token works once, so a daemon that went on with the old one would be lost.
    let it = LoggedIn::to(Cluster::start(&["--single-use-refresh"]));
    let before = it.token();
    let long_lived = it.home.run(&["generate-token", "--access-token-timeout", "7d", "-q"]).ok();
    assert_eq!(it.token(), before, "the daemon's own access token stays");
    assert_ne!(long_lived, before);
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.cluster.logins().len(), 1);
    let log = it.daemon.log();
    assert!(!log.contains(&long_lived));
    assert!(log.contains("a long-lived token of profile default was made for uid "), "{log}");
    assert_eq!(it.daemon.profile().refresh_failures_total, 0);
}

#[test]
fn json_says_what_was_granted() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let made =
        crate::json(&it.home.run(&["generate-token", "--json", "--access-token-timeout", "1d5h"]).ok());
    let life = made["expires_in"].as_u64().unwrap();
    assert!((104_000..=104_400).contains(&life), "{made}");
    assert_eq!(made["token_type"], "Bearer");
    assert_eq!(made["username"], "alice");
    assert!(it.cluster.honours(made["access_token"].as_str().unwrap()));
}

#[test]
fn more_than_the_cluster_allows_is_refused_and_the_limit_named() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.cluster.set(&json!({"max_access_ttl": "7d"}));
    let words = it.home.run(&["generate-token"]).refused(1);
    assert!(words.contains("7d at most"), "{words}");
    assert!(it.cluster.honours(&it.token()), "nothing else has changed");
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert_eq!(it.daemon.profile().last_error, None);
}

#[test]
fn users_who_are_not_the_clusters_own_are_told_why_they_get_less() {
    let cluster = Cluster::start(&[]);
    cluster.control(
        "POST",
        "/users",
        &json!({"username": "alice", "password": "Alice-Pass1", "source": "LDAP"}),
    );
    let it = LoggedIn::to(cluster);
    let made = it.home.run(&["generate-token"]);
    assert!(made.stderr.contains("not the 30d") && made.stderr.contains("user of LDAP"), "{made:?}");
    assert!(it.cluster.honours(&made.ok()), "what the cluster did grant is handed over");
}

#[test]
fn forever_is_refused_with_a_reason() {
    let it = LoggedIn::to(Cluster::start(&[]));
    for forever in ["infinite", "unlimited"] {
        let words = it.home.run(&["generate-token", "--access-token-timeout", forever]).refused(2);
        assert!(words.contains("limit"), "{words}");
    }
    let words = it.home.run(&["generate-token", "--access-token-timeout", "0"]).refused(2);
    assert!(words.contains("at least one second"), "{words}");
    assert_eq!(it.cluster.refreshes().len(), 0);
}

#[test]
fn copied_it_goes_to_the_terminals_clipboard_and_is_not_printed() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut terminal = Terminal::run(&it.home.weka_token(&["generate-token", "--copy"]));
    let before = terminal.expect("\x1b]52;c;");
    let encoded = terminal.expect("\x07");
    terminal.expect("copied to the clipboard");
    assert_eq!(terminal.finish().0, 0);
    let bytes = data_encoding::BASE64.decode(encoded.trim_end_matches('\x07').as_bytes()).unwrap();
    let token = String::from_utf8(bytes).unwrap();
    assert!(it.cluster.honours(&token), "{token}");
    assert!(!before.contains(&token));
}

#[test]
fn without_a_terminal_nothing_is_made_for_the_clipboard() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut command = it.home.command("setsid");
    command.arg(it.home.weka_token(&[]).get_program()).args(["generate-token", "--copy"]);
    let words = e2e::home::finish(&mut command, "").refused(2);
    assert!(words.contains("no terminal"), "{words}");
    assert_eq!(it.cluster.refreshes().len(), 0);
}

#[test]
fn a_caller_that_is_gone_when_it_comes_leaves_a_line_that_says_what_ends_it() {
    let (home, cluster) = (Home::new(), Cluster::start(&[]));
    home.configure(&profile("default", &cluster, "request_timeout = \"1m\""));
    let it = LoggedIn::in_home(home, cluster, "admin", "Admin-Pass1");
    it.cluster.fault(&json!({"kind": "slow", "path": "/api/v2/login/refresh", "delay_ms": 8000}));
    let words = it.home.run(&["generate-token", "--timeout", "4s"]).refused(5);
    assert!(words.contains("weka-token revoke-tokens ends all tokens"), "{words}");
    e2e::until("a line that says so", || it.daemon.log().contains("nobody has it").then_some(()));
    // What came with it is used all the same.
    it.cluster.heal();
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn at_a_cluster_that_is_away_none_is_made() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.cluster.fault(&json!({"kind": "refuse"}));
    let words = it.home.run(&["generate-token", "--timeout", "3s"]).refused(5);
    assert!(!words.contains("made all the same"), "nothing was sent: {words}");
    it.cluster.heal();
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn without_a_login_it_says_to_log_in() {
    let cluster = Cluster::start(&[]);
    let home = e2e::Home::new();
    home.configure(&profile("default", &cluster, "username = \"alice\""));
    let _daemon = e2e::Daemon::start(&home);
    let words = home.run(&["generate-token"]).refused(4);
    assert!(words.contains("weka-token login"), "{words}");
}

/// What was to end a token that nobody had would have ended all tokens of the default profile's user, and not that one.
#[test]
fn what_ends_a_token_that_nobody_has_named_another_profile() {
    let it = LoggedIn::to(Cluster::start(&[]));
    login_with(&it.home, &it.cluster, "admin", "Admin-Pass1", &["-p", "prod"]).ok();
    let command = it.home.weka_token(&["generate-token", "-p", "prod"]);
    let mut into_the_full = it.home.command("sh");
    into_the_full.args(["-c", "exec \"$0\" \"$@\" > /dev/full"]).arg(command.get_program());
    into_the_full.args(command.get_args());
    let words = e2e::home::finish(&mut into_the_full, "").refused(1);
    assert!(words.contains("to end it, run: weka-token revoke-tokens -p prod"), "{words}");
    it.cluster.fault(&json!({"kind": "slow", "path": "/api/v2/login/refresh", "delay_ms": 4000}));
    let words = it.home.run(&["generate-token", "-p", "prod", "--timeout", "1s"]).refused(5);
    assert!(words.contains("weka-token revoke-tokens -p prod ends all tokens of the user"), "{words}");
    let said = "nobody has it; weka-token revoke-tokens -p prod ends all tokens of the user";
    e2e::until("a line that says so", || it.daemon.log().contains(said).then_some(()));
}

#[test]
fn a_long_lived_token_that_the_role_does_not_allow_was_a_failure_like_any_other() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.cluster.fault(&json!({"kind": "status", "status": 403, "path": "/api/v2/login/refresh", "count": 1}));
    let words = it.home.run(&["generate-token"]).refused(6);
    assert!(words.contains("403") && words.contains("role"), "{words}");
    assert_eq!(it.daemon.profile().state, wire::State::Ready, "that says nothing of the profile");
}
