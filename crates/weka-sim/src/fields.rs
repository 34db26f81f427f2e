//! The named values of a request body, JSON or form-encoded alike.

use serde_json::{Map, Value};

use crate::reply::Refusal;

/// A parsed body. It may hold passwords, and so has no `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body by its content type. A body of a type the API does not know counts as empty, as in Express;
    /// without a type it is taken for JSON.
    pub(crate) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, Refusal> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let essence = content_type.map(|t| t.split(';').next().unwrap_or(t).trim().to_ascii_lowercase());
        match essence.as_deref() {
            Some("application/x-www-form-urlencoded") => {
                serde_urlencoded::from_bytes::<Vec<(String, String)>>(body)
                    .map(|pairs| Self(pairs.into_iter().map(|(k, v)| (k, Value::String(v))).collect()))
                    .map_err(|_| Refusal::malformed("the form could not be decoded"))
            }
            None | Some("application/json") => match serde_json::from_slice(body) {
                Ok(Value::Object(map)) => Ok(Self(map)),
                Ok(_) => Err(Refusal::malformed("expected an object")),
                // The parser's own text could quote the body, and with it a password.
                Err(e) => {
                    Err(Refusal::malformed(&format!("not JSON at line {} column {}", e.line(), e.column())))
                }
            },
            Some(_) => Ok(Self::default()),
        }
    }

    pub(crate) fn from_value(value: &Value) -> Self {
        Self(value.as_object().cloned().unwrap_or_default())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// All the texts named, or 400 with the list of those that are missing.
    pub(crate) fn required<const N: usize>(&self, names: [&'static str; N]) -> Result<[&str; N], Refusal> {
        let missing: Vec<_> =
            names.iter().copied().filter(|n| self.0.get(*n).is_none_or(Value::is_null)).collect();
        if !missing.is_empty() {
            return Err(Refusal::Missing(missing));
        }
        let mut texts = [""; N];
        for (text, name) in texts.iter_mut().zip(names) {
            *text = self.text(name).ok_or_else(|| Refusal::invalid(name, "must be a string"))?;
        }
        Ok(texts)
    }

    /// A whole, positive number; forms carry it as text.
    pub(crate) fn positive(&self, name: &'static str) -> Result<Option<u64>, Refusal> {
        let number = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(number) if number > 0 => Ok(Some(number)),
            _ => Err(Refusal::invalid(name, "must be a positive number")),
        }
    }

    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(Some(text == "true")),
            Some(_) => Err(Refusal::invalid(name, "must be a boolean")),
        }
    }

    /// The org's name: `org`, or `tenant` as newer releases say.
    pub(crate) fn org(&self) -> Option<&str> {
        self.text("org").or_else(|| self.text("tenant"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_give_the_same_fields() {
        let json = Fields::parse(Some("application/json; charset=utf-8"), br#"{"a":"x y","n":5}"#);
        let form = Fields::parse(Some("application/x-www-form-urlencoded"), b"a=x+y&n=5");
        for fields in [json, form] {
            let Ok(fields) = fields else { panic!("not understood") };
            assert_eq!(fields.text("a"), Some("x y"));
            assert_eq!(fields.positive("n").unwrap(), Some(5));
        }
    }

    #[test]
    fn a_refusal_never_quotes_the_body() {
        let refusal = Fields::parse(None, br#"{"password": Secret-1}"#).err();
        assert!(matches!(&refusal, Some(Refusal::Malformed(text)) if !text.contains("Secret")));
    }

    #[test]
    fn nonsense_numbers_are_named() {
        for body in [r#"{"n":0}"#, r#"{"n":-5}"#, r#"{"n":"x"}"#, r#"{"n":[1]}"#] {
            let refused = Fields::parse(None, body.as_bytes()).and_then(|fields| fields.positive("n"));
            assert!(matches!(refused, Err(Refusal::Invalid { param: "n", .. })), "{body}");
        }
    }
}
