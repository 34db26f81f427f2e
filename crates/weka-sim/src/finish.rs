//! The last touch on every answer: the headers of nginx and Express, and gzip for clients that ask for it.

use std::io::Write as _;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, SERVER, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use crate::clock::{http_date, skewed};
use crate::origin::Origin;
use crate::stream::Stream;

/// nginx leaves shorter bodies as they are (`gzip_min_length`).
const GZIP_MIN_LENGTH: usize = 20;

/// Completes an answer. `skew_ms` shifts the `Date` header.
pub(crate) async fn finish(
    origin: &Origin,
    skew_ms: i64,
    asked: &HeaderMap,
    mut response: Response<Body>,
) -> Response<Body> {
    let from_api = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let date = http_date(skewed(origin.cluster.clock.now_ms(), skew_ms));
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("nginx"));
    if let Ok(date) = HeaderValue::from_str(&date) {
        headers.insert(DATE, date);
    }
    if from_api {
        headers.insert("x-powered-by", HeaderValue::from_static("Express"));
        if let Ok(node) = HeaderValue::from_str(&format!("NodeId<{}>", origin.backend)) {
            headers.insert("x-server-node-id", node);
        }
        headers.insert(VARY, HeaderValue::from_static("Origin,Accept-Encoding"));
        headers.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
    }
    // A body of unknown length is a fault at work, and is left alone.
    let whole = response.body().size_hint().exact().is_some_and(|length| length >= GZIP_MIN_LENGTH as u64);
    if whole && from_api && accepts_gzip(asked) { zipped(response).await } else { response }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|value| value.split(',')).any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        is_gzip && weight.is_none_or(|q| q > 0.0)
    })
}

async fn zipped(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let plain = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = encoder.write_all(&plain).and_then(|()| encoder.finish());
    let Ok(packed) = packed else { return Response::from_parts(parts, Body::from(plain)) };
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.remove(CONTENT_LENGTH);
    // nginx compresses on the fly and so does not know the length: chunked.
    Response::from_parts(parts, Body::new(Stream::chunked(Bytes::from(packed))))
}
