//! What a person should know of a profile: `status` says the first of it, `doctor` all.

use std::fmt;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about, as `doctor` names it: `sink`, `token-file`.
    pub check: &'static str,
    /// What is wrong, naming the thing and the place, without a full stop.
    pub words: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// It stays like this until somebody does something; anything else is tried again, or passes.
    pub needs_person: bool,
}

impl Note {
    /// Something that passes.
    pub(crate) fn passing(check: &'static str, words: impl Into<String>) -> Self {
        Self { check, words: words.into(), remedy: None, needs_person: false }
    }

    /// Something that stays until somebody mends it.
    pub(crate) fn lasting(check: &'static str, words: impl Into<String>) -> Self {
        Self { needs_person: true, ..Self::passing(check, words) }
    }

    /// Adds what to do.
    pub(crate) fn then(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.remedy {
            Some(remedy) => write!(f, "{}; {remedy}", self.words),
            None => f.write_str(&self.words),
        }
    }
}
