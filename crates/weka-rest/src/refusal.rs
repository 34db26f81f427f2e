//! Answers that are no success, as [`ApiError`]s with a sentence each.

use crate::exchange::Reply;
use crate::visible::{quotes, visible};
use crate::{ApiError, wait, words};
use reqwest::header::{self, HeaderName};
use serde_json::Value;

/// The longest text of a server that is shown, in characters.
const MAX_TEXT: usize = 200;

/// Turns a refusal into an error. `secrets` are what the request carried: a text that quotes one of
/// them is not shown.
pub(crate) fn refusal(reply: &Reply, secrets: &[&str]) -> ApiError {
    let status = reply.status.as_u16();
    let from = &reply.from;
    let text = explanation(&reply.body, secrets);
    let reason = reply.status.canonical_reason().unwrap_or("no known status");
    let message = match &text {
        Some(text) if !text.eq_ignore_ascii_case(reason) => {
            format!("{from} answered {status} {reason}: {text}")
        }
        _ => format!("{from} answered {status} {reason}"),
    };
    match status {
        401 | 403 if locked_out(&reply.body) => {
            let wait = wait::lockout_wait(&String::from_utf8_lossy(&reply.body));
            let how_long = match wait {
                Some(wait) => format!("for another {}", words::clock(wait)),
                None => "for a time it does not tell".into(),
            };
            let message =
                format!("{from} has locked the account out {how_long}, after too many failed logins");
            ApiError::LockedOut { wait, message }
        }
        401 => ApiError::Unauthorized { message },
        403 => ApiError::Forbidden { message },
        429 | 503 => {
            let text = |name: HeaderName| reply.headers.get(name).and_then(|value| value.to_str().ok());
            let retry_after =
                text(header::RETRY_AFTER).and_then(|value| wait::retry_after(value, text(header::DATE)));
            ApiError::Busy { status, retry_after, message }
        }
        400..=499 => ApiError::Rejected { status, message },
        500..=599 => ApiError::Server { status, message },
        _ => ApiError::BadReply {
            endpoint: from.clone(),
            reason: format!("status {status} ({reason}), which no call expects"),
        },
    }
}

/// Whether the answer says that the account is locked.
pub(crate) fn locked_out(body: &[u8]) -> bool {
    wait::is_lockout(&String::from_utf8_lossy(body))
}

/// WEKA's own words: `message`, a string in `data`, `data.error`, or `error` (WEKA 5.1 API: 400 has
/// `message` and `data.error`, 401 and 403 have `data`, 404 has `message`).
fn explanation(body: &[u8], secrets: &[&str]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let candidates = [
        json.get("message"),
        json.get("data"),
        json.get("data").and_then(|data| data.get("error")),
        json.get("error"),
        json.get("error").and_then(|error| error.get("message")),
    ];
    let text = candidates
        .into_iter()
        .flatten()
        .find_map(|value| value.as_str().filter(|text| !text.trim().is_empty()))?;
    let shown = visible(text, MAX_TEXT);
    if quotes(text, secrets) {
        return Some("(its words are withheld, since they quote a secret)".into());
    }
    Some(shown).filter(|shown| !shown.is_empty())
}
