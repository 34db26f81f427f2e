//! Bodies that are too long, too short, or never end.

use crate::server::{Server, TOKENS};
use secret::RefreshToken;
use std::time::{Duration, Instant};
use weka_rest::ApiError;

async fn error_of(server: &Server) -> ApiError {
    server.client().refresh(&server.endpoint(), &RefreshToken::new("ref-0".into())).await.unwrap_err()
}

fn bad(error: ApiError) -> String {
    let ApiError::BadReply { reason, .. } = error else { panic!("{error:?}") };
    reason
}

/// A whole answer whose JSON is this long.
fn padded(length: usize) -> String {
    let mut body = TOKENS.to_owned();
    body.push_str(&" ".repeat(length - TOKENS.len()));
    body
}

#[tokio::test]
async fn a_body_of_one_mebibyte_is_read_and_one_more_byte_is_not() {
    let server = Server::json(200, &padded(1024 * 1024));
    server.client().refresh(&server.endpoint(), &RefreshToken::new("r".into())).await.unwrap();
    let reason = bad(error_of(&Server::json(200, &padded(1024 * 1024 + 1))).await);
    assert!(reason.contains("1024 KiB"), "{reason}");
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n"]
    {
        let began = Instant::now();
        let server = Server::http(move |_, stream| {
            stream.write_all(head.as_bytes())?;
            // Ends with the error of writing to a closed connection.
            loop {
                stream.write_all(&[b' '; 8192])?;
            }
        });
        assert!(bad(error_of(&server).await).contains("longer than"), "{head}");
        assert!(began.elapsed() < Duration::from_secs(20));
        server.finish().await;
    }
}

#[tokio::test]
async fn an_endless_refusal_is_still_that_refusal() {
    let server = Server::http(|_, stream| {
        stream.write_all(b"HTTP/1.1 401 No\r\n\r\n")?;
        loop {
            stream.write_all(&[b'x'; 8192])?;
        }
    });
    let error = error_of(&server).await;
    assert!(matches!(error, ApiError::Unauthorized { .. }), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn endless_headers_are_cut_off() {
    let server = Server::http(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        for n in 0_u64.. {
            write!(stream, "X-Header-{n}: {}\r\n", "v".repeat(1000))?;
        }
        Ok(())
    });
    let error = error_of(&server).await;
    assert!(matches!(error, ApiError::BadReply { .. }), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_body_cut_short_is_no_answer() {
    let half = &TOKENS[..60];
    let table = [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{half}", TOKENS.len()),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{half}", TOKENS.len()),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{half}\r\n", half.len()),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n".to_owned(),
        // Nobody can tell by the length here, but the JSON is not whole.
        format!("HTTP/1.1 200 OK\r\n\r\n{half}"),
    ];
    for raw in table {
        let reason = bad(error_of(&Server::raw(raw.clone())).await);
        assert!(reason.contains("cut short"), "{raw}: {reason}");
        assert!(!reason.contains("acc-1"), "{reason}");
    }
}

#[tokio::test]
async fn a_refusal_cut_short_is_still_that_refusal() {
    let server = Server::raw("HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 500\r\n\r\n{\"mess");
    let error = error_of(&server).await;
    assert!(
        matches!(error, ApiError::Busy { retry_after: Some(wait), .. } if wait.as_secs() == 3),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    let table: &[&[u8]] = &[
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\x00: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nabcdefg",
        b"\x15\x03\x01\x00\x02\x02\x46",
        &[0xff; 5000],
    ];
    for raw in table {
        let server = Server::raw(raw.to_vec());
        let error = error_of(&server).await;
        assert!(matches!(error, ApiError::BadReply { .. }), "{raw:?}: {error:?}");
        assert!(error.to_string().contains(&server.endpoint().to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_has_taken_the_body() {
    for raw in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let error = error_of(&Server::raw(raw)).await;
        let ApiError::Unreachable { reason, sent, .. } = error else { panic!("{raw}: {error:?}") };
        assert!(sent);
        assert!(reason.contains("closed"), "{raw}: {reason}");
    }
}
