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
