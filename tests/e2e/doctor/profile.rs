//! What `weka-token doctor` finds of a profile's state, and of who may use it.

use super::{configured, doctor, one, says};
use crate::{LoggedIn, by_password_file, login, password_file, profile};
use e2e::{Cluster, Daemon, Home, until};
use serde_json::{Value, json};
use wire::State;

#[test]
fn a_dead_refresh_token_a_lockout_and_a_logout() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.cluster.revoke_all();
    it.home.run(&["refresh"]).refused(4);
    let (found, status) = doctor(&it.home);
    says(one(&found, "login", "bad"), "login-required", "weka-token login");
    assert_eq!(status, 1);
    it.cluster.set(&json!({"lockout_failures": 2, "lockout_duration": "5m"}));
    for _ in 0..3 {
        login(&it.home, &it.cluster, "alice", "wrong").refused(4);
    }
    let (sent, (found, status)) = (it.cluster.logins().len(), doctor(&it.home));
    says(one(&found, "lockout", "bad"), "locked out for another", "wait");
    assert_eq!((status, it.cluster.logins().len()), (1, sent));
    it.home.run(&["logout"]).ok();
    let (found, status) = doctor(&it.home);
    says(one(&found, "login", "warn"), "logged-out", "weka-token login");
    assert_eq!(status, 0, "somebody wanted it so");
}

#[test]
fn one_that_was_never_logged_in_to_and_one_whose_cluster_is_not_trusted() {
    let cluster = Cluster::start(&[]);
    let (home, _daemon) = configured(&profile("default", &cluster, ""));
    says(one(&doctor(&home).0, "login", "bad"), "login-required", "weka-token login");
    let home = Home::new();
    home.write(&home.token_file(), &crate::weka_user_login(&cluster, "alice", "Alice-Pass1"));
    home.configure(&format!("[profile.default]\nendpoints = {:?}\n", cluster.endpoints));
    let daemon = Daemon::start(&home);
    daemon.until("untrusted", |profile| profile.state == State::Untrusted);
    let (found, status) = doctor(&home);
    says(one(&found, "login", "bad"), "untrusted", "weka-token trust");
    assert_eq!(status, 1);
}

#[test]
fn one_whose_first_login_is_under_way() {
    let cluster = Cluster::start(&[]);
    cluster.fault(&json!({"kind": "slow", "delay_ms": 8000, "path": "/api/v2/login"}));
    let home = Home::new();
    home.write("password".as_ref(), "Alice-Pass1\n");
    let keys = by_password_file(&home.path().join("password")) + "\nrequest_timeout = \"1m\"";
    home.configure(&profile("default", &cluster, &keys));
    let daemon = Daemon::start(&home);
    cluster.until_requests("path=/api/v2/login", 1);
    let (found, status) = doctor(&home);
    says(one(&found, "login", "not-checked"), "starting", "");
    says(one(&found, "password", "ok"), "from file", "");
    assert_eq!(status, 0, "{found:#?}");
    daemon.until("ready", |profile| profile.state == State::Ready);
}

#[test]
fn one_whose_cluster_is_away_with_and_without_a_token_that_lives() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.cluster.fault(&json!({"kind": "status", "status": 503, "path": "/api/v2/login*"}));
    it.home.run(&["refresh"]).refused(5);
    it.daemon.until("degraded", |profile| profile.state == State::Degraded);
    let (found, status) = doctor(&it.home);
    says(one(&found, "login", "warn"), "degraded", "by itself");
    assert_eq!(status, 0, "{found:#?}");

    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "3s"]));
    it.cluster.fault(&json!({"kind": "status", "status": 503, "path": "/api/v2/login*"}));
    it.daemon.until("unreachable", |profile| profile.state == State::Unreachable);
    let (found, status) = doctor(&it.home);
    says(one(&found, "login", "bad"), "unreachable", "by itself");
    assert_eq!(status, 1);
}

#[test]
fn a_password_that_is_wrong_missing_or_that_a_program_does_not_give() {
    let cluster = Cluster::start(&[]);
    let (home, password) = password_file(&cluster, "wrong");
    let daemon = Daemon::start(&home);
    daemon.until("refused", |profile| profile.notes.iter().any(|note| note.contains("was refused")));
    let (found, status) = doctor(&home);
    says(one(&found, "password", "bad"), "was refused", "until it changes");
    assert_eq!((status, cluster.logins().len()), (1, 1));
    std::fs::remove_file(password).unwrap();
    // It is looked for again with a caller's next question, but not at once.
    until("it is missed", || {
        home.run(&["get", "--timeout", "5s"]).refused(4);
        let found = doctor(&home).0;
        let is_it = |it: &Value| it["message"].as_str().unwrap().contains("no such file");
        found.iter().any(|it| it["level"] == "bad" && is_it(it)).then_some(())
    });

    let keys = "username = \"alice\"\npassword = { command = [\"sh\", \"-c\", \"echo later >&2; exit 1\"] }";
    let (home, daemon) = configured(&profile("default", &cluster, keys));
    daemon.until("it failed", |profile| profile.notes.iter().any(|note| note.contains("later")));
    says(one(&doctor(&home).0, "password", "warn"), "exit status 1", "");
}

#[test]
fn whom_a_token_is_for_besides_and_names_that_nobody_has() {
    let it = LoggedIn::configured(Cluster::start(&[]), "allow = [\"user:root\", \"group:nobody-knows\"]");
    it.daemon.until("the name is looked up", |profile| !profile.notes.is_empty());
    let (found, status) = doctor(&it.home);
    says(one(&found, "permission", "warn"), "group:nobody-knows is not known", "[profile.default]");
    let messages = found.iter().filter(|it| it["check"] == "permission" && it["level"] == "ok");
    let messages: Vec<_> = messages.map(|it| it["message"].as_str().unwrap()).collect();
    assert!(messages.iter().any(|it| it.contains("is for user:root, too")), "{messages:#?}");
    assert!(messages.iter().any(|it| it.contains("all is permitted")), "{messages:#?}");
    assert_eq!(status, 0, "{found:#?}");
}
