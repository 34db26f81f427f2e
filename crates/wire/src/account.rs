//! Accounts: long-lived tokens, passwords, and the profiles that stand for them.

use crate::message::Token;
use crate::status::State;
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

/// A profile among all that there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileEntry {
    /// Its name.
    pub name: String,
    /// Whether it is the one that is meant where none is named.
    pub is_default: bool,
    /// Its endpoints, as `https://host:port`; empty where its configuration is wrong.
    pub endpoints: Vec<String>,
    /// Organisation, where known.
    pub org: Option<String>,
    /// WEKA user name, where known.
    pub username: Option<String>,
    /// Its state; `None` where its configuration is wrong.
    pub state: Option<State>,
}

/// A change of which profiles there are, in the configuration file and at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProfileEdit {
    /// One more.
    Add {
        /// Its name.
        name: String,
    },
    /// One less: its tokens are forgotten.
    Remove {
        /// Its name.
        name: String,
    },
    /// Another name for one, which keeps its tokens.
    Rename {
        /// Its name so far.
        old: String,
        /// Its name from now on.
        new: String,
    },
    /// The one that is meant where none is named.
    SetDefault {
        /// Its name.
        name: String,
    },
}
