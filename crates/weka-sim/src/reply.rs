//! Answers in WEKA's shapes: `{"data": ...}`, `{"message": ...}`, and an error text in a string `data`.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::duration::words;

/// Content type of every API answer, as Express writes it.
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A JSON answer.
pub(crate) fn json_reply(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// 200 with the usual envelope.
pub(crate) fn data(value: Value) -> Response {
    json_reply(StatusCode::OK, &json!({ "data": value }))
}

/// A page as nginx in front of the API writes it.
pub(crate) fn nginx_page(status: StatusCode) -> Response {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// The text of the 403 for a locked account, word for word as seen on a live cluster.
pub(crate) fn lockout_text(left: Duration) -> String {
    format!(
        "Authentication Failed. User has been locked out for another {} due to too many login attempts",
        words(left)
    )
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// 401: wrong credentials, or a token that is expired, revoked or not ours.
    Unauthorized,
    /// 403: the role does not suffice.
    Forbidden,
    /// 403: too many failed logins.
    Locked(Duration),
    /// 404.
    NotFound(String),
    /// 400: parameters are missing.
    Missing(Vec<&'static str>),
    /// 400: one parameter is wrong.
    Invalid { param: &'static str, reason: String },
    /// 400: the body cannot be understood.
    Malformed(String),
    /// 500.
    Internal,
}

impl Refusal {
    pub(crate) fn invalid(param: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { param, reason: reason.into() }
    }

    pub(crate) fn malformed(reason: &str) -> Self {
        Self::Malformed(reason.to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, json!({"data": "Unauthorized"})),
            Self::Forbidden => (StatusCode::FORBIDDEN, json!({"data": "Forbidden"})),
            Self::Locked(left) => (StatusCode::FORBIDDEN, json!({"data": lockout_text(left)})),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, json!({"message": message})),
            Self::Missing(params) => (
                StatusCode::BAD_REQUEST,
                json!({
                    "message": format!("Missing parameters: {}", params.join(", ")),
                    "data": {"missing_params": params, "param": params.first(), "error": "missing"},
                }),
            ),
            Self::Invalid { param, reason } => (
                StatusCode::BAD_REQUEST,
                json!({
                    "message": format!("Invalid parameter {param}: {reason}"),
                    "data": {"missing_params": [], "param": param, "error": reason},
                }),
            ),
            Self::Malformed(reason) => (
                StatusCode::BAD_REQUEST,
                json!({"message": "Bad Request", "data": {"missing_params": [], "param": "", "error": reason}}),
            ),
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, json!({"message": "Internal Server Error"}))
            }
        };
        json_reply(status, &body)
    }
}
