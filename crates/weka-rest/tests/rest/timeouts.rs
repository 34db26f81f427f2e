//! What takes too long, and what never gets anywhere; and whether the body may have gone out.

use crate::certs::{Cert, Flaws};
use crate::server::{Server, hang, settings};
use secret::{AccessToken, RefreshToken};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use weka_rest::{ApiError, Client, Endpoint, Trust};

const SHORT: Duration = Duration::from_secs(3);
/// Far above [`SHORT`] and far below the limits of [`settings`].
const SOON: Duration = Duration::from_secs(15);

fn token() -> RefreshToken {
    RefreshToken::new("ref-0".into())
}

fn client(at: &Endpoint, trust: Trust, connect: Option<Duration>, request: Option<Duration>) -> Client {
    let mut settings = settings(std::slice::from_ref(at), trust);
    settings.connect_timeout = connect.unwrap_or(settings.connect_timeout);
    settings.request_timeout = request.unwrap_or(settings.request_timeout);
    Client::new(settings)
}

fn unreachable(error: &ApiError, at: &Endpoint) -> (String, bool) {
    let ApiError::Unreachable { endpoint, reason, sent } = error else { panic!("{error:?}") };
    assert_eq!(endpoint, at);
    assert!(error.to_string().starts_with(&format!("{at} cannot be reached: ")), "{error}");
    (reason.clone(), *sent)
}

/// A port that nobody listens on.
fn closed_port() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("127.0.0.1:{}", listener.local_addr().unwrap().port()).parse().unwrap()
}

#[tokio::test]
async fn a_server_that_never_answers_has_the_body() {
    let server = Server::http(|_, stream| hang(stream));
    let at = server.endpoint();
    let began = Instant::now();
    let error = client(&at, Trust::SystemRoots, None, Some(SHORT)).refresh(&at, &token()).await.unwrap_err();
    let (reason, sent) = unreachable(&error, &at);
    assert!(reason.contains("timed out after 3 s"), "{reason}");
    assert!(sent);
    assert!(began.elapsed() >= SHORT && began.elapsed() < SOON);
    // The client let go of the connection: the server's read ended.
    server.finish().await;
}

#[tokio::test]
async fn an_answer_that_drips_is_not_waited_for() {
    let server = Server::http(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\"")?;
        stream.flush()?;
        hang(stream)
    });
    let at = server.endpoint();
    let error = client(&at, Trust::SystemRoots, None, Some(SHORT)).refresh(&at, &token()).await.unwrap_err();
    let (reason, sent) = unreachable(&error, &at);
    assert!(reason.contains("timed out") && sent, "{reason}");
    server.finish().await;
}

#[tokio::test]
async fn a_refusal_that_drips_is_still_that_refusal() {
    let server = Server::http(|_, stream| {
        stream.write_all(b"HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\n{\"data\"")?;
        stream.flush()?;
        hang(stream)
    });
    let at = server.endpoint();
    let error = client(&at, Trust::SystemRoots, None, Some(SHORT)).refresh(&at, &token()).await.unwrap_err();
    assert!(matches!(error, ApiError::Unauthorized { .. }), "{error:?}");
}

