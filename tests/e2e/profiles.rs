//! Several profiles in one configuration, on two clusters: nothing of one touches another.

use crate::{login_with, profile};
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home};
use serde_json::json;
use std::process::Stdio;
use std::time::Duration;
use wire::State;

/// Two clusters, a profile on each, and one more on the first as somebody else.
fn three() -> (Home, Daemon, Cluster, Cluster) {
    three_at(Cluster::start(&["--access-ttl", "3s"]), Cluster::start(&["--access-ttl", "3s"]))
}

fn three_at(near: Cluster, far: Cluster) -> (Home, Daemon, Cluster, Cluster) {
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
    let (home, daemon, near, far) = three_at(Cluster::start(&[]), Cluster::start(&["--access-ttl", "3s"]));
    far.fault(&json!({"kind": "hang"}));
    daemon.until_named("far", "unreachable", |profile| profile.state == State::Unreachable);
    let mut waiting =
        Process::start(home.weka_token(&["get", "-p", "far", "--timeout", "1h"]).stderr(Stdio::null()))
            .unwrap();
    for _ in 0..5 {
        // No test waits for that long.
        assert!(near.honours(&home.run(&["get", "--timeout", "1h"]).ok()));
    }
    assert!(waiting.ended_within(Duration::ZERO).is_none());
    home.run(&["get", "-p", "far", "--timeout", "1s"]).refused(5);
    assert_eq!(daemon.named("near").refresh_failures_total, 0);
    assert_eq!(home.run(&["status"]).status, 5, "the worst of those shown");
    assert_eq!(home.run(&["status", "-p", "near"]).status, 0);
}

#[test]
fn at_three_clusters_one_hangs_one_locks_out_and_the_third_serves_on() {
    let clusters = [(); 3].map(|()| Cluster::start(&[]));
    let [hung, locked, fine] = &clusters;
    locked.set(&json!({"lockout_failures": 1, "lockout_duration": "10m"}));
    let home = Home::new();
    let keys = "username = \"alice\"";
    home.configure(&format!(
        "default_profile = \"fine\"\n{}{}{}",
        profile("fine", fine, "username = \"admin\""),
        profile("hung", hung, keys),
        profile("locked", locked, keys),
    ));
    let daemon = Daemon::start(&home);
    login_with(&home, fine, "admin", "Admin-Pass1", &[]).ok();
    login_with(&home, hung, "alice", "Alice-Pass1", &["-p", "hung"]).ok();
    hung.fault(&json!({"kind": "hang"}));
    for _ in 0..2 {
        login_with(&home, locked, "alice", "wrong", &["-p", "locked"]).refused(4);
    }
    daemon.until_named("locked", "locked out", |it| it.state == State::LockedOut);
    let sent = locked.count("requests");
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| home.run(&["refresh", "-p", "hung", "--timeout", "1h"]));
        hung.until_requests("path=/api/v2/login/refresh", 1);
        for round in 0..5 {
            for line in [&["get"][..], &["status", "-p", "fine"], &["refresh"], &["whoami"], &["profiles"]] {
                // All renewals that are asked for share one in five seconds.
                if line == ["refresh"] && round > 0 {
                    continue;
                }
                home.run(line).ok();
            }
            assert!(fine.honours(&home.run(&["get"]).ok()));
            let words = home.run(&["get", "-p", "locked"]).refused(4);
            assert!(words.contains("locked the account of profile locked"), "{words}");
        }
        assert_eq!(daemon.named("fine").refresh_failures_total, 0);
        assert!(!stuck.is_finished(), "all of that while one waits");
        hung.heal();
        stuck.join().unwrap().ok();
    });
    let states = crate::json(&home.run(&["profiles", "--json"]).ok());
    assert_eq!((&states[0]["state"], &states[2]["state"]), (&json!("ready"), &json!("locked-out")));
    assert_eq!(locked.count("requests"), sent, "nothing is sent to an account that is locked");
}

#[test]
fn every_command_asks_for_the_profile_of_the_option_the_environment_or_the_configuration() {
    let (near, far) = (Cluster::start(&[]), Cluster::start(&[]));
    let home = Home::new();
    let tables = profile("near", &near, "") + &profile("far", &far, "");
    home.configure(&format!("default_profile = \"near\"\n{tables}"));
    let _daemon = Daemon::start(&home);
    login_with(&home, &near, "admin", "Admin-Pass1", &[]).ok();
    login_with(&home, &far, "admin", "Admin-Pass1", &["-p", "far"]).ok();
    let run = |line: &[&str], environment: Option<&str>| {
        let mut command = home.weka_token(line);
        if let Some(name) = environment {
            command.env("WEKA_TOKEN_PROFILE", name);
        }
        e2e::home::finish(&mut command, "Admin-Pass1\nAdmin-Pass2\n")
    };
    for line in [&["whoami"][..], &["filesystems"], &["mount-token", "secure"]] {
        for (option, environment, expected) in [
            (&[][..], None, &near),
            (&[], Some("far"), &far),
            (&["-p", "near"], Some("far"), &near),
            (&["-p", "far"], None, &far),
        ] {
            let before = (near.count("requests"), far.count("requests"));
            run(&[line, option].concat(), environment).ok();
            let asked = (near.count("requests") > before.0, far.count("requests") > before.1);
            let is_near = expected.endpoint() == near.endpoint();
            assert_eq!(asked, (is_near, !is_near), "{line:?} {option:?} {environment:?}");
        }
    }
    // What changes something is asked of a profile that is not there.
    for line in [
        &["get"][..],
        &["get", "--format", "json", "--timeout", "1s"],
        &["refresh"],
        &["status"],
        &["logout"],
        &["generate-token"],
        &["revoke-tokens", "--yes"],
        &["passwd", "--password-stdin"],
        &["exec", "true"],
    ] {
        for (option, environment) in [(&["-p", "none"][..], Some("far")), (&[], Some("none"))] {
            let (verb, rest) = line.split_first().unwrap();
            let words = run(&[&[*verb][..], option, rest].concat(), environment).stderr;
            assert!(words.contains("no profile none") && words.contains("far"), "{line:?}: {words}");
        }
    }
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
