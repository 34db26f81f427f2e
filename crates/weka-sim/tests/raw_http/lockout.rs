//! Lockout, in virtual time.

use serde_json::{Value, json};

use crate::client::{sim, text};

#[test]
fn five_failures_lock_and_waiting_as_told_unlocks() {
    let sim = sim();
    sim.control("POST", "/_sim/clock", json!({"freeze": true}));
    for _ in 0..5 {
        assert_eq!(sim.login("admin", "wrong").status, 401);
    }
    let locked = sim.login("admin", "Admin-Pass1");
    let expected =
        "Authentication Failed. User has been locked out for another 2m due to too many login attempts";
    assert_eq!((locked.status, locked.json()), (403, json!({"data": expected})));
    assert_eq!(sim.login("alice", "Alice-Pass1").status, 200, "others are not locked");
    sim.advance("119s");
    sim.control("POST", "/_sim/clock", json!({"advance": 1}));
    assert_eq!(sim.login("admin", "Admin-Pass1").status, 200);
    let counters = sim.counters();
    assert_eq!([&counters["logins_failed"], &counters["logins_locked"], &counters["logins_ok"]], [5, 1, 2]);
}

#[test]
fn attempts_during_the_lockout_keep_it_alive() {
    let sim = sim();
    sim.control("POST", "/_sim/clock", json!({"freeze": true}));
    for _ in 0..5 {
        sim.login("admin", "wrong");
    }
    for _ in 0..20 {
        sim.advance("8s");
        assert_eq!(sim.login("admin", "Admin-Pass1").status, 403);
    }
}

#[test]
fn without_prolonging_the_text_counts_down() {
    let sim = sim();
    sim.control("POST", "/_sim/clock", json!({"freeze": true}));
    sim.control("POST", "/_sim/settings", json!({"lockout_prolongs": false}));
    for _ in 0..5 {
        sim.login("admin", "wrong");
    }
    sim.advance("5s");
    let told = sim.login("admin", "wrong").json();
    assert!(text(&told["data"]).contains("another 1m55s due"), "{told}");
}

#[test]
fn a_locked_account_keeps_its_tokens_and_its_refresh() {
    let sim = sim();
    let (access, refresh) = sim.pair("admin");
    for _ in 0..6 {
        sim.login("admin", "wrong");
    }
    assert_eq!(sim.get("/cluster", &access).status, 200);
    assert_eq!(sim.refresh(&refresh).status, 200);
}

#[test]
fn the_policy_can_be_read_changed_and_reset() {
    let sim = sim();
    let admin = sim.access("admin");
    let default = json!({"num_failed_logins": 5, "lockout_duration": 120});
    assert_eq!(sim.get("/lockoutPolicy", &admin).json()["data"], default);
    let change = json!({"num_failed_logins": 2, "lockout_duration": 60});
    assert_eq!(sim.api("PUT", "/lockoutPolicy", Some(&admin), change.clone()).status, 200);
    assert_eq!(sim.get("/lockoutPolicy", &admin).json()["data"], change);
    sim.login("bob", "wrong");
    for _ in 0..2 {
        sim.login_in("research", "bob", "wrong");
    }
    assert_eq!(sim.login_in("research", "bob", "Bob-Pass1").status, 403);
    assert_eq!(sim.api("DELETE", "/lockoutPolicy", Some(&admin), Value::Null).json(), json!({"data": null}));
    assert_eq!(sim.login_in("research", "bob", "Bob-Pass1").status, 200);
    assert_eq!(sim.get("/lockoutPolicy", &admin).json()["data"], default);
    let nonsense = sim.api("PUT", "/lockoutPolicy", Some(&admin), json!({"lockout_duration": 0}));
    assert_eq!(nonsense.status, 400);
}

#[test]
fn the_control_channel_shows_and_ends_lockouts() {
    let sim = sim();
    for _ in 0..5 {
        sim.login("admin", "wrong");
    }
    let users = sim.control("GET", "/_sim/users", Value::Null);
    let admin = users.as_array().unwrap().iter().find(|user| user["username"] == "admin").unwrap().clone();
    assert_eq!(admin["failed_logins"], 5);
    assert!(admin["locked_for_ms"].as_u64().unwrap() > 100_000);
    sim.control("POST", "/_sim/unlock", Value::Null);
    assert_eq!(sim.login("admin", "Admin-Pass1").status, 200);
}
