//! What a profile may be called.

use crate::failure::{Failure, USAGE};
use std::ffi::OsStr;

/// Takes a name as typed.
///
/// # Errors
/// The rule, as a sentence.
pub fn parse(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=50).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("a profile name is 1 to 50 letters, digits, '-' or '_'".into())
}

/// Takes the name in `WEKA_TOKEN_PROFILE`.
///
/// # Errors
/// A usage failure that names the variable and the rule.
pub(crate) fn from_environment(value: &OsStr) -> Result<String, Failure> {
    let text = value.to_string_lossy();
    parse(&text).map_err(|rule| {
        Failure::new(USAGE, format!("WEKA_TOKEN_PROFILE is {text:?}: {rule}"))
            .then("unset it, or set it to a name that weka-token profiles shows")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule() {
        for good in ["a", "prod-2", "A_b", "0", &"x".repeat(50)] {
            assert_eq!(parse(good).as_deref(), Ok(good));
        }
        for bad in ["", "a b", "a.b", "a/b", "é", &"x".repeat(51)] {
            assert!(parse(bad).unwrap_err().contains("1 to 50"), "{bad}");
        }
    }

    #[test]
    fn the_environment_is_held_to_the_rule() {
        let failure = from_environment(OsStr::new("../x")).unwrap_err();
        assert_eq!(failure.status, USAGE);
        assert!(failure.message.starts_with("WEKA_TOKEN_PROFILE"));
        assert_eq!(from_environment(OsStr::new("prod")), Ok("prod".into()));
    }
}
