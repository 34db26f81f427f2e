//! The other paths, their shapes, and the headers around them.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::client::{connect, exchange, request, send, sim, sim_with, text};

#[test]
fn whoami_and_users_have_weka_s_fields() {
    let sim = sim();
    let admin = sim.access("admin");
    let me = sim.get("/users/whoami", &admin).json()["data"].clone();
    let uid = text(&me["uid"]);
    assert_eq!(
        me,
        json!({"org_id": 0, "username": "admin", "uid": uid, "source": "Internal", "role": "ClusterAdmin",
               "org_name": "Root"})
    );
    let users = sim.get("/users", &admin).json()["data"].clone();
    let names: Vec<_> = users.as_array().unwrap().iter().map(|user| text(&user["username"])).collect();
    assert_eq!(names, ["admin", "alice"]);
    for key in ["uid", "org_id", "source", "username", "role", "posix_uid", "posix_gid", "policy"] {
        assert!(users[0].get(key).is_some(), "{key}");
    }
    assert_eq!(sim.get("/users?org=nowhere", &admin).status, 404);
}

#[test]
fn revoking_ends_all_tokens_of_a_user_at_once() {
    let sim = sim();
    let admin = sim.access("admin");
    let (access, refresh) = sim.pair("alice");
    let users = sim.get("/users", &admin).json();
    let uid = text(&users["data"][1]["uid"]);
    let revoked = sim.api("DELETE", &format!("/users/{uid}/revoke"), Some(&admin), Value::Null);
    assert_eq!((revoked.status, revoked.json()), (200, json!({"data": null})));
    assert_eq!(sim.standing(&access), "revoked");
    assert_eq!(sim.refresh(&refresh).status, 401);
    assert_eq!(sim.get("/cluster", &admin).status, 200);
    assert_eq!(sim.login("alice", "Alice-Pass1").status, 200);
    let unknown = sim.api("DELETE", "/users/none/revoke", Some(&admin), Value::Null);
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["message"].is_string());
}

#[test]
fn a_password_change_follows_the_policy_and_kills_old_tokens() {
    let sim = sim();
    let (access, refresh) = sim.pair("alice");
    let change = |old: &str, new: &str| {
        let body = json!({"username": "alice", "old_password": old, "new_password": new});
        sim.api("PUT", "/users/password", Some(&access), body)
    };
    for weak in ["Short-1", "no-upper-1", "NO-LOWER-1", "NoDigitOrSign"] {
        let refused = change("Alice-Pass1", weak);
        assert_eq!(
            (refused.status, &refused.json()["data"]["param"]),
            (400, &json!("new_password")),
            "{weak}"
        );
    }
    assert_eq!(change("wrong", "Alice-Pass2").json()["data"]["param"], "old_password");
    assert_eq!(change("Alice-Pass1", "Alice-Pass2").status, 200);
    assert_eq!(change("Alice-Pass2", "Alice-Pass3").status, 401, "the token died with the old password");
    assert_eq!(sim.refresh(&refresh).status, 401);
    assert_eq!(sim.login("alice", "Alice-Pass1").status, 401);
    assert_eq!(sim.login("alice", "Alice-Pass2").status, 200);
    let admin = sim.access("admin");
    let other = json!({"username": "alice", "old_password": "Alice-Pass2", "new_password": "Alice-Pass3"});
    assert_eq!(sim.api("PUT", "/users/password", Some(&admin), other).status, 403, "only one's own");
}

#[test]
fn an_admin_sets_passwords_and_that_ends_the_obligation_to_change() {
    let sim = sim();
    let user = json!({"username": "dan", "password": "Dan-Pass-1", "password_change_required": true});
    let uid = text(&sim.control("POST", "/_sim/users", user)["uid"]);
    assert_eq!(sim.login("dan", "Dan-Pass-1").json()["data"]["password_change_required"], true);
    let admin = sim.access("admin");
    let path = format!("/users/{uid}/password");
    assert_eq!(sim.api("PUT", &path, Some(&admin), json!({"password": "weak"})).status, 400);
    assert_eq!(sim.api("PUT", &path, Some(&admin), json!({"password": "Dan-Pass-2"})).status, 200);
    assert_eq!(sim.login("dan", "Dan-Pass-2").json()["data"]["password_change_required"], false);
}

