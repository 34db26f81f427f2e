//! [`ProfileName`].

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name, in bytes: as long as WEKA's own CLI allows.
const MAX_NAME: usize = 50;

/// The name of a profile: 1 to 50 letters, digits, `-` and `_`, as in WEKA's own CLI, and no `-` in front.
///
/// So it can stand in a file name, in the name of a stored descriptor and behind an option as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(Arc<str>);

/// A text that is no [`ProfileName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a profile's name is 1 to 50 letters, digits, `-` or `_`")]
pub struct ProfileNameError(&'static str);

impl ProfileName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProfileName {
    /// `default`.
    fn default() -> Self {
        Self("default".into())
    }
}

impl TryFrom<&str> for ProfileName {
    type Error = ProfileNameError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Err(ProfileNameError("the name is empty"));
        }
        if text.len() > MAX_NAME {
            return Err(ProfileNameError("the name is too long"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(ProfileNameError("the name holds other characters"));
        }
        if text.starts_with('-') {
            return Err(ProfileNameError("the name starts with `-`"));
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text)
    }
}

impl AsRef<str> for ProfileName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ProfileName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_that_fit_everywhere() {
        for good in ["default", "a", "A_b-9", &"x".repeat(50)] {
            assert_eq!(ProfileName::try_from(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("", "the name is empty"),
            ("a b", "the name holds other characters"),
            ("../x", "the name holds other characters"),
            ("a.b", "the name holds other characters"),
            ("é", "the name holds other characters"),
            ("-p", "the name starts with `-`"),
            (&"x".repeat(51), "the name is too long"),
        ] {
            let error = ProfileName::try_from(bad).unwrap_err().to_string();
            assert!(error.starts_with(why), "{bad}: {error}");
        }
    }
}
