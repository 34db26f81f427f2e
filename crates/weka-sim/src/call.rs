//! A call by JSON-RPC 2.0, undocumented, and still what WEKA's own Python and Go tools speak.

use serde_json::{Map, Value};

use crate::fields::Fields;

/// The one path of JSON-RPC.
pub(crate) const PATH: &str = "/api/v1";

/// A protocol error: answered with 200 and an `error` object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) code: i64,
    pub(crate) message: &'static str,
    pub(crate) id: Value,
}

/// A call, by name or by position. The content type does not matter: wekalib sends none.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) id: Value,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
