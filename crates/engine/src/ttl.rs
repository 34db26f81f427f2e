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

/// The last moment at which [`serves`] holds for a caller who asks for no least remaining life; a moment before the
/// token was fetched where there is none.
#[must_use]
pub fn serves_until(lease: &Lease) -> Moment {
    let least = default_min_ttl(lease.life).max(least_ttl(lease.life)).max(Duration::from_millis(1));
    let usable = lease.expires_at().as_millis().saturating_sub(whole_millis_up(least));
    Moment::from_millis(usable)
}

fn whole_millis_up(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The first moment at which [`is_alive`] no longer holds.
#[must_use]
pub(crate) fn dead_from(lease: &Lease) -> Moment {
    let usable = lease.life.saturating_sub(least_ttl(lease.life));
    lease.sent_at + usable + Duration::from_millis(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_moment_that_serves_is_just_that() {
        let sent_at = Moment::from_millis(5_000_000);
        for life_us in
            [0, 1, 999, 1000, 1500, 9_999, 700_000, 2_500_500, 25_400_007, 300_000_000, 86_400_000_000]
        {
            let lease = Lease { sent_at, life: Duration::from_micros(life_us) };
            let last = serves_until(&lease);
            assert!(last < sent_at || serves(&lease, None, last), "{life_us}");
            assert!(!serves(&lease, None, last + Duration::from_millis(1)), "{life_us}");
        }
    }
}
