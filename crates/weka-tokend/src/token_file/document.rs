//! The JSON object of a token file, wiped when done with.

use super::{TokenFileProblem, Tokens};
use secret::{AccessToken, RefreshToken};
use serde::Serialize;
use serde_json::error::Category;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

const ACCESS: &str = "access_token";
const REFRESH: &str = "refresh_token";
const TYPE: &str = "token_type";
const EXPIRES: &str = "expires_in";
/// WEKA's tools want the key, so it is written even where the kind of token is not known.
pub(crate) const BEARER: &str = "Bearer";

/// The object, with all keys in the order of the file.
pub(super) struct Document(Map<String, Value>);

impl Document {
    /// One without any key.
    pub(super) fn empty() -> Self {
        Self(Map::new())
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TokenFileProblem> {
        // Some editors put a byte order mark in front.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(TokenFileProblem::Empty);
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            // Only the place: the rest of serde_json's words may quote what is there.
            let (line, column) = (error.line(), error.column());
            match error.classify() {
                Category::Eof => TokenFileProblem::Truncated { line, column },
                _ => TokenFileProblem::NotJson { line, column },
            }
        })?;
        match value {
            Value::Object(map) => Ok(Self(map)),
            mut other => {
                wipe(&mut other);
                Err(TokenFileProblem::NotAnObject)
            }
        }
    }

    /// The tokens in it.
    pub(super) fn tokens(&self) -> Result<Tokens, TokenFileProblem> {
        let access_token = self.token(ACCESS)?.map(|text| AccessToken::new(text.to_owned()));
        let refresh_token = self.token(REFRESH)?.map(|text| RefreshToken::new(text.to_owned()));
        if access_token.is_none() && refresh_token.is_none() {
            return Err(TokenFileProblem::NoTokens);
        }
        // It goes into a header: one word, or it is not believed.
        let is_word =
            |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let token_type = self.0.get(TYPE).and_then(Value::as_str).filter(is_word).map(str::to_owned);
        let expires_in_s = self.0.get(EXPIRES).and_then(Value::as_u64);
        Ok(Tokens { access_token, refresh_token, token_type, expires_in_s })
    }

    fn token(&self, key: &'static str) -> Result<Option<&str>, TokenFileProblem> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(Some(text)),
            Some(Value::String(_)) => Err(TokenFileProblem::NotAToken(key)),
            Some(_) => Err(TokenFileProblem::NotAString(key)),
        }
    }

    /// Puts other tokens in; what the new ones lack is taken out, as it belonged to the old ones.
    pub(super) fn set(&mut self, tokens: &Tokens) {
        self.put(ACCESS, tokens.access_token.as_ref().map(AccessToken::expose));
        self.put(REFRESH, tokens.refresh_token.as_ref().map(RefreshToken::expose));
        self.put(TYPE, Some(tokens.token_type.as_deref().unwrap_or(BEARER)));
        if self.0.contains_key(EXPIRES) {
            match tokens.expires_in_s {
                Some(seconds) => drop(self.0.insert(EXPIRES.to_owned(), seconds.into())),
                None => drop(self.0.shift_remove(EXPIRES)),
            }
        }
    }

    fn put(&mut self, key: &str, text: Option<&str>) {
        let old = match text {
            Some(text) => self.0.insert(key.to_owned(), text.into()),
            None => self.0.shift_remove(key),
        };
        if let Some(mut old) = old {
            wipe(&mut old);
        }
    }

    /// As WEKA's own tools write it: indented by four. A newline ends it.
    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        // Ample, so that the buffer does not grow and leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(1024 + self.0.values().map(weight).sum::<usize>()));
        self.0
            .serialize(&mut Serializer::with_formatter(&mut *bytes, PrettyFormatter::with_indent(b"    ")))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} keys)", self.0.len())
    }
}

/// Roughly how many bytes a value takes when written.
fn weight(value: &Value) -> usize {
    64 + match value {
        Value::String(text) => 2 * text.len(),
        Value::Array(values) => values.iter().map(weight).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| 2 * key.len() + weight(value)).sum(),
        _ => 0,
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        _ => {}
    }
}
