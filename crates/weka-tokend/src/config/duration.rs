//! Durations as WEKA's CLI writes them.

use std::time::Duration;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Neither a number nor numbers with units.
    #[error("expected a duration such as 30s, 5m, 2h, 1d, 1d5h or 1w")]
    Malformed,
    /// More seconds than can be counted.
    #[error("the duration is too long")]
    TooLong,
    /// `infinite` or `unlimited`.
    #[error("a duration without an end is refused: what it limits could never time out or be taken back")]
    Endless,
}

/// Reads `30s 5m 2h 1d 1d5h 1w`; a bare number is seconds.
///
/// # Errors
///
/// What is anything else, too long to count, or without an end.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("infinite") || text.eq_ignore_ascii_case("unlimited") {
        return Err(DurationError::Endless);
    }
    if text.is_empty() {
        return Err(DurationError::Malformed);
    }
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, tail) = rest.split_at(end);
        if digits.is_empty() {
            return Err(DurationError::Malformed);
        }
        let number: u64 = digits.parse().map_err(|_| DurationError::TooLong)?;
        let mut units = tail.chars();
        let factor = match units.next() {
            None if digits.len() == text.len() => 1,
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            _ => return Err(DurationError::Malformed),
        };
        total = number
            .checked_mul(factor)
            .and_then(|seconds| total.checked_add(seconds))
            .ok_or(DurationError::TooLong)?;
        rest = units.as_str();
    }
    Ok(Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_and_bare_seconds() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("2h", 7_200),
            ("1d", 86_400),
            ("1d5h", 104_400),
            ("1w", 604_800),
            ("90", 90),
            (" 2s ", 2),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_a_reason() {
        for text in ["", "s", "5x", "1.5h", "-1", "1h30", "5 m", "5S", "٣s", "1m\u{e9}"] {
            assert_eq!(parse(text), Err(DurationError::Malformed), "{text}");
        }
        for text in ["99999999999999999999", "18446744073709551615w"] {
            assert_eq!(parse(text), Err(DurationError::TooLong), "{text}");
        }
        for text in ["infinite", "unlimited", "Unlimited"] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains("never time out"), "{error}");
        }
    }
}
