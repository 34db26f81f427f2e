//! The control channel: plain http on loopback, apart from the backends so that it answers whatever they do.
//! Every path begins with `/_sim`; `help.txt` describes them.

mod accounts;
mod scripts;
mod watching;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cluster::Cluster;
use crate::reply::json_reply;

const HELP: &str = include_str!("help.txt");

/// What control calls work with.
#[derive(Debug, Clone)]
struct Control {
    cluster: Arc<Cluster>,
    /// Whether each backend's listener is open.
    open: Vec<watch::Receiver<bool>>,
}

type Desk = State<Control>;

/// A control call that cannot be done: 400, or 404 for what there is not, with a sentence.
#[derive(Debug)]
struct Mistake(StatusCode, String);

impl Mistake {
    fn bad(sentence: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, sentence.into())
    }

    fn missing(sentence: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, sentence.into())
    }
}

impl IntoResponse for Mistake {
    fn into_response(self) -> Response {
        json_reply(self.0, &json!({"error": self.1}))
    }
}

type Done = Result<Response, Mistake>;

fn done(value: &Value) -> Done {
    Ok(json_reply(StatusCode::OK, value))
}

fn shown(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// The JSON of a control call's body, whatever its content type says.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Mistake> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|e| Mistake::bad(e.to_string()))
}

/// Serves the control channel until the task is dropped.
pub(crate) async fn run(listener: TcpListener, cluster: Arc<Cluster>, open: Vec<watch::Receiver<bool>>) {
    let router = router(Control { cluster, open });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                let service = TowerToHyperService::new(router.clone());
                connections.spawn(async move {
                    drop(http1::Builder::new().serve_connection(TokioIo::new(socket), service).await);
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

fn router(control: Control) -> Router {
    let calls = Router::new()
        .route("/status", get(watching::status))
        .route("/counters", get(watching::counters))
        .route("/log", get(watching::log).delete(watching::clear_log))
        .route("/faults", get(scripts::faults).post(scripts::add_faults).delete(scripts::clear_faults))
        .route("/faults/{id}", delete(scripts::remove_fault))
        .route("/clock", get(scripts::clock).post(scripts::set_clock))
        .route("/settings", get(scripts::settings).post(scripts::set_settings))
        .route("/reset", post(scripts::reset))
        .route("/certificate", get(scripts::certificate).post(scripts::replace_certificate))
        .route("/users", get(accounts::users).post(accounts::add_user))
        .route("/users/{org}/{username}", delete(accounts::remove_user))
        .route("/check", post(accounts::check))
        .route("/revoke", post(accounts::revoke))
        .route("/unlock", post(accounts::unlock))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .with_state(control);
    Router::new().route("/", get(help)).route("/_sim", get(help)).nest("/_sim", calls).fallback(unknown)
}

async fn help() -> &'static str {
    HELP
}

async fn unknown(uri: axum::http::Uri) -> Mistake {
    Mistake::missing(format!("no such control call: {}; GET /_sim lists them", uri.path()))
}