#[test]
fn token_lifetimes_can_be_read_and_set() {
    let sim = sim();
    let admin = sim.access("admin");
    let expiry = sim.get("/security/defaultTokensExpiry", &admin).json()["data"].clone();
    let year = 31_536_000;
    assert_eq!(
        expiry,
        json!({"access_token_expiry": 300, "refresh_token_expiry": 2_592_000, "max_access_token_expiry": year,
               "max_refresh_token_expiry": year})
    );
    let change = json!({"access_token_expiry": 60, "max_access_token_expiry": 120});
    let reply = sim.api("POST", "/security/defaultTokensExpiry", Some(&admin), change);
    assert_eq!((reply.status, reply.json()), (200, json!({"data": null})));
    let old = sim.get("/security/tokensExpiry", &admin).json()["data"].clone();
    assert_eq!(old, json!({"access_token_expiry": 60, "refresh_token_expiry": 2_592_000}));
    assert_eq!(sim.login("alice", "Alice-Pass1").json()["data"]["expires_in"], 60);
    let wrong = json!({"refresh_token_expiry": "soon"});
    assert_eq!(sim.api("POST", "/security/defaultTokensExpiry", Some(&admin), wrong).status, 400);
}

#[test]
fn every_backend_is_in_the_lists() {
    let sim = sim_with(|options| options.listen = vec!["127.0.0.1:0".parse().unwrap(); 2]);
    let admin = sim.access("admin");
    let cluster = sim.get("/cluster", &admin).json()["data"].clone();
    assert_eq!(cluster["name"], "weka-sim");
    assert_eq!(cluster["hosts"]["backends"]["total"], 2);
    assert_eq!(cluster["time"]["allowed_clock_skew_secs"], 60);
    let ports: Vec<u64> = (0..2).map(|n| sim.url(n).rsplit(':').next().unwrap().parse().unwrap()).collect();
    for path in ["/processes", "/nodes"] {
        let processes = sim.get(path, &admin).json()["data"].as_array().unwrap().clone();
        let management: Vec<u64> = processes
            .iter()
            .filter(|p| p["mode"] == "backend" && p["roles"] == json!(["MANAGEMENT"]) && p["status"] == "UP")
            .map(|p| p["mgmt_port"].as_u64().unwrap())
            .collect();
        assert_eq!(management, ports, "{path}");
    }
    let clients = sim.get("/processes?filter_type=Clients", &admin).json();
    assert_eq!(clients["data"].as_array().unwrap().len(), 1);
    for path in ["/containers", "/hosts"] {
        let containers = sim.get(path, &admin).json()["data"].clone();
        assert_eq!(
            (&containers[1]["id"], &containers[1]["mgmt_port"]),
            (&json!("HostId<1>"), &json!(ports[1]))
        );
        assert_eq!(containers.as_array().unwrap().len(), 3);
    }
}

#[test]
fn mount_tokens_are_for_the_own_org_by_get_and_post() {
    let sim = sim();
    let (admin, bob) = (sim.access("admin"), sim.access("bob"));
    let filesystems = sim.get("/fileSystems?force_fresh=true", &admin).json()["data"].clone();
    assert_eq!(filesystems[1]["name"], "secure");
    assert_eq!(filesystems[1]["auth_required"], true);
    let path = format!("/fileSystems/{}/mountToken", text(&filesystems[1]["uid"]));
    let options = json!({"read_only": true, "expires": 3_600});
    for reply in [sim.get(&path, &admin), sim.api("POST", &path, Some(&admin), options)] {
        let data = reply.json()["data"].clone();
        assert_eq!(data["filesystem_name"], "secure");
        assert_eq!(sim.get("/cluster", &text(&data["mount_token"])).status, 401, "it opens no API");
    }
    assert_eq!(sim.get(&path, &bob).status, 403);
    let lab = sim.get("/fileSystems", &bob).json()["data"][0].clone();
    assert_eq!(lab["total_budget"], 9_007_199_254_740_993_u64);
    let foreign = format!("/fileSystems/{}/mountToken", text(&lab["uid"]));
    assert_eq!(sim.get(&foreign, &admin).status, 403, "not even a cluster admin");
    assert_eq!(sim.get("/fileSystems/none/mountToken", &admin).status, 404);
    assert_eq!(sim.api("POST", &path, Some(&admin), json!({"expires": 0})).status, 400);
}

