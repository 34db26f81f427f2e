//! [`Fingerprint`]: the SHA-256 of a certificate.

use std::fmt;
use std::str::FromStr;

/// SHA-256 of a certificate's DER encoding, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// A text that is not a [`Fingerprint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a fingerprint: expected sha256: and 64 hexadecimal digits, with or without colons")]
pub struct FingerprintError {
    text: String,
}

impl Fingerprint {
    /// The fingerprint of a certificate given as DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (kind, hex) = text.split_at_checked(7)?;
        if !kind.eq_ignore_ascii_case("sha256:") {
            return None;
        }
        // With colons (as openssl prints it) there must be one between any two bytes.
        let digits: String = if hex.contains(':') {
            let pairs: Vec<&str> = hex.split(':').collect();
            if pairs.iter().any(|pair| pair.len() != 2) {
                return None;
            }
            pairs.concat()
        } else {
            hex.to_owned()
        };
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        Self::parse(text).ok_or_else(|| FingerprintError {
            text: text.chars().filter(|c| !c.is_control()).take(120).collect(),
        })
    }
}

impl TryFrom<&str> for Fingerprint {
    type Error = FingerprintError;

    fn try_from(text: &str) -> Result<Self, FingerprintError> {
        text.parse()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of the three bytes `abc` (FIPS 180-4, example).
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn it_is_the_sha_256_of_the_bytes() {
        assert_eq!(Fingerprint::of(b"abc").to_string(), ABC);
        assert_eq!(format!("{:?}", Fingerprint::of(b"abc")), ABC);
        assert_eq!(Fingerprint::from(*Fingerprint::of(b"abc").as_bytes()).to_string(), ABC);
    }

    #[test]
    fn it_is_read_as_openssl_and_browsers_write_it() {
        let pairs: Vec<String> =
            ABC.as_bytes()[7..].chunks(2).map(|b| String::from_utf8_lossy(b).to_uppercase()).collect();
        let colons = format!("SHA256:{}", pairs.join(":"));
        for text in [ABC, &ABC.to_uppercase(), &colons, &format!(" {ABC}\n")] {
            assert_eq!(text.parse::<Fingerprint>().unwrap().to_string(), ABC, "{text}");
        }
    }

    #[test]
    fn anything_else_is_named() {
        let short = &ABC[..ABC.len() - 1];
        for text in [
            "",
            "sha256:",
            &ABC[7..],
            short,
            &format!("{ABC}0"),
            &ABC.replace("ba", "bx"),
            "sha1:00",
            "sha256:ba:7816",
            "äöüäöüä",
        ] {
            let error = Fingerprint::try_from(text).unwrap_err().to_string();
            assert!(error.contains("64 hexadecimal digits"), "{error}");
            assert!(error.contains(text), "{error}");
        }
    }
}
