//! Redirects: to configured hosts with everything, elsewhere with nothing.

use crate::certs::{CaFile, Cert, Flaws};
use crate::server::{Server, Stream, TOKENS, answer, json, settings};
use secret::{AccessToken, Password, RefreshToken};
use std::io;
use weka_rest::{ApiError, Client, Endpoint, Trust};

fn redirect(stream: &mut dyn Stream, status: u16, to: &str) -> io::Result<()> {
    answer(stream, status, &format!("Location: {to}\r\n"), "")
}

fn redirecting(status: u16, to: String) -> Server {
    Server::http(move |_, stream| redirect(stream, status, &to))
}

fn client(endpoints: &[Endpoint]) -> Client {
    Client::new(settings(endpoints, Trust::SystemRoots))
}

fn token() -> RefreshToken {
    RefreshToken::new("ref-0".into())
}

fn refused(error: ApiError) -> String {
    let ApiError::BadReply { reason, .. } = error else { panic!("{error:?}") };
    reason
}

#[tokio::test]
async fn a_redirect_to_a_configured_host_is_resent_as_it_was() {
    for status in [301, 302, 307, 308] {
        let leader = Server::json(200, TOKENS);
        let first = redirecting(status, format!("{}/api/v2/login?leader=1#part", leader.endpoint()));
        let client = client(&[first.endpoint(), leader.endpoint()]);
        let password = Password::new("secret-pw".into());
        let grant = client.login(&first.endpoint(), "Root", "alice", &password).await.unwrap();
        assert_eq!(grant.access_token.expose(), "acc-1");
        let (before, after) = (first.only_request(), leader.only_request());
        assert_eq!(after.line, "POST /api/v2/login?leader=1 HTTP/1.1", "{status}");
        assert_eq!(before.body, after.body);
        assert_eq!(after.header("content-type"), Some("application/json"));
        assert_eq!(after.header("referer"), None);
    }
}

