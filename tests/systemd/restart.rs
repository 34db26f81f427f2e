//! A restart, an upgrade or a crash costs nobody a login or a failed `get`.

use crate::{SERVICE, SOCKET, profile, somebody, somebody_logged_in};
use e2e::Cluster;
use e2e::systemd::{Shell, Units, UserManager};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Ends the daemon, however, and waits for the next one.
fn replace(manager: &UserManager, how: impl FnOnce()) {
    let before = manager.pid().to_string();
    how();
    manager.until(SERVICE, "MainPID", |pid| pid != "0" && pid != before);
    manager.until(SERVICE, "SubState", |state| state == "running");
}

#[test]
fn twenty_restarts_and_kills_under_load_and_without_the_cluster_fail_no_get() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let token = manager.weka_token(&["get"]).ok();
    let before = cluster.log().len();
    cluster.fault(&json!({"kind": "refuse"}));
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let answers: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        answers.push(manager.weka_token(&["get", "--timeout", "1m"]));
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    answers
                })
            })
            .collect();
        let mut round = 0;
        // A hundred and more, or it is no load.
        while round < 20 || count.load(Ordering::Relaxed) <= 100 {
            round += 1;
            if round % 2 == 0 {
                replace(&manager, || drop(manager.systemctl(&["restart", SERVICE]).ok()));
            } else {
                replace(&manager, || manager.signal("KILL"));
            }
        }
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    for answer in &answers {
        assert_eq!(
            (answer.status, answer.stdout.trim_end()),
            (0, token.as_str()),
            "{answer:#?}\n{}",
            manager.log()
        );
    }
    cluster.heal();
    assert_eq!(cluster.log().len(), before, "a request to the cluster");
}

#[test]
fn whatever_ends_the_daemon_but_a_stop_it_comes_back_with_its_tokens() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let token = manager.weka_token(&["get"]).ok();
    for signal in ["TERM", "INT", "ABRT", "QUIT"] {
        replace(&manager, || manager.signal(signal));
        assert_eq!(manager.weka_token(&["get"]).ok(), token, "after SIG{signal}");
    }
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_restart_of_the_socket_costs_no_token() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let token = manager.weka_token(&["get"]).ok();
    replace(&manager, || drop(manager.systemctl(&["restart", SOCKET]).ok()));
    assert_eq!(manager.weka_token(&["get"]).ok(), token);
    assert_eq!(manager.show(SOCKET, "SubState"), "running");
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn an_upgrade_that_restarts_only_what_runs_starts_nothing() {
    let Some(manager) = somebody() else { return };
    manager.systemctl(&["try-restart", SERVICE]).ok();
    assert_eq!(manager.show(SERVICE, "ActiveState"), "inactive");
    assert_eq!(manager.show(SOCKET, "SubState"), "listening");
}

#[test]
fn what_was_refreshed_before_a_crash_is_what_there_is_after_it() {
    // A refresh token that dies on use: had the old state come back, nothing could be refreshed any more.
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let mut seen = BTreeSet::from([manager.weka_token(&["get"]).ok()]);
    for _ in 0..5 {
        manager.weka_token(&["refresh"]).ok();
        replace(&manager, || manager.signal("KILL"));
        let token = manager.weka_token(&["get"]).ok();
        assert!(cluster.honours(&token) && seen.insert(token), "an old token is back");
    }
    assert_eq!((cluster.logins().len(), cluster.count("refreshes_failed")), (1, 0));
    // One entry of the store is the state; the ones before are gone.
    let kept = manager.show(SERVICE, "NFileDescriptorStore");
    assert_eq!(kept, "1");
}

#[test]
fn every_profile_of_many_comes_back() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    let names: Vec<_> = (0..60).map(|number| format!("p{number}")).collect();
    manager.write("password".as_ref(), "Alice-Pass1\n");
    let password = format!("password = {{ file = {:?} }}", manager.home().path().join("password"));
    let tables: Vec<_> = names.iter().map(|name| profile(name, &cluster, &password)).collect();
    manager.configure(&tables.concat());
    let tokens = |manager: &UserManager| -> Vec<_> {
        names.iter().map(|name| manager.weka_token(&["get", "-p", name]).ok()).collect()
    };
    let before = tokens(&manager);
    cluster.fault(&json!({"kind": "refuse"}));
    replace(&manager, || manager.signal("KILL"));
    assert!(tokens(&manager) == before, "other tokens\n{}", manager.log());
    assert_eq!(cluster.logins().len(), names.len());
}

#[test]
fn a_logout_outlives_a_restart() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &["--token-file"]) else { return };
    manager.weka_token(&["logout"]).ok();
    for _ in 0..2 {
        manager.weka_token(&["get"]).refused(4);
        replace(&manager, || manager.signal("KILL"));
    }
    let status = manager.weka_token(&["status", "--json"]).stdout;
    assert!(status.contains("logged-out"), "{status}");
}

#[test]
fn a_renamed_profiles_login_outlives_a_crash_under_its_new_name_and_a_removed_ones_is_gone() {
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let token = manager.weka_token(&["get"]).ok();
    manager.weka_token(&["profiles", "rename", "default", "lab"]).ok();
    let sent = cluster.count("requests");
    replace(&manager, || manager.signal("KILL"));
    assert_eq!(manager.weka_token(&["get"]).ok(), token);
    assert_eq!(manager.weka_token(&["get", "-p", "lab"]).ok(), token);
    assert_eq!(cluster.count("requests"), sent);
    assert_eq!(manager.show(SERVICE, "NFileDescriptorStore"), "1", "{}", manager.log());
    manager.weka_token(&["refresh"]).ok();
    let token = manager.weka_token(&["get"]).ok();
    replace(&manager, || drop(manager.systemctl(&["restart", SERVICE]).ok()));
    assert_eq!(manager.weka_token(&["get"]).ok(), token);

    manager.weka_token(&["profiles", "remove", "lab"]).ok();
    manager.until(SERVICE, "NFileDescriptorStore", |stored| stored == "0");
    assert_eq!((cluster.count("logins_ok"), cluster.count("refreshes_failed")), (1, 0));
}
