//! What `doctor` finds.

use serde::{Deserialize, Serialize};

/// How bad a finding is. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but somebody should know.
    Warn,
    /// Somebody has to do something.
    Bad,
    /// It could not be looked at.
    NotChecked,
}

impl Level {
    /// The word used in `doctor --json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::NotChecked => "not-checked",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at, in a word: `dns`, `tls`, `clock`.
    pub check: String,
    /// How bad it is.
    pub level: Level,
    /// What was found, naming the thing and the place, without a full stop.
    pub message: String,
    /// What to do about it.
    pub fix: Option<String>,
}

impl Finding {
    /// A finding that asks for nothing.
    pub fn new(check: impl Into<String>, level: Level, message: impl Into<String>) -> Self {
        Self { check: check.into(), level, message: message.into(), fix: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}
