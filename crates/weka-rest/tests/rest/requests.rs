//! What goes out: the very requests.

use crate::server::{Server, TOKENS, json, settings};
use secret::{AccessToken, Password, RefreshToken};
use weka_rest::{ApiError, Client, Trust};

#[tokio::test]
async fn a_login_is_one_json_post() {
    let server = Server::json(200, TOKENS);
    let password = Password::new("p\"ä\\ß".into());
    let grant = server.client().login(&server.endpoint(), "Root", "alice", &password).await.unwrap();
    assert_eq!(grant.access_token.expose(), "acc-1");
    assert_eq!(grant.refresh_token.unwrap().expose(), "ref-1");
    assert_eq!(grant.token_type, "Bearer");
    assert_eq!(grant.expires_in_s, Some(300));
    assert!(!grant.password_change_required);

    let request = server.only_request();
    assert_eq!(request.line, "POST /api/v2/login HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("user-agent"), Some(concat!("weka-token/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("connection"), Some("close"));
    assert_eq!(request.header("host"), Some(format!("127.0.0.1:{}", server.port()).as_str()));
    for absent in ["authorization", "accept-encoding", "transfer-encoding", "cookie", "referer"] {
        assert_eq!(request.header(absent), None, "{absent}");
    }
    assert_eq!(
        request.json(),
        serde_json::json!({"username": "alice", "password": "p\"ä\\ß", "org": "Root"})
    );
}

#[tokio::test]
async fn a_refresh_sends_the_refresh_token_and_nothing_else() {
    let server = Server::json(200, TOKENS);
    let token = RefreshToken::new("ref-0".into());
    server.client().refresh(&server.endpoint(), &token).await.unwrap();
    let request = server.only_request();
    assert_eq!(request.line, "POST /api/v2/login/refresh HTTP/1.1");
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.json(), serde_json::json!({"refresh_token": "ref-0"}));
}

#[tokio::test]
async fn a_wanted_life_goes_along_as_a_number() {
    let server = Server::json(200, TOKENS);
    let token = RefreshToken::new("ref-0".into());
    server.client().refresh_with_expiry(&server.endpoint(), &token, 2_592_000).await.unwrap();
    let expected = serde_json::json!({"refresh_token": "ref-0", "access_token_expiry": 2_592_000});
    assert_eq!(server.only_request().json(), expected);
}

#[tokio::test]
async fn whoami_and_revoke_carry_the_access_token_in_the_header() {
    let server =
        Server::json(200, r#"{"data":{"username":"alice","uid":"u 1/2","org_id":0,"role":"Regular"}}"#);
    let (client, at) = (server.client(), server.endpoint());
    let token = AccessToken::new("acc-7".into());
    let identity = client.whoami(&at, &token).await.unwrap();
    assert_eq!(identity.username.as_deref(), Some("alice"));
    assert_eq!(identity.role.as_deref(), Some("Regular"));
    assert_eq!((identity.org_name, identity.source), (None, None));
    assert_eq!(identity.data["org_id"], 0);
    client.revoke_user(&at, &token, &identity.uid.unwrap()).await.unwrap();

    let requests = server.requests();
    let lines: Vec<_> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        lines,
        ["GET /api/v2/users/whoami HTTP/1.1", "DELETE /api/v2/users/u%201%2F2/revoke HTTP/1.1"]
    );
    for request in requests {
        assert_eq!(request.header("authorization"), Some("Bearer acc-7"));
        assert_eq!(request.body, "");
    }
}

#[tokio::test]
async fn a_token_that_would_break_the_header_is_not_sent() {
    let server = Server::json(200, "{}");
    for text in ["", "a b", "a\r\nX-Evil: 1", "a\0", "tök"] {
        let token = AccessToken::new(text.into());
        let error = server.client().whoami(&server.endpoint(), &token).await.unwrap_err();
        assert!(matches!(error, ApiError::Misconfigured { .. }), "{error:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_uid_cannot_lead_to_another_path() {
    let server = Server::json(200, r#"{"data":null}"#);
    let token = AccessToken::new("acc".into());
    for uid in ["", ".", "..", "a\nb"] {
        let error = server.client().revoke_user(&server.endpoint(), &token, uid).await.unwrap_err();
        assert!(matches!(error, ApiError::Misconfigured { .. }), "{error:?}");
    }
    assert_eq!(server.connections(), 0);
    server.client().revoke_user(&server.endpoint(), &token, "../../x?y#z").await.unwrap();
    assert_eq!(server.only_request().line, "DELETE /api/v2/users/..%2F..%2Fx%3Fy%23z/revoke HTTP/1.1");
}

#[tokio::test]
async fn each_call_has_a_connection_of_its_own() {
    // The answer lacks `Connection: close`, so that a pool would keep it.
    let server = Server::json(200, TOKENS);
    let client = server.client();
    for _ in 0..3 {
        client.refresh(&server.endpoint(), &RefreshToken::new("ref".into())).await.unwrap();
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn plain_http_beyond_loopback_has_to_be_allowed() {
    let at = "http://weka.example:14000".parse().unwrap();
    let client = Client::new(settings(std::slice::from_ref(&at), Trust::SystemRoots));
    let error = client.refresh(&at, &RefreshToken::new("ref".into())).await.unwrap_err();
    let ApiError::Misconfigured { reason } = error else { panic!("{error:?}") };
    assert!(reason.contains("http://weka.example:14000") && reason.contains("allow_http"), "{reason}");
}

#[tokio::test]
async fn allowed_plain_http_goes_out() {
    let server = Server::http(|_, stream| json(stream, 200, TOKENS));
    // 0.0.0.0 reaches this machine, but is not a loopback address.
    let at = format!("http://0.0.0.0:{}", server.port()).parse().unwrap();
    let mut settings = settings(std::slice::from_ref(&at), Trust::SystemRoots);
    let token = RefreshToken::new("ref".into());
    let refused = Client::new(settings.clone()).refresh(&at, &token).await.unwrap_err();
    assert!(matches!(refused, ApiError::Misconfigured { .. }), "{refused:?}");
    assert_eq!(server.connections(), 0);
    settings.allow_http = true;
    Client::new(settings).refresh(&at, &token).await.unwrap();
    assert_eq!(server.requests().len(), 1);
}
