//! Successful answers in every shape that real clusters, old clients and broken middle boxes make.

use crate::server::{Server, TOKENS, answer};
use secret::{AccessToken, Password, RefreshToken};
use weka_rest::{ApiError, Grant};

async fn refresh(server: &Server) -> Result<Grant, ApiError> {
    server.client().refresh(&server.endpoint(), &RefreshToken::new("ref-0".into())).await
}

async fn refresh_answered(body: &str) -> Result<Grant, ApiError> {
    refresh(&Server::json(200, body)).await
}

#[tokio::test]
async fn data_may_be_a_list_of_one() {
    let body = r#" {"next_token":null,"data": [ {"access_token":"a","refresh_token":"r","odd":[{}]} ] } "#;
    let grant = refresh_answered(body).await.unwrap();
    assert_eq!(grant.access_token.expose(), "a");
    assert_eq!(grant.refresh_token.unwrap().expose(), "r");
}

#[tokio::test]
async fn every_success_status_with_tokens_counts() {
    for status in [200, 201, 202] {
        let grant = refresh(&Server::json(status, TOKENS)).await.unwrap();
        assert_eq!(grant.access_token.expose(), "acc-1", "{status}");
    }
}

#[tokio::test]
async fn the_content_type_is_not_what_counts() {
    let server = Server::http(|_, stream| answer(stream, 200, "Content-Type: text/html\r\n", TOKENS));
    assert_eq!(refresh(&server).await.unwrap().access_token.expose(), "acc-1");
}

#[tokio::test]
async fn an_answer_in_chunks_is_put_together() {
    let (first, second) = TOKENS.split_at(40);
    let server = Server::raw(format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    ));
    assert_eq!(refresh(&server).await.unwrap().refresh_token.unwrap().expose(), "ref-1");
}

#[tokio::test]
async fn an_answer_that_ends_with_the_connection_counts() {
    let server = Server::raw(format!("HTTP/1.0 200 OK\r\n\r\n{TOKENS}"));
    assert_eq!(refresh(&server).await.unwrap().expires_in_s, Some(300));
}

