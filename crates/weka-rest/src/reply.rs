//! Successful answers, read tolerantly: `data` as an object or a one-element array, unknown keys ignored.

use crate::exchange::Reply;
use crate::{ApiError, Grant, Identity};
use reqwest::header;
use secret::{AccessToken, RefreshToken};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Where `expires_in` says more than this, it is this.
const MAX_LIFE_S: u64 = 10 * 365 * 24 * 60 * 60;
/// WEKA's tokens have some 600 characters; one this long would not fit into a frame to a client.
const MAX_TOKEN: usize = 16 * 1024;

/// The keys of a token answer, as the text they came in: nothing is copied out of the answer's buffer,
/// which is wiped, until it goes into a wiped type.
#[derive(Deserialize)]
struct Tokens<'a> {
    #[serde(borrow)]
    access_token: Option<&'a RawValue>,
    #[serde(borrow)]
    refresh_token: Option<&'a RawValue>,
    #[serde(borrow)]
    token_type: Option<&'a RawValue>,
    #[serde(borrow)]
    expires_in: Option<&'a RawValue>,
    #[serde(borrow)]
    password_change_required: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The tokens of a login or a refresh.
pub(crate) fn grant(reply: &Reply) -> Result<Grant, ApiError> {
    read_grant(reply).map_err(|reason| bad(reply, reason))
}

fn read_grant(reply: &Reply) -> Result<Grant, String> {
    let data = data(&reply.body)?;
    let tokens: Tokens<'_> = serde_json::from_str(data)
        .map_err(|_| "the tokens in `data` are not a JSON object of the known form".to_owned())?;
    let access_token: AccessToken =
        token(tokens.access_token, "access_token")?.ok_or_else(|| "`data` has no access_token".to_owned())?;
    usable(access_token.expose(), "access_token")?;
    let refresh_token: Option<RefreshToken> = token(tokens.refresh_token, "refresh_token")?;
    if let Some(token) = &refresh_token {
        usable(token.expose(), "refresh_token")?;
    }
    Ok(Grant {
        access_token,
        refresh_token,
        token_type: tokens.token_type.and_then(token_type).unwrap_or_else(|| "Bearer".into()),
        expires_in_s: tokens.expires_in.and_then(seconds),
        password_change_required: tokens.password_change_required.is_some_and(|raw| raw.get() == "true"),
    })
}

/// A missing or null token is `None`. serde's own words could quote the value, so they are dropped.
pub(crate) fn token<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    key: &str,
) -> Result<Option<T>, String> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|_| format!("{key} is not text"))
}

/// A token goes into headers and files line by line, so it must be one visible ASCII word.
pub(crate) fn usable(token: &str, key: &str) -> Result<(), String> {
    if token.is_empty() {
        Err(format!("{key} is empty"))
    } else if token.len() > MAX_TOKEN {
        Err(format!("{key} is longer than {} KiB", MAX_TOKEN / 1024))
    } else if !token.bytes().all(|b| b.is_ascii_graphic()) {
        Err(format!("{key} holds white space or other characters that no token has"))
    } else {
        Ok(())
    }
}

fn token_type(raw: &RawValue) -> Option<String> {
    let text: String = serde_json::from_str(raw.get()).ok()?;
    (1..=32)
        .contains(&text.len())
        .then_some(text)
        .filter(|text| text.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// Whole seconds above zero, from a number or a number in quotes; `None` for anything else.
pub(crate) fn seconds(raw: &RawValue) -> Option<u64> {
    let text = raw.get().trim_matches('"').trim();
    let numeric = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E');
    if !text.bytes().all(numeric) {
        return None;
    }
    let value = text.parse::<f64>().ok()?.floor();
    if value < 1.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 1 here, and `as` saturates"
    )]
    let whole = value as u64;
    Some(whole.min(MAX_LIFE_S))
}

/// Who a token belongs to.
pub(crate) fn identity(reply: &Reply) -> Result<Identity, ApiError> {
    let read = || {
        let data: Value = serde_json::from_str(data(&reply.body)?).map_err(|p| not_json(&p))?;
        if !data.is_object() {
            return Err("`data` is not a JSON object".to_owned());
        }
        let text = |key: &str| match data.get(key)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Ok(Identity {
            username: text("username"),
            uid: text("uid"),
            org_name: text("org_name"),
            role: text("role"),
            source: text("source"),
            data,
        })
    };
    read().map_err(|reason| bad(reply, reason))
}

/// A success whose content does not matter, as long as it comes from something that speaks JSON.
pub(crate) fn nothing(reply: &Reply) -> Result<(), ApiError> {
    if reply.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let parsed: Result<&RawValue, _> = serde_json::from_slice(&reply.body);
    parsed.map(drop).map_err(|problem| bad(reply, not_json_or_html(&reply.body, &problem)))
}

/// The text of `data`, which is a list.
pub(crate) fn list_of(body: &[u8]) -> Result<&str, String> {
    let data = envelope(body)?;
    data.starts_with('[').then_some(data).ok_or_else(|| "`data` is not a list".into())
}

fn envelope(body: &[u8]) -> Result<&str, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".into());
    }
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|problem| not_json_or_html(body, &problem))?;
    Ok(envelope.data.ok_or("it has no `data`")?.get())
}

/// The text of `data`, or of its only element.
pub(crate) fn data(body: &[u8]) -> Result<&str, String> {
    let data = envelope(body)?;
    if !data.starts_with('[') {
        return Ok(data);
    }
    let elements: Vec<&RawValue> = serde_json::from_str(data).map_err(|problem| not_json(&problem))?;
    match elements.as_slice() {
        [only] => Ok(only.get()),
        others => Err(format!("`data` is a list of {} entries instead of one", others.len())),
    }
}

fn not_json_or_html(body: &[u8], problem: &serde_json::Error) -> String {
    if is_page(body) { "it is HTML or XML instead of JSON".into() } else { not_json(problem) }
}

/// Whether this is HTML or XML, which WEKA's API never answers with.
pub(crate) fn is_page(body: &[u8]) -> bool {
    body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'<')
}

/// Where the JSON goes wrong, without the parser's words, which could quote it.
pub(crate) fn not_json(problem: &serde_json::Error) -> String {
    if problem.is_eof() {
        "its JSON is cut short".into()
    } else if problem.is_data() {
        "its JSON is not of the known form".into()
    } else {
        format!("it is not JSON (line {}, column {})", problem.line(), problem.column())
    }
}

/// Refuses an answer in an encoding that was not asked for.
pub(crate) fn plain(reply: &Reply) -> Result<(), ApiError> {
    let encoding = reply.headers.get(header::CONTENT_ENCODING).map(header::HeaderValue::as_bytes);
    match encoding {
        None | Some(b"" | b"identity") => Ok(()),
        Some(_) => Err(bad(reply, "it is compressed, which was not asked for".into())),
    }
}

pub(crate) fn bad(reply: &Reply, reason: String) -> ApiError {
    ApiError::BadReply { endpoint: reply.from.clone(), reason }
}
