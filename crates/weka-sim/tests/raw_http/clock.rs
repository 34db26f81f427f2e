//! Virtual time: expiry, dates, freezing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{sim, sim_with};

#[test]
fn tokens_expire_in_virtual_time() {
    let sim = sim_with(|options| options.access_ttl = Duration::from_secs(600));
    sim.control("POST", "/_sim/clock", json!({"freeze": true}));
    let (access, refresh) = sim.pair("admin");
    sim.advance("9m59s");
    assert_eq!(sim.get("/cluster", &access).status, 200);
    sim.advance("1s");
    let reply = sim.get("/cluster", &access);
    assert_eq!((reply.status, reply.json()), (401, json!({"data": "Unauthorized"})));
    let check = sim.control("POST", "/_sim/check", json!({"token": access}));
    assert_eq!((&check["standing"], &check["remaining_s"]), (&json!("expired"), &json!(0)));
    sim.advance("29d");
    assert_eq!(sim.refresh(&refresh).status, 200);
    sim.advance("30d");
    assert_eq!(sim.refresh(&refresh).status, 401);
}

#[test]
fn dates_follow_the_clock() {
    let sim = sim();
    sim.control("POST", "/_sim/clock", json!({"freeze": true}));
    let before = sim.api("GET", "/healthcheck", None, Value::Null).header("date").unwrap().to_owned();
    let same = sim.api("GET", "/healthcheck", None, Value::Null).header("date").unwrap().to_owned();
    sim.advance("1d");
    let after = sim.api("GET", "/healthcheck", None, Value::Null).header("date").unwrap().to_owned();
    assert_eq!(before, same);
    assert_ne!(before, after);
    assert_eq!(before[before.len() - 12..], after[after.len() - 12..], "one day exactly");
}

#[test]
fn the_clock_says_where_it_is_and_refuses_nonsense() {
    let sim = sim();
    let clock = sim.control("POST", "/_sim/clock", json!({"freeze": true, "advance": "1h"}));
    assert_eq!(clock["frozen"], true);
    let ahead = clock["virtual_ms"].as_u64().unwrap() - clock["real_ms"].as_u64().unwrap();
    assert!((3_590_000..=3_600_000).contains(&ahead), "{ahead}");
    for body in [json!({"advance": -1}), json!({"advance": "soon"}), json!({"rewind": "1h"}), json!([])] {
        assert_eq!(sim.try_control("POST", "/_sim/clock", body.clone()).status, 400, "{body}");
    }
    sim.control("POST", "/_sim/reset", Value::Null);
    assert_eq!(sim.control("GET", "/_sim/clock", Value::Null)["frozen"], false);
}
