//! The control channel: log, counters, checks, accounts, reset.

use serde_json::{Value, json};

use crate::client::{request, send, sim, text};

#[test]
fn the_log_names_tokens_by_id_and_holds_no_secret() {
    let sim = sim();
    let (access, refresh) = sim.pair("admin");
    sim.get("/cluster?access_token=hush-hush", &access);
    sim.refresh(&refresh);
    sim.login("admin", "Another-Secret1");
    sim.login("admin", "Admin-Pass1");
    let log = sim.log("");
    let everything = format!("{}{}", json!(log), sim.control("GET", "/_sim/status", Value::Null));
    for secret in [access.as_str(), &refresh, "Admin-Pass1", "Another-Secret1", "hush-hush"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    for part in access.split('.').chain(refresh.split('.')).filter(|part| part.len() > 60) {
        assert!(!everything.contains(part));
    }
    let pair = text(&log[0]["issued"]);
    assert_eq!(log[1]["bearer"], json!({"kind": "access", "id": pair, "standing": "alive"}));
    assert_eq!(log[2]["refresh_token"], json!({"kind": "refresh", "id": pair, "standing": "alive"}));
    assert_ne!(log[2]["issued"], log[0]["issued"]);
    assert_eq!(
        (&log[3]["username"], &log[3]["org"], &log[3]["status"]),
        (&json!("admin"), &json!("Root"), &json!(401))
    );
    let numbers: Vec<_> = [0, 3, 4].iter().map(|n| log[*n]["password_no"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 1], "the same password has the same number");
}

#[test]
fn the_log_can_be_filtered_waited_for_and_emptied() {
    let sim = std::sync::Arc::new(sim());
    sim.login("admin", "Admin-Pass1");
    let seq = sim.log("")[0]["seq"].as_u64().unwrap();
    let waiting = {
        let sim = std::sync::Arc::clone(&sim);
        std::thread::spawn(move || {
            sim.log(&format!("after={seq}&path=/api/v2/health*&complete=true&min=2&wait_ms=20000"))
        })
    };
    for _ in 0..2 {
        sim.api("GET", "/healthcheck", None, Value::Null);
        sim.api("GET", "/nothing", None, Value::Null);
    }
    assert_eq!(waiting.join().unwrap().len(), 2);
    assert_eq!(sim.log("status=404").len(), 2);
    assert_eq!(sim.log("method=post").len(), 1);
    assert!(sim.log("backend=1&wait_ms=50").is_empty(), "the wait ends");
    let last = sim.control("DELETE", "/_sim/log", Value::Null)["last_seq"].as_u64().unwrap();
    assert!(sim.log("").is_empty());
    sim.api("GET", "/healthcheck", None, Value::Null);
    assert_eq!(sim.log("")[0]["seq"], last + 1);
    assert_eq!(sim.try_control("GET", "/_sim/log?afer=3", Value::Null).status, 400);
}

#[test]
fn tokens_can_be_checked_and_revoked_from_outside() {
    let sim = sim();
    let (access, refresh) = sim.pair("admin");
    let check = sim.control("POST", "/_sim/check", json!({"token": access}));
    assert_eq!((&check["standing"], &check["kind"]), (&json!("alive"), &json!("access")));
    assert_eq!((&check["username"], &check["org"]), (&json!("admin"), &json!("Root")));
    let left = check["remaining_s"].as_u64().unwrap();
    assert!((290..=300).contains(&left), "{left}");
    assert_eq!(sim.control("POST", "/_sim/revoke", json!({"pair": check["id"]}))["revoked"], 1);
    assert_eq!((sim.standing(&access), sim.standing(&refresh)), ("revoked".to_owned(), "revoked".to_owned()));
    let (admin, bob) = (sim.access("admin"), sim.access("bob"));
    assert_eq!(sim.control("POST", "/_sim/revoke", json!({"all": true}))["revoked"], 2);
    assert_eq!((sim.standing(&admin), sim.standing(&bob)), ("revoked".to_owned(), "revoked".to_owned()));
    for (wrong, status) in
        [(json!({}), 400), (json!({"username": "nobody"}), 404), (json!({"pair": "x"}), 404)]
    {
        assert_eq!(sim.try_control("POST", "/_sim/revoke", wrong).status, status);
    }
}

#[test]
fn users_can_be_added_replaced_and_removed() {
    let sim = sim();
    let eve = |password: &str| json!({"username": "eve", "password": password, "org": "physics", "role": "Regular"});
    let uid = sim.control("POST", "/_sim/users", eve("Eve-Pass-1"))["uid"].clone();
    assert_eq!(sim.login_in("Physics", "eve", "Eve-Pass-1").status, 200);
    assert_eq!(sim.control("POST", "/_sim/users", eve("Eve-Pass-2"))["uid"], uid, "the same user");
    assert_eq!(sim.login_in("physics", "eve", "Eve-Pass-1").status, 401);
    let reply = sim.login_in("physics", "eve", "Eve-Pass-2").json();
    sim.control("DELETE", "/_sim/users/physics/eve", Value::Null);
    assert_eq!(sim.login_in("physics", "eve", "Eve-Pass-2").status, 401);
    assert_eq!(sim.refresh(&text(&reply["data"]["refresh_token"])).status, 401);
    assert_eq!(sim.try_control("DELETE", "/_sim/users/physics/eve", Value::Null).status, 404);
    assert_eq!(sim.try_control("POST", "/_sim/users", json!({"username": "x"})).status, 400);
    assert_eq!(
        sim.try_control("POST", "/_sim/users", json!({"username": "x", "password": "y", "role": "King"}))
            .status,
        400
    );
}

#[test]
fn settings_change_at_run_time() {
    let sim = sim();
    let settings = sim.control("POST", "/_sim/settings", json!({"access_ttl": "10s", "refresh_ttl": "1h"}));
    assert_eq!((&settings["access_ttl"], &settings["refresh_ttl"]), (&json!(10), &json!(3_600)));
    assert_eq!(sim.login("admin", "Admin-Pass1").json()["data"]["expires_in"], 10);
    sim.control("POST", "/_sim/settings", json!({"lockout_failures": 1, "lockout_duration": "1h"}));
    sim.login("alice", "wrong");
    assert_eq!(sim.login("alice", "Alice-Pass1").status, 403);
    assert_eq!(sim.try_control("POST", "/_sim/settings", json!({"acces_ttl": "10s"})).status, 400);
}

#[test]
fn reset_brings_back_the_beginning() {
    let sim = sim();
    let (access, _) = sim.pair("admin");
    sim.control("POST", "/_sim/settings", json!({"access_ttl": "10s", "single_use_refresh": true}));
    sim.control("DELETE", "/_sim/users/Root/alice", Value::Null);
    sim.fault(json!({"kind": "refuse"}));
    sim.advance("1d");
    sim.control("POST", "/_sim/reset", Value::Null);
    let status = sim.control("GET", "/_sim/status", Value::Null);
    assert_eq!(status["faults"], json!([]));
    assert_eq!(status["settings"]["access_ttl"], 300);
    assert_eq!(status["settings"]["single_use_refresh"], false);
    assert_eq!(status["counters"]["requests"], 0);
    assert_eq!(status["backends"][0]["listening"], true);
    assert!(sim.log("").is_empty());
    assert_eq!(sim.standing(&access), "unknown");
    assert_eq!(sim.login("alice", "Alice-Pass1").status, 200);
}

#[test]
fn the_control_paths_are_documented_and_apart_from_the_api() {
    let sim = sim();
    let url = text(&json!(sim.inner.as_ref().unwrap().control_url()));
    let control = crate::client::authority(&url);
    let help = send(&control, &request("GET", "/_sim", &[], b"")).unwrap();
    for path in ["/_sim/log", "/_sim/faults", "/_sim/clock", "/_sim/check", "/_sim/reset", "lose-answer"] {
        assert!(help.text().contains(path), "{path}");
    }
    assert_eq!(send(&control, &request("GET", "/_sim/nothing", &[], b"")).unwrap().status, 404);
    assert_eq!(send(&control, &request("GET", "/api/v2/healthcheck", &[], b"")).unwrap().status, 404);
    assert_eq!(send(&sim.address(), &request("GET", "/_sim/status", &[], b"")).unwrap().status, 404);
}
