//! Tokens, and what belongs to each.

use secret::{AccessToken, MountToken, RefreshToken};
use serde::{Deserialize, Serialize};

/// An access token and what a caller may want to know with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The token.
    pub access_token: AccessToken,
    /// The word before it in an `Authorization` header, `Bearer`.
    pub token_type: String,
    /// Remaining life in whole seconds, rounded down.
    pub expires_in_s: u64,
    /// The profile it belongs to.
    pub profile: String,
    /// The endpoint in use, as `https://host:port`.
    pub endpoint: String,
    /// Organisation, where known.
    pub org: Option<String>,
    /// WEKA user name, where known.
    pub username: Option<String>,
}

/// A pair, for whoever keeps a copy of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Names it: the same pair has the same number, also after a restart of the daemon.
    pub id: u64,
    /// The access token and what belongs to it.
    pub token: Token,
    /// The refresh token; `None` where there is none, or where the caller may have the access token only.
    pub refresh_token: Option<RefreshToken>,
}

/// A pair that is given to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The access token, where there is one.
    pub access_token: Option<AccessToken>,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// The word before the access token in an `Authorization` header, `Bearer`.
    pub token_type: String,
}

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

/// A mount token and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountGrant {
    /// The token.
    pub mount_token: MountToken,
    /// The name of the filesystem that it is for, as the cluster says it.
    pub filesystem: String,
    /// Its life in seconds, where that is known.
    pub expires_in_s: Option<u64>,
    /// What could not be verified, in sentences.
    pub notes: Vec<String>,
}
