//! JSON-RPC v1, as wekalib and WEKA's Go tools speak it.

use serde_json::{Value, json};

use crate::client::{Reply, Sim, request, send, sim, text, tokens};

/// As wekalib sends it: absolute target, no content type, its own headers.
fn call(sim: &Sim, token: Option<&str>, method: &str, params: Value) -> Reply {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("UTC-Offset-Seconds", "0"), ("CLI", "False"), ("Client-Type", "WEKA")];
    headers.extend(bearer.iter().map(|bearer| ("Authorization", bearer.as_str())));
    let body = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": "7Xa"}).to_string();
    let target = format!("{}/api/v1", sim.url(0));
    send(&sim.address(), &request("POST", &target, &headers, body.as_bytes())).unwrap()
}

fn result(reply: &Reply) -> Value {
    let body = reply.json();
    assert_eq!((reply.status, &body["jsonrpc"], &body["id"]), (200, &json!("2.0"), &json!("7Xa")), "{body}");
    body["result"].clone()
}

#[test]
fn both_logins_and_both_refreshes_give_the_pair_unwrapped() {
    let sim = sim();
    let by_name = json!({"username": "admin", "password": "Admin-Pass1", "org": "root"});
    for (method, params) in [("userlogin", by_name), ("user_login", json!(["admin", "Admin-Pass1"]))] {
        let issued = result(&call(&sim, None, method, params));
        assert_eq!((&issued["token_type"], &issued["expires_in"]), (&json!("Bearer"), &json!(300)));
        let (access, refresh) = tokens(&issued);
        for params in [json!({"refresh_token": refresh}), json!([refresh])] {
            let renewed = result(&call(&sim, Some("stale"), "user_refresh_token", params));
            assert_ne!(text(&renewed["access_token"]), access);
        }
    }
    let entry = &sim.log("rpc=user_refresh_token")[0];
    assert_eq!(entry["absolute"], true);
    assert_eq!(entry["target"], format!("{}/api/v1", sim.url(0)));
    assert_eq!(entry["headers"]["client-type"], "WEKA");
    assert!(entry["issued"].is_string() && entry["refresh_token"]["id"].is_string());
}

#[test]
fn wrong_credentials_are_told_as_each_tool_expects() {
    let sim = sim();
    let wrong = json!({"username": "admin", "password": "admin", "org": "root"});
    assert_eq!(result(&call(&sim, None, "userlogin", wrong)), json!({}));
    assert_eq!(call(&sim, None, "user_login", json!(["admin", "admin"])).status, 401);
    assert_eq!(call(&sim, None, "user_refresh_token", json!(["nonsense"])).status, 401);
}

#[test]
fn methods_need_a_live_token_and_lists_are_keyed_by_id() {
    let sim = sim();
    let access = sim.access("admin");
    assert_eq!(result(&call(&sim, Some(&access), "status", json!({})))["name"], "weka-sim");
    let hosts = result(&call(&sim, Some(&access), "hosts_list", json!({})));
    assert_eq!(hosts["HostId<0>"]["mode"], "backend");
    assert_eq!(hosts["HostId<0>"]["state"], "ACTIVE");
    assert!(result(&call(&sim, Some(&access), "nodes_list", json!({})))["NodeId<0>"].is_object());
    let filesystems = result(&call(&sim, Some(&access), "filesystems_list", json!({})));
    assert_eq!(filesystems["FSId<1>"]["name"], "secure");
    for method in ["status", "hosts_list", "nodes_list", "filesystems_list"] {
        assert_eq!(call(&sim, None, method, json!({})).status, 401, "{method}");
        assert_eq!(call(&sim, Some(&sim.access("alice")), method, json!({})).status, 403, "{method}");
    }
    sim.advance("5m");
    assert_eq!(call(&sim, Some(&access), "status", json!({})).status, 401);
}

#[test]
fn the_probe_needs_no_token_and_unknown_methods_have_their_code() {
    let sim = sim();
    let probe = result(&call(&sim, None, "client_query_backend", Value::Null));
    assert!(probe["software_release"].is_string());
    let unknown = call(&sim, None, "no_such_method", json!({}));
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (200, &json!(-32_601)));
    let broken = send(&sim.address(), &request("POST", "/api/v1", &[], b"{")).unwrap();
    assert_eq!(broken.json()["error"]["code"], -32_700);
    assert_eq!(call(&sim, None, "userlogin", json!({})).json()["error"]["code"], -32_602);
    assert_eq!(send(&sim.address(), &request("GET", "/api/v1", &[], b"")).unwrap().status, 405);
}

#[test]
fn lockout_counts_here_as_well() {
    let sim = sim();
    for _ in 0..5 {
        call(&sim, None, "userlogin", json!({"username": "admin", "password": "admin"}));
    }
    assert_eq!(sim.login("admin", "Admin-Pass1").status, 403);
    assert_eq!(call(&sim, None, "user_login", json!(["admin", "Admin-Pass1"])).status, 403);
}
