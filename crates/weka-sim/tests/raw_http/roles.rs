//! Who may do what.

use serde_json::{Value, json};

use crate::client::{Sim, sim, text};

fn status(sim: &Sim, method: &str, path: &str, token: &str) -> u16 {
    sim.api(method, path, Some(token), Value::Null).status
}

#[test]
fn a_regular_user_gets_403_everywhere_but_for_the_own_affairs() {
    let sim = sim();
    let (alice, refresh) = sim.pair("alice");
    for path in [
        "/users/whoami",
        "/users",
        "/cluster",
        "/processes",
        "/nodes",
        "/containers",
        "/hosts",
        "/fileSystems",
        "/security/defaultTokensExpiry",
        "/security/tokensExpiry",
        "/lockoutPolicy",
    ] {
        let reply = sim.get(path, &alice);
        assert_eq!((reply.status, reply.json()), (403, json!({"data": "Forbidden"})), "{path}");
    }
    for (method, path) in [
        ("DELETE", "/users/x/revoke"),
        ("PUT", "/users/x/password"),
        ("POST", "/security/defaultTokensExpiry"),
        ("PUT", "/lockoutPolicy"),
        ("DELETE", "/lockoutPolicy"),
        ("PUT", "/security/banner"),
    ] {
        assert_eq!(status(&sim, method, path, &alice), 403, "{method} {path}");
    }
    assert_eq!(sim.refresh(&refresh).status, 200);
    let admin = sim.access("admin");
    let filesystem = text(&sim.get("/fileSystems", &admin).json()["data"][1]["uid"]);
    assert_eq!(status(&sim, "POST", &format!("/fileSystems/{filesystem}/mountToken"), &alice), 200);
    let change = json!({"username": "alice", "old_password": "Alice-Pass1", "new_password": "Alice-Pass2"});
    assert_eq!(sim.api("PUT", "/users/password", Some(&alice), change).status, 200);
}

#[test]
fn without_a_token_protected_paths_are_401_and_open_ones_are_not() {
    let sim = sim();
    for path in ["/users/whoami", "/users", "/cluster", "/fileSystems", "/lockoutPolicy", "/hosts"] {
        let reply = sim.api("GET", path, None, Value::Null);
        assert_eq!((reply.status, reply.json()), (401, json!({"data": "Unauthorized"})), "{path}");
    }
    for path in ["/healthcheck", "/ui/healthcheck", "/security/banner", "/tenants/multipleTenantsExist"] {
        assert_eq!(sim.api("GET", path, None, Value::Null).status, 200, "{path}");
    }
}

#[test]
fn a_tenant_admin_manages_the_own_org_only() {
    let sim = sim();
    let (admin, bob) = (sim.access("admin"), sim.access("bob"));
    let uid =
        |token: &str, org: &str| text(&sim.get(&format!("/users?org={org}"), token).json()["data"][0]["uid"]);
    let (admin_uid, bob_uid) = (uid(&admin, "Root"), uid(&admin, "research"));
    assert_eq!(sim.get("/users?org=Root", &bob).status, 403);
    assert_eq!(sim.get("/users", &bob).json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(status(&sim, "DELETE", &format!("/users/{admin_uid}/revoke"), &bob), 403);
    assert_eq!(status(&sim, "PUT", "/lockoutPolicy", &bob), 403);
    assert_eq!(status(&sim, "DELETE", &format!("/users/{bob_uid}/revoke"), &admin), 200);
    assert_eq!(sim.get("/users/whoami", &bob).status, 401, "revoked at once");
}

#[test]
fn read_only_and_csi_roles_see_but_do_not_change() {
    let sim = sim();
    for (name, role) in [("rosa", "ReadOnly"), ("carl", "CSI"), ("sven", "S3")] {
        let user = json!({"username": name, "password": "Some-Pass1", "role": role});
        sim.control("POST", "/_sim/users", user);
    }
    let token = |name: &str| text(&sim.login(name, "Some-Pass1").json()["data"]["access_token"]);
    let (reader, csi, s3) = (token("rosa"), token("carl"), token("sven"));
    let filesystem = text(&sim.get("/fileSystems", &reader).json()["data"][0]["uid"]);
    let mount = format!("/fileSystems/{filesystem}/mountToken");
    assert_eq!(sim.get(&mount, &reader).status, 403);
    assert_eq!(sim.get(&mount, &csi).status, 200);
    assert_eq!(sim.get("/users", &reader).status, 200);
    assert_eq!(sim.get("/users", &csi).status, 403);
    assert_eq!(sim.get("/security/defaultTokensExpiry", &csi).status, 200);
    assert_eq!(sim.get("/cluster", &s3).status, 403);
    assert_eq!(status(&sim, "POST", "/security/defaultTokensExpiry", &reader), 403);
}
