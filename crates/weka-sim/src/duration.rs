//! Durations as people write them for WEKA: `30s 5m 2h 1d 1d5h 1w`, a bare number is seconds.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};

const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a duration. Units may each appear once, largest first. Error: a sentence for the person who typed it.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let refused = || format!("{text:?} is not a duration such as 30s, 5m, 2h, 1d, 1d5h or 1w");
    if text.is_empty() {
        return Err(refused());
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map(Duration::from_secs).map_err(|_| refused());
    }
    let mut total: u64 = 0;
    let mut number = String::new();
    let mut smallest_so_far = u64::MAX;
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == c).ok_or_else(refused)?;
        if *unit >= smallest_so_far {
            return Err(refused());
        }
        smallest_so_far = *unit;
        let count: u64 = number.parse().map_err(|_| refused())?;
        number.clear();
        total = count.checked_mul(*unit).and_then(|s| total.checked_add(s)).ok_or_else(refused)?;
    }
    if number.is_empty() { Ok(Duration::from_secs(total)) } else { Err(refused()) }
}

/// A duration as WEKA writes it in its lockout text: `1m55s`, `2m`, `45s`; a started second counts whole.
pub(crate) fn words(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let parts = [(seconds / 3_600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let text: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Milliseconds of a duration, capped at `u64::MAX`.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A duration in a control call: a string as above, or a number of seconds (fractions allowed).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dur(pub(crate) Duration);

impl<'de> Deserialize<'de> for Dur {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => parse(&text).map(Self).map_err(D::Error::custom),
            serde_json::Value::Number(number) => number
                .as_f64()
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .map(Self)
                .ok_or_else(|| D::Error::custom("a duration in seconds must not be negative or huge")),
            _ => Err(D::Error::custom("expected a duration: \"5m\" or a number of seconds")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let cases = [
            ("30s", 30),
            ("5m", 300),
            ("2h", 7_200),
            ("1d", 86_400),
            ("1d5h", 104_400),
            ("1w", 604_800),
            ("90", 90),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in
            ["", "s", "5", "1x", "5s2m", "1m1m", "-1s", "1.5h", "infinite", "99999999999999999999s", "5m3"]
        {
            assert_eq!(parse(text).is_ok(), text == "5", "{text}");
        }
    }

    #[test]
    fn writes_as_the_lockout_text_does() {
        let cases = [(115_000, "1m55s"), (120_000, "2m"), (44_001, "45s"), (0, "0s"), (3_600_000, "1h")];
        for (ms, text) in cases {
            assert_eq!(words(Duration::from_millis(ms)), text);
        }
    }
}
