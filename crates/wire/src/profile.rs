//! The profiles that the daemon keeps.

use crate::cluster::Trust;
use crate::status::State;
use serde::{Deserialize, Serialize};

/// What is known of a profile before a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSettings {
    /// Its name.
    pub name: String,
    /// Whether the daemon has such a profile already.
    pub exists: bool,
    /// Configured endpoints, as `https://host:port`; empty when none are configured.
    pub endpoints: Vec<String>,
    /// Configured organisation.
    pub org: Option<String>,
    /// Configured or last used WEKA user name.
    pub username: Option<String>,
    /// Configured trust.
    pub trust: Trust,
    /// The token file that is kept fresh, if any.
    pub token_file: Option<String>,
    /// Where `login` would save the profile; `None` where it cannot.
    pub saved_to: Option<String>,
    /// Its state.
    pub state: State,
    /// How long the longest lockout lasts still that is known of any account of this profile, in seconds. Whether it
    /// is that of a certain account says [`crate::Request::MayLogIn`].
    pub locked_for_s: Option<u64>,
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
