//! Why a chore could not be done.

use std::fmt::Display;
use std::path::Path;

/// What went wrong, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// One line, without a full stop.
    pub(crate) message: String,
    /// Commands or advice, one line each.
    pub(crate) next_steps: Vec<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), next_steps: Vec::new() }
    }

    /// At a file or folder.
    pub(crate) fn at(path: &Path, error: impl Display) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }

    #[must_use]
    pub(crate) fn then(mut self, next_step: impl Into<String>) -> Self {
        self.next_steps.push(next_step.into());
        self
    }
}
