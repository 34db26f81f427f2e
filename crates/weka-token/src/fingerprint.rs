//! Certificate fingerprints as people paste them.

/// Takes `sha256:` and 64 hexadecimal digits, in either case and with or without colons between the bytes
/// (as openssl prints them), and gives `sha256:` and lower-case digits.
///
/// # Errors
/// What was expected, as a sentence.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    let wrong = || "expected sha256: and 64 hexadecimal digits".to_owned();
    let (name, digits) = text.split_once(':').ok_or_else(wrong)?;
    let digits: String = digits.chars().filter(|&c| c != ':').map(|c| c.to_ascii_lowercase()).collect();
    let whole = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if whole && name.eq_ignore_ascii_case("sha256") {
        return Ok(format!("sha256:{digits}"));
    }
    Err(wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_spellings_become_one() {
        let plain = format!("sha256:{}", "0f".repeat(32));
        let openssl = format!("SHA256:{}", ["0F"; 32].join(":"));
        assert_eq!(parse(&plain), Ok(plain.clone()));
        assert_eq!(parse(&openssl), Ok(plain));
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("sha256:{}", "0".repeat(65));
        let other = format!("sha1:{}", "0".repeat(64));
        let letters = format!("sha256:{}", "g".repeat(64));
        for bad in ["", "sha256:", "sha256", "0f0f", &long, &other, &letters] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
