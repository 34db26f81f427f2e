//! Users, the longest life of a token, and passwords: what goes out, and what is made of the answers.

use crate::server::Server;
use secret::{AccessToken, Password};
use weka_rest::{ApiError, User};

fn token() -> AccessToken {
    AccessToken::new("acc-7".into())
}

#[tokio::test]
async fn the_users_are_one_get_and_those_without_a_name_or_an_id_are_left_out() {
    let server = Server::json(
        200,
        r#"{"data":[{"uid":"u-1","username":"alice","role":"Regular","org_id":0},{"uid":"u-2"},
            {"username":"nameless"},{"uid":"u-3","username":"bob","policy":{"x":[1]}}]}"#,
    );
    let found = server.client().users(&server.endpoint(), &token()).await.unwrap();
    let user = |uid: &str, username: &str| User { uid: uid.into(), username: username.into() };
    assert_eq!(found, [user("u-1", "alice"), user("u-3", "bob")]);
    let request = server.only_request();
    assert_eq!(request.line, "GET /api/v2/users HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer acc-7"));
}

#[tokio::test]
async fn the_longest_life_is_read_where_there_is_one() {
    for (data, expected) in [
        (r#"{"access_token_expiry":300,"max_access_token_expiry":604800}"#, Some(604_800)),
        (r#"[{"max_access_token_expiry":"86400"}]"#, Some(86_400)),
        // Clusters before 5.1 do not have the key; how "unlimited" is written is not known.
        (r#"{"access_token_expiry":300}"#, None),
        (r#"{"max_access_token_expiry":null}"#, None),
        (r#"{"max_access_token_expiry":0}"#, None),
        (r#"{"max_access_token_expiry":"unlimited"}"#, None),
    ] {
        let server = Server::json(200, &format!(r#"{{"data":{data}}}"#));
        let life = server.client().longest_access_life_s(&server.endpoint(), &token()).await.unwrap();
        assert_eq!(life, expected, "{data}");
        assert_eq!(server.only_request().line, "GET /api/v2/security/defaultTokensExpiry HTTP/1.1");
    }
}

#[tokio::test]
async fn a_change_of_password_is_one_put_and_no_error_quotes_it() {
    let (old, new) = (Password::new("Old-\"Secret\"".into()), Password::new("New-Secret".into()));
    let server = Server::json(200, r#"{"data":null}"#);
    server.client().change_password(&server.endpoint(), &token(), "alice", &old, &new).await.unwrap();
    let request = server.only_request();
    assert_eq!(request.line, "PUT /api/v2/users/password HTTP/1.1");
    assert_eq!(
        request.json(),
        serde_json::json!({"username": "alice", "old_password": "Old-\"Secret\"", "new_password": "New-Secret"})
    );
    let server = Server::json(400, r#"{"message":"it is too short","data":{"param":"new_password"}}"#);
    let error =
        server.client().change_password(&server.endpoint(), &token(), "alice", &old, &new).await.unwrap_err();
    assert!(matches!(error, ApiError::Rejected { status: 400, .. }), "{error:?}");
    assert!(error.to_string().contains("too short"), "{error}");
    for quoted in ["New-Secret", "Old-\\\"Secret\\\""] {
        let server = Server::json(400, &format!(r#"{{"message":"{quoted} is too short"}}"#));
        let at = server.endpoint();
        let error = server.client().change_password(&at, &token(), "alice", &old, &new).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("Secret"), "{error:?}");
    }
}
