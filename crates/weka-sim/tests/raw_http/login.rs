//! `POST /login`.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::client::{request, send, sim, sim_with, text, tokens};

#[test]
fn a_json_login_gets_a_pair_in_weka_s_shape() {
    let sim = sim();
    let reply = sim.login("admin", "Admin-Pass1");
    assert_eq!(reply.status, 200);
    let data = &reply.json()["data"];
    assert_eq!(data["token_type"], "Bearer");
    assert_eq!(data["expires_in"], 300);
    assert_eq!(data["password_change_required"], false);
    let (access, refresh) = tokens(data);
    assert!((590..=610).contains(&access.len()), "{}", access.len());
    assert!((565..=590).contains(&refresh.len()), "{}", refresh.len());
    assert_eq!(sim.get("/users/whoami", &access).status, 200);
    assert_eq!(sim.get("/users/whoami", &refresh).status, 401, "a refresh token opens nothing");
}

#[test]
fn the_access_token_is_a_jwt_as_weka_writes_them() {
    let (access, _) = sim().pair("admin");
    let parts: Vec<_> = access.split('.').collect();
    let decoded = |part: &str| String::from_utf8(BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap();
    assert_eq!(parts.len(), 3);
    assert_eq!(decoded(parts[0]), r#"{"alg":"RS256","itt":"USER","typ":"JWT"}"#);
    let payload = decoded(parts[1]);
    assert!(payload.starts_with(r#"{"exp":"#), "{payload}");
    let claims: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!(claims["sub"].is_object());
    assert_eq!(BASE64URL_NOPAD.decode(parts[2].as_bytes()).unwrap().len(), 256);
}

#[test]
fn a_form_login_works_with_any_case_of_the_org_and_without_one() {
    let sim = sim();
    for body in [
        "username=admin&password=Admin-Pass1&org=root",
        "username=admin&password=Admin%2DPass1",
        "username=bob&password=Bob-Pass1&tenant=RESEARCH",
    ] {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let reply = send(&sim.address(), &request("POST", "/api/v2/login", &form, body.as_bytes())).unwrap();
        assert_eq!(reply.status, 200, "{body}: {}", reply.text());
    }
}

#[test]
fn wrong_user_password_or_org_are_all_401() {
    let sim = sim();
    for (org, user, password) in [
        ("Root", "admin", "wrong"),
        ("Root", "nobody", "Admin-Pass1"),
        ("nowhere", "admin", "Admin-Pass1"),
        ("research", "admin", "Admin-Pass1"),
    ] {
        let reply = sim.login_in(org, user, password);
        assert_eq!((reply.status, reply.json()), (401, json!({"data": "Unauthorized"})), "{org} {user}");
    }
    assert_eq!(sim.counters()["logins_failed"], 4);
}

#[test]
fn a_stale_authorization_header_is_ignored() {
    let sim = sim();
    let body = json!({"username": "admin", "password": "Admin-Pass1"});
    assert_eq!(sim.api("POST", "/login", Some("stale.token.here"), body).status, 200);
}

#[test]
fn missing_and_malformed_parameters_are_named() {
    let sim = sim();
    let reply = sim.api("POST", "/login", None, json!({"username": "admin"}));
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["data"]["missing_params"], json!(["password"]));
    assert!(text(&reply.json()["message"]).contains("password"));

    let typed = sim.api("POST", "/login", None, json!({"username": "admin", "password": 5}));
    assert_eq!((typed.status, &typed.json()["data"]["param"]), (400, &json!("password")));

    for body in ["{\"username\": \"admin\", \"password\": Hush-1}", "[1]", "\u{0}", "{"] {
        let headers = [("Content-Type", "application/json")];
        let reply =
            send(&sim.address(), &request("POST", "/api/v2/login", &headers, body.as_bytes())).unwrap();
        assert_eq!((reply.status, &reply.json()["message"]), (400, &json!("Bad Request")), "{body}");
        assert!(!reply.text().contains("Hush"), "the body must not come back");
    }
}

#[test]
fn a_body_beyond_a_mebibyte_is_413_from_nginx() {
    let sim = sim();
    let headers = [("Content-Type", "application/json"), ("Content-Length", "2000000")];
    let reply =
        send(&sim.address(), &request("POST", "/api/v2/login", &headers, b"")).map(|reply| reply.status);
    // With so long a length declared, nginx's limit applies before the body is there.
    assert_eq!(reply.unwrap(), 413);
    assert_eq!(sim.log("path=/api/v2/login")[0]["status"], 413);
}

#[test]
fn users_of_a_file_have_their_roles_sources_and_orgs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.toml");
    std::fs::write(
        &file,
        r#"
            [[user]]
            username = "carol"
            password = "Carol-Pass1"
            org = "physics"
            role = "CSI"
            source = "LDAP"
            password_change_required = true
        "#,
    )
    .unwrap();
    let sim = sim_with(|options| {
        options.users = Some(file);
        options.access_ttl = std::time::Duration::from_secs(3_600);
    });
    assert_eq!(sim.login("admin", "Admin-Pass1").status, 401, "the file replaces the default users");
    let reply = sim.login_in("physics", "carol", "Carol-Pass1").json();
    assert_eq!(reply["data"]["password_change_required"], true);
    assert_eq!(reply["data"]["expires_in"], 300, "LDAP users are revalidated every five minutes");
    let me = sim.get("/users/whoami", &tokens(&reply["data"]).0).json();
    assert_eq!(me["data"]["role"], "CSI");
    assert_eq!(me["data"]["source"], "LDAP");
    assert_eq!(me["data"]["org_name"], "physics");
}
