//! `revoke-tokens` and `passwd`: what ends tokens, and what comes after.

use crate::{LoggedIn, at_once, login, login_with, profile};
use e2e::{Cluster, Daemon, Home, Terminal};
use serde_json::json;
use wire::State;

#[test]
fn revoked_tokens_are_dead_everywhere_and_a_login_is_needed_at_once() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let long_lived = it.home.run(&["generate-token", "-q"]).ok();
    let token = it.token();
    let said = it.home.run(&["revoke-tokens", "--yes"]);
    assert!(said.stderr.contains("needs a login now"), "{said:?}");
    assert_eq!(said.status, 0);
    for token in [token, long_lived] {
        assert_eq!(it.cluster.check(&token)["standing"], "revoked");
    }
    assert_eq!(it.daemon.profile().state, State::LoginRequired);
    it.home.run(&["get"]).refused(4);
    assert_eq!(it.cluster.refreshes().len(), 1, "only the one that made the long-lived token");
}

#[test]
fn with_a_password_source_the_daemon_logs_in_again_by_itself() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write("password".as_ref(), "Admin-Pass1\n");
    let source = format!("username = \"admin\"\npassword = {{ file = {:?} }}", home.path().join("password"));
    home.configure(&profile("default", &cluster, &source));
    let daemon = Daemon::start(&home);
    let before = home.run(&["get"]).ok();
    let said = home.run(&["revoke-tokens", "--yes"]);
    assert!(said.stderr.contains("logs in again"), "{said:?}");
    let after = home.run(&["get"]).ok();
    assert!(after != before && cluster.honours(&after), "{}", daemon.log());
    assert_eq!(cluster.logins().len(), 2);
}

#[test]
fn an_admin_may_end_somebody_elses_tokens() {
    let cluster = Cluster::start(&[]);
    let alice = LoggedIn::to(cluster);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login(&home, &alice.cluster, "admin", "Admin-Pass1").ok();
    let token = alice.token();
    home.run(&["revoke-tokens", "alice", "--yes"]).ok();
    assert_eq!(alice.cluster.check(&token)["standing"], "revoked");
    assert_eq!(daemon.profile().state, State::Ready, "the admin's own stay");
    let words = home.run(&["revoke-tokens", "nobody", "--yes"]).refused(1);
    assert!(words.contains("no user nobody"), "{words}");
    let words = alice.home.run(&["revoke-tokens", "admin", "--yes"]).refused(4);
    assert!(words.contains("login"), "{words}");
}

#[test]
fn an_admin_who_names_himself_needs_a_login_too() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.home.run(&["revoke-tokens", "admin", "--yes"]).ok();
    assert_eq!(it.daemon.profile().state, State::LoginRequired);
}

#[test]
fn a_regular_user_may_not_revoke_and_nothing_changes() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.home.run(&["revoke-tokens", "--yes"]).refused(6);
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.daemon.profile().state, State::Ready);
}

#[test]
fn a_revocation_is_confirmed_on_a_terminal_and_not_assumed_without_one() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let words = it.home.run(&["revoke-tokens"]).refused(2);
    assert!(words.contains("--yes"), "{words}");
    let mut terminal = Terminal::run(&it.home.weka_token(&["revoke-tokens"]));
    terminal.expect("stays mounted");
    terminal.expect("Type yes");
    terminal.type_in("y\n");
    terminal.expect("nothing was revoked");
    assert_eq!(terminal.finish().0, 1);
    assert_eq!(it.cluster.requests("method=DELETE").len(), 0);
    let mut terminal = Terminal::run(&it.home.weka_token(&["revoke-tokens"]));
    terminal.expect("Type yes");
    terminal.type_in("yes\n");
    terminal.expect("revoked all tokens of admin");
    assert_eq!(terminal.finish().0, 0);
}

#[test]
fn another_password_is_set_and_logged_in_with_at_once() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let before = it.token();
    let said = it.home.run_with(&["passwd", "--password-stdin"], "Alice-Pass1\nAlice-Pass2\n");
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stderr.contains("is changed") && said.stderr.contains("logged in"), "{said:?}");
    assert!(it.token() != before && it.cluster.honours(&it.token()));
    assert_eq!(it.cluster.logins().len(), 2);
    for secret in ["Alice-Pass1", "Alice-Pass2"] {
        assert!(!it.daemon.log().contains(secret) && !said.stderr.contains(secret));
    }
    login(&it.home, &it.cluster, "alice", "Alice-Pass2").ok();
}

#[test]
fn passwords_are_asked_for_without_echo_and_the_new_one_twice() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut terminal = Terminal::run(&it.home.weka_token(&["passwd"]));
    for (question, answer) in [
        ("Old password of alice", "Alice-Pass1\n"),
        ("New password:", "Alice-Pass2\n"),
        ("New password again", "Alice-Pass3\n"),
    ] {
        terminal.expect(question);
        assert!(!terminal.echoes());
        terminal.type_in(answer);
    }
    let seen = terminal.expect("nothing was changed");
    assert!(!seen.contains("Alice-Pass"), "{seen}");
    assert_eq!(terminal.finish().0, 1);
    assert_eq!(it.cluster.requests("method=PUT").len(), 0);
}

