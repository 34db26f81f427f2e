//! One HTTP exchange: request, redirects, the whole answer, within its time and size.

use crate::roots::{Anchors, Loader, Reach};
use crate::tls::{Purpose, Seen};
use crate::{ApiError, Endpoint, Settings, redirect, words};
use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use secret::AccessToken;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The longest answer that is read, but of a list.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// The longest list: a cluster has up to 1024 filesystems (docs 5.0), at one to two KiB each.
pub(crate) const MAX_LIST: usize = 8 * 1024 * 1024;
/// The longest refusal that is read: enough for its text.
const MAX_REFUSAL: usize = 64 * 1024;
const MAX_REDIRECTS: u32 = 3;

/// What is asked.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Below `/api/v2`, one entry per path segment.
    pub(crate) path: Vec<String>,
    pub(crate) bearer: Option<HeaderValue>,
    pub(crate) body: Option<Bytes>,
    /// The longest answer that is read, in bytes.
    pub(crate) max_body: usize,
    /// What the request carries that no error may quote.
    pub(crate) secrets: &'a [&'a str],
    /// What the body waits for.
    pub(crate) clearance: Clearance,
}

/// Ends once a body may leave, and is not begun before a connection stands. It is nothing once it has ended.
pub(crate) type Clearance = Arc<Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>>;

/// What calls are made with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) loader: Loader,
}

/// What came back, whatever the status.
pub(crate) struct Reply {
    /// Who answered, after redirects.
    pub(crate) from: Endpoint,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// Why the body is not complete, if it is not.
    pub(crate) broken: Option<ApiError>,
}

