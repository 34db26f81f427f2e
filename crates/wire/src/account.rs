//! A user's account at the cluster.

use secret::Password;
use serde::{Deserialize, Serialize};

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

/// The cluster's answer to `GET /users/whoami` (WEKA 5.1 API).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whoami {
    /// The profile that was asked for.
    pub profile: String,
    /// The answer's `data`, as one line of compact JSON.
    pub data_json: String,
    /// `username`.
    pub username: Option<String>,
    /// `org_name`.
    pub org: Option<String>,
    /// `role`.
    pub role: Option<String>,
    /// `source`: Internal, LDAP, OIDC.
    pub source: Option<String>,
}
