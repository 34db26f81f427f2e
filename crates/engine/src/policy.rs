//! What the configuration decides.

use crate::lockouts::AccountId;
use std::time::Duration;

/// The settings of one profile that the life cycle depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The share of an access token's life after which it is renewed, above 0 and below 1.
    pub refresh_at: f64,
    /// How many endpoints the cluster has; at least 1. They are named by index.
    pub endpoints: usize,
    /// Whether there is a password source.
    pub has_source: bool,
    /// How long a password source is left alone after it was read in vain: a command may bother a person.
    pub source_recheck: Duration,
    /// Whose tokens and whose password source they are, where that is known. Where it is not, every lockout may be
    /// theirs.
    pub account: Option<AccountId>,
    /// The seed of phase and jitter: from machine-id, user and profile, so that a fleet does not move in step.
    pub seed: u64,
}