/// The header with the token, in memory that is wiped.
pub(crate) fn bearer(token: &AccessToken) -> Result<HeaderValue, ApiError> {
    let mut text = Zeroizing::new(Vec::with_capacity(token.len() + 7));
    text.extend_from_slice(b"Bearer ");
    text.extend_from_slice(token.expose().as_bytes());
    let usable = !token.is_empty() && token.expose().bytes().all(|b| b.is_ascii_graphic());
    let value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok().filter(|_| usable);
    let mut value = value.ok_or_else(|| ApiError::Misconfigured {
        reason: "the access token holds characters that no token has; nothing was sent".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Refuses plain http where it is not allowed.
pub(crate) fn allowed(settings: &Settings, at: &Endpoint) -> Result<(), ApiError> {
    if at.is_http() && !at.is_loopback() && !settings.allow_http {
        return Err(ApiError::Misconfigured {
            reason: format!(
                "{at} is plain http, which would send secrets in clear; use https, or set allow_http"
            ),
        });
    }
    Ok(())
}

/// Does the whole exchange, redirects included, within `request_timeout`.
pub(crate) async fn run(context: &Context, at: &Endpoint, call: &Call<'_>) -> Result<Reply, ApiError> {
    let progress = Progress::new(call);
    let mut whereabouts = at.clone();
    let deadline = Instant::now() + context.settings.request_timeout;
    let work = follow(context, &mut whereabouts, call, &progress, deadline);
    match tokio::time::timeout_at(deadline, work).await {
        Ok(result) => result,
        Err(_) => Err(ApiError::Unreachable {
            endpoint: whereabouts,
            reason: no_answer(context.settings.request_timeout),
            sent: progress.sent(),
        }),
    }
}

fn no_answer(limit: Duration) -> String {
    format!("timed out after {} without a complete answer", words::span(limit))
}

async fn follow(
    context: &Context,
    at: &mut Endpoint,
    call: &Call<'_>,
    progress: &Progress,
    deadline: Instant,
) -> Result<Reply, ApiError> {
    let mut url = first_url(at, &call.path)?;
    let mut redirects = 0;
    loop {
        let response = hop(context, at, &url, call, progress).await?;
        progress.answered();
        if !redirect::is_one(response.status()) {
            return read(at, response, call.max_body, deadline, context.settings.request_timeout).await;
        }
        if redirects == MAX_REDIRECTS {
            let reason = format!("it redirects more than {MAX_REDIRECTS} times");
            return Err(ApiError::BadReply { endpoint: at.clone(), reason });
        }
        redirects += 1;
        let (next, next_url) =
            redirect::target(&context.settings, at, &url, response.headers(), call.secrets)?;
        *at = next;
        url = next_url;
    }
}

fn first_url(at: &Endpoint, path: &[String]) -> Result<Url, ApiError> {
    let unusable = || ApiError::Misconfigured { reason: format!("{at} cannot be made into a URL") };
    let mut url = Url::parse(&at.to_string()).map_err(|_| unusable())?;
    url.path_segments_mut().map_err(|()| unusable())?.extend(["api", "v2"]).extend(path);
    Ok(url)
}

/// One request to one host. Where nobody known vouches for the server, the system's roots are read and
/// the handshake is made once more; nothing has been sent by then.
async fn hop(
    context: &Context,
    at: &Endpoint,
    url: &Url,
    call: &Call<'_>,
    progress: &Progress,
) -> Result<Response, ApiError> {
    let settings = &context.settings;
    allowed(settings, at)?;
    let mut reach = settings.trust.first_reach();
    loop {
        let seen = Seen::default();
        let anchors = if at.is_http() {
            // reqwest wants a TLS configuration all the same; this one trusts nobody.
            Anchors::Roots { chains: None, exact: Vec::new() }
        } else {
            context.loader.load(&settings.trust, reach).await?
        };
        let client = client(settings, at, anchors, &seen)?;
        match request(&client, url, call, progress).send().await {
            Ok(response) => return Ok(response),
            Err(_) if reach == Reach::Near && seen.lacks_chain() => reach = Reach::Far,
            Err(problem) => {
                if seen.lacks_chain() {
                    context.loader.forget();
                }
                return Err(failed(settings, at, &problem, &seen, progress));
            }
        }
    }
}

/// A client for one request: it follows no redirect, repeats nothing and pools nothing.
fn client(
    settings: &Settings,
    at: &Endpoint,
    anchors: Anchors,
    seen: &Seen,
) -> Result<reqwest::Client, ApiError> {
    let unusable = |problem: String| ApiError::Misconfigured { reason: format!("TLS for {at}: {problem}") };
    let tls = crate::tls::config(anchors, Purpose::Talk, seen).map_err(|p| unusable(p.to_string()))?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_max_idle_per_host(0)
        .dns_resolver(crate::resolve::SystemResolver)
        .connect_timeout(settings.connect_timeout)
        .user_agent(concat!("weka-token/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|problem| unusable(words::cause(&problem)))
}

fn request(
    client: &reqwest::Client,
    url: &Url,
    call: &Call<'_>,
    progress: &Progress,
) -> reqwest::RequestBuilder {
    let mut request = client
        .request(call.method.clone(), url.clone())
        .header(header::ACCEPT, HeaderValue::from_static("application/json"))
        .header(header::CONNECTION, HeaderValue::from_static("close"));
    if let Some(bearer) = &call.bearer {
        request = request.header(header::AUTHORIZATION, bearer.clone());
    }
    if let Some(body) = &call.body {
        let (taken, clearance) = (Arc::clone(&progress.body_taken), Arc::clone(&progress.clearance));
        let body = WatchedBody { rest: Some(body.clone()), taken, clearance };
        request = request
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(reqwest::Body::wrap(body));
    }
    request
}

fn failed(
    settings: &Settings,
    at: &Endpoint,
    problem: &reqwest::Error,
    seen: &Seen,
    progress: &Progress,
) -> ApiError {
    let endpoint = at.clone();
    if let Some(reason) = seen.refusal() {
        return ApiError::Untrusted { endpoint, reason };
    }
    if problem.is_connect() {
        let reason = if problem.is_timeout() {
            format!("no connection within {}", words::span(settings.connect_timeout))
        } else {
            words::cause(problem)
        };
        return ApiError::Unreachable { endpoint, reason, sent: progress.sent_before_connecting() };
    }
    if words::find::<hyper::Error>(problem).is_some_and(hyper::Error::is_parse) {
        return ApiError::BadReply { endpoint, reason: "it is not HTTP".into() };
    }
    ApiError::Unreachable { endpoint, reason: words::cause(problem), sent: progress.sent() }
}

/// Reads the answer's body, up to its limit. A refusal counts even if its text does not arrive whole.
async fn read(
    at: &Endpoint,
    mut response: Response,
    max_body: usize,
    deadline: Instant,
    limit: Duration,
) -> Result<Reply, ApiError> {
    let status = response.status();
    let headers = response.headers().clone();
    let max = if status.is_success() { max_body } else { MAX_REFUSAL };
    let bad = |reason: String| ApiError::BadReply { endpoint: at.clone(), reason };
    let expected = response.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(8 * 1024);
    let mut body = Zeroizing::new(Vec::with_capacity(expected.min(max)));
    let broken = loop {
        let chunk = match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => break None,
            Ok(Err(problem)) => break Some(bad(format!("it was cut short: {}", words::cause(&problem)))),
            Err(_) => {
                let reason = no_answer(limit);
                break Some(ApiError::Unreachable { endpoint: at.clone(), reason, sent: true });
            }
        };
        if body.len() + chunk.len() > max {
            break Some(bad(format!("it is longer than {} KiB", max / 1024)));
        }
        append(&mut body, &chunk);
    };
    Ok(Reply { from: at.clone(), status, headers, body, broken })
}

/// Like `extend_from_slice`, but what a larger buffer replaces is wiped.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * body.capacity())));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

/// How far a call got, and so whether anything that matters may have left this machine.
struct Progress {
    has_body: bool,
    clearance: Clearance,
    /// hyper, with a connection in hand, has asked for the body.
    body_taken: Arc<AtomicBool>,
    /// A first host has answered (with a redirect).
    answered: AtomicBool,
}

impl Progress {
    fn new(call: &Call<'_>) -> Self {
        Self {
            has_body: call.body.is_some(),
            clearance: Arc::clone(&call.clearance),
            body_taken: Arc::default(),
            answered: AtomicBool::new(false),
        }
    }

    fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// With a failure to connect, nothing went to the host at hand.
    fn sent_before_connecting(&self) -> bool {
        self.answered.load(Ordering::Relaxed) || self.body_taken.load(Ordering::Relaxed)
    }

    /// Without a body there is nothing to watch, so at any later moment the request may have gone out.
    fn sent(&self) -> bool {
        !self.has_body || self.sent_before_connecting()
    }
}

/// A request body in wiped memory that notes when hyper, with a connection in hand, asks for it.
struct WatchedBody {
    rest: Option<Bytes>,
    taken: Arc<AtomicBool>,
    clearance: Clearance,
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        {
            let mut clearance = self.clearance.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(waiting) = clearance.as_mut() {
                std::task::ready!(waiting.as_mut().poll(context));
                *clearance = None;
            }
        }
        self.taken.store(true, Ordering::Relaxed);
        Poll::Ready(self.rest.take().map(|all| Ok(http_body::Frame::data(all))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.rest.as_ref().map_or(0, |rest| rest.len() as u64))
    }
}
