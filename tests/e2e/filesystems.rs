//! `weka-token filesystems`: what a mount may name.

use crate::{LoggedIn, json, login_with};
use e2e::{Cluster, Daemon, Home};
use serde_json::Value;

fn as_admin(options: &[&str]) -> LoggedIn {
    LoggedIn::as_user(Cluster::start(options), "admin", "Admin-Pass1")
}

#[test]
fn they_are_a_table_for_people_and_a_line_for_programs() {
    let it = as_admin(&[]);
    let table = it.home.run(&["filesystems"]).ok();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("NAME"), "{table}");
    let secure = lines.iter().find(|line| line.starts_with("secure")).unwrap();
    for part in ["default", "READY", "required", "64.0 KiB", "100 TiB"] {
        assert!(secure.contains(part), "{part}: {table}");
    }
    let line = it.home.run(&["filesystems", "--json"]).ok();
    assert_eq!(line.lines().count(), 1);
    let all = json(&line);
    let names: Vec<_> = all.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "secure"], "those of the user's own org, in order");
    let secure = &all[1];
    assert_eq!(secure["total_bytes"], 109_951_162_777_600_u64);
    assert_eq!((&secure["used_bytes"], &secure["auth_required"]), (&json!(65_536), &json!(true)));
    assert_eq!((&secure["is_ready"], &secure["is_encrypted"]), (&json!(true), &Value::Null));
    assert!(secure["uid"].is_string(), "{secure}");
}

#[test]
fn sizes_beyond_a_double_are_exact() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    login_with(&home, &cluster, "bob", "Bob-Pass1", &["--org", "research"]).ok();
    let all = json(&home.run(&["filesystems", "--json"]).ok());
    assert_eq!(all[0]["total_bytes"], 9_007_199_254_740_993_u64);
}

#[test]
fn as_many_as_a_cluster_may_have_come_in_pages() {
    let it = as_admin(&[]);
    let entry = |number: u32| {
        json!({"uid": format!("u-{number}"), "name": format!("filesystem-number-{number:04}"),
               "group_name": "a-group-with-a-long-name", "status": "READY", "total_budget": u64::MAX,
               "padding": "x".repeat(1500)})
    };
    let all: Vec<_> = (0..1024).rev().map(entry).collect();
    it.cluster.fault(
        &json!({"kind": "status", "status": 200, "path": "/api/v2/fileSystems", "body": {"data": all}}),
    );
    let listed = json(&it.home.run(&["filesystems", "--json"]).ok());
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    let expected: Vec<_> = (0..1024).map(|number| json!(format!("filesystem-number-{number:04}"))).collect();
    assert_eq!(listed, expected);
    assert_eq!(it.home.run(&["filesystems"]).ok().lines().count(), 1025);
}

#[test]
fn a_role_that_does_not_suffice_is_6_and_the_one_needed_is_named() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let words = it.home.run(&["filesystems"]).refused(6);
    for part in ["403", "alice", "ReadOnly", "ClusterAdmin"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(it.cluster.honours(&it.token()), "a refusal costs nothing");
}

#[test]
fn a_user_who_sees_none_is_told_so() {
    let it = as_admin(&[]);
    it.cluster.fault(
        &json!({"kind": "status", "status": 200, "path": "/api/v2/fileSystems", "body": {"data": []}}),
    );
    let ran = it.home.run(&["filesystems"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stderr.contains("no filesystems"), "{ran:?}");
    assert_eq!(it.home.run(&["filesystems", "--json"]).ok(), "[]");
}

#[test]
fn another_endpoint_answers_where_one_does_not() {
    let it = as_admin(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    it.cluster.fault(&json!({"kind": "refuse", "backend": 0}));
    assert!(it.home.run(&["filesystems"]).ok().contains("secure"));
    it.cluster.heal();
    it.cluster.fault(&json!({"kind": "refuse", "backend": 1}));
    assert!(it.home.run(&["filesystems"]).ok().contains("secure"));
}

#[test]
fn an_unreachable_cluster_is_5_within_the_timeout() {
    let it = as_admin(&[]);
    it.cluster.fault(&json!({"kind": "hang"}));
    let ran = it.home.run(&["filesystems", "--timeout", "1s"]);
    // Where nobody says how long, it is half a minute.
    assert!(ran.took.as_secs() < 25, "{ran:?}");
    ran.refused(5);
}
