//! The configuration: what a file says, as types that the rest of the daemon need not check again.
//!
//! - [`load()`] reads and checks a file, and reports every mistake with file, line and key
//! - [`save`](mod@save) changes a profile in place, with comments and order kept
//! - [`filing`] makes sure that the file says what a login has settled
//! - [`duration`] is the `2s`, `1d5h` of the command line

pub mod changes;
pub mod duration;
mod error;
pub mod filing;
mod load;
mod name;
mod parse;
mod profile;
pub mod save;
mod section;
mod sink;

pub use error::ConfigError;
pub use load::{Loaded, Mark, load};
pub use name::{ProfileName, ProfileNameError};

use crate::password_source::PasswordSource;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use weka_rest::{DEFAULT_PORT, Endpoint, Settings, Trust};

/// Everything a configuration file says that is not about one profile, and the good profiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The profile that requests without a name mean.
    pub default_profile: ProfileName,
    /// Every profile without a mistake, the default one included even if no file mentions it.
    /// Empty where the whole file could not be used.
    pub profiles: BTreeMap<ProfileName, ProfileConfig>,
    /// The file that was read; `None` where there is none, which is no mistake for the usual place.
    pub source: Option<PathBuf>,
}

impl Config {
    /// How many sessions there are: one for each profile, and one for each sink with a login of its own.
    #[must_use]
    pub fn sessions(&self) -> usize {
        let own = |profile: &ProfileConfig| {
            profile.sinks.iter().filter(|sink| sink.session == SinkSession::Own).count()
        };
        self.profiles.values().map(|profile| 1 + own(profile)).sum()
    }
}

/// One profile: a cluster, an account there, and what to do with its tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileConfig {
    /// Where the cluster's API listens, in the order of preference; never empty.
    pub endpoints: Vec<Endpoint>,
    /// Whether `endpoints` stands in the file; else it is `https://localhost:14000`.
    pub endpoints_configured: bool,
    /// Organisation (tenant) name.
    pub org: Option<String>,
    /// WEKA user name.
    pub username: Option<String>,
    /// How the cluster's certificate is judged.
    pub trust: Trust,
    /// The token file.
    pub token_file: TokenFile,
    /// Where a password comes from without a person; `username` is set where this is.
    pub password: Option<PasswordSource>,
    /// The share of an access token's life after which it is renewed, above 0 and below 1.
    pub refresh_at: f64,
    /// For each attempt to connect, name lookup and TLS included.
    pub connect_timeout: Duration,
    /// For each whole exchange.
    pub request_timeout: Duration,
    /// Whether plain http may be spoken to other hosts than loopback.
    pub allow_http: bool,
    /// Who besides the daemon's own user and root may have the access token (host service).
    pub allow: Vec<Allow>,
    /// Files that are kept fresh for others.
    pub sinks: Vec<SinkConfig>,
}

impl ProfileConfig {
    /// What the REST client needs to know of this profile's cluster.
    #[must_use]
    pub fn rest_settings(&self) -> Settings {
        Settings {
            endpoints: self.endpoints.clone(),
            trust: self.trust.clone(),
            connect_timeout: self.connect_timeout,
            request_timeout: self.request_timeout,
            allow_http: self.allow_http,
        }
    }
}

impl ProfileConfig {
    /// Whether tokens of one of the two may be used with the other: the same cluster, as far as a common
    /// endpoint tells, and the same user there. `any_cluster`: nothing is known yet of where they came from.
    #[must_use]
    pub fn is_same_account(&self, other: &Self, any_cluster: bool) -> bool {
        let org = |config: &Self| config.org.as_deref().unwrap_or("Root").to_lowercase();
        let same_user =
            self.username.is_none() || other.username.is_none() || self.username == other.username;
        let same_cluster =
            any_cluster || self.endpoints.iter().any(|endpoint| other.endpoints.contains(endpoint));
        same_cluster && same_user && org(self) == org(other)
    }
}

impl Default for ProfileConfig {
    /// A profile of which the file says nothing, and without a token file.
    fn default() -> Self {
        Self {
            endpoints: local_endpoint(),
            endpoints_configured: false,
            org: None,
            username: None,
            trust: Trust::SystemRoots,
            token_file: TokenFile::None,
            password: None,
            refresh_at: 0.8,
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(6),
            allow_http: false,
            allow: Vec::new(),
            sinks: Vec::new(),
        }
    }
}

/// `https://localhost:14000`, which WEKA backends and clients alike listen on.
fn local_endpoint() -> Vec<Endpoint> {
    format!("https://localhost:{DEFAULT_PORT}").parse().into_iter().collect()
}

/// What a profile does with a token file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFile {
    /// It has none: tokens stay in memory.
    None,
    /// Taken over where it exists or appears, and then kept fresh, but never created.
    AdoptOnly(PathBuf),
    /// Written at login, taken over at start, and kept fresh.
    Kept(PathBuf),
}

impl TokenFile {
    /// The path, whoever creates the file.
    #[must_use]
    pub fn path(&self) -> Option<&std::path::Path> {
        match self {
            Self::None => None,
            Self::AdoptOnly(path) | Self::Kept(path) => Some(path),
        }
    }

    /// Whether the daemon may create the file.
    #[must_use]
    pub const fn may_create(&self) -> bool {
        matches!(self, Self::Kept(_))
    }
}

/// Someone who may have a profile's access token. Names are looked up at each check, not here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Allow {
    /// A user, by name or number.
    User(String),
    /// A group, by name or number.
    Group(String),
}

impl std::fmt::Display for Allow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

/// A file that is kept fresh for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkConfig {
    /// Where; absolute.
    pub path: PathBuf,
    /// Its mode, such as `0o640`.
    pub mode: u32,
    /// Its group, one of the daemon's own.
    pub group: Option<String>,
    /// What stands in it.
    pub content: SinkContent,
    /// Whose tokens.
    pub session: SinkSession,
}

/// What stands in a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SinkContent {
    /// The pair, as in a token file.
    #[default]
    Pair,
    /// The access token and a newline.
    Access,
    /// `Authorization: Bearer TOKEN` and a newline.
    Header,
}

/// Whose tokens a sink holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SinkSession {
    /// The profile's.
    #[default]
    Shared,
    /// Those of a login of its own.
    Own,
}