#[tokio::test]
async fn a_refresh_without_a_new_refresh_token_keeps_the_old_one() {
    for body in [r#"{"data":{"access_token":"a"}}"#, r#"{"data":{"access_token":"a","refresh_token":null}}"#]
    {
        assert!(refresh_answered(body).await.unwrap().refresh_token.is_none());
    }
}

#[tokio::test]
async fn a_login_without_a_refresh_token_is_no_login() {
    let server = Server::json(200, r#"{"data":{"access_token":"a","expires_in":300}}"#);
    let password = Password::new("pw".into());
    let error = server.client().login(&server.endpoint(), "Root", "alice", &password).await.unwrap_err();
    let ApiError::BadReply { endpoint, reason } = error else { panic!("{error:?}") };
    assert_eq!(endpoint, server.endpoint());
    assert!(reason.contains("refresh_token"), "{reason}");
}

#[tokio::test]
async fn lives_are_read_tolerantly_and_clamped() {
    const TEN_YEARS: u64 = 315_360_000;
    let table = [
        ("300", Some(300)),
        ("300.9", Some(300)),
        ("\"300\"", Some(300)),
        ("\" 300.5 \"", Some(300)),
        ("3e2", Some(300)),
        ("1", Some(1)),
        ("0", None),
        ("0.5", None),
        ("-5", None),
        ("\"-5\"", None),
        ("null", None),
        ("true", None),
        ("\"\"", None),
        ("\"soon\"", None),
        ("\"unlimited\"", None),
        ("\"inf\"", None),
        ("\"NaN\"", None),
        ("[300]", None),
        ("{}", None),
        ("315360001", Some(TEN_YEARS)),
        ("18446744073709551616", Some(TEN_YEARS)),
        ("1e400", Some(TEN_YEARS)),
        ("-1e400", None),
    ];
    for (written, expected) in table {
        let body = format!(r#"{{"data":{{"access_token":"a","refresh_token":"r","expires_in":{written}}}}}"#);
        assert_eq!(refresh_answered(&body).await.unwrap().expires_in_s, expected, "{written}");
    }
    assert_eq!(refresh_answered(r#"{"data":{"access_token":"a"}}"#).await.unwrap().expires_in_s, None);
}

#[tokio::test]
async fn token_type_and_password_change_are_read_tolerantly() {
    let table = [
        (r#""token_type":"bearer","password_change_required":true"#, "bearer", true),
        (r#""token_type":"Bearer","password_change_required":null"#, "Bearer", false),
        (r#""token_type":null"#, "Bearer", false),
        (r#""token_type":7,"password_change_required":"yes""#, "Bearer", false),
        (r#""token_type":"Be\r\narer""#, "Bearer", false),
        (r#""token_type":"""#, "Bearer", false),
    ];
    for (keys, token_type, change) in table {
        let grant = refresh_answered(&format!(r#"{{"data":{{"access_token":"a",{keys}}}}}"#)).await.unwrap();
        assert_eq!(
            (grant.token_type.as_str(), grant.password_change_required),
            (token_type, change),
            "{keys}"
        );
    }
}

#[tokio::test]
async fn answers_that_make_no_sense_say_what_is_wrong_with_them() {
    let long = format!(r#"{{"data":{{"access_token":"{}"}}}}"#, "x".repeat(16 * 1024 + 1));
    let table: &[(&str, &str)] = &[
        ("", "empty"),
        (" \r\n ", "empty"),
        ("ok", "not JSON"),
        ("\u{0}\u{1}", "not JSON"),
        ("<html><body>504</body></html>", "HTML"),
        ("  <!doctype html>", "HTML"),
        (r#"{"data":{"access_token":"a""#, "cut short"),
        (r#"{"data":{"access_token":"a"}} trailing"#, "not JSON"),
        ("null", "not of the known form"),
        ("[]", "not of the known form"),
        ("\"ok\"", "not of the known form"),
        ("{}", "no `data`"),
        (r#"{"data":null}"#, "no `data`"),
        (r#"{"message":"fine"}"#, "no `data`"),
        (r#"{"data":[]}"#, "0 entries"),
        (r#"{"data":[{"access_token":"a"},{"access_token":"b"}]}"#, "2 entries"),
        (r#"{"data":"acc-secret"}"#, "not a JSON object"),
        (r#"{"data":{}}"#, "no access_token"),
        (r#"{"data":{"refresh_token":"r"}}"#, "no access_token"),
        (r#"{"data":{"access_token":null,"refresh_token":"r"}}"#, "no access_token"),
        (r#"{"data":{"access_token":"","refresh_token":"r"}}"#, "access_token is empty"),
        (r#"{"data":{"access_token":"a","refresh_token":""}}"#, "refresh_token is empty"),
        (r#"{"data":{"access_token":12345,"refresh_token":"r"}}"#, "access_token is not text"),
        (r#"{"data":{"access_token":"a","refresh_token":["r"]}}"#, "refresh_token is not text"),
        (r#"{"data":{"access_token":"a\nb"}}"#, "access_token holds"),
        (r#"{"data":{"access_token":"a b"}}"#, "access_token holds"),
        (r#"{"data":{"access_token":"a","refresh_token":"r\u0000"}}"#, "refresh_token holds"),
        (&long, "access_token is longer"),
    ];
    for (body, expected) in table {
        let error = refresh_answered(body).await.unwrap_err();
        let ApiError::BadReply { reason, .. } = &error else { panic!("{body}: {error:?}") };
        assert!(reason.contains(expected), "{body}: {reason}");
        assert!(error.to_string().contains("http://127.0.0.1:"), "{error}");
        assert!(!format!("{error:?}{error}").contains("acc-secret"), "{error}");
        assert!(!error.to_string().contains("12345"), "{error}");
    }
}

#[tokio::test]
async fn a_compressed_answer_was_not_asked_for() {
    let server =
        Server::http(|_, stream| answer(stream, 200, "Content-Encoding: gzip\r\n", "\u{1f}\u{8b}..."));
    let error = refresh(&server).await.unwrap_err();
    assert!(error.to_string().contains("compressed"), "{error}");
    let server = Server::http(|_, stream| answer(stream, 200, "Content-Encoding: identity\r\n", TOKENS));
    refresh(&server).await.unwrap();
}

#[tokio::test]
async fn whoami_needs_an_object_and_nothing_in_it() {
    let token = AccessToken::new("acc".into());
    let server = Server::json(200, r#"{"data":[{"uid":7,"username":"","role":null}]}"#);
    let identity = server.client().whoami(&server.endpoint(), &token).await.unwrap();
    assert_eq!(identity.uid.as_deref(), Some("7"));
    assert_eq!((identity.username, identity.role), (None, None));
    let server = Server::json(200, r#"{"data":"alice"}"#);
    let error = server.client().whoami(&server.endpoint(), &token).await.unwrap_err();
    assert!(matches!(error, ApiError::BadReply { .. }), "{error:?}");
}

#[tokio::test]
async fn a_revocation_needs_json_or_nothing_as_an_answer() {
    let token = AccessToken::new("acc".into());
    for (status, body, good) in [
        (200, r#"{"data":null}"#, true),
        (204, "", true),
        (200, "", true),
        (200, "<html>log in</html>", false),
    ] {
        let server = Server::json(status, body);
        let result = server.client().revoke_user(&server.endpoint(), &token, "uid").await;
        assert_eq!(result.is_ok(), good, "{status} {body}: {result:?}");
    }
}
