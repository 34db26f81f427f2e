//! JSON-RPC 2.0 at `POST /api/v1`: undocumented, and still what WEKA's own Python and Go tools speak.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use crate::exchange::Exchange;
use crate::fields::Fields;
use crate::reply::{Refusal, json_reply};
use crate::routes;
use crate::users::Permission;

/// The one path of JSON-RPC.
pub(crate) const PATH: &str = "/api/v1";

/// A protocol error: answered with 200 and an `error` object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    code: i64,
    message: &'static str,
    id: Value,
}

/// A call, by name or by position. The content type does not matter: wekalib sends none.
#[derive(Clone)]
pub(crate) struct Call {
    id: Value,
    pub(crate) method: String,
    params: Value,
}

impl Call {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Fault> {
        let parsed: Value = serde_json::from_slice(body).map_err(|_| Fault {
            code: -32_700,
            message: "Parse error",
            id: Value::Null,
        })?;
        let id = parsed.get("id").cloned().unwrap_or_default();
        match parsed.get("method").and_then(Value::as_str) {
            Some(method) => Ok(Self {
                method: method.to_owned(),
                params: parsed.get("params").cloned().unwrap_or_default(),
                id,
            }),
            None => Err(Fault { code: -32_600, message: "Invalid Request", id }),
        }
    }

    /// The parameters by name; those of the login methods may be given by position.
    pub(crate) fn fields(&self) -> Fields {
        let names: &[&str] = match self.method.as_str() {
            "user_login" | "userlogin" => &["username", "password", "org"],
            "user_refresh_token" => &["refresh_token"],
            _ => &[],
        };
        match &self.params {
            Value::Array(values) => {
                let named: Map<_, _> =
                    names.iter().map(|name| (*name).to_owned()).zip(values.iter().cloned()).collect();
                Fields::from_value(&Value::Object(named))
            }
            params => Fields::from_value(params),
        }
    }
}

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
pub(crate) async fn answer(Extension(exchange): Extension<Arc<Exchange>>) -> Response {
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
        "client_query_backend" => routes::software_release(cluster),
        "status" => {
            exchange.caller(Permission::Look)?;
            routes::summary(cluster, exchange.skew_ms)
        }
        "hosts_list" => {
            exchange.caller(Permission::Look)?;
            keyed_by_id(routes::containers(cluster))
        }
        "nodes_list" => {
            exchange.caller(Permission::Look)?;
            keyed_by_id(routes::processes(cluster))
        }
        "filesystems_list" => {
            let caller = exchange.caller(Permission::Look)?;
            keyed_by_id(routes::visible(cluster, &caller))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_by_position_and_by_name_are_the_same() {
        for params in [r#"["a","b"]"#, r#"{"username":"a","password":"b"}"#] {
            let body = format!(r#"{{"jsonrpc":"2.0","method":"user_login","params":{params},"id":1}}"#);
            let fields = Call::parse(body.as_bytes()).map(|call| call.fields()).unwrap_or_default();
            assert_eq!(fields.required(["username", "password"]), Ok(["a", "b"]));
        }
    }

    #[test]
    fn what_is_no_call_has_an_error_code() {
        assert_eq!(Call::parse(b"{").err().map(|fault| fault.code), Some(-32_700));
        let refused = Call::parse(br#"{"id":7}"#).err();
        assert_eq!(refused, Some(Fault { code: -32_600, message: "Invalid Request", id: json!(7) }));
    }
}
