//! A login, and what comes of it.

use crate::cluster::Target;
use secret::Password;
use serde::{Deserialize, Serialize};

/// A person's login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Profile, endpoints and trust.
    pub target: Target,
    /// Organisation (tenant) name; `None` means the profile's, or `Root`.
    pub org: Option<String>,
    /// WEKA user name.
    pub username: String,
    /// The password: sent once, then wiped.
    pub password: Password,
    /// Whether to keep a token file from now on.
    pub token_file: TokenFileChoice,
    /// Whether to save the profile to the configuration.
    pub save: bool,
    /// How long the caller is willing to wait, in milliseconds.
    pub timeout_ms: u32,
}

/// Whether `login` sets a token file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenFileChoice {
    /// Leave the profile's setting alone.
    AsConfigured,
    /// The usual place, `~/.weka/auth-token.json` of the daemon's user.
    Usual,
    /// This absolute path.
    Path(String),
}

/// A login that worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// The profile.
    pub profile: String,
    /// The endpoint that answered, as `https://host:port`.
    pub endpoint: String,
    /// Organisation.
    pub org: String,
    /// WEKA user name.
    pub username: String,
    /// Life of the access token, in seconds.
    pub expires_in_s: u64,
    /// The configuration file the profile was saved to, if it was.
    pub saved_to: Option<String>,
    /// The token file that is kept fresh from now on, if any.
    pub token_file: Option<String>,
    /// The cluster wants this password changed.
    pub password_change_required: bool,
    /// Anything else a person should know, in sentences.
    pub notes: Vec<String>,
}