#[test]
fn what_the_policy_refuses_is_shown_and_nothing_changes() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let token = it.token();
    let words = it.home.run_with(&["passwd", "--password-stdin"], "Alice-Pass1\nshort\n").refused(1);
    assert!(words.contains("nothing was changed"), "{words}");
    assert_eq!(it.token(), token);
    assert!(it.cluster.honours(&token));
    assert_eq!(it.cluster.requests("method=PUT").len(), 1);
}

#[test]
fn a_wrong_old_password_is_sent_once_and_a_lockout_it_meets_is_heeded() {
    let cluster = Cluster::start(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    cluster.set(&json!({"lockout_failures": 2, "lockout_duration": "5m"}));
    let it = LoggedIn::to(cluster);
    for _ in 0..3 {
        let ran = it.home.run_with(&["passwd", "--password-stdin"], "wrong\nAlice-Pass2\n");
        assert_ne!(ran.status, 0, "{ran:?}");
        assert!(ran.stderr.contains("nothing was changed") || ran.stderr.contains("locked"), "{ran:?}");
        if it.daemon.profile().locked_for_s.is_some() {
            break;
        }
    }
    assert!(it.daemon.profile().locked_for_s.is_some(), "{}", it.daemon.log());
    let sent = it.cluster.count("requests");
    it.home.run_with(&["passwd", "--password-stdin"], "Alice-Pass1\nAlice-Pass2\n").refused(4);
    login(&it.home, &it.cluster, "alice", "Alice-Pass1").refused(4);
    assert_eq!(it.cluster.count("requests"), sent, "nothing is sent meanwhile");
}

#[test]
fn passwd_without_two_lines_is_a_usage_error() {
    let it = LoggedIn::to(Cluster::start(&[]));
    for input in ["", "Alice-Pass1\n", "\nAlice-Pass2\n"] {
        it.home.run_with(&["passwd", "--password-stdin"], input).refused(2);
    }
    it.home.run(&["passwd"]).refused(2);
    let words = it.home.run(&["passwd", "-p", "default"]).refused(2);
    assert!(words.contains("weka-token passwd -p default --password-stdin"), "{words}");
    assert_eq!(it.cluster.requests("method=PUT").len(), 0);
}

#[test]
fn a_password_that_has_to_be_changed_leads_to_passwd() {
    let cluster = Cluster::start(&[]);
    cluster.control(
        "POST",
        "/users",
        &json!({"username": "alice", "password": "Alice-Pass1", "password_change_required": true}),
    );
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let said = login(&home, &cluster, "alice", "Alice-Pass1");
    assert!(said.stderr.contains("weka-token passwd"), "{said:?}");
}

/// Only a person's login said so: with a password source nobody ever heard of it.
#[test]
fn a_password_that_has_to_be_changed_was_not_mentioned_after_an_automatic_login() {
    let (cluster, home) = (Cluster::start(&[]), Home::new());
    let user = json!({"username": "alice", "password": "Alice-Pass1", "password_change_required": true});
    cluster.control("POST", "/users", &user);
    let file = home.path().join("password");
    home.write("password".as_ref(), "Alice-Pass1\n");
    let source = format!("username = \"alice\"\npassword = {{ file = {file:?} }}");
    home.configure(&profile("default", &cluster, &source));
    let daemon = Daemon::start(&home);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    for step in [&["refresh", "--timeout", "1m"][..], &["status"]] {
        assert_eq!(home.run(step).status, 0);
        let notes = daemon.profile().notes;
        let wanted = |note: &String| note.contains("changed") && note.contains("run: weka-token passwd");
        assert!(notes.iter().any(wanted), "{notes:?}");
    }
    let found = home.run(&["doctor", "--json"]);
    let findings = crate::json(&found.stdout)["findings"].clone();
    let is_bad = |finding: &serde_json::Value| {
        finding["check"] == "password"
            && finding["level"] == "bad"
            && finding["fix"] == "run: weka-token passwd"
    };
    assert!(found.status == 1 && findings.as_array().unwrap().iter().any(is_bad), "{found:?}");
    assert_eq!(
        daemon.log().matches("wants the password of this user changed").count(),
        1,
        "{}",
        daemon.log()
    );
    home.run_with(&["passwd", "--password-stdin"], "Alice-Pass1\nAlice-Pass2\n").ok();
    assert_eq!(daemon.profile().notes, Vec::<String>::new(), "it is changed");
}

/// What was sent and got no answer that makes sense was called unchanged.
#[test]
fn a_password_that_was_changed_was_said_not_to_be() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.cluster.fault(&json!({"kind": "truncated", "path": "/api/v2/users/password"}));
    let words = it.home.run_with(&["passwd", "--password-stdin"], "Alice-Pass1\nAlice-Pass2\n").refused(1);
    assert!(words.contains("may have been changed all the same"), "{words}");
    it.cluster.heal();
    login(&it.home, &it.cluster, "alice", "Alice-Pass2").ok();
}

