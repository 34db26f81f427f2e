//! Token lifetimes and rotation, changeable while the cluster runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration::Dur;
use crate::options::Options;

/// The `default_tokens_expiry` of the cluster and what the simulator adds to it. Lifetimes in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Settings {
    pub(crate) access_ttl: u64,
    pub(crate) refresh_ttl: u64,
    pub(crate) max_access_ttl: u64,
    pub(crate) max_refresh_ttl: u64,
    pub(crate) single_use_refresh: bool,
    /// Whether a wish beyond the maximum is cut down to it instead of refused with 400.
    pub(crate) clamp_over_max: bool,
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            access_ttl: options.access_ttl.as_secs(),
            refresh_ttl: options.refresh_ttl.as_secs(),
            max_access_ttl: options.max_access_ttl.as_secs(),
            max_refresh_ttl: options.max_refresh_ttl.as_secs(),
            single_use_refresh: options.single_use_refresh,
            clamp_over_max: false,
        }
    }
}

/// A change; what is absent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    access_ttl: Option<Dur>,
    refresh_ttl: Option<Dur>,
    max_access_ttl: Option<Dur>,
    max_refresh_ttl: Option<Dur>,
    single_use_refresh: Option<bool>,
    clamp_over_max: Option<bool>,
    lockout_failures: Option<u64>,
    lockout_duration: Option<Dur>,
    lockout_prolongs: Option<bool>,
}

impl Change {
    pub(crate) fn apply(&self, settings: &mut Settings, lockout: &mut crate::lockout::Policy) {
        let set = |to: &mut u64, from: Option<Dur>| {
            if let Some(Dur(duration)) = from {
                *to = duration.as_secs();
            }
        };
        set(&mut settings.access_ttl, self.access_ttl);
        set(&mut settings.refresh_ttl, self.refresh_ttl);
        set(&mut settings.max_access_ttl, self.max_access_ttl);
        set(&mut settings.max_refresh_ttl, self.max_refresh_ttl);
        settings.single_use_refresh = self.single_use_refresh.unwrap_or(settings.single_use_refresh);
        settings.clamp_over_max = self.clamp_over_max.unwrap_or(settings.clamp_over_max);
        lockout.num_failed_logins = self.lockout_failures.unwrap_or(lockout.num_failed_logins);
        let duration: Duration = self.lockout_duration.map_or(lockout.lockout_duration, |Dur(d)| d);
        lockout.lockout_duration = duration;
        lockout.attempts_prolong = self.lockout_prolongs.unwrap_or(lockout.attempts_prolong);
    }
}
