//! `POST /login/refresh`: rotation, wishes, and what makes a refresh token useless.

use std::sync::Arc;

use serde_json::json;

use crate::client::{request, send, sim, sim_with, tokens};

#[test]
fn a_refresh_gives_a_new_pair_and_the_old_one_lives_on() {
    let sim = sim();
    let (old_access, old_refresh) = sim.pair("admin");
    let (access, refresh) = tokens(&sim.refresh(&old_refresh).json()["data"]);
    assert_ne!(access, old_access);
    assert_ne!(refresh, old_refresh);
    for token in [&old_access, &access, &old_refresh, &refresh] {
        assert_eq!(sim.standing(token), "alive");
    }
    assert_eq!(sim.refresh(&old_refresh).status, 200);
    assert_eq!(sim.counters()["refreshes_ok"], 2);
}

#[test]
fn a_form_works_too_and_a_stale_authorization_header_is_ignored() {
    let sim = sim();
    let (_, refresh) = sim.pair("admin");
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Authorization", "Bearer long.expired.token"),
    ];
    let body = format!("refresh_token={refresh}&access_token_expiry=60");
    let raw = request("POST", "/api/v2/login/refresh", &headers, body.as_bytes());
    let reply = send(&sim.address(), &raw).unwrap();
    assert_eq!((reply.status, &reply.json()["data"]["expires_in"]), (200, &json!(60)));
}

#[test]
fn single_use_refresh_tokens_work_once_even_if_used_at_once() {
    let sim = Arc::new(sim_with(|options| options.single_use_refresh = true));
    let (access, refresh) = sim.pair("admin");
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let (sim, refresh) = (Arc::clone(&sim), refresh.clone());
            std::thread::spawn(move || sim.refresh(&refresh).status)
        })
        .collect();
    let mut statuses: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(sim.standing(&refresh), "used");
    assert_eq!(sim.standing(&access), "alive");
}

#[test]
fn single_use_can_be_switched_at_run_time() {
    let sim = sim();
    let (_, refresh) = sim.pair("admin");
    assert_eq!(sim.refresh(&refresh).status, 200);
    sim.control("POST", "/_sim/settings", json!({"single_use_refresh": true}));
    assert_eq!(sim.refresh(&refresh).status, 200);
    assert_eq!(sim.refresh(&refresh).status, 401);
}

#[test]
fn wishes_set_both_lives() {
    let sim = sim();
    let (_, refresh) = sim.pair("admin");
    let wish =
        json!({"refresh_token": refresh, "access_token_expiry": 2_592_000, "refresh_token_expiry": 60});
    let data = sim.api("POST", "/login/refresh", None, wish).json()["data"].clone();
    assert_eq!(data["expires_in"], 2_592_000);
    let (access, refresh) = tokens(&data);
    sim.advance("61s");
    assert_eq!(sim.standing(&access), "alive");
    assert_eq!(sim.standing(&refresh), "expired");
    assert_eq!(sim.refresh(&refresh).status, 401);
}

#[test]
fn a_wish_beyond_the_maximum_is_400_or_cut_and_uses_nothing_up() {
    let sim = sim_with(|options| {
        options.max_access_ttl = std::time::Duration::from_secs(600);
        options.single_use_refresh = true;
    });
    let (_, refresh) = sim.pair("admin");
    let wish = json!({"refresh_token": refresh, "access_token_expiry": 601});
    let refused = sim.api("POST", "/login/refresh", None, wish.clone());
    assert_eq!((refused.status, &refused.json()["data"]["param"]), (400, &json!("access_token_expiry")));
    sim.control("POST", "/_sim/settings", json!({"clamp_over_max": true}));
    assert_eq!(sim.api("POST", "/login/refresh", None, wish).json()["data"]["expires_in"], 600);
}

#[test]
fn nonsense_is_refused() {
    let sim = sim();
    let (access, refresh) = sim.pair("admin");
    assert_eq!(sim.refresh(&access).status, 401, "an access token is no refresh token");
    assert_eq!(sim.refresh("rubbish").status, 401);
    let missing = sim.api("POST", "/login/refresh", None, json!({}));
    assert_eq!((missing.status, &missing.json()["data"]["missing_params"]), (400, &json!(["refresh_token"])));
    for wish in [json!(0), json!(-5), json!("soon"), json!(1.5)] {
        let body = json!({"refresh_token": refresh, "access_token_expiry": wish});
        assert_eq!(sim.api("POST", "/login/refresh", None, body).status, 400, "{wish}");
    }
}

#[test]
fn tokens_of_another_cluster_are_unknown() {
    let (one, other) = (sim(), sim());
    let (access, refresh) = one.pair("admin");
    assert_eq!(other.get("/users/whoami", &access).status, 401);
    assert_eq!(other.refresh(&refresh).status, 401);
    assert_eq!(other.standing(&access), "unknown");
}
