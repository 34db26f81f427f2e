//! `POST /api/v1`: what each method of JSON-RPC comes to.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::{cluster, filesystems};
use crate::call::Call;
use crate::exchange::Exchange;
use crate::reply::{Refusal, json_reply};
use crate::users::Permission;

fn result(id: &Value, result: &Value) -> Response {
    json_reply(StatusCode::OK, &json!({"jsonrpc": "2.0", "result": result, "id": id}))
}

fn error(id: &Value, code: i64, message: &str) -> Response {
    json_reply(
        StatusCode::OK,
        &json!({"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": id}),
    )
}

/// Answers a call. Refusals keep their HTTP status (401 for a dead token, 403 for a role or a lockout).
pub(super) async fn answer(Extension(exchange): Extension<Arc<Exchange>>) -> Response {
    match &exchange.call {
        Some(Ok(call)) => match run(&exchange, call) {
            Ok(Some(value)) => result(&call.id, &value),
            Ok(None) => error(&call.id, -32_601, "Method not found"),
            Err(Refusal::Missing(_) | Refusal::Invalid { .. }) => error(&call.id, -32_602, "Invalid params"),
            Err(refusal) => refusal.into_response(),
        },
        Some(Err(fault)) => error(&fault.id, fault.code, fault.message),
        None => Refusal::Internal.into_response(),
    }
}

/// `None` for a method that there is not.
fn run(exchange: &Exchange, call: &Call) -> Result<Option<Value>, Refusal> {
    let cluster = &exchange.cluster;
    let value = match call.method.as_str() {
        "userlogin" | "user_login" => match cluster.login(exchange.fields()?, exchange.skew_ms) {
            Ok(issued) => {
                exchange.issued(&issued);
                issued.body()
            }
            // wekalib takes an empty result for a wrong password.
            Err(Refusal::Unauthorized) if call.method == "userlogin" => json!({}),
            Err(refusal) => return Err(refusal),
        },
        "user_refresh_token" => {
            let issued = cluster.refresh(exchange.fields()?, exchange.skew_ms)?;
            exchange.issued(&issued);
            issued.body()
        }
        "client_query_backend" => cluster::software_release(cluster),
        "status" => {
            exchange.caller(Permission::Look)?;
            cluster::summary(cluster, exchange.skew_ms)
        }
        "hosts_list" => {
            exchange.caller(Permission::Look)?;
            keyed_by_id(cluster::containers(cluster))
        }
        "nodes_list" => {
            exchange.caller(Permission::Look)?;
            keyed_by_id(cluster::processes(cluster))
        }
        "filesystems_list" => {
            let caller = exchange.caller(Permission::Look)?;
            keyed_by_id(filesystems::visible(cluster, &caller))
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

/// Lists are objects here, by the `id` of their elements.
fn keyed_by_id(list: Vec<Value>) -> Value {
    let keyed: Map<_, _> = list
        .into_iter()
        .filter_map(|element| Some((element.get("id")?.as_str()?.to_owned(), element)))
        .collect();
    Value::Object(keyed)
}
