//! Whom the client believes: roots, CA files, pins; and that nothing is sent to anyone else.

use crate::certs::{CaFile, Cert, Flaws, server_config};
use crate::server::{Server, TOKENS, json};
use secret::{Password, RefreshToken};
use weka_rest::{ApiError, Fingerprint, Grant, Trust, Verdict};

async fn refresh(server: &Server, trust: Trust) -> Result<Grant, ApiError> {
    server.client_with(trust).refresh(&server.endpoint(), &RefreshToken::new("ref-0".into())).await
}

/// The reason, after making sure that the server got nothing from inside TLS.
async fn untrusted(server: Server, trust: Trust) -> String {
    let error = refresh(&server, trust.clone()).await.unwrap_err();
    let ApiError::Untrusted { endpoint, reason } = &error else { panic!("{error:?}") };
    assert_eq!(endpoint, &server.endpoint());
    assert!(error.to_string().contains(&server.endpoint().to_string()), "{error}");
    let password = Password::new("pw".into());
    let login = server.client_with(trust).login(&server.endpoint(), "Root", "alice", &password).await;
    assert!(matches!(login, Err(ApiError::Untrusted { .. })), "{login:?}");
    assert!(server.requests().is_empty());
    assert!(server.finish().await.is_empty(), "not a byte inside TLS");
    reason.clone()
}

fn self_signed(flaws: Flaws) -> (Cert, Server) {
    let cert = Cert::self_signed(flaws);
    let server = Server::tls(&cert);
    (cert, server)
}

#[tokio::test]
async fn an_unknown_self_signed_certificate_is_refused() {
    for authority in [false, true] {
        let (cert, server) = self_signed(Flaws { authority, ..Flaws::default() });
        let reason = untrusted(server, Trust::SystemRoots).await;
        assert!(reason.contains("self-signed") && reason.contains("not known"), "{reason}");
        assert!(reason.contains(&cert.fingerprint().to_string()), "{reason}");
        assert!(reason.contains("CN=weka test"), "{reason}");
    }
}

#[tokio::test]
async fn an_unknown_authority_is_refused_by_name() {
    let server = Server::tls(&Cert::authority("Site CA").issue(Flaws::default()));
    let other = CaFile::new(&Cert::authority("Another CA").pem());
    let reason = untrusted(server, other.trust()).await;
    assert!(reason.contains("signed by CN=Site CA"), "{reason}");
}

#[tokio::test]
async fn an_authority_of_the_same_name_and_another_key_is_refused() {
    let server = Server::tls(&Cert::authority("Site CA").issue(Flaws::default()));
    let impostor = CaFile::new(&Cert::authority("Site CA").pem());
    untrusted(server, impostor.trust()).await;
}

