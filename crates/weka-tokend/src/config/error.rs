//! [`ConfigError`].

use super::ProfileName;
use std::fmt;
use std::path::PathBuf;

/// One mistake in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; `None` where the mistake is about the file as a whole.
    pub line: Option<usize>,
    /// The key as a dotted path, such as `profile.prod.refresh_at`; `None` as for `line`, and for bad syntax.
    pub key: Option<String>,
    /// What is wrong and what was expected. It never quotes the value of a key that may hold a secret.
    pub message: String,
    /// The profile that the mistake disables; `None` where it is not within one.
    pub profile: Option<ProfileName>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": {key}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigError {}
