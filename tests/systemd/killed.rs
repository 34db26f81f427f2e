//! A daemon that is killed in the middle of a login, or cannot store what it should, under the shipped units.

use crate::{SERVICE, log_in, profile, somebody, somebody_logged_in};
use e2e::Cluster;
use e2e::systemd::{Shell, Units, UserManager};
use e2e::until;
use serde_json::json;
use std::os::unix::net::UnixStream;
use wire::{Request, Response, blocking};

/// A user whose profile logs in with a password from a file.
fn by_source(cluster: &Cluster) -> Option<UserManager> {
    let manager = somebody()?;
    manager.write("secret".as_ref(), "Alice-Pass1\n");
    manager.drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:%h/secret\n");
    manager.configure(&profile("default", cluster, "password = { credential = \"weka-password\" }"));
    Some(manager)
}

/// No state can be written down in the home, so only the store is left.
fn without_state_folder(manager: &UserManager) {
    manager.write(".local/state".as_ref(), "no folder\n");
}

#[test]
fn a_login_under_way_is_known_after_a_crash_by_the_store_alone() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = by_source(&cluster) else { return };
    without_state_folder(&manager);
    cluster.fault(&json!({"kind": "hang", "path": "/api/v2/login"}));
    manager.weka_token(&["get", "--timeout", "0"]).refused(5);
    cluster.until_requests("path=/api/v2/login", 1);
    manager.signal("KILL");
    cluster.heal();
    for _ in 0..4 {
        let words = manager.weka_token(&["get", "--timeout", "1s"]).refused(5);
        assert!(words.contains("in the middle of a login"), "{words}");
        manager.signal("KILL");
    }
    assert_eq!(cluster.logins().len(), 1, "five would lock the account: {}", manager.log());
}

#[test]
fn a_login_under_way_is_known_after_a_stop_by_the_state_folder_alone() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = by_source(&cluster) else { return };
    cluster.fault(&json!({"kind": "hang", "path": "/api/v2/login"}));
    manager.weka_token(&["get", "--timeout", "0"]).refused(5);
    cluster.until_requests("path=/api/v2/login", 1);
    manager.systemctl(&["stop", SERVICE]).ok();
    assert_eq!(manager.show(SERVICE, "NFileDescriptorStore"), "0");
    cluster.heal();
    manager.weka_token(&["get", "--timeout", "1s"]).refused(5);
    assert_eq!(cluster.logins().len(), 1, "{}", manager.log());
}

/// A logout while the daemon has no descriptor left for anything new; what it said.
fn log_out_without_descriptors(manager: &UserManager) -> String {
    // Connected before.
    let mut stream = UnixStream::connect(manager.path(&manager.home().socket())).expect("it listens");
    let mut ask = |request: &Request| -> Response {
        blocking::send(&mut stream, request).expect("it is sent");
        blocking::receive(&mut stream).expect("it is answered")
    };
    let token = ask(&Request::Get { profile: None, min_ttl_s: None, timeout_ms: 0 });
    assert!(matches!(token, Response::Token(_)), "{token:?}");
    let pid = manager.pid().to_string();
    let limit = |limit: &str| manager.run(&["prlimit", "--pid", &pid, limit]).ok();
    limit("--nofile=3:8192");
    let done = ask(&Request::Logout { profile: None, revoke: false, timeout_ms: 10_000 });
    limit("--nofile=8192:8192");
    match done {
        Response::Refused(refusal) => refusal.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_logout_without_a_descriptor_left_was_undone_by_a_crash() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    without_state_folder(&manager);
    assert_eq!(manager.show(SERVICE, "NFileDescriptorStore"), "1");
    let words = log_out_without_descriptors(&manager);
    assert!(words.contains("a restart will not know of it"), "{words}");
    manager.signal("KILL");
    manager.weka_token(&["get", "--timeout", "1s"]).refused(4);
    log_in(&manager, &cluster, &[]).ok();
    assert!(cluster.honours(&manager.weka_token(&["get"]).ok()));
}

#[test]
fn a_logout_that_could_not_be_stored_is_stored_once_it_can_be() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    without_state_folder(&manager);
    log_out_without_descriptors(&manager);
    manager.until(SERVICE, "NFileDescriptorStore", |count| count == "1");
    manager.signal("KILL");
    until("the next daemon knows", || {
        manager.weka_token(&["status"]).stdout.contains("logged-out").then_some(())
    });
}

#[test]
fn a_logout_that_only_the_state_folder_knew_of_was_undone_by_what_was_stored_before() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let entry = |manager: &UserManager| manager.show(SERVICE, "NFileDescriptorStore");
    assert_eq!(entry(&manager), "1");
    // As a daemon leaves it whose state could not be stored, and that was killed then.
    manager.weka_token(&["logout"]).ok();
    let folder = manager.home().path().join(".local/state/weka-token");
    let host = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let kept = std::fs::read_to_string(host.join("default.json")).unwrap();
    log_in(&manager, &cluster, &[]).ok();
    let mut kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    kept["revision"] = 1000.into();
    manager.write(&host.join("default.json"), &kept.to_string());
    manager.signal("KILL");
    manager.weka_token(&["get", "--timeout", "1s"]).refused(4);
    let status = manager.weka_token(&["status"]).stdout;
    assert!(status.contains("logged-out"), "{status}");
    // Nor is it in the store any more.
    std::fs::remove_file(host.join("default.json")).unwrap();
    manager.signal("KILL");
    manager.weka_token(&["get", "--timeout", "1s"]).refused(4);
    assert_eq!(cluster.refreshes().len(), 0);
}