#[tokio::test]
async fn an_authority_in_the_ca_file_vouches_for_its_servers() {
    let authority = Cert::authority("Site CA");
    let server = Server::tls(&authority.issue(Flaws::default()));
    // Among others, with comments and a section of another kind.
    let mixed = format!(
        "# our CAs\r\n{}\n-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n{}",
        Cert::authority("Another CA").pem(),
        authority.pem()
    );
    refresh(&server, CaFile::new(&mixed).trust()).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_authority_of_the_ca_file_does_not_excuse_names_and_dates() {
    let authority = Cert::authority("Site CA");
    let file = CaFile::new(&authority.pem());
    let table = [
        (Flaws { other_name: true, ..Flaws::default() }, "is for elsewhere.example, not for localhost"),
        (Flaws { expired: true, ..Flaws::default() }, "expired on 2021-03-04"),
        (Flaws { not_yet: true, ..Flaws::default() }, "valid only from 2077-05-06"),
        (Flaws { no_names: true, ..Flaws::default() }, "names no host"),
    ];
    for (flaws, expected) in table {
        let reason = untrusted(Server::tls(&authority.issue(flaws)), file.trust()).await;
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test]
async fn the_servers_own_certificate_in_the_ca_file_is_trusted_even_as_an_authority() {
    for authority in [false, true] {
        let (cert, server) = self_signed(Flaws { authority, ..Flaws::default() });
        let grant = refresh(&server, CaFile::new(&cert.pem()).trust()).await.unwrap();
        assert_eq!(grant.access_token.expose(), "acc-1");
        assert_eq!(server.connections(), 1, "settled by the file alone");
    }
}

#[tokio::test]
async fn the_servers_own_certificate_in_the_ca_file_is_checked_for_name_and_dates() {
    let table = [
        (Flaws { other_name: true, ..Flaws::default() }, "is for elsewhere.example, not for localhost"),
        (Flaws { expired: true, ..Flaws::default() }, "expired on 2021-03-04"),
        (Flaws { not_yet: true, ..Flaws::default() }, "valid only from 2077-05-06"),
        (Flaws { no_names: true, ..Flaws::default() }, "names no host"),
    ];
    for (flaws, expected) in table {
        for authority in [false, true] {
            let (cert, server) = self_signed(Flaws { authority, ..flaws });
            let reason = untrusted(server, CaFile::new(&cert.pem()).trust()).await;
            assert!(reason.contains(expected), "{reason}");
        }
    }
}

#[tokio::test]
async fn another_self_signed_certificate_with_the_same_name_is_refused() {
    let (cert, _) = self_signed(Flaws { authority: true, ..Flaws::default() });
    let (_, server) = self_signed(Flaws { authority: true, ..Flaws::default() });
    untrusted(server, CaFile::new(&cert.pem()).trust()).await;
}

#[tokio::test]
async fn a_pin_looks_at_nothing_but_the_fingerprint() {
    let table = [
        Flaws::default(),
        Flaws { authority: true, ..Flaws::default() },
        Flaws { other_name: true, expired: true, ..Flaws::default() },
        Flaws { no_names: true, not_yet: true, ..Flaws::default() },
    ];
    for flaws in table {
        let (cert, server) = self_signed(flaws);
        refresh(&server, Trust::Fingerprint(cert.fingerprint())).await.unwrap();
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn a_wrong_pin_refuses_what_any_root_would_accept() {
    let (cert, server) = self_signed(Flaws::default());
    let pinned = Fingerprint::from([7; 32]);
    let reason = untrusted(server, Trust::Fingerprint(pinned)).await;
    assert!(reason.contains(&cert.fingerprint().to_string()), "{reason}");
    assert!(reason.contains(&pinned.to_string()) && reason.contains("pinned"), "{reason}");
}

#[tokio::test]
async fn a_certificate_without_its_key_is_worth_nothing() {
    let (cert, _) = self_signed(Flaws::default());
    let thief = rcgen::KeyPair::generate().unwrap().serialize_der();
    let file = CaFile::new(&cert.pem());
    for trust in [Trust::Fingerprint(cert.fingerprint()), file.trust()] {
        for version in rustls::ALL_VERSIONS {
            let config = server_config(&cert.der, &thief, &[version]);
            let server = Server::tls_with(config, |_, stream| json(stream, 200, TOKENS));
            let error = refresh(&server, trust.clone()).await.unwrap_err();
            let ApiError::Unreachable { reason, sent: false, .. } = &error else { panic!("{error:?}") };
            assert!(reason.contains("signature"), "{reason}");
            let probed = server.client_with(trust.clone()).probe(&server.endpoint()).await;
            assert!(probed.is_err(), "{probed:?}");
            assert!(server.requests().is_empty());
            assert!(server.finish().await.is_empty(), "not a byte inside TLS");
        }
    }
}

#[tokio::test]
async fn both_tls_versions_work() {
    let cert = Cert::self_signed(Flaws { authority: true, ..Flaws::default() });
    let file = CaFile::new(&cert.pem());
    for version in rustls::ALL_VERSIONS {
        let config = cert.server_config_for(&[version]);
        let server = Server::tls_with(config, |_, stream| json(stream, 200, TOKENS));
        refresh(&server, file.trust()).await.unwrap();
        refresh(&server, Trust::Fingerprint(cert.fingerprint())).await.unwrap();
    }
}

/// `openssl x509 -req` without an extension file makes such certificates; webpki does not read them.
#[tokio::test]
async fn a_version_1_certificate_can_be_pinned() {
    let der = include_bytes!("version1/certificate.der");
    let key = include_bytes!("version1/key.der");
    let config = || server_config(der, key, rustls::ALL_VERSIONS);
    let server = Server::tls_with(config(), |_, stream| json(stream, 200, TOKENS));
    refresh(&server, Trust::Fingerprint(Fingerprint::of(der))).await.unwrap();
    let thief = rcgen::KeyPair::generate().unwrap().serialize_der();
    let server =
        Server::tls_with(server_config(der, &thief, rustls::ALL_VERSIONS), |_, s| json(s, 200, TOKENS));
    let error = refresh(&server, Trust::Fingerprint(Fingerprint::of(der))).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { sent: false, .. }), "{error:?}");
    let server = Server::tls_with(config(), |_, stream| json(stream, 200, TOKENS));
    untrusted(server, Trust::SystemRoots).await;
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_used_is_named() {
    let cert = Cert::self_signed(Flaws::default());
    let server = Server::tls(&cert);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let odd = "-----BEGIN CERTIFICATE-----\nAA AA?!\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n-----END PRIVATE KEY-----\n";
    let table = [
        (String::new(), "holds no certificate"),
        ("no PEM at all\n".to_owned(), "holds no certificate"),
        (key.to_owned(), "holds no certificate"),
        (format!("{}{broken}", cert.pem()), "certificate number 2 is not an X.509 certificate"),
        (odd.to_owned(), "certificate number 1 is not valid PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n".to_owned(), "not valid PEM"),
        (" ".repeat(8 * 1024 * 1024 + 1), "longer than 8 MiB"),
    ];
    for (text, expected) in table {
        let file = CaFile::new(&text);
        let error = refresh(&server, file.trust()).await.unwrap_err();
        let ApiError::Misconfigured { reason } = &error else { panic!("{error:?}") };
        assert!(reason.contains(expected), "{reason}");
        assert!(reason.contains(file.path().to_str().unwrap()), "{reason}");
        assert!(!reason.contains("c2Vj"), "{reason}");
        assert_eq!(file.trust().check(), Err(error));
    }
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("missing.pem")] {
        let error = refresh(&server, Trust::CaFile(path.clone())).await.unwrap_err();
        let ApiError::Misconfigured { reason } = error else { panic!("{error:?}") };
        assert!(reason.contains(path.to_str().unwrap()), "{reason}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_renewed_ca_file_counts_at_the_next_call() {
    let (cert, server) = self_signed(Flaws::default());
    let file = CaFile::new(&Cert::self_signed(Flaws::default()).pem());
    let client = server.client_with(file.trust());
    let token = RefreshToken::new("ref-0".into());
    let error = client.refresh(&server.endpoint(), &token).await.unwrap_err();
    assert!(matches!(error, ApiError::Untrusted { .. }), "{error:?}");
    std::fs::write(file.path(), cert.pem()).unwrap();
    client.refresh(&server.endpoint(), &token).await.unwrap();
}

/// Where the child below finds the server.
const PORT: &str = "WEKA_REST_TEST_PORT";

/// The system's roots are named by the environment, which a test must not change for the others. So this
/// test runs itself again in a process of its own, where they are the test's authority. Proxies are named
/// there as well, and are none of the client's business.
#[tokio::test]
async fn the_systems_roots_vouch_alone_and_besides_a_ca_file() {
    let name = "trust::the_systems_roots_vouch_alone_and_besides_a_ca_file";
    let Ok(port) = std::env::var(PORT) else {
        let authority = Cert::authority("Site CA");
        let server = Server::tls(&authority.issue(Flaws::default()));
        let roots = CaFile::new(&authority.pem());
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", name, "--nocapture"]).env_remove("SSL_CERT_DIR");
        // A proxy that does not exist: whoever asked it would fail.
        child
            .env("ALL_PROXY", "http://127.0.0.1:9")
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env_remove("NO_PROXY");
        let output = child.env("SSL_CERT_FILE", roots.path()).env(PORT, server.port().to_string()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(server.requests().len(), 3);
        // The CA file is tried first, at a call and at a probe alike, and then both.
        assert_eq!(server.connections(), 1 + 1 + 2 + 2);
        return;
    };
    let at: weka_rest::Endpoint = format!("localhost:{port}").parse().unwrap();
    let token = RefreshToken::new("ref-0".into());
    let client = |trust| weka_rest::Client::new(crate::server::settings(std::slice::from_ref(&at), trust));
    let alone = client(Trust::SystemRoots);
    alone.refresh(&at, &token).await.unwrap();
    alone.refresh(&at, &token).await.unwrap();
    let other = CaFile::new(&Cert::authority("Another CA").pem());
    client(other.trust()).refresh(&at, &token).await.unwrap();
    assert_eq!(client(other.trust()).probe(&at).await.unwrap().verdict, Verdict::Trusted);
}

#[test]
fn trust_can_be_checked_beforehand() {
    let file = CaFile::new(&Cert::authority("Site CA").pem());
    assert_eq!(file.trust().check(), Ok(()));
    assert_eq!(Trust::SystemRoots.check(), Ok(()));
    assert_eq!(Trust::Fingerprint(Fingerprint::from([0; 32])).check(), Ok(()));
}
