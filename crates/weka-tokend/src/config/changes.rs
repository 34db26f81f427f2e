//! What a login or a decision about trust changes of a profile's settings.

use super::{ProfileConfig, TokenFile};
use std::path::PathBuf;
use weka_rest::{Endpoint, Fingerprint, Trust};

/// What of a profile is to change; `None` leaves it alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileChanges {
    /// `endpoints`.
    pub endpoints: Option<Vec<Endpoint>>,
    /// `org` (or `tenant`, where the file has that).
    pub org: Option<String>,
    /// `username`.
    pub username: Option<String>,
    /// `ca_file` and `fingerprint`, of which at most one stays.
    pub trust: Option<TrustChange>,
    /// `token_file`, an absolute path.
    pub token_file: Option<PathBuf>,
}

/// How certificates are to be judged from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustChange {
    /// By the system's roots alone.
    SystemRoots,
    /// By this PEM file (absolute path) besides.
    CaFile(PathBuf),
    /// By this fingerprint alone.
    Fingerprint(Fingerprint),
}

impl From<Trust> for TrustChange {
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::CaFile(path) => Self::CaFile(path),
            Trust::Fingerprint(pin) => Self::Fingerprint(pin),
            Trust::SystemRoots => Self::SystemRoots,
        }
    }
}

impl ProfileChanges {
    /// Makes them in settings that hold, as saving makes them in the file.
    pub(crate) fn put_over(&self, config: &mut ProfileConfig) {
        if let Some(endpoints) = &self.endpoints {
            config.endpoints.clone_from(endpoints);
            config.endpoints_configured = true;
        }
        if self.org.is_some() {
            config.org.clone_from(&self.org);
        }
        if self.username.is_some() {
            config.username.clone_from(&self.username);
        }
        match &self.trust {
            None => {}
            Some(TrustChange::SystemRoots) => config.trust = Trust::SystemRoots,
            Some(TrustChange::CaFile(path)) => config.trust = Trust::CaFile(path.clone()),
            Some(TrustChange::Fingerprint(pin)) => config.trust = Trust::Fingerprint(*pin),
        }
        if let Some(path) = &self.token_file {
            config.token_file = TokenFile::Kept(path.clone());
        }
    }

    /// Adds whatever else tells `config` from what the file says of the profile, such as what an earlier login was not to
    /// save: the file is to make the same profile of it.
    pub(crate) fn complete(&mut self, filed: &ProfileConfig, config: &ProfileConfig) {
        let has_other_endpoints = !filed.endpoints_configured || filed.endpoints != config.endpoints;
        if config.endpoints_configured && has_other_endpoints {
            self.endpoints = Some(config.endpoints.clone());
        }
        if config.org != filed.org {
            self.org.clone_from(&config.org);
        }
        if config.username != filed.username {
            self.username.clone_from(&config.username);
        }
        if config.trust != filed.trust {
            self.trust = Some(config.trust.clone().into());
        }
        if let TokenFile::Kept(path) = &config.token_file
            && config.token_file != filed.token_file
        {
            self.token_file = Some(path.clone());
        }
    }

    /// Whether nothing is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
