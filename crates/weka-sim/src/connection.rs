//! One client connection: TLS, HTTP/1.1, and the ways in which it can break below HTTP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::cluster::Cluster;
use crate::effects;
use crate::faults::{Effect, Stage, Target};
use crate::origin::{Line, Origin};

/// A client that takes longer for its TLS handshake is let go.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);

/// What nginx says to plain http on a TLS port.
const PLAIN_ON_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\n\
    Content-Length: 64\r\nConnection: close\r\n\r\n\
    <center>The plain HTTP request was sent to HTTPS port</center>\r\n";

/// The socket below TLS.
struct Wire {
    socket: TcpStream,
    line: Arc<Line>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.line.resets_at_end() {
            // Only a dead socket refuses this, and that one needs no reset.
            drop(self.socket.set_zero_linger());
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// The stream above TLS, where a raw answer takes the place of an HTTP one.
struct Plain<S> {
    inner: S,
    line: Arc<Line>,
    sending: Option<Bytes>,
    muted: bool,
}

impl<S: AsyncRead + Unpin> AsyncRead for Plain<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Plain<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.sending.is_none() {
            this.sending = this.line.take_raw();
        }
        if let Some(bytes) = &mut this.sending {
            while bytes.has_remaining() {
                let written = ready!(Pin::new(&mut this.inner).poll_write(cx, bytes.chunk()))?;
                bytes.advance(written);
            }
            this.muted = true;
        }
        if this.muted { Poll::Ready(Ok(buf.len())) } else { Pin::new(&mut this.inner).poll_write(cx, buf) }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Serves one connection to its end. Errors are the client's affair: they end the connection, nothing else.
pub(crate) async fn serve(
    cluster: Arc<Cluster>,
    backend: usize,
    peer: SocketAddr,
    socket: TcpStream,
    tls: Option<TlsAcceptor>,
) {
    cluster.journal.count(|counters| counters.connections += 1);
    drop(socket.set_nodelay(true));
    let line = Arc::new(Line::default());
    let mut wire = Wire { socket, line: Arc::clone(&line) };
    if !survives_connect_faults(&cluster, backend, &mut wire).await {
        return;
    }
    let origin = Origin { cluster, backend, peer, line };
    let Some(acceptor) = tls else { return speak(origin, wire).await };
    let mut first = [0_u8; 1];
    let count_failure = || origin.cluster.journal.count(|counters| counters.handshakes_failed += 1);
    match wire.socket.peek(&mut first).await {
        Ok(1) if first != [0x16] => {
            count_failure();
            drop(wire.write_all(PLAIN_ON_TLS).await);
            drop(wire.shutdown().await);
        }
        Ok(1) => match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(wire)).await {
            Ok(Ok(stream)) => speak(origin, stream).await,
            Ok(Err(_)) | Err(_) => count_failure(),
        },
        Ok(_) | Err(_) => {}
    }
}

/// Runs the faults that hit before any byte is read; false if the connection ends with them.
async fn survives_connect_faults(cluster: &Cluster, backend: usize, wire: &mut Wire) -> bool {
    let target = Target { backend, stage: Stage::Connect, method: "", path: "", rpc: None };
    let plan = cluster.faults.plan(&target, cluster.clock.now_ms());
    for modifier in &plan.modifiers {
        if let Effect::Slow { delay_ms } = modifier {
            tokio::time::sleep(Duration::from_millis(*delay_ms)).await;
        }
    }
    match plan.decisive {
        None => return true,
        Some(Effect::Reset {}) => wire.line.reset_at_end(),
        Some(Effect::Hang {}) => {
            let mut ignored = [0; 1024];
            while wire.socket.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
        }
        Some(_) => {}
    }
    false
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(origin: Origin, stream: S) {
    let plain = Plain { inner: stream, line: Arc::clone(&origin.line), sending: None, muted: false };
    let service = service_fn(move |request| effects::answer(origin.clone(), request));
    drop(http1::Builder::new().serve_connection(TokioIo::new(plain), service).await);
}