#[tokio::test]
async fn the_time_limit_holds_for_all_redirects_together() {
    let server = Server::http(|request, stream| match request.line.contains("/next") {
        true => hang(stream),
        false => crate::server::answer(stream, 307, "Location: /next\r\n", ""),
    });
    let at = server.endpoint();
    let error = client(&at, Trust::SystemRoots, None, Some(SHORT)).refresh(&at, &token()).await.unwrap_err();
    assert!(unreachable(&error, &at).1);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_tls_handshake_that_hangs_sends_nothing() {
    // Accepts TCP (the kernel does) and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at: Endpoint = format!("127.0.0.1:{}", listener.local_addr().unwrap().port()).parse().unwrap();
    let began = Instant::now();
    let error = client(&at, Trust::SystemRoots, Some(SHORT), None).refresh(&at, &token()).await.unwrap_err();
    let (reason, sent) = unreachable(&error, &at);
    assert!(reason.contains("no connection within 3 s"), "{reason}");
    assert!(!sent);
    // The same where the limit for everything ends first.
    let error = client(&at, Trust::SystemRoots, None, Some(SHORT)).refresh(&at, &token()).await.unwrap_err();
    let (reason, sent) = unreachable(&error, &at);
    assert!(reason.contains("timed out after 3 s") && !sent, "{reason}");
    assert!(began.elapsed() < SOON);
}

#[tokio::test]
async fn a_refused_connection_sends_nothing() {
    let at = closed_port();
    let client = client(&at, Trust::SystemRoots, None, None);
    let expected = ("connection refused".to_owned(), false);
    assert_eq!(unreachable(&client.refresh(&at, &token()).await.unwrap_err(), &at), expected);
    let token = AccessToken::new("acc".into());
    assert_eq!(unreachable(&client.whoami(&at, &token).await.unwrap_err(), &at), expected);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_named() {
    // RFC 6761: `.invalid` never exists.
    let at: Endpoint = "weka.invalid".parse().unwrap();
    let client = client(&at, Trust::SystemRoots, None, None);
    for error in [client.refresh(&at, &token()).await.unwrap_err(), client.probe(&at).await.unwrap_err()] {
        let (reason, sent) = unreachable(&error, &at);
        assert!(reason.contains("the name weka.invalid was not found ("), "{reason}");
        assert!(!sent);
    }
}

#[tokio::test]
async fn a_call_without_a_body_may_have_gone_out_once_connected() {
    let server = Server::http(|_, stream| hang(stream));
    let at = server.endpoint();
    let client = client(&at, Trust::SystemRoots, None, Some(SHORT));
    let error = client.whoami(&at, &AccessToken::new("acc".into())).await.unwrap_err();
    assert!(unreachable(&error, &at).1);
}

#[tokio::test]
async fn plain_http_where_tls_was_expected_sends_nothing() {
    for garbage in ["HTTP/1.1 400 Bad Request\r\n\r\nplain HTTP", "SSH-2.0-OpenSSH_9.2\r\n", ""] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at: Endpoint = format!("127.0.0.1:{}", listener.local_addr().unwrap().port()).parse().unwrap();
        let server = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().unwrap();
            let mut hello = [0; 4096];
            let n = stream.read(&mut hello).unwrap();
            stream.write_all(garbage.as_bytes()).unwrap();
            drop(stream);
            hello[..n].to_vec()
        });
        let client = client(&at, Trust::SystemRoots, None, None);
        let error = client.refresh(&at, &token()).await.unwrap_err();
        let (reason, sent) = unreachable(&error, &at);
        assert!(!sent);
        let expected = if garbage.is_empty() { "closed" } else { "does not speak TLS" };
        assert!(reason.contains(expected), "{garbage}: {reason}");
        let hello = server.join().unwrap();
        assert_eq!(hello[0], 22, "a TLS handshake record and nothing else");
    }
}

/// Lets go of whoever still waits for the pipe, so that a failing test ends.
struct Release(PathBuf);

impl Drop for Release {
    fn drop(&mut self) {
        // Opened for both, a pipe never makes its opener wait.
        let _opened = std::fs::File::options().read(true).write(true).open(&self.0);
    }
}

#[tokio::test]
async fn a_hung_file_system_delays_a_call_by_its_limit_and_piles_up_no_threads() {
    // A named pipe without a writer hangs as a dead NFS server does.
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("ca.pem");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _release = Release(pipe.clone());
    let cert = Cert::self_signed(Flaws::default());
    let server = Server::tls(&cert);
    let at = server.endpoint();
    let client = client(&at, Trust::CaFile(pipe.clone()), None, Some(Duration::from_millis(1500)));
    for _ in 0..2 {
        let error = client.refresh(&at, &token()).await.unwrap_err();
        let (reason, sent) = unreachable(&error, &at);
        assert!(reason.contains("timed out") && !sent, "{reason}");
    }
    assert_eq!(server.connections(), 0);
    // The pipe is written once, so only one read is ever fed. Were there three, the call that succeeds
    // would have to be the one whose read happened to win.
    let pem = cert.pem();
    std::thread::spawn(move || std::fs::write(pipe, pem).unwrap()).join().unwrap();
    client.refresh(&at, &token()).await.unwrap();
}
