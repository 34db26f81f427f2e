//! How a request is answered: by the routes, or by what the faults make of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Request, Response, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Map, Value, json};

use crate::clock::{http_date, skewed};
use crate::duration::Dur;
use crate::exchange::Exchange;
use crate::faults::{Effect, Plan, RetryAfter, Stage, Target};
use crate::finish::finish;
use crate::journal::Outcome;
use crate::origin::Origin;
use crate::reply::{json_reply, lockout_text, nginx_page};
use crate::routes;
use crate::stream::Stream;

/// nginx's default limit on request bodies.
const MAX_BODY: usize = 1024 * 1024;

/// The connection is to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
pub(crate) struct Broken;

/// What is left of a request once the faults have had their say.
enum Course {
    Answer(Response<Body>),
    End(Outcome),
}

/// Answers one request.
pub(crate) async fn answer(origin: Origin, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let (parts, body) = request.into_parts();
    // As nginx does, a body that says beforehand that it is too long is not read at all.
    let body = if body.size_hint().lower() > MAX_BODY as u64 {
        None
    } else {
        match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => Some(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => None,
            Err(_) => return Err(Broken),
        }
    };
    let Some(body) = body else {
        let ticket = Exchange::open(&origin, &parts, &Bytes::new()).ticket();
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        ticket.complete(Outcome::Answered, Some(status.as_u16()));
        return Ok(finish(&origin, 0, &parts.headers, closing(nginx_page(status))).await);
    };
    let mut exchange = Exchange::open(&origin, &parts, &body);
    let ticket = exchange.ticket();
    let cluster = &origin.cluster;
    let target = Target {
        backend: origin.backend,
        stage: Stage::Request,
        method: parts.method.as_str(),
        path: parts.uri.path(),
        rpc: exchange.call.as_ref().and_then(|call| call.as_ref().ok()).map(|call| call.method.as_str()),
    };
    let plan = cluster.faults.plan(&target, cluster.clock.now_ms());
    exchange.faults(&plan.ids);
    for modifier in &plan.modifiers {
        match modifier {
            Effect::Slow { delay_ms } => tokio::time::sleep(Duration::from_millis(*delay_ms)).await,
            Effect::Skew { by_s } => {
                exchange.skew_ms = exchange.skew_ms.saturating_add(by_s.saturating_mul(1_000));
            }
            _ => {}
        }
    }
    let skew_ms = exchange.skew_ms;
    let course = match instead(&origin, &plan, &parts.uri, skew_ms).await {
        Some(course) => course,
        None => after_work(&origin, &plan, ask_routes(exchange, &parts, body).await).await,
    };
    match course {
        Course::Answer(response) => {
            let response = finish(&origin, skew_ms, &parts.headers, response).await;
            ticket.complete(Outcome::Answered, Some(response.status().as_u16()));
            Ok(response)
        }
        Course::End(outcome) => {
            ticket.complete(outcome, None);
            Err(Broken)
        }
    }
}

async fn ask_routes(exchange: Exchange, parts: &axum::http::request::Parts, body: Bytes) -> Response<Body> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    request.extensions_mut().insert(Arc::new(exchange));
    let routed: Result<_, Infallible> = TowerToHyperService::new(routes::ROUTER.clone()).call(request).await;
    routed.unwrap_or_else(|never| match never {})
}

