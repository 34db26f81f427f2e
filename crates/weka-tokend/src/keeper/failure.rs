//! Failed calls in the engine's words.

use engine::Failure;
use engine::caution::USUAL_LOCKOUT;
use weka_rest::ApiError;

/// What an exchange was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new pair by the one before.
    Refresh,
    /// A new pair by a password.
    Login,
    /// A long-lived token.
    Generate,
}

/// A failed call in the engine's words.
#[must_use]
pub(super) fn failure_of(error: &ApiError, purpose: Purpose) -> Failure {
    match error {
        // It asked for more than the cluster grants, or grants this user.
        ApiError::Rejected { .. } | ApiError::Forbidden { .. } if purpose == Purpose::Generate => {
            Failure::Rejected
        }
        ApiError::Unauthorized { .. } => Failure::Unauthorized,
        // WEKA 5.1 API: 400 says that this is no refresh token, or no login.
        ApiError::Rejected { status: 400, .. } => Failure::Rejected,
        ApiError::LockedOut { wait, .. } => Failure::Locked { wait: *wait },
        // WEKA answers a locked-out login with 403; where it does not say so, stopping is still the safe reading.
        ApiError::Forbidden { .. } if purpose == Purpose::Login => Failure::Locked { wait: None },
        // A refresh may be forbidden for other reasons (a policy, a proxy): it waits as long, but keeps nobody from
        // logging in.
        ApiError::Forbidden { .. } => Failure::Unavailable { retry_after: Some(USUAL_LOCKOUT) },
        ApiError::Busy { status: 429, retry_after, .. } => Failure::Throttled { retry_after: *retry_after },
        ApiError::Busy { retry_after, .. } => Failure::Unavailable { retry_after: *retry_after },
        ApiError::Unreachable { sent, .. } => Failure::Unreachable { sent: *sent },
        ApiError::Untrusted { .. } => Failure::Untrusted,
        ApiError::Misconfigured { .. } => Failure::Misconfigured,
        // Other answers say nothing about the tokens: a proxy's 404 must not throw a good refresh token away.
        _ => Failure::Unreachable { sent: true },
    }
}
