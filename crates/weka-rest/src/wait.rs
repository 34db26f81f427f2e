//! How long a server asks to wait: the lockout's text, and `Retry-After`.

use std::time::{Duration, SystemTime};

/// Nobody who asks for longer is taken at their word; the caller decides what is too long for it.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether the text is WEKA's answer to a locked-out account
/// (`User has been locked out for another 1m55s due to too many login attempts`).
pub(crate) fn is_lockout(text: &str) -> bool {
    lockout_tail(text).is_some()
}

/// How much longer the lockout lasts, if the text says so: `1m55s`, `2m`, `90s`, `N minutes`,
/// `1 hour 2 minutes and 5 seconds`.
pub(crate) fn lockout_wait(text: &str) -> Option<Duration> {
    let tail = lockout_tail(text)?.to_ascii_lowercase();
    let start = tail.find(|c: char| c.is_ascii_digit())?;
    let mut rest = tail.get(start..)?;
    let mut total: Option<Duration> = None;
    while let Some((part, after)) = leading_part(rest) {
        total = Some(total.unwrap_or_default().saturating_add(part));
        rest = after.trim_start_matches([' ', ',', ':']);
        rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
    }
    total.map(|wait| wait.min(LONGEST))
}

fn lockout_tail(text: &str) -> Option<&str> {
    const WORDS: &[u8] = b"locked out";
    let at = text.as_bytes().windows(WORDS.len()).position(|window| window.eq_ignore_ascii_case(WORDS))?;
    text.get(at + WORDS.len()..)
}

/// `55s` or `55 seconds` at the start of a text in lower case: its length, and what follows.
fn leading_part(text: &str) -> Option<(Duration, &str)> {
    let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    if digits.is_empty() {
        return None;
    }
    // More digits than fit: longer than any wait that counts.
    let count: u64 = digits.parse().unwrap_or(u64::MAX);
    let rest = match rest.strip_prefix('.') {
        // Fractions of a unit are not worth the wait's while.
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let rest = rest.trim_start();
    let (unit, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()));
    let seconds = match unit {
        "ms" | "millisecond" | "milliseconds" => return Some((Duration::from_millis(count), after)),
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 60 * 60,
        "d" | "day" | "days" => 24 * 60 * 60,
        _ => return None,
    };
    Some((Duration::from_secs(count.saturating_mul(seconds)), after))
}

/// `Retry-After`: seconds, or an HTTP date, which is read by the server's own clock where it sent one.
pub(crate) fn retry_after(value: &str, server_date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)).min(LONGEST));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let now = server_date
        .and_then(|date| httpdate::parse_http_date(date.trim()).ok())
        .unwrap_or_else(SystemTime::now);
    Some(then.duration_since(now).unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lockout_times_in_every_known_form() {
        let table = [
            (
                "Authentication Failed. User has been locked out for another 1m55s due to too many login attempts",
                Some(115),
            ),
            ("locked out for another 2m due to 5 too many", Some(120)),
            ("LOCKED OUT for 90s", Some(90)),
            ("Locked Out for 2 minutes", Some(120)),
            ("locked out for 45 seconds.", Some(45)),
            ("locked out for 1 minute", Some(60)),
            ("locked out for 1 hour 2 minutes", Some(3720)),
            ("locked out for 1 hour, 2 minutes and 5 seconds", Some(3725)),
            ("locked out for 1h2m3s", Some(3723)),
            ("locked out for 2m 5s", Some(125)),
            ("locked out for 2 min", Some(120)),
            ("locked out for 1m55.3s", Some(115)),
            ("locked out for 1 day", Some(86400)),
            ("locked out for 99999999999999999999999999s", Some(86400)),
            ("locked out for 500 days", Some(86400)),
            ("locked out", None),
            ("locked out for a while", None),
            ("locked out after 5 attempts", None),
            ("locked out for 90", None),
            ("wait 30s, it's not locked", None),
            ("retry in 30s: locked out", None),
        ];
        for (text, seconds) in table {
            assert_eq!(lockout_wait(text), seconds.map(Duration::from_secs), "{text}");
        }
        assert!(is_lockout("x lOcKeD oUt"));
        assert!(!is_lockout("the door is locked"));
    }

    #[test]
    fn retry_after_in_seconds_or_as_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let table = [
            ("0", None, Some(0)),
            ("7", None, Some(7)),
            (" 120 ", None, Some(120)),
            ("99999999999999999999999", None, Some(86400)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(date), Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(date), Some(30)),
            ("Sun Nov  6 08:50:07 1994", Some(date), Some(30)),
            // By the server's clock, not by ours, which is decades ahead of it.
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(date), Some(0)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", None, Some(0)),
            ("Fri, 01 Jan 2100 00:00:00 GMT", Some("garbage"), Some(86400)),
            ("", None, None),
            ("-5", None, None),
            ("1.5", None, None),
            ("soon", None, None),
        ];
        for (value, server_date, seconds) in table {
            assert_eq!(retry_after(value, server_date), seconds.map(Duration::from_secs), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_or_waits_longer_than_a_day(text in ".*", prefix in "(locked out )?[0-9]{0,30} ?[a-z]{0,8}") {
            for text in [&text, &prefix, &format!("locked out {prefix}{text}")] {
                prop_assert!(lockout_wait(text).is_none_or(|wait| wait <= LONGEST));
                prop_assert!(retry_after(text, Some(text)).is_none_or(|wait| wait <= LONGEST));
            }
        }
    }
}
