//! A password that may leave only once something else has been done.

use crate::certs::{Cert, Flaws};
use crate::server::{Server, answer, settings};
use secret::Password;
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use weka_rest::{ApiError, Client, Endpoint, Grant, Trust};

/// A login whose clearance counts how often it is begun, and then does this.
async fn log_in(
    client: &Client,
    at: &Endpoint,
    clearance: impl Future<Output = ()> + Send + 'static,
) -> (usize, Result<Grant, ApiError>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = {
        let begun = Arc::clone(&begun);
        async move {
            begun.fetch_add(1, Ordering::SeqCst);
            clearance.await;
        }
    };
    let password = Password::new("Alice-Pass1".into());
    let result = client.login_after(at, "Root", "alice", &password, counted).await;
    (begun.load(Ordering::SeqCst), result)
}

#[tokio::test]
async fn nothing_of_the_body_leaves_before_it_may() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at: Endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let heard = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut bytes).map(|_| bytes)
    });
    let mut settings = settings(std::slice::from_ref(&at), Trust::SystemRoots);
    settings.request_timeout = Duration::from_secs(2);
    let (begun, result) = log_in(&Client::new(settings), &at, std::future::pending()).await;
    assert_eq!(begun, 1);
    let Err(ApiError::Unreachable { sent: false, reason, .. }) = result else { panic!("{result:?}") };
    assert!(reason.contains("timed out"), "{reason}");
    // The client's runtime has to go on for its connection to close.
    let heard = tokio::task::spawn_blocking(move || heard.join().unwrap().unwrap()).await.unwrap();
    let heard = String::from_utf8(heard).unwrap();
    assert!(!heard.contains("Pass1") && !heard.contains("alice"), "{heard}");
}

#[tokio::test]
async fn it_leaves_whole_once_it_may() {
    let cert = Cert::self_signed(Flaws::default());
    let server = Server::tls(&cert);
    let client = server.client_with(Trust::Fingerprint(cert.fingerprint()));
    let (begun, result) = log_in(&client, &server.endpoint(), tokio::task::yield_now()).await;
    result.unwrap();
    assert_eq!(begun, 1);
    assert_eq!(server.only_request().json()["password"], "Alice-Pass1");
}

#[tokio::test]
async fn without_a_connection_it_is_not_even_begun() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at: Endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let client = Client::new(settings(std::slice::from_ref(&at), Trust::SystemRoots));
    let (begun, result) = log_in(&client, &at, std::future::ready(())).await;
    assert!(matches!(result, Err(ApiError::Unreachable { sent: false, .. })), "{result:?}");
    assert_eq!(begun, 0);
    // Nor before the certificate is known to be right.
    let server = Server::tls(&Cert::self_signed(Flaws::default()));
    let client = server.client_with(Trust::Fingerprint(Cert::self_signed(Flaws::default()).fingerprint()));
    let (begun, result) = log_in(&client, &server.endpoint(), std::future::ready(())).await;
    assert!(matches!(result, Err(ApiError::Untrusted { .. })), "{result:?}");
    assert_eq!(begun, 0);
}

#[tokio::test]
async fn it_is_asked_for_once_whatever_the_redirects() {
    let server = Server::http(|request, stream| match request.line.contains("/next") {
        true => crate::server::json(stream, 200, crate::server::TOKENS),
        false => answer(stream, 307, "Location: /next\r\n", ""),
    });
    let (begun, result) = log_in(&server.client(), &server.endpoint(), tokio::task::yield_now()).await;
    result.unwrap();
    assert_eq!((begun, server.requests().len()), (1, 2));
}
