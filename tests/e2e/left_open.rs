//! What nobody can know for certain is said so: requests that were sent and not answered, and answers that do not fit.

use crate::LoggedIn;
use e2e::process::Process;
use e2e::{Cluster, Ran, until};
use serde_json::json;
use std::process::Stdio;
use wire::State;

fn admin(options: &[&str]) -> LoggedIn {
    LoggedIn::as_user(Cluster::start(options), "admin", "Admin-Pass1")
}

/// The daemon is killed once the cluster has the request.
fn killed_during(path: &str, arguments: &[&str], input: &str) -> Ran {
    let LoggedIn { cluster, home, daemon, .. } = admin(&[]);
    cluster.fault(&json!({"kind": "slow", "delay_ms": 3000, "path": path}));
    let query = format!("path={path}");
    let before = cluster.requests(&query).len();
    std::thread::scope(|scope| {
        let client = scope.spawn(|| home.run_with(arguments, input));
        cluster.until_requests(&query, before + 1);
        daemon.kill();
        client.join().unwrap()
    })
}

#[test]
fn a_daemon_that_died_before_its_answer_left_open_what_had_been_done_and_nobody_said_so() {
    let login = ["login", "--user", "alice", "--password-stdin"];
    let passwords = "Admin-Pass1\nNew-Secret-9\n";
    for (path, arguments, input, open) in [
        ("/api/v2/login", &login[..], "Alice-Pass1\n", "the login may have worked all the same"),
        ("/api/v2/users/password", &["passwd", "--password-stdin"], passwords, "try the new one"),
        ("/api/v2/users/*", &["revoke-tokens", "--yes"], "", "the tokens may be revoked all the same"),
        ("/api/v2/users/*", &["logout", "--revoke"], "", "sessions of the user may have ended all the same"),
        (
            "/api/v2/login/refresh",
            &["generate-token", "-p", "default"],
            "",
            "which nobody has; to end it, run: weka-token revoke-tokens -p default",
        ),
        (
            "/api/v2/fileSystems*",
            &["mount-token", "secure"],
            "",
            "a mount token may have been made all the same",
        ),
    ] {
        let words = killed_during(path, arguments, input).refused(1);
        assert!(words.contains("ended the connection without an answer"), "{words}");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(open), "{arguments:?}: {words}");
    }
}

#[test]
fn a_long_lived_token_was_lost_without_a_word_while_its_short_life_was_looked_into() {
    let cluster = Cluster::start(&[]);
    let ldap = json!({"username": "alice", "password": "Alice-Pass1", "source": "LDAP"});
    cluster.control("POST", "/users", &ldap);
    let it = LoggedIn::to(cluster);
    it.cluster.fault(&json!({"kind": "slow", "delay_ms": 2000, "path": "/api/v2/users/whoami"}));
    let mut command = it.home.weka_token(&["generate-token"]);
    let client = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::null())).unwrap();
    it.cluster.until_requests("path=/api/v2/users/whoami", 1);
    drop(client);
    until("a line in the log", || it.daemon.log().contains("nobody has it").then_some(()));
}

#[test]
fn a_password_that_was_changed_without_a_login_after_it_ended_with_0() {
    let it = admin(&[]);
    it.cluster.fault(&json!({"kind": "status", "status": 503, "path": "/api/v2/login"}));
    let words =
        it.home.run_with(&["passwd", "--password-stdin", "--timeout", "3s"], "Admin-Pass1\nNew-Secret-9\n");
    let words = words.refused(4);
    assert!(
        words.contains("the password of admin is changed, but the login with it did not work"),
        "{words}"
    );
    it.cluster.heal();
    crate::login(&it.home, &it.cluster, "admin", "New-Secret-9").ok();
    it.daemon.until("logged in", |profile| profile.state == State::Ready);
}

#[test]
fn a_new_token_that_the_cluster_refused_was_answered_with_log_in_or_a_wait_in_vain() {
    let it = admin(&[]);
    it.cluster.fault(&json!({"kind": "status", "status": 401, "path": "/api/v2/fileSystems*"}));
    let words = it.home.run(&["filesystems"]).refused(1);
    assert!(words.contains("401") && words.contains("although it granted the token only"), "{words}");
    assert!(!words.contains("weka-token login"), "{words}");
    let before = it.cluster.refreshes().len();
    // So soon there is no other token, and this is no reason to wait for one.
    let words = it.home.run(&["filesystems", "--timeout", "1s"]).refused(1);
    assert!(words.contains("although it granted the token only"), "{words}");
    assert_eq!(it.cluster.refreshes().len(), before);
}

#[test]
fn a_mount_token_whose_answer_was_lost_was_made_again_at_the_next_endpoint() {
    let it = admin(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    it.cluster.fault(&json!({"kind": "lose-answer", "path": "/api/v2/fileSystems/*", "count": 1}));
    let words = it.home.run(&["mount-token", "secure", "--read-only", "--expires", "1h"]).refused(5);
    assert!(words.contains("one may have been made all the same"), "{words}");
    let asked =
        it.cluster.log().iter().filter(|it| it["path"].as_str().unwrap().ends_with("/mountToken")).count();
    assert_eq!(asked, 1);
}
