//! Answers, for the dialog that waits for one.

use weka_token::client::Offers;
use weka_token::failure::{FAILED, Failure};
use wire::{Finding, ProfileSettings, Response};

/// An answer that came for somebody.
#[derive(Debug)]
pub(crate) enum Answer {
    /// What the daemon knows of a profile.
    Described(Result<(Box<ProfileSettings>, Offers), Failure>),
    /// What is wrong.
    Examined(Vec<Finding>),
    /// Anything else.
    Response(Result<Box<Response>, Failure>),
}

/// The daemon's answer belongs to another question.
#[must_use]
pub(crate) fn unexpected() -> Failure {
    Failure::new(FAILED, "the daemon's answer does not fit the question")
        .then("upgrade weka-token-ui and weka-tokend to the same version")
}
