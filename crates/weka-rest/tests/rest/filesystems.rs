//! Filesystems and mount tokens: what goes out, and what is made of the answers.

use crate::server::{Server, json};
use secret::AccessToken;
use weka_rest::{ApiError, Filesystem};

const SECRET: &str = "mount.TOKEN.sign";

fn token() -> AccessToken {
    AccessToken::new("acc-7".into())
}

fn reason(error: ApiError) -> String {
    match error {
        ApiError::BadReply { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_list_is_one_get_and_its_elements_are_read_tolerantly() {
    let server = Server::json(
        200,
        r#"{"data":[
            {"id":"FSId<1>","uid":"u-1","name":"secure","group_name":"g","status":"READY","is_ready":true,
             "is_encrypted":false,"auth_required":true,"total_budget":9007199254740993,"used_total":"4096",
             "available_total":-1,"ssd_budget":1e3,"obs_buckets":[{"x":1}]},
            {"uid":"u-2","name":"bare"},
            {"uid":"u-3"}, {"name":"no uid"}, {"uid":"","name":"empty"}
        ],"next_token":null}"#,
    );
    let found = server.client().filesystems(&server.endpoint(), &token()).await.unwrap();
    let secure = Filesystem {
        name: "secure".into(),
        uid: "u-1".into(),
        id: Some("FSId<1>".into()),
        group: Some("g".into()),
        status: Some("READY".into()),
        is_ready: Some(true),
        auth_required: Some(true),
        is_encrypted: Some(false),
        total_bytes: Some(9_007_199_254_740_993),
        used_bytes: Some(4096),
        available_bytes: None,
        ssd_bytes: None,
    };
    let bare = Filesystem { name: "bare".into(), uid: "u-2".into(), ..Filesystem::default() };
    assert_eq!(found, [secure, bare]);
    let request = server.only_request();
    assert_eq!(request.line, "GET /api/v2/fileSystems HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer acc-7"));
    assert_eq!(request.body, "");
}

#[tokio::test]
async fn a_cluster_with_every_filesystem_it_may_have_is_listed() {
    let entry = |number: u32| {
        let padding = "x".repeat(2000);
        format!(r#"{{"uid":"u-{number}","name":"fs-{number}","padding":"{padding}"}}"#)
    };
    let body = format!(r#"{{"data":[{}]}}"#, (0..1024).map(entry).collect::<Vec<_>>().join(","));
    let server = Server::http(move |_, stream| json(stream, 200, &body));
    let found = server.client().filesystems(&server.endpoint(), &token()).await.unwrap();
    assert_eq!(found.len(), 1024);
}

#[tokio::test]
async fn what_is_no_list_is_named() {
    for (body, words) in [
        ("", "empty"),
        ("{}", "no `data`"),
        (r#"{"data":{}}"#, "not a list"),
        (r#"{"data":[1]}"#, "not of the known form"),
        ("<html>", "HTML"),
    ] {
        let server = Server::json(200, body);
        let error = server.client().filesystems(&server.endpoint(), &token()).await.unwrap_err();
        assert!(reason(error.clone()).contains(words), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_mount_token_is_a_get_and_within_limits_a_post() {
    let server =
        Server::json(200, r#"{"data":{"mount_token":"mount.TOKEN.sign","filesystem_name":"secure"}}"#);
    let (client, at) = (server.client(), server.endpoint());
    let grant = client.mount_token(&at, &token(), "u 1/2").await.unwrap();
    assert_eq!((grant.mount_token.expose(), grant.filesystem_name.as_deref()), (SECRET, Some("secure")));
    assert_eq!((grant.expires_in_s, grant.read_only), (None, None));
    client.limited_mount_token(&at, &token(), "u-1", true, Some(3600)).await.unwrap();
    client.limited_mount_token(&at, &token(), "u-1", false, None).await.unwrap();
    let requests = server.requests();
    let lines: Vec<_> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v2/fileSystems/u%201%2F2/mountToken HTTP/1.1",
            "POST /api/v2/fileSystems/u-1/mountToken HTTP/1.1",
            "POST /api/v2/fileSystems/u-1/mountToken HTTP/1.1",
        ]
    );
    assert_eq!(requests[1].json(), serde_json::json!({"read_only": true, "expires": 3600}));
    assert_eq!(requests[2].json(), serde_json::json!({}));
    for request in requests {
        assert_eq!(request.header("authorization"), Some("Bearer acc-7"));
    }
}

#[tokio::test]
async fn what_the_answer_says_of_its_limits_is_read() {
    for (keys, expires_in_s, read_only) in [
        (r#""expires_in":300,"read_only":true"#, Some(300), Some(true)),
        (r#""expires":"60","read_only":false"#, Some(60), Some(false)),
        (r#""expires_in":0,"read_only":null"#, None, None),
    ] {
        let server = Server::json(200, &format!(r#"{{"data":[{{"mount_token":"m",{keys}}}]}}"#));
        let grant = server.client().mount_token(&server.endpoint(), &token(), "u").await.unwrap();
        assert_eq!((grant.expires_in_s, grant.read_only), (expires_in_s, read_only), "{keys}");
        assert_eq!(grant.filesystem_name, None);
    }
}

#[tokio::test]
async fn an_answer_without_a_usable_mount_token_is_named_and_never_quoted() {
    for (data, words) in [
        (r#"{"filesystem_name":"secure"}"#, "no mount_token"),
        (r#"{"mount_token":""}"#, "is empty"),
        (r#"{"mount_token":"mount.TOKEN.sign x"}"#, "white space"),
        (r#"{"mount_token":["mount.TOKEN.sign"]}"#, "is not text"),
        (r#""mount.TOKEN.sign""#, "not a JSON object"),
    ] {
        let server = Server::json(200, &format!(r#"{{"data":{data}}}"#));
        let error = server.client().mount_token(&server.endpoint(), &token(), "u").await.unwrap_err();
        assert!(reason(error.clone()).contains(words), "{data}: {error}");
        assert!(!format!("{error} {error:?}").contains("TOKEN"), "{error:?}");
    }
}

#[tokio::test]
async fn a_filesystems_uid_cannot_lead_to_another_path() {
    let server = Server::json(200, "{}");
    for uid in ["", ".", "..", "a\nb"] {
        let error = server.client().mount_token(&server.endpoint(), &token(), uid).await.unwrap_err();
        assert!(matches!(error, ApiError::Misconfigured { .. }), "{error:?}");
    }
    assert_eq!(server.connections(), 0);
}
