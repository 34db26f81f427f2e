//! Durations as WEKA's CLI writes them: `30s`, `5m`, `2h`, `1d`, `1d5h`, `1w`; a bare number is seconds.

const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

/// Parses a duration into seconds.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse(text: &str) -> Result<u64, String> {
    if text.eq_ignore_ascii_case("infinite") || text.eq_ignore_ascii_case("unlimited") {
        return Err("a limit is needed: what never ends can be neither refused nor cut off".into());
    }
    let too_long = || "it is too long: its seconds do not fit into 64 bits".to_owned();
    let mut total: u64 = 0;
    let mut number: Option<u64> = None;
    let mut units = 0_u32;
    for letter in text.chars() {
        if let Some(digit) = letter.to_digit(10) {
            let so_far = number.unwrap_or(0).checked_mul(10);
            number = Some(so_far.and_then(|n| n.checked_add(u64::from(digit))).ok_or_else(too_long)?);
            continue;
        }
        let Some((_, seconds)) = UNITS.iter().find(|(unit, _)| *unit == letter) else {
            return Err(expected());
        };
        let part = number.take().ok_or_else(expected)?.checked_mul(*seconds).ok_or_else(too_long)?;
        total = total.checked_add(part).ok_or_else(too_long)?;
        units += 1;
    }
    match (number, units) {
        (None, 0) => Err(expected()),
        (None, _) => Ok(total),
        (Some(seconds), 0) => Ok(seconds),
        (Some(_), _) => Err("the last number lacks its unit (s, m, h, d or w)".into()),
    }
}

fn expected() -> String {
    "expected a duration such as 30s, 5m, 2h, 1d, 1d5h or 1w; a bare number is seconds".into()
}

/// Parses how long a caller is willing to wait, into milliseconds; `0` means not at all.
///
/// # Errors
/// As [`parse`], or more than the 49 days that fit on the wire.
pub(crate) fn parse_timeout(text: &str) -> Result<u32, String> {
    let milliseconds = parse(text)?.checked_mul(1000).and_then(|ms| u32::try_from(ms).ok());
    milliseconds.ok_or_else(|| "expected 49d at most".into())
}

/// Parses how long something may live, which is not nothing.
///
/// # Errors
/// As [`parse`], or it is zero.
pub(crate) fn parse_life(text: &str) -> Result<u64, String> {
    match parse(text)? {
        0 => Err("expected at least one second".into()),
        seconds => Ok(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_and_combinations() {
        for (text, seconds) in [
            ("0", 0),
            ("0s", 0),
            ("45", 45),
            ("30s", 30),
            ("5m", 300),
            ("2h", 7200),
            ("1d", 86_400),
            ("1d5h", 104_400),
            ("1w", 604_800),
            ("1w2d3h4m5s", 788_645),
            ("007", 7),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "h5", "5x", "5 m", "-5", "+5", "1.5h", "5S", "1d5", "٣s", "5mm", "five"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("1d5").unwrap_err().contains("lacks its unit"));
    }

    #[test]
    fn overflow_is_refused() {
        for text in ["18446744073709551616", "18446744073709551615m", "30500568904944w99999999999w"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("18446744073709551615s1s").unwrap_err().contains("64 bits"));
    }

    #[test]
    fn endless_is_refused_with_the_reason() {
        for text in ["infinite", "unlimited", "Infinite"] {
            assert!(parse(text).unwrap_err().contains("a limit is needed"), "{text}");
        }
    }

    #[test]
    fn timeouts_fit_the_wire() {
        assert_eq!(parse_timeout("0"), Ok(0));
        assert_eq!(parse_timeout("10s"), Ok(10_000));
        assert_eq!(parse_timeout("49d"), Ok(4_233_600_000));
        assert_eq!(parse_timeout("50d"), Err("expected 49d at most".into()));
    }

    proptest! {
        #[test]
        fn any_text_ends_in_an_answer(text in ".{0,30}") {
            if let Ok(seconds) = parse(&text) {
                prop_assert!(text.chars().any(|letter| letter.is_ascii_digit()));
                prop_assert!(seconds == 0 || text.chars().any(|letter| ('1'..='9').contains(&letter)));
            }
        }

        #[test]
        fn parts_add_up(days in 0_u64..1000, hours in 0_u64..1000, seconds in 0_u64..1000) {
            let text = format!("{days}d{hours}h{seconds}s");
            prop_assert_eq!(parse(&text), Ok(days * 86_400 + hours * 3600 + seconds));
        }
    }
}
