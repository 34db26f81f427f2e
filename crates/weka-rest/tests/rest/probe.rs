//! A look at the certificate, which says nothing to the server.

use crate::certs::{CaFile, Cert, Flaws};
use crate::server::Server;
use weka_rest::{ApiError, Fingerprint, Trust, Verdict};

fn flawed() -> Flaws {
    Flaws { authority: true, ..Flaws::default() }
}

#[tokio::test]
async fn a_probe_describes_an_unknown_certificate_and_sends_nothing() {
    let cert = Cert::self_signed(flawed());
    for version in rustls::ALL_VERSIONS {
        let server = Server::tls_with(cert.server_config_for(&[version]), |_, _| Ok(()));
        let seen = server.client().probe(&server.endpoint()).await.unwrap();
        assert_eq!(seen.fingerprint, cert.fingerprint());
        assert_eq!(seen.subject, "CN=weka test");
        assert_eq!(seen.issuer, "CN=weka test");
        assert_eq!(seen.names, ["localhost"]);
        assert_eq!(seen.not_before_unix_s, 1_577_836_800);
        assert_eq!(seen.not_after_unix_s, 3_471_292_800);
        assert_eq!(seen.der, cert.der);
        let Verdict::Unknown { reason } = seen.verdict else { panic!("{:?}", seen.verdict) };
        assert!(reason.contains("self-signed"), "{reason}");
        assert_eq!(server.connections(), 1);
        assert!(server.requests().is_empty());
        assert!(server.finish().await.is_empty(), "not a byte inside TLS");
    }
}

#[tokio::test]
async fn the_verdict_follows_the_settings() {
    let cert = Cert::self_signed(flawed());
    let file = CaFile::new(&cert.pem());
    let other = Fingerprint::from([9; 32]);
    let table = [
        (file.trust(), Verdict::Trusted),
        (Trust::Fingerprint(cert.fingerprint()), Verdict::Trusted),
        (Trust::Fingerprint(other), Verdict::PinMismatch { expected: other }),
    ];
    for (trust, verdict) in table {
        let server = Server::tls(&cert);
        let seen = server.client_with(trust).probe(&server.endpoint()).await.unwrap();
        assert_eq!(seen.verdict, verdict);
        assert_eq!(seen.fingerprint, cert.fingerprint());
        assert!(server.finish().await.is_empty(), "not a byte inside TLS");
    }
}

#[tokio::test]
async fn names_and_dates_are_part_of_the_verdict() {
    let cert = Cert::self_signed(Flaws { expired: true, ..flawed() });
    let server = Server::tls(&cert);
    let file = CaFile::new(&cert.pem());
    let seen = server.client_with(file.trust()).probe(&server.endpoint()).await.unwrap();
    let Verdict::Unknown { reason } = seen.verdict else { panic!("{:?}", seen.verdict) };
    assert!(reason.contains("expired on 2021-03-04"), "{reason}");
    assert_eq!(seen.not_after_unix_s, 1_614_816_000);
}

#[tokio::test]
async fn a_certificates_own_text_cannot_play_tricks() {
    let name = format!("evil\u{1b}[2J\u{202e}\n {}", "x".repeat(5000));
    let cert = Cert::authority(&name);
    let server = Server::tls(&cert);
    let seen = server.client().probe(&server.endpoint()).await.unwrap();
    assert!(seen.subject.chars().count() <= 210, "{}", seen.subject);
    assert!(!seen.subject.contains(['\u{1b}', '\n', '\u{202e}']), "{:?}", seen.subject);
    assert!(seen.subject.starts_with("CN=evil"), "{}", seen.subject);
}

#[tokio::test]
async fn plain_http_has_no_certificate() {
    let server = Server::json(200, "{}");
    let error = server.client().probe(&server.endpoint()).await.unwrap_err();
    assert!(
        matches!(&error, ApiError::Misconfigured { reason } if reason.contains("plain http")),
        "{error:?}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_probe_that_fails_says_why() {
    let server = Server::raw("never sent");
    let at = format!("https://127.0.0.1:{}", server.port()).parse().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("127.0.0.1:{}", listener.local_addr().unwrap().port()).parse().unwrap();
    drop(listener);
    let error = server.client().probe(&closed).await.unwrap_err();
    let ApiError::Unreachable { reason, sent: false, .. } = error else { panic!("{error:?}") };
    assert_eq!(reason, "connection refused");
    // This server waits for a request that never comes, and so does the probe, up to its limit.
    let mut settings = server.client().settings().clone();
    settings.connect_timeout = std::time::Duration::from_millis(200);
    let error = weka_rest::Client::new(settings).probe(&at).await.unwrap_err();
    let ApiError::Unreachable { reason, sent: false, .. } = error else { panic!("{error:?}") };
    assert!(reason.contains("200 ms"), "{reason}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_public_key_is_pinned_as_curl_pins_it() {
    let cert = Cert::self_signed(flawed());
    let server = Server::tls(&cert);
    let seen = server.client().probe(&server.endpoint()).await.unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &cert.public_key());
    assert_eq!(seen.public_key_pin(), Some(data_encoding::BASE64.encode(digest.as_ref())));
    let unreadable = weka_rest::PeerCertificate { der: b"no certificate".to_vec(), ..seen };
    assert_eq!(unreadable.public_key_pin(), None);
}

#[tokio::test]
async fn plain_http_is_connected_to_and_told_nothing() {
    let server = Server::json(200, "{}");
    let (client, at) = (server.client(), server.endpoint());
    client.connect(&at).await.unwrap();
    assert!(server.requests().is_empty());
    assert!(server.finish().await.is_empty());
    let error = client.connect(&at).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { sent: false, .. }), "{error:?}");
    let elsewhere = "http://weka.example:14000".parse().unwrap();
    assert!(matches!(client.connect(&elsewhere).await, Err(ApiError::Misconfigured { .. })));
}
