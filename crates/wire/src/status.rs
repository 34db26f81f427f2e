//! What `status` shows.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The state of a profile. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The daemon has just started and is looking for tokens.
    Starting,
    /// A live token, and the last renewal worked.
    Ready,
    /// A live token, but the last renewal or the last save failed.
    Degraded,
    /// No live token, and the cluster cannot be reached.
    Unreachable,
    /// The cluster's certificate is not trusted yet.
    Untrusted,
    /// No usable token and nothing to get one with: a person has to log in.
    LoginRequired,
    /// The cluster has locked the account for a while.
    LockedOut,
    /// A person has logged out.
    LoggedOut,
}

impl State {
    /// The word used in `status`, its JSON and the logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::LoginRequired => "login-required",
            Self::LockedOut => "locked-out",
            Self::LoggedOut => "logged-out",
        }
    }

    /// Whether only a person (or time, for a lockout) can end this state.
    #[must_use]
    pub const fn needs_a_person(self) -> bool {
        matches!(self, Self::Untrusted | Self::LoginRequired | Self::LockedOut | Self::LoggedOut)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The answer to [`crate::Request::Status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Moves whenever anything below changes by itself (not by a countdown).
    pub revision: u64,
    /// The daemon.
    pub daemon: DaemonStatus,
    /// The profiles the caller may see, in order of name.
    pub profiles: Vec<ProfileStatus>,
    /// Whether the list goes on: ask again with `after_name`.
    pub more: bool,
}

/// The daemon itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// How long it has run, in seconds.
    pub uptime_s: u64,
    /// The socket it answers on.
    pub socket: String,
    /// The profile used when none is named.
    pub default_profile: String,
    /// Things a person should know, such as a configuration that was refused at reload.
    pub notes: Vec<String>,
}

/// One profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileStatus {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// WEKA user name, where known.
    pub username: Option<String>,
    /// Organisation, where known.
    pub org: Option<String>,
    /// The endpoint in use, as `https://host:port`.
    pub endpoint: Option<String>,
    /// Remaining life of the access token, in seconds; `None` without a live one.
    pub access_expires_in_s: Option<u64>,
    /// Whole life of that access token, in seconds.
    pub access_life_s: Option<u64>,
    /// Until the next renewal, in seconds.
    pub next_refresh_in_s: Option<u64>,
    /// Renewals that worked since the daemon started.
    pub refreshes_total: u64,
    /// Renewals that failed.
    pub refresh_failures_total: u64,
    /// Tokens handed out.
    pub gets_total: u64,
    /// The last failure, in words; cleared by the next success.
    pub last_error: Option<String>,
    /// How long a lockout lasts still, in seconds.
    pub locked_for_s: Option<u64>,
    /// The token file kept fresh, if any.
    pub token_file: Option<String>,
    /// What a person should do, such as `run: weka-token login -p prod`.
    pub next_step: Option<String>,
    /// Anything else a person should know, such as an unreadable token file.
    pub notes: Vec<String>,
}
