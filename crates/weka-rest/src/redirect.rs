//! Where a redirect may lead: to a configured host, and never from https to http.

use crate::visible::{quotes, visible};
use crate::{ApiError, Endpoint, Settings};
use reqwest::header::{self, HeaderMap};
use reqwest::{StatusCode, Url};

/// The redirects that are re-sent as they are. (303 means "look there with GET", which no call of
/// this API means.)
pub(crate) fn is_one(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 307 | 308)
}

/// The host and URL that an answer from `at` leads on to.
pub(crate) fn target(
    settings: &Settings,
    at: &Endpoint,
    url: &Url,
    headers: &HeaderMap,
    secrets: &[&str],
) -> Result<(Endpoint, Url), ApiError> {
    let refused = |reason: String| ApiError::BadReply { endpoint: at.clone(), reason };
    let location =
        headers.get(header::LOCATION).ok_or_else(|| refused("it redirects without saying where".into()))?;
    let location = location.to_str().map_err(|_| refused("it redirects to what is not a URL".into()))?;
    let mut next = url.join(location).map_err(|_| refused("it redirects to what is not a URL".into()))?;
    next.set_fragment(None);
    let shown = origin(&next, secrets);
    let http = match next.scheme() {
        "https" => false,
        "http" => true,
        _ => return Err(refused(format!("it redirects to {shown}, which is neither https nor http"))),
    };
    if !next.username().is_empty() || next.password().is_some() {
        return Err(refused(format!("it redirects to {shown} with a user name in the URL")));
    }
    let host = next.host_str().unwrap_or_default();
    let port = next.port_or_known_default().unwrap_or_default();
    let mut same = settings.endpoints.iter().filter(|known| known.host() == host && known.port() == port);
    let Some(known) = same.next() else {
        return Err(refused(format!(
            "it redirects to {shown}, which is not one of the configured endpoints"
        )));
    };
    if http && !at.is_http() {
        return Err(refused(format!("it redirects from https to {shown}")));
    }
    if http && !known.is_http() && !same.any(Endpoint::is_http) {
        return Err(refused(format!("it redirects to {shown}, which is configured as https")));
    }
    let next_endpoint = known.with_scheme(http);
    Ok((next_endpoint, next))
}

/// Scheme, host and port of a URL, for messages: no user, path or query, where a secret could be.
fn origin(url: &Url, secrets: &[&str]) -> String {
    let host = url.host_str().unwrap_or_default();
    if quotes(host, secrets) {
        return "a host whose name is withheld, since it quotes a secret".into();
    }
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    visible(&format!("{}://{host}{port}", url.scheme()), 200)
}
