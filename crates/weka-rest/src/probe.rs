//! A look at a server's certificate: TCP, TLS handshake, goodbye.

use crate::exchange::Context;
use crate::roots::Reach;
use crate::tls::{Purpose, Seen};
use crate::{ApiError, Endpoint, PeerCertificate, resolve, words};
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

/// Shakes hands, verifies that the server holds its certificate's key, and leaves.
pub(crate) async fn probe(context: &Context, at: &Endpoint) -> Result<PeerCertificate, ApiError> {
    let settings = &context.settings;
    if at.is_http() {
        return Err(ApiError::Misconfigured { reason: format!("{at} is plain http: it has no certificate") });
    }
    let certificate = look(context, at, settings.trust.first_reach()).await?;
    Ok(match certificate {
        (certificate, false) => certificate,
        (_, true) => look(context, at, Reach::Far).await?.0,
    })
}

/// One handshake; also says whether the system's roots could change the verdict.
async fn look(context: &Context, at: &Endpoint, reach: Reach) -> Result<(PeerCertificate, bool), ApiError> {
    let settings = &context.settings;
    let unreachable = |reason: String| ApiError::Unreachable { endpoint: at.clone(), reason, sent: false };
    let loading = timeout(settings.request_timeout, context.loader.load(&settings.trust, reach));
    let anchors = loading.await.map_err(|_| {
        let limit = words::span(settings.request_timeout);
        unreachable(format!("reading the trusted certificates took over {limit}"))
    })??;
    let seen = Seen::default();
    let misconfigured =
        |problem: String| ApiError::Misconfigured { reason: format!("TLS for {at}: {problem}") };
    let config =
        crate::tls::config(anchors, Purpose::Look, &seen).map_err(|p| misconfigured(p.to_string()))?;
    let name = ServerName::try_from(at.bare_host().to_owned()).map_err(|p| misconfigured(p.to_string()))?;

    let limit = settings.connect_timeout.min(settings.request_timeout);
    let deadline = Instant::now() + limit;
    let shake = async {
        let stream = connect(at, deadline).await?;
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, stream).await.map_err(|problem| words::cause(&problem))?;
        // A server that does not wait for the goodbye changes nothing about its certificate.
        let _goodbye = stream.shutdown().await;
        Ok(())
    };
    timeout_at(deadline, shake)
        .await
        .unwrap_or_else(|_| Err(format!("no connection within {}", words::span(limit))))
        .map_err(unreachable)?;
    let certificate = seen.certificate().ok_or_else(|| unreachable("it showed no certificate".into()))?;
    if seen.lacks_chain() {
        context.loader.forget();
    }
    Ok((certificate, reach == Reach::Near && seen.lacks_chain()))
}

/// A TCP connection, made and ended.
pub(crate) async fn connect_only(context: &Context, at: &Endpoint) -> Result<(), ApiError> {
    let limit = context.settings.connect_timeout.min(context.settings.request_timeout);
    let deadline = Instant::now() + limit;
    let connecting = timeout_at(deadline, connect(at, deadline)).await;
    let made = connecting.unwrap_or_else(|_| Err(format!("no connection within {}", words::span(limit))));
    made.map(drop).map_err(|reason| ApiError::Unreachable { endpoint: at.clone(), reason, sent: false })
}

/// Tries each address of the host; all but the last get their share of the time that is left.
async fn connect(at: &Endpoint, deadline: Instant) -> Result<TcpStream, String> {
    let addresses =
        resolve::addresses(at.bare_host(), at.port()).await.map_err(|problem| problem.to_string())?;
    let mut failure = String::new();
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = deadline.saturating_duration_since(Instant::now()) / left.max(1);
        left = left.saturating_sub(1);
        let timed_out = || Err(io::Error::from(io::ErrorKind::TimedOut));
        match timeout(share, TcpStream::connect(address)).await.unwrap_or_else(|_| timed_out()) {
            Ok(stream) => return Ok(stream),
            Err(problem) => failure = words::cause(&problem),
        }
    }
    Err(failure)
}
