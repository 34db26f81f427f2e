//! What once went wrong with logins where there is a descriptor store, and must not again.

use crate::{log_in, somebody_logged_in};
use e2e::Cluster;
use e2e::systemd::{self, Shell, UserManager};
use serde_json::Value;

/// A login to a profile of its own, whose pair is as another tool would leave it.
fn pair_of(manager: &UserManager, cluster: &Cluster, user: &str, password: &str) -> String {
    let path = manager.home().path().join("elsewhere.json");
    let mut line = vec!["login", "-p", "elsewhere", "--user", user, "--password-stdin"];
    line.extend(["--endpoint", cluster.endpoint(), "--fingerprint", &cluster.fingerprint]);
    line.extend(["--token-file", path.to_str().expect("text")]);
    manager.weka_token_with(&line, &format!("{password}\n")).ok();
    systemd::until("the token file", || std::fs::read_to_string(&path).ok())
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
    systemd::until("her pair in the file", || {
        let pair: Value = serde_json::from_str(&std::fs::read_to_string(&file).ok()?).ok()?;
        (pair["access_token"] == *ours).then_some(())
    });
    assert_eq!(manager.weka_token(&["get", "-p", "prod"]).ok(), ours, "{}", manager.log());
    assert!(cluster.refreshes().is_empty(), "the other pair is not used");
}
