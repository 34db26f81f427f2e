//! Accounts: long-lived tokens and passwords.

use crate::message::Token;
use secret::Password;
use serde::{Deserialize, Serialize};

/// A long-lived token, which the daemon does not keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongLived {
    /// It; `expires_in_s` is what the cluster granted.
    pub token: Token,
    /// The life that was asked for, in seconds.
    pub asked_s: u64,
    /// Anything else a person should know, in sentences.
    pub notes: Vec<String>,
}

/// A change of password (WEKA 5.1 API: `PUT /users/password`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePassword {
    /// Which profile.
    pub profile: Option<String>,
    /// The old one: sent once, then wiped.
    pub old_password: Password,
    /// The new one: sent twice, for the change and for the login after it, then wiped.
    pub new_password: Password,
    /// How long the caller is willing to wait, in milliseconds.
    pub timeout_ms: u32,
}
