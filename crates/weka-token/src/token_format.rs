//! How `get` writes a token.

use crate::failure::{FAILED, Failure};
use crate::json::Object;
use clap::ValueEnum;
use wire::Token;
use zeroize::Zeroizing;

/// The formats of `get`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenFormat {
    /// The token and a newline
    #[default]
    Raw,
    /// `Authorization: Bearer TOKEN`, for `curl -H @-`
    Header,
    /// One line of JSON with life, profile, endpoint and user
    Json,
    /// `export WEKA_ACCESS_TOKEN='...'`, for `eval`
    Env,
    /// A line for `curl --config -`
    Curl,
}

impl TokenFormat {
    /// The format of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "raw" => Self::Raw,
            "header" => Self::Header,
            "json" => Self::Json,
            "env" => Self::Env,
            "curl" => Self::Curl,
            _ => return None,
        })
    }
}

/// The whole output for a token, newline included, in a buffer that is wiped.
///
/// # Errors
/// The token, or its type, has characters that could end a header or a quotation.
pub(crate) fn write(token: &Token, format: TokenFormat) -> Result<Zeroizing<String>, Failure> {
    let secret = token.access_token.expose();
    if !is_plain(secret) || !is_plain(&token.token_type) {
        return Err(Failure::new(FAILED, "the daemon sent a token with characters that no token has"));
    }
    if format == TokenFormat::Json {
        return Ok(json(token));
    }
    let (before, after) = match format {
        TokenFormat::Raw | TokenFormat::Json => ("", "\n"),
        TokenFormat::Header => ("Authorization: ", "\n"),
        TokenFormat::Env => ("export WEKA_ACCESS_TOKEN='", "'\n"),
        TokenFormat::Curl => ("header = \"Authorization: ", "\"\n"),
    };
    // Large enough at once: growing would leave a copy behind.
    let capacity = before.len() + token.token_type.len() + 1 + secret.len() + after.len();
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    text.push_str(before);
    if matches!(format, TokenFormat::Header | TokenFormat::Curl) {
        text.push_str(&token.token_type);
        text.push(' ');
    }
    text.push_str(secret);
    text.push_str(after);
    Ok(text)
}

/// Visible ASCII without quotes and backslashes, which covers every JWT and every bearer token (RFC 6750).
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'))
        && !text.is_empty()
}

fn json(token: &Token) -> Zeroizing<String> {
    let optional = |text: &Option<String>| text.as_ref().map_or(4, String::len);
    let others =
        token.profile.len() + token.endpoint.len() + optional(&token.org) + optional(&token.username);
    // A character takes at most six bytes once escaped, and the keys and the number some 150.
    let mut object =
        Object::with_capacity(token.access_token.len() + token.token_type.len() + 6 * others + 200);
    object
        .text("access_token", token.access_token.expose())
        .text("token_type", &token.token_type)
        .number("expires_in", token.expires_in_s)
        .text("profile", &token.profile)
        .text("endpoint", &token.endpoint)
        .maybe_text("org", token.org.as_deref())
        .maybe_text("username", token.username.as_deref());
    let mut line = object.finish();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use secret::AccessToken;

    fn token(text: &str) -> Token {
        Token {
            access_token: AccessToken::new(text.into()),
            token_type: "Bearer".into(),
            expires_in_s: 252,
            profile: "default".into(),
            endpoint: "https://weka01:14000".into(),
            org: Some("Root".into()),
            username: None,
        }
    }

    #[test]
    fn each_format_is_one_line() {
        for (format, line) in [
            ("raw", "a.b-c_d\n"),
            ("header", "Authorization: Bearer a.b-c_d\n"),
            ("curl", "header = \"Authorization: Bearer a.b-c_d\"\n"),
            ("env", "export WEKA_ACCESS_TOKEN='a.b-c_d'\n"),
            (
                "json",
                "{\"access_token\":\"a.b-c_d\",\"token_type\":\"Bearer\",\"expires_in\":252,\
                 \"profile\":\"default\",\"endpoint\":\"https://weka01:14000\",\"org\":\"Root\",\"username\":null}\n",
            ),
        ] {
            let format = TokenFormat::from_name(format).unwrap();
            assert_eq!(*write(&token("a.b-c_d"), format).unwrap(), line);
        }
    }

    #[test]
    fn a_token_that_could_break_out_is_refused_and_not_quoted() {
        for text in ["a\nb", "a'b", "a\"b", "a\\b", "a b", "", "é"] {
            for format in TokenFormat::value_variants() {
                let failure = write(&token(text), *format).unwrap_err();
                assert!(text.is_empty() || !failure.message.contains(text), "{text}");
            }
        }
    }

    #[test]
    fn names_are_those_of_clap() {
        for format in TokenFormat::value_variants() {
            let value = format.to_possible_value().unwrap();
            assert_eq!(TokenFormat::from_name(value.get_name()), Some(*format));
        }
    }

    #[test]
    fn the_buffer_is_large_enough_at_once() {
        let mut escaped = token("abc");
        escaped.org = Some("\u{1}".repeat(100));
        for format in TokenFormat::value_variants() {
            let text = write(&escaped, *format).unwrap();
            assert!(text.capacity() >= text.len());
        }
        let line = write(&escaped, TokenFormat::Json).unwrap();
        assert!(line.capacity() - line.len() < 400, "grown by doubling: {}", line.capacity());
    }
}