#[test]
fn the_banner_is_open_to_read_and_not_to_change() {
    let sim = sim();
    let admin = sim.access("admin");
    let banner = |sim: &crate::client::Sim| sim.api("GET", "/security/banner", None, Value::Null).json();
    assert_eq!(banner(&sim), json!({"data": {"text": "", "enabled": false}}));
    assert_eq!(sim.api("PUT", "/security/banner", Some(&admin), json!({"login_banner": "Hi"})).status, 200);
    assert_eq!(sim.api("POST", "/security/banner/enable", Some(&admin), Value::Null).status, 200);
    assert_eq!(banner(&sim), json!({"data": {"text": "Hi", "enabled": true}}));
    assert_eq!(sim.api("POST", "/security/banner/disable", Some(&admin), Value::Null).status, 200);
    assert_eq!(banner(&sim)["data"]["enabled"], false);
}

#[test]
fn an_org_s_tokens_can_be_revoked_together() {
    let sim = sim();
    let orgs = sim.control("GET", "/_sim/status", Value::Null)["orgs"].clone();
    let (root, research) = (text(&orgs[0]["uid"]), text(&orgs[1]["uid"]));
    for path in ["tenants", "organizations"] {
        let (admin, bob) = (sim.access("admin"), sim.access("bob"));
        let revoke = |org: &str, token: &str| {
            sim.api("DELETE", &format!("/{path}/{org}/revoke"), Some(token), Value::Null).status
        };
        assert_eq!(revoke(&root, &bob), 403);
        assert_eq!(revoke("none", &admin), 404);
        assert_eq!(revoke(&research, &admin), 200);
        assert_eq!(sim.standing(&bob), "revoked");
        assert_eq!(sim.standing(&admin), "alive");
    }
}

#[test]
fn answers_carry_the_headers_of_nginx_and_express() {
    let sim = sim();
    let reply = sim.api("GET", "/healthcheck", None, Value::Null);
    assert_eq!(reply.text(), "\"ok\"");
    assert_eq!(reply.header("server"), Some("nginx"));
    assert_eq!(reply.header("x-powered-by"), Some("Express"));
    assert_eq!(reply.header("x-server-node-id"), Some("NodeId<0>"));
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    assert!(reply.header("date").unwrap().ends_with(" GMT"));
    let unknown = sim.api("GET", "/nothing", None, Value::Null);
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["message"].is_string());
    let elsewhere = send(&sim.address(), &request("GET", "/", &[], b"")).unwrap();
    assert_eq!((elsewhere.status, elsewhere.header("content-type")), (404, Some("text/html")));
    assert_eq!(elsewhere.header("x-powered-by"), None);
}

#[test]
fn gzip_is_for_those_who_ask() {
    let sim = sim();
    let bearer = format!("Bearer {}", sim.access("admin"));
    let ask = |encoding: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Accept-Encoding", encoding)];
        send(&sim.address(), &request("GET", "/api/v2/cluster", &headers, b"")).unwrap()
    };
    let zipped = ask("deflate, gzip;q=0.5");
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_eq!(zipped.header("transfer-encoding"), Some("chunked"));
    assert_eq!(zipped.header("content-length"), None);
    let mut plain = String::new();
    flate2::read::GzDecoder::new(zipped.body.as_slice()).read_to_string(&mut plain).unwrap();
    let parsed: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!(parsed["data"]["name"], "weka-sim");
    for refused in ["gzip;q=0", "br", "identity"] {
        assert_eq!(ask(refused).header("content-encoding"), None, "{refused}");
    }
}

#[test]
fn one_connection_carries_many_requests_and_many_connections_are_served() {
    let sim = std::sync::Arc::new(sim());
    let bearer = format!("Bearer {}", sim.access("admin"));
    let raw = request("GET", "/api/v2/users/whoami", &[("Authorization", &bearer)], b"");
    let mut idle: Vec<_> = (0..300).map(|_| connect(&sim.address()).unwrap()).collect();
    for stream in idle.iter_mut().rev() {
        for _ in 0..3 {
            assert_eq!(exchange(stream, &raw).unwrap().status, 200);
        }
    }
    let threads: Vec<_> = (0..32)
        .map(|_| {
            let (sim, raw) = (std::sync::Arc::clone(&sim), raw.clone());
            std::thread::spawn(move || (0..10).all(|_| send(&sim.address(), &raw).unwrap().status == 200))
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    assert_eq!(sim.counters()["by_status"]["200"], 1 + 900 + 320);
}
