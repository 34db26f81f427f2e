//! Several profiles in one configuration, on two clusters: nothing of one touches another.

use crate::{login_with, profile};
use e2e::{Cluster, Daemon, Home};
use serde_json::json;
use wire::State;

/// Two clusters, a profile on each, and one more on the first as somebody else.
fn three() -> (Home, Daemon, Cluster, Cluster) {
    let (near, far) = (Cluster::start(&["--access-ttl", "3s"]), Cluster::start(&["--access-ttl", "3s"]));
    let home = Home::new();
    let timeouts = "request_timeout = \"1s\"\nconnect_timeout = \"1s\"";
    home.configure(&format!(
        "default_profile = \"near\"\n{}{}{}",
        profile("near", &near, ""),
        profile("near-admin", &near, ""),
        profile("far", &far, timeouts),
    ));
    let daemon = Daemon::start(&home);
    login_with(&home, &near, "alice", "Alice-Pass1", &[]).ok();
    login_with(&home, &near, "admin", "Admin-Pass1", &["-p", "near-admin"]).ok();
    login_with(&home, &far, "bob", "Bob-Pass1", &["-p", "far", "--org", "research"]).ok();
    (home, daemon, near, far)
}

fn user(home: &Home, cluster: &Cluster, name: &str) -> String {
    let checked = cluster.check(&home.run(&["get", "-p", name]).ok());
    assert_eq!(checked["standing"], "alive", "{name}: {checked}");
    checked["username"].as_str().unwrap().to_owned()
}

#[test]
fn each_profile_has_its_own_cluster_user_and_tokens() {
    let (home, daemon, near, far) = three();
    assert_eq!(user(&home, &near, "near"), "alice");
    assert_eq!(user(&home, &near, "near-admin"), "admin");
    assert_eq!(user(&home, &far, "far"), "bob");
    assert_eq!(near.check(&home.run(&["get"]).ok())["username"], "alice", "the default profile");
    for name in ["near", "near-admin", "far"] {
        daemon.until_named(name, "two renewals", |profile| profile.refreshes_total >= 2);
    }
    assert_eq!(user(&home, &far, "far"), "bob");
    assert_eq!((near.count("logins_ok"), far.count("logins_ok")), (2, 1));
}

#[test]
fn ones_outage_is_nothing_to_the_others() {
    let (home, daemon, near, far) = three();
    far.fault(&json!({"kind": "hang"}));
    daemon.until_named("far", "unreachable", |profile| profile.state == State::Unreachable);
    for _ in 0..5 {
        let served = home.run(&["get", "--timeout", "2s"]);
        assert!(served.took.as_secs() < 2, "{served:?}");
        assert!(near.honours(&served.ok()));
    }
    home.run(&["get", "-p", "far", "--timeout", "1s"]).refused(5);
    assert_eq!(daemon.named("near").refresh_failures_total, 0);
    assert_eq!(home.run(&["status"]).status, 5, "the worst of those shown");
    assert_eq!(home.run(&["status", "-p", "near"]).status, 0);
}

#[test]
fn ones_revoked_tokens_and_logout_are_nothing_to_the_others() {
    let (home, daemon, near, far) = three();
    near.control("POST", "/revoke", &json!({"username": "alice"}));
    daemon.until_named("near", "login required", |profile| profile.state == State::LoginRequired);
    home.run(&["logout", "-p", "far"]).ok();
    assert_eq!(daemon.named("far").state, State::LoggedOut);
    assert_eq!(user(&home, &near, "near-admin"), "admin");
    assert_eq!(home.run(&["status"]).status, 4);
    assert_eq!(far.count("refreshes_failed"), 0);
}

#[test]
fn an_unknown_profile_is_exit_1_with_the_names_there_are() {
    let (home, _daemon, _near, _far) = three();
    for line in [
        &["get", "-p", "prod"][..],
        &["refresh", "-p", "prod"],
        &["status", "-p", "prod"],
        &["logout", "-p", "prod"],
        &["whoami", "-p", "prod"],
    ] {
        let words = home.run(line).refused(1);
        for name in ["prod", "near", "near-admin", "far"] {
            assert!(words.contains(name), "{line:?}: {words}");
        }
    }
}

#[test]
fn the_profile_may_come_from_the_environment_and_the_option_goes_first() {
    let (home, _daemon, near, far) = three();
    let get = |options: &[&str]| {
        let mut command = home.weka_token(&[&["get"], options].concat());
        command.env("WEKA_TOKEN_PROFILE", "far");
        e2e::home::finish(&mut command, "").ok()
    };
    assert_eq!(far.check(&get(&[]))["username"], "bob");
    assert_eq!(near.check(&get(&["-p", "near"]))["username"], "alice");
}

#[test]
fn many_profiles_are_all_shown_in_order() {
    let home = Home::new();
    let tables: Vec<_> =
        (0..300).map(|n| format!("[profile.p{n:03}]\nendpoints = [\"127.0.0.1:1\"]\n")).collect();
    home.configure(&tables.concat());
    let _daemon = Daemon::start(&home);
    let shown = home.run(&["status", "--json"]);
    let names = crate::json(&shown.stdout)["profiles"].as_array().unwrap().len();
    assert_eq!(names, 301, "300 and the default one");
}