/// Its answer was lost, and the daemon went on handing out the dead token for minutes.
#[test]
fn tokens_that_were_revoked_were_handed_out_because_the_answer_was_lost() {
    for kind in ["lose-answer", "truncated"] {
        let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
        let token = it.token();
        it.cluster.fault(&json!({"kind": kind, "method": "DELETE"}));
        it.home.run(&["revoke-tokens", "--yes"]).ok();
        assert_eq!(it.cluster.check(&token)["standing"], "revoked");
        it.home.run(&["get"]).refused(4);
    }
}

#[test]
fn a_revocation_that_was_not_carried_out_leaves_the_login() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.cluster.fault(&json!({"kind": "reset", "method": "DELETE"}));
    let words = it.home.run(&["revoke-tokens", "--yes"]).refused(5);
    assert!(words.contains("may have ended all the same"), "{words}");
    it.cluster.heal();
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.daemon.profile().state, State::Ready);
}

/// The password was changed, and the login with it got no good answer: "it is tried again by itself", which it was not,
/// and dead tokens were handed out until the next renewal.
#[test]
fn a_login_that_failed_after_passwd_was_said_to_be_tried_again() {
    let failures = [
        json!({"kind": "status", "status": 503, "path": "/api/v2/login", "count": 1}),
        json!({"kind": "lose-answer", "path": "/api/v2/login", "count": 1}),
    ];
    at_once(&failures, |fault| {
        let it = LoggedIn::to(Cluster::start(&[]));
        let token = it.token();
        it.cluster.fault(fault);
        let words =
            it.home.run_with(&["passwd", "--password-stdin"], "Alice-Pass1\nAlice-Pass2\n").refused(4);
        assert!(words.contains("is changed, but the login with it did not work"), "{words}");
        assert!(words.contains("run: weka-token login") && !words.contains("by itself"), "{words}");
        assert_eq!(it.cluster.check(&token)["standing"], "revoked");
        assert_eq!(it.daemon.profile().state, State::LoginRequired);
        it.home.run(&["get"]).refused(4);
        login(&it.home, &it.cluster, "alice", "Alice-Pass2").ok();
    });
}

/// A profile other than the default one is named in what is to be run.
#[test]
fn the_login_that_passwd_asks_for_was_that_of_another_profile() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "prod"]).ok();
    cluster.fault(&json!({"kind": "status", "status": 503, "path": "/api/v2/login", "count": 1}));
    let passwd = ["passwd", "-p", "prod", "--password-stdin"];
    let words = home.run_with(&passwd, "Alice-Pass1\nAlice-Pass2\n").refused(4);
    assert!(words.contains("run: weka-token login -p prod"), "{words}");
}

/// Another profile of the account went on handing out what this daemon had just had revoked.
#[test]
fn tokens_that_were_revoked_were_handed_out_by_another_profile_of_the_account() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    let log_in = |profile: &str, username: &str, password: &str| {
        login_with(&home, &cluster, username, password, &["-p", profile]).ok();
        home.run(&["get", "-p", profile]).ok()
    };
    let state = |name: &str| daemon.named(name).state;
    for ends in [
        &["revoke-tokens", "-p", "one", "--yes"][..],
        &["revoke-tokens", "-p", "one", "admin", "--yes"],
        &["logout", "-p", "one", "--revoke"],
    ] {
        log_in("one", "admin", "Admin-Pass1");
        let token = log_in("two", "admin", "Admin-Pass1");
        let others = log_in("other", "alice", "Alice-Pass1");
        let said = home.run(ends);
        assert!(
            said.stderr.contains("profile two needs a login now; run: weka-token login -p two"),
            "{said:?}"
        );
        assert_eq!((said.status, &cluster.check(&token)["standing"]), (0, &json!("revoked")));
        home.run(&["get", "-p", "two"]).refused(4);
        assert_eq!((state("two"), state("other")), (State::LoginRequired, State::Ready));
        assert_eq!(home.run(&["get", "-p", "other"]).ok(), others, "another account");
    }
    log_in("one", "admin", "Admin-Pass1");
    let said = home.run(&["revoke-tokens", "-p", "one", "alice", "--yes"]);
    assert!(said.status == 0 && said.stderr.contains("profile other needs a login now"), "{said:?}");
    assert_eq!((state("one"), state("other")), (State::Ready, State::LoginRequired));
    log_in("other", "alice", "Alice-Pass1");
    log_in("two", "alice", "Alice-Pass1");
    let passwords = "Alice-Pass1\nAlice-Pass2\n";
    let said = home.run_with(&["passwd", "-p", "other", "--password-stdin"], passwords);
    assert!(said.status == 0 && said.stderr.contains("profile two needs a login now"), "{said:?}");
    assert_eq!((state("other"), state("two")), (State::Ready, State::LoginRequired));
}

/// "nothing was revoked, and default is still logged in: profile default is logged out".
#[test]
fn a_logged_out_profile_was_said_to_be_still_logged_in() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.home.run(&["logout"]).ok();
    let words = it.home.run(&["logout", "--revoke"]).refused(4);
    assert!(words.contains("nothing was revoked: profile default is logged out"), "{words}");
    assert!(words.contains("run: weka-token login") && !words.contains("still logged in"), "{words}");
}
