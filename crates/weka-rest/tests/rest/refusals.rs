//! Answers that say no, and what the caller learns from each.

use crate::server::{Server, answer};
use secret::{Password, RefreshToken};
use std::time::Duration;
use weka_rest::ApiError;

async fn error_of(server: &Server) -> ApiError {
    server.client().refresh(&server.endpoint(), &RefreshToken::new("ref-0".into())).await.unwrap_err()
}

async fn error(status: u16, body: &str) -> ApiError {
    error_of(&Server::json(status, body)).await
}

#[tokio::test]
async fn each_status_has_its_kind() {
    type Fits = fn(&ApiError) -> bool;
    let table: &[(u16, Fits)] = &[
        (401, |e| matches!(e, ApiError::Unauthorized { .. })),
        (403, |e| matches!(e, ApiError::Forbidden { .. })),
        (400, |e| matches!(e, ApiError::Rejected { status: 400, .. })),
        (404, |e| matches!(e, ApiError::Rejected { status: 404, .. })),
        (405, |e| matches!(e, ApiError::Rejected { status: 405, .. })),
        (408, |e| matches!(e, ApiError::Rejected { status: 408, .. })),
        (409, |e| matches!(e, ApiError::Rejected { status: 409, .. })),
        (418, |e| matches!(e, ApiError::Rejected { status: 418, .. })),
        (429, |e| matches!(e, ApiError::Busy { status: 429, retry_after: None, .. })),
        (503, |e| matches!(e, ApiError::Busy { status: 503, retry_after: None, .. })),
        (500, |e| matches!(e, ApiError::Server { status: 500, .. })),
        (502, |e| matches!(e, ApiError::Server { status: 502, .. })),
        (504, |e| matches!(e, ApiError::Server { status: 504, .. })),
        (599, |e| matches!(e, ApiError::Server { status: 599, .. })),
        (304, |e| matches!(e, ApiError::BadReply { .. })),
        (300, |e| matches!(e, ApiError::BadReply { .. })),
        (303, |e| matches!(e, ApiError::BadReply { .. })),
        (600, |e| matches!(e, ApiError::BadReply { .. })),
    ];
    for (status, fits) in table {
        let body = if *status == 304 { "" } else { r#"{"message":"because"}"# };
        let server = Server::json(*status, body);
        let error = error_of(&server).await;
        assert!(fits(&error), "{status}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(&server.endpoint().to_string()), "{text}");
        assert!(text.contains(&status.to_string()), "{text}");
        assert_eq!(server.connections(), 1, "a refusal is final here: {status}");
    }
}

#[tokio::test]
async fn the_human_text_is_found_wherever_it_is() {
    let table = [
        (400, r#"{"message":"bad request","data":{"missing_params":["username"]}}"#, "400 Bad Request"),
        (400, r#"{"message":"username is missing"}"#, "username is missing"),
        (400, r#"{"data":{"missing_params":[],"param":"org","error":"no such org"}}"#, "no such org"),
        (401, r#"{"data":"Invalid username or password"}"#, "Invalid username or password"),
        (401, r#"{"data":"Unauthorized"}"#, "401 Unauthorized"),
        (403, r#"{"data":"Forbidden"}"#, "403 Forbidden"),
        (404, r#"{"message":"User not found"}"#, "User not found"),
        (500, r#"{"error":"the leader is away"}"#, "the leader is away"),
        (500, r#"{"error":{"code":-32601,"message":"Method not found"}}"#, "Method not found"),
        (500, r#"{"message":"   ","data":"second choice"}"#, "second choice"),
        (500, r#"{"message":7,"data":[1]}"#, "500 Internal Server Error"),
        (500, "<html>nginx</html>", "500 Internal Server Error"),
        (500, "", "500 Internal Server Error"),
        (500, r#"["x"]"#, "500 Internal Server Error"),
    ];
    for (status, body, expected) in table {
        let text = error(status, body).await.to_string();
        assert!(text.contains(expected), "{body}: {text}");
        assert!(!text.contains("nginx"), "{text}");
    }
    // The text that only repeats the status is not printed twice.
    assert!(error(401, r#"{"data":"Unauthorized"}"#).await.to_string().ends_with("401 Unauthorized"));
}

#[tokio::test]
async fn texts_are_made_fit_for_a_terminal() {
    let body = r#"{"message":"one\ntwo\u001b[31m\u0007 three\u202e four\u0000 five"}"#;
    let text = error(500, body).await.to_string();
    assert!(text.ends_with("one two [31m three four five"), "{text:?}");
    let long = format!(r#"{{"message":"{}"}}"#, "word ".repeat(1000));
    let text = error(500, &long).await.to_string();
    assert!(text.len() < 350 && text.ends_with("word..."), "{text}");
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3MDAwMDAwMDAsImlhdCI6MTcwMDAwMDAwMH0.c2lnbmF0dXJl";
    let text = error(400, &format!(r#"{{"message":"bad token {jwt} given"}}"#)).await.to_string();
    assert!(text.ends_with("bad token [...] given"), "{text}");
}

#[tokio::test]
async fn a_lockout_is_told_from_other_refusals() {
    let real = r#"{"data":"Authentication Failed. User has been locked out for another 1m55s due to too many login attempts"}"#;
    for status in [401, 403] {
        let error = error(status, real).await;
        let ApiError::LockedOut { wait, message } = error else { panic!("{status}: {error:?}") };
        assert_eq!(wait, Some(Duration::from_secs(115)));
        assert!(message.contains("1 min 55 s") && message.contains("http://127.0.0.1:"), "{message}");
    }
    let error_text = error(403, r#"{"message":"Account LOCKED OUT."}"#).await;
    assert!(matches!(error_text, ApiError::LockedOut { wait: None, .. }), "{error_text:?}");
    let html = error(403, "<p>locked out, wait 2 minutes</p>").await;
    assert!(matches!(html, ApiError::LockedOut { wait: Some(w), .. } if w.as_secs() == 120), "{html:?}");
    let other = error(400, r#"{"message":"locked out for 5s"}"#).await;
    assert!(matches!(other, ApiError::Rejected { .. }), "{other:?}");
}

#[tokio::test]
async fn a_gateways_own_page_threw_a_good_refresh_token_away() {
    let page = "<html><head><title>400 Bad Request</title></head></html>";
    for status in [400, 401] {
        let server = Server::json(status, page);
        let error = error_of(&server).await;
        let ApiError::BadReply { reason, .. } = &error else { panic!("{status}: {error:?}") };
        assert!(reason.contains("HTML") && reason.contains(&status.to_string()), "{reason}");
        // A password that may have been refused is taken for refused, whoever says so.
        let login =
            server.client().login(&server.endpoint(), "Root", "alice", &Password::new("pw".into())).await;
        let refused = login.unwrap_err();
        let fits = matches!(refused, ApiError::Unauthorized { .. } | ApiError::Rejected { status: 400, .. });
        assert!(fits, "{status}: {refused:?}");
    }
}

#[tokio::test]
async fn retry_after_is_passed_on() {
    let table = [
        ("Retry-After: 7\r\n", Some(7)),
        ("retry-after: 0\r\n", Some(0)),
        ("Retry-After: soon\r\n", None),
        ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n", Some(60)),
    ];
    for (headers, expected) in table {
        for status in [429, 503] {
            let server = Server::http(move |_, stream| answer(stream, status, headers, "{}"));
            let error = error_of(&server).await;
            let ApiError::Busy { retry_after, .. } = error else { panic!("{error:?}") };
            assert_eq!(retry_after, expected.map(Duration::from_secs), "{headers}");
        }
    }
}
