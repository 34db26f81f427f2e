//! [`ApiError`]: why a call failed, by what the caller does next.

use crate::Endpoint;
use std::time::Duration;

/// Why a call failed. Each text is a sentence for people that names the endpoint; none ever holds a
/// token, a password or part of an answer that could be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// 401: the token or the password was refused.
    #[error("{message}")]
    Unauthorized {
        /// The sentence.
        message: String,
    },
    /// The account is locked out after too many failed logins; every attempt prolongs it.
    #[error("{message}")]
    LockedOut {
        /// How much longer, if the answer said so (at most a day).
        wait: Option<Duration>,
        /// The sentence.
        message: String,
    },
    /// 403 for any other reason.
    #[error("{message}")]
    Forbidden {
        /// The sentence.
        message: String,
    },
    /// Any other 4xx: the request itself was not accepted.
    #[error("{message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The sentence.
        message: String,
    },
    /// 429 or 503: asks for patience.
    #[error("{message}")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, if there was one (at most a day).
        retry_after: Option<Duration>,
        /// The sentence.
        message: String,
    },
    /// Any other 5xx.
    #[error("{message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The sentence.
        message: String,
    },
    /// No answer: name lookup, connection, TLS or time.
    #[error("{endpoint} cannot be reached: {reason}")]
    Unreachable {
        /// Where.
        endpoint: Endpoint,
        /// In plain words.
        reason: String,
        /// False only where it is certain that not one byte of the request's body left this machine
        /// (of the request itself, for calls without a body).
        sent: bool,
    },
    /// An answer, but none that makes sense: not JSON, the wrong shape, cut short, too long, or a
    /// redirect that may not be followed.
    #[error("{endpoint} gave an answer that makes no sense: {reason}")]
    BadReply {
        /// Where.
        endpoint: Endpoint,
        /// In plain words.
        reason: String,
    },
    /// The certificate is not trusted, or not the pinned one. Nothing was sent.
    #[error("{endpoint} is not trusted: {reason}")]
    Untrusted {
        /// Where.
        endpoint: Endpoint,
        /// In plain words.
        reason: String,
    },
    /// A setting has to change before this can work. Nothing was sent.
    #[error("{reason}")]
    Misconfigured {
        /// In plain words, naming the file or the setting.
        reason: String,
    },
}

impl ApiError {
    /// Whether the cluster may have done what it was asked to: the request went out, and no answer says that it was
    /// refused. A gateway's 502 or 504 says nothing of what the backend behind it did.
    #[must_use]
    pub const fn leaves_open(&self) -> bool {
        matches!(self, Self::Unreachable { sent: true, .. } | Self::Server { .. } | Self::BadReply { .. })
    }
}