#[tokio::test]
async fn the_bearer_token_goes_along_to_configured_hosts_only() {
    let leader = Server::json(200, r#"{"data":{"username":"alice"}}"#);
    let first = redirecting(307, format!("{}/api/v2/users/whoami", leader.endpoint()));
    let token = AccessToken::new("acc-9".into());
    let both = client(&[first.endpoint(), leader.endpoint()]);
    both.whoami(&first.endpoint(), &token).await.unwrap();
    assert_eq!(leader.only_request().header("authorization"), Some("Bearer acc-9"));

    let one = client(&[first.endpoint()]);
    let reason = refused(one.whoami(&first.endpoint(), &token).await.unwrap_err());
    assert!(reason.contains("not one of the configured endpoints"), "{reason}");
    assert_eq!(leader.connections(), 1);
}

#[tokio::test]
async fn a_relative_redirect_stays_on_the_host() {
    let server = Server::http(|request, stream| match request.line.contains("moved") {
        true => json(stream, 200, TOKENS),
        false => redirect(stream, 308, "/api/v2/moved"),
    });
    client(&[server.endpoint()]).refresh(&server.endpoint(), &token()).await.unwrap();
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn nothing_goes_to_a_foreign_host() {
    let foreign = Server::json(200, TOKENS);
    let at = format!("127.0.0.1:{}", foreign.port());
    let table = [
        format!("http://{at}/api/v2/login/refresh"),
        format!("//{at}/x"),
        // The same machine, but not the configured name for it.
        format!("http://localhost:{}/x", foreign.port()),
        // User info and look-alikes do not make it a configured host.
        format!("http://SELF@{at}/x"),
        format!("http://SELF:pw@{at}/x"),
        format!("http:\\\\{at}\\x"),
    ];
    for to in table {
        let first = redirecting(307, to.clone());
        let client = client(&[first.endpoint()]);
        let reason = refused(client.refresh(&first.endpoint(), &token()).await.unwrap_err());
        assert!(reason.contains("redirects to"), "{to}: {reason}");
        assert!(!reason.contains("/x") && !reason.contains("pw"), "{reason}");
    }
    assert_eq!(foreign.connections(), 0);
}

#[tokio::test]
async fn a_user_name_in_the_redirect_is_refused_even_to_a_configured_host() {
    let leader = Server::json(200, TOKENS);
    for user in ["alice:pw", "alice", ":pw"] {
        let first = redirecting(307, format!("http://{user}@127.0.0.1:{}/x", leader.port()));
        let client = client(&[first.endpoint(), leader.endpoint()]);
        let reason = refused(client.refresh(&first.endpoint(), &token()).await.unwrap_err());
        assert!(reason.contains("user name"), "{user}: {reason}");
        assert!(!reason.contains("alice") && !reason.contains("pw"), "{reason}");
    }
    assert_eq!(leader.connections(), 0);
}

#[tokio::test]
async fn redirects_that_lead_nowhere_are_named() {
    for (headers, expected) in [
        ("", "without saying where"),
        ("Location: http://[::1\r\n", "not a URL"),
        ("Location: http://\u{e9}\u{ff}\r\n", "not a URL"),
        ("Location: ftp://127.0.0.1/x\r\n", "neither https nor http"),
        ("Location: file:///etc/passwd\r\n", "neither https nor http"),
        ("Location: javascript:alert(1)\r\n", "neither https nor http"),
    ] {
        let server = Server::http(move |_, stream| answer(stream, 302, headers, ""));
        let reason = refused(server.client().refresh(&server.endpoint(), &token()).await.unwrap_err());
        assert!(reason.contains(expected), "{headers}: {reason}");
    }
}

#[tokio::test]
async fn a_loop_ends_after_three() {
    let server = redirecting(301, "/api/v2/login/refresh".into());
    let reason = refused(server.client().refresh(&server.endpoint(), &token()).await.unwrap_err());
    assert!(reason.contains("more than 3 times"), "{reason}");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn three_redirects_are_still_followed() {
    let server = Server::http(|request, stream| match request.line.split(' ').nth(1) {
        Some("/c") => json(stream, 200, TOKENS),
        Some("/b") => redirect(stream, 307, "c"),
        Some("/a") => redirect(stream, 302, "/b"),
        _ => redirect(stream, 301, "/a"),
    });
    server.client().refresh(&server.endpoint(), &token()).await.unwrap();
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn https_is_never_left_for_http() {
    let cert = Cert::self_signed(Flaws::default());
    let file = CaFile::new(&cert.pem());
    let plain = Server::json(200, TOKENS);
    let to = format!("http://localhost:{}/x", plain.port());
    let secure = Server::tls_with(cert.server_config(), move |_, stream| redirect(stream, 307, &to));
    // Whether the target is configured as https or as http.
    for scheme in ["http", "https"] {
        let target = format!("{scheme}://localhost:{}", plain.port()).parse().unwrap();
        let client = Client::new(settings(&[secure.endpoint(), target], file.trust()));
        let reason = refused(client.refresh(&secure.endpoint(), &token()).await.unwrap_err());
        assert!(reason.contains("from https to http"), "{reason}");
    }
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn a_host_configured_as_https_is_not_talked_to_in_http() {
    let target = Server::json(200, TOKENS);
    let first = redirecting(307, format!("http://127.0.0.1:{}/x", target.port()));
    let as_https = format!("https://127.0.0.1:{}", target.port()).parse().unwrap();
    let client = client(&[first.endpoint(), as_https]);
    let reason = refused(client.refresh(&first.endpoint(), &token()).await.unwrap_err());
    assert!(reason.contains("configured as https"), "{reason}");
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_redirect_from_http_to_https_is_followed_and_the_certificate_checked() {
    let cert = Cert::self_signed(Flaws::default());
    let secure = Server::tls(&cert);
    let first = redirecting(308, format!("https://localhost:{}/api/v2/login/refresh", secure.port()));
    let endpoints = [first.endpoint(), secure.endpoint()];
    let trusting = Client::new(settings(&endpoints, Trust::Fingerprint(cert.fingerprint())));
    trusting.refresh(&first.endpoint(), &token()).await.unwrap();
    assert_eq!(secure.requests().len(), 1);
    let error = client(&endpoints).refresh(&first.endpoint(), &token()).await.unwrap_err();
    let ApiError::Untrusted { endpoint, .. } = error else { panic!("{error:?}") };
    assert_eq!(endpoint, secure.endpoint());
    assert_eq!(secure.requests().len(), 1);
}

#[tokio::test]
async fn after_a_redirect_the_body_counts_as_sent() {
    let gone: Endpoint = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port()).parse().unwrap()
    };
    let first = redirecting(307, format!("{gone}/x"));
    let client = client(&[first.endpoint(), gone.clone()]);
    let error = client.refresh(&first.endpoint(), &token()).await.unwrap_err();
    let ApiError::Unreachable { endpoint, sent, .. } = error else { panic!("{error:?}") };
    assert_eq!((endpoint, sent), (gone, true));
}
