//! How much life a token must have left to be handed out.

use crate::time::{Lease, Moment};
use std::time::Duration;

/// The least remaining life that a caller gets who asked for none: min(30 s, life/10).
#[must_use]
pub fn default_min_ttl(life: Duration) -> Duration {
    (life / 10).min(Duration::from_secs(30))
}

/// The shortest time between two exchanges that callers cause: min(5 s, life/10).
#[must_use]
pub fn caller_limit(life: Duration) -> Duration {
    (life / 10).min(Duration::from_secs(5))
}

/// What any token must have left, whoever asks: 1 s, so that a whole number of seconds is never 0; half its
/// life where that is less.
#[must_use]
pub fn least_ttl(life: Duration) -> Duration {
    (life / 2).min(Duration::from_secs(1))
}

/// Whether a token can be handed out at all: it has at least [`least_ttl`] left.
#[must_use]
pub fn is_alive(lease: &Lease, now: Moment) -> bool {
    let remaining = lease.remaining(now);
    remaining > Duration::ZERO && remaining >= least_ttl(lease.life)
}

/// Whether a token can be handed out at once to a caller with this explicit least remaining life, or none.
#[must_use]
pub fn serves(lease: &Lease, min_ttl: Option<Duration>, now: Moment) -> bool {
    let least = min_ttl.unwrap_or_else(|| default_min_ttl(lease.life));
    is_alive(lease, now) && lease.remaining(now) >= least
}

/// The first moment at which [`is_alive`] no longer holds.
#[must_use]
pub(crate) fn dead_from(lease: &Lease) -> Moment {
    let usable = lease.life.saturating_sub(least_ttl(lease.life));
    lease.sent_at + usable + Duration::from_millis(1)
}
