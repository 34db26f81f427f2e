//! How far one gets towards a server, step by step, and what time it is there. No secret is sent.

use crate::exchange::{self, Call, Clearance, Context, MAX_BODY};
use crate::visible::visible;
use crate::{ApiError, Endpoint, PeerCertificate, probe, resolve, words};
use reqwest::{Method, header};
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What was found on the way to an endpoint. A step that was not reached is `None`.
#[derive(Debug, Clone)]
pub struct Examination {
    /// How many addresses the name has, or why it has none.
    pub addresses: Result<usize, String>,
    /// Whether a connection was accepted, or why not.
    pub connection: Option<Result<(), String>>,
    /// What the server showed in the TLS handshake; `None` with plain http.
    pub certificate: Option<Result<PeerCertificate, ApiError>>,
    /// How far the server's clock is ahead of ours, in seconds, by the `Date` header of an answer; or why that is not
    /// known.
    pub ahead_s: Option<Result<i64, ApiError>>,
}

/// Goes as far as it gets.
pub(crate) async fn examine(context: &Context, at: &Endpoint) -> Examination {
    let mut found = Examination { addresses: Ok(0), connection: None, certificate: None, ahead_s: None };
    let limit = context.settings.connect_timeout;
    let looked_up = timeout(limit, resolve::addresses(at.bare_host(), at.port())).await;
    let addresses = match looked_up {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(problem)) => {
            found.addresses = Err(problem.to_string());
            return found;
        }
        Err(_) => {
            let name = visible(at.bare_host(), 260);
            found.addresses = Err(format!("looking up {name} took over {}", words::span(limit)));
            return found;
        }
    };
    found.addresses = Ok(addresses.len());
    let connected = match timeout(limit, TcpStream::connect(addresses.as_slice())).await {
        Ok(connected) => connected.map(drop).map_err(|problem| words::cause(&problem)),
        Err(_) => Err(format!("no connection within {}", words::span(limit))),
    };
    let is_connected = connected.is_ok();
    found.connection = Some(connected);
    if !is_connected {
        return found;
    }
    if !at.is_http() {
        found.certificate = Some(probe::probe(context, at).await);
    }
    found.ahead_s = Some(ahead_s(context, at).await);
    found
}

/// By an answer to `GET /healthcheck` (WEKA 5.1 API), which needs no token; any status will do.
async fn ahead_s(context: &Context, at: &Endpoint) -> Result<i64, ApiError> {
    let call = Call {
        method: Method::GET,
        path: vec!["healthcheck".into()],
        bearer: None,
        body: None,
        max_body: MAX_BODY,
        secrets: &[],
        clearance: Clearance::default(),
    };
    let asked = SystemTime::now();
    let reply = exchange::run(context, at, &call).await?;
    // The date was written somewhere between the question and the answer.
    let ours = asked + asked.elapsed().unwrap_or_default() / 2;
    let date = reply.headers.get(header::DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok()).ok_or_else(|| {
        ApiError::BadReply { endpoint: reply.from.clone(), reason: "it has no date".into() }
    })?;
    let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    Ok(match date.duration_since(ours) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    })
}
