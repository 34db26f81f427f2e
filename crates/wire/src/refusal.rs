//! Why a request was not served.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of refusal. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Code {
    /// It failed in a way no other code names.
    Failed,
    /// There is no such profile.
    NoSuchProfile,
    /// Even a fresh token would live less than the caller asked for.
    MinTtlTooLong,
    /// Somebody has to log in.
    LoginRequired,
    /// The cluster's certificate is not trusted yet.
    Untrusted,
    /// The account is locked out for a while.
    LockedOut,
    /// The cluster refused this user name and password.
    WrongPassword,
    /// No live token, and the cluster cannot be reached.
    Unreachable,
    /// The caller may not do this.
    NotPermitted,
    /// Too many connections or requests; try again.
    Busy,
    /// The profile's configuration is wrong.
    Misconfigured,
    /// The request makes no sense (a bad endpoint, a bad fingerprint).
    BadRequest,
    /// The request is one that this daemon does not serve.
    Unsupported,
}

impl Code {
    /// The client's exit status: 1 failed, 2 usage, 4 a person is needed, 5 cluster unreachable, 6 not permitted.
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Failed
            | Self::NoSuchProfile
            | Self::MinTtlTooLong
            | Self::Busy
            | Self::Misconfigured
            | Self::Unsupported => 1,
            Self::BadRequest => 2,
            Self::LoginRequired | Self::Untrusted | Self::LockedOut | Self::WrongPassword => 4,
            Self::Unreachable => 5,
            Self::NotPermitted => 6,
        }
    }
}

/// A refusal: a code for programs, sentences for people. It never quotes a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind.
    pub code: Code,
    /// What is wrong, naming the thing and the place, without a full stop.
    pub message: String,
    /// What to do next, such as `run: weka-token login -p prod`.
    pub next_step: Option<String>,
}

impl Refusal {
    /// A refusal without a next step.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), next_step: None }
    }

    /// Adds the next step.
    #[must_use]
    pub fn then(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = Some(next_step.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.next_step {
            Some(step) => write!(f, "; {step}"),
            None => Ok(()),
        }
    }
}