/// Faults that take the place of the cluster's work.
async fn instead(origin: &Origin, plan: &Plan, uri: &Uri, skew_ms: i64) -> Option<Course> {
    let response = match plan.decisive.as_ref()? {
        Effect::Reset {} => {
            origin.line.reset_at_end();
            return Some(Course::End(Outcome::Reset));
        }
        Effect::Close {} => return Some(Course::End(Outcome::Closed)),
        Effect::Hang {} => std::future::pending().await,
        Effect::Status { .. } => status(origin, plan, skew_ms),
        Effect::Garbage {} => {
            let mut response =
                Response::new(Body::from(&b"\x00\xff{\"data\": {\"access_token\": \xc3\x28]]"[..]));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Effect::NotHttp {} => {
            origin
                .line
                .answer_raw(Bytes::from_static(b"\x15\x03\x01\x00\x02\x02\x28 SSH-2.0-OpenSSH_9.2\r\n\r\n"));
            closing(Response::new(Body::empty()))
        }
        Effect::Html { status } => {
            nginx_page(status.and_then(|s| StatusCode::from_u16(s).ok()).unwrap_or(StatusCode::BAD_GATEWAY))
        }
        Effect::Endless { delay_ms } => {
            let start = Bytes::from_static(b"{\"data\":{\"access_token\":\"");
            let mut response = Response::new(Body::new(Stream::endless(start, *delay_ms)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Effect::Redirect { status, location, to_backend } => {
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            let location = match (location, to_backend) {
                (Some(location), _) => location.replace("{path}", path),
                (None, Some(backend)) => format!("{}{path}", origin.cluster.url(*backend)),
                (None, None) => path.to_owned(),
            };
            let status =
                status.and_then(|s| StatusCode::from_u16(s).ok()).unwrap_or(StatusCode::MOVED_PERMANENTLY);
            let mut response = nginx_page(status);
            if let Ok(location) = HeaderValue::from_str(&location) {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        _ => return None,
    };
    Some(Course::Answer(response))
}

fn status(origin: &Origin, plan: &Plan, skew_ms: i64) -> Response<Body> {
    let Some(Effect::Status { status, retry_after, retry_after_date, locked_for, body }) = &plan.decisive
    else {
        return nginx_page(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let now = origin.cluster.clock.now_ms();
    let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match (body, locked_for) {
        (Some(Value::String(text)), _) => {
            let mut response = Response::new(Body::from(text.clone()));
            *response.status_mut() = status;
            response
        }
        (Some(body), _) => json_reply(status, body),
        (None, Some(Dur(left))) => json_reply(status, &json!({"data": lockout_text(*left)})),
        (None, None) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
            json_reply(status, &json!({"data": status.canonical_reason().unwrap_or("Error")}))
        }
        (None, None) if status == StatusCode::INTERNAL_SERVER_ERROR => {
            json_reply(status, &json!({"message": "Internal Server Error"}))
        }
        (None, None) => nginx_page(status),
    };
    let seconds = match retry_after {
        Some(RetryAfter::Seconds(seconds)) => Some(*seconds),
        Some(RetryAfter::Rest) => plan.decisive_until.map(|until| until.saturating_sub(now).div_ceil(1_000)),
        None => None,
    };
    if let Some(seconds) = seconds {
        let millis = i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let text = if *retry_after_date {
            http_date(skewed(now, skew_ms).saturating_add(millis))
        } else {
            seconds.to_string()
        };
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
    }
    response
}

/// Faults that change or lose the answer to work that was done.
async fn after_work(origin: &Origin, plan: &Plan, response: Response<Body>) -> Course {
    if plan.decisive == Some(Effect::LoseAnswer {}) {
        return Course::End(Outcome::Closed);
    }
    let (mut parts, body) = response.into_parts();
    let mut bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    // The router has put it there; the body may yet change.
    parts.headers.remove(CONTENT_LENGTH);
    let mut drip = None;
    for modifier in &plan.modifiers {
        match modifier {
            Effect::ContentType { value } => {
                let value = value.as_deref().unwrap_or("text/plain").parse();
                parts.headers.insert(CONTENT_TYPE, value.unwrap_or(HeaderValue::from_static("text/plain")));
            }
            Effect::ArrayData {} => {
                bytes = rewritten(&bytes, |body| {
                    for key in ["data", "result"] {
                        if let Some(value) = body.get_mut(key).filter(|value| value.is_object()) {
                            *value = Value::Array(vec![value.take()]);
                        }
                    }
                })
            }
            Effect::ExpiresIn { value } => {
                bytes = rewritten(&bytes, |body| {
                    each_payload(body, |payload| match value {
                        Some(value) if payload.contains_key("expires_in") => {
                            payload.insert("expires_in".to_owned(), value.clone());
                        }
                        Some(_) => {}
                        None => drop(payload.remove("expires_in")),
                    });
                })
            }
            Effect::Patch { set, remove } => {
                bytes = rewritten(&bytes, |body| {
                    each_payload(body, |payload| {
                        payload.extend(set.clone());
                        payload.retain(|key, _| !remove.contains(key));
                    });
                })
            }
            Effect::Drip { delay_ms } => drip = Some(*delay_ms),
            _ => {}
        }
    }
    if plan.decisive == Some(Effect::Truncated {}) {
        let half = bytes.slice(..bytes.len() / 2);
        let head = format!(
            "HTTP/1.1 {}\r\nServer: nginx\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            parts.status,
            bytes.len()
        );
        origin.line.answer_raw(Bytes::from([head.as_bytes(), &half].concat()));
        return Course::Answer(closing(Response::from_parts(parts, Body::empty())));
    }
    let body = match drip {
        Some(delay_ms) => {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            Body::new(Stream::dripping(bytes, delay_ms))
        }
        None => Body::from(bytes),
    };
    Course::Answer(Response::from_parts(parts, body))
}

fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert("connection", HeaderValue::from_static("close"));
    response
}

fn rewritten(bytes: &Bytes, change: impl FnOnce(&mut Map<String, Value>)) -> Bytes {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(mut body)) => {
            change(&mut body);
            Bytes::from(Value::Object(body).to_string())
        }
        Ok(_) | Err(_) => bytes.clone(),
    }
}

/// Runs a change on `data` or `result`, or on the elements of theirs.
fn each_payload(body: &mut Map<String, Value>, change: impl Fn(&mut Map<String, Value>)) {
    for key in ["data", "result"] {
        match body.get_mut(key) {
            Some(Value::Object(payload)) => change(payload),
            Some(Value::Array(list)) => list.iter_mut().filter_map(Value::as_object_mut).for_each(&change),
            _ => {}
        }
    }
}
