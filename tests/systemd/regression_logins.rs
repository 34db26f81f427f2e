//! What once went wrong with logins where there is a service manager, and must not again.

use crate::{SERVICE, log_in, profile, somebody_logged_in};
use e2e::Cluster;
use e2e::process::Process;
use e2e::systemd::{self, Shell, SystemManager, Units, UserManager};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

/// A login to a profile of its own, whose pair is as another tool would leave it.
fn pair_of(manager: &UserManager, cluster: &Cluster, user: &str, password: &str) -> String {
    let path = manager.home().path().join("elsewhere.json");
    let mut line = vec!["login", "-p", "elsewhere", "--user", user, "--password-stdin"];
    line.extend(["--endpoint", cluster.endpoint(), "--fingerprint", &cluster.fingerprint]);
    line.extend(["--token-file", path.to_str().expect("text")]);
    manager.weka_token_with(&line, &format!("{password}\n")).ok();
    e2e::until("the token file", || std::fs::read_to_string(&path).ok())
}

#[test]
fn a_login_that_was_given_a_file_with_somebody_elses_pair_ended_with_that_pair() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &["-p", "prod"]) else { return };
    let theirs = pair_of(&manager, &cluster, "admin", "Admin-Pass1");
    let file = manager.home().path().join("tokens.json");
    manager.write(&file, &theirs);
    log_in(&manager, &cluster, &["-p", "prod", "--token-file", file.to_str().unwrap()]).ok();
    let user = |token: &str| cluster.check(token)["username"].clone();
    let ours = manager.weka_token(&["get", "-p", "prod"]).ok();
    assert_eq!(user(&ours), "alice", "{}", manager.log());
    e2e::until("her pair in the file", || {
        let pair: Value = serde_json::from_str(&std::fs::read_to_string(&file).ok()?).ok()?;
        (pair["access_token"] == *ours).then_some(())
    });
    assert_eq!(manager.weka_token(&["get", "-p", "prod"]).ok(), ours, "{}", manager.log());
    assert!(cluster.refreshes().is_empty(), "the other pair is not used");
}

#[test]
fn a_login_under_way_gave_somebody_back_what_allow_had_granted_before() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let config = |allow: &str| {
        format!("default_profile = \"lab\"\n{}", profile("lab", &cluster, &format!("allow = [{allow}]")))
    };
    let host = SystemManager::setup()
        .user("ann", &[])
        .configure(&config("\"user:ann\""))
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    let (root, ann) = (host.user("root"), host.user("ann"));
    root.weka_token_with(&["login", "--password-stdin"], "Alice-Pass1\n").ok();
    ann.weka_token(&["get"]).ok();
    cluster.fault(&json!({"kind": "slow", "delay_ms": 2000, "path": "/api/v2/login"}));
    let mut command = root.command(&["weka-token", "-q", "login", "--password-stdin"]);
    let mut client = Process::start(command.stdin(Stdio::piped())).unwrap();
    client.child().stdin.take().unwrap().write_all(b"Alice-Pass1\n").unwrap();
    cluster.until_requests("path=/api/v2/login", 2);
    host.write("/etc/weka-token/config.toml", &config(""));
    host.systemctl(&["reload", SERVICE]).ok();
    e2e::until("it is revoked", || (ann.weka_token(&["get"]).status == 6).then_some(()));
    assert!(client.ended_within(Duration::from_secs(40)).unwrap().success());
    ann.weka_token(&["get"]).refused(6);
    root.weka_token(&["get"]).ok();
}
