//! Dates inside a token, as a hint only: nothing is verified.

use zeroize::Zeroizing;

/// When a token says it was issued and ends, in seconds since 1970 by the cluster's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// `iat`, where there is one.
    pub issued_unix_s: Option<i64>,
    /// `exp`.
    pub expires_unix_s: i64,
}

/// The longest token looked into, in bytes.
const MAX_TOKEN: usize = 64 * 1024;

/// `exp` and `iat` of a JWT, unverified; `None` for anything odd.
#[must_use]
pub fn dates(token: &str) -> Option<Dates> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).ok().map(Zeroizing::new)?;
    #[derive(serde::Deserialize)]
    struct Claims {
        exp: serde_json::Number,
        iat: Option<serde_json::Number>,
    }
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    let expires_unix_s = seconds(&claims.exp)?;
    let issued_unix_s = match claims.iat {
        Some(number) => Some(seconds(&number)?),
        None => None,
    };
    if issued_unix_s.is_some_and(|issued| issued > expires_unix_s) {
        return None;
    }
    Some(Dates { issued_unix_s, expires_unix_s })
}

/// Whole seconds within the years 1970 to 9999.
fn seconds(number: &serde_json::Number) -> Option<i64> {
    const YEAR_10000: i64 = 253_402_300_800;
    let seconds = match number.as_i64() {
        Some(whole) => whole,
        None => {
            let fraction = number.as_f64()?;
            if !(0.0..253_402_300_800.0).contains(&fraction) {
                return None;
            }
            #[expect(clippy::cast_possible_truncation, reason = "checked to be in range on the line above")]
            let whole = fraction as i64;
            whole
        }
    };
    (0..YEAR_10000).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64URL_NOPAD;
    use proptest::prelude::*;

    fn token(payload: &str) -> String {
        let header = BASE64URL_NOPAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
        format!("{header}.{}.c2ln", BASE64URL_NOPAD.encode(payload.as_bytes()))
    }

    #[test]
    fn the_dates_of_a_token() {
        let both = Dates { issued_unix_s: Some(1_700_000_000), expires_unix_s: 1_700_000_300 };
        let table = [
            (r#"{"exp":1700000300,"iat":1700000000,"sub":{"uid":"x"}}"#, Some(both)),
            (r#"{"exp":1700000300.9,"iat":1700000000.2}"#, Some(both)),
            (r#"{"exp":1700000300}"#, Some(Dates { issued_unix_s: None, ..both })),
            (r#"{"exp":1700000300,"iat":null}"#, Some(Dates { issued_unix_s: None, ..both })),
            (r#"{"iat":1700000000}"#, None),
            (r#"{"exp":"1700000300"}"#, None),
            (r#"{"exp":-1}"#, None),
            (r#"{"exp":1e300}"#, None),
            (r#"{"exp":253402300800}"#, None),
            (r#"{"exp":18446744073709551615}"#, None),
            (r#"{"exp":1700000300,"iat":1700000301}"#, None),
            (r#"{"exp":1700000300,"iat":"yesterday"}"#, None),
            (r#"[1]"#, None),
            ("", None),
            ("nonsense", None),
        ];
        for (payload, expected) in table {
            assert_eq!(dates(&token(payload)), expected, "{payload}");
        }
    }

    #[test]
    fn what_is_no_jwt_has_no_dates() {
        let good = token(r#"{"exp":1700000300}"#);
        let long = format!("{}.{good}", "x".repeat(70_000));
        for text in ["", ".", "..", "a.b", "opaque", &format!("{good}.x"), &good.replace('.', ":"), &long] {
            assert_eq!(dates(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", payload in "\\PC*") {
            prop_assert!(dates(&text).is_none());
            prop_assert!(dates(&token(&payload)).is_none_or(|dates| dates.expires_unix_s >= 0));
        }
    }
}
