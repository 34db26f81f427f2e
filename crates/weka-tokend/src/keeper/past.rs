//! What the last daemon knew that speaks against a password of the source.

use crate::account::Account;
use crate::clock;
use crate::remembered::{RefusedPassword, Remembered};
use engine::{Moment, Pause};
use std::time::Duration;

/// What speaks against sending a password of the source: one that was refused, one whose login got no answer, and for whom
/// a login was under way when the last daemon ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    pub(super) refused: Option<RefusedPassword>,
    pub(super) doubted: Option<(RefusedPassword, Pause)>,
    pub(super) attempted: Option<(Account, Pause)>,
}

impl Past {
    /// What is kept of that, by the clock that goes on in sleep.
    pub(super) fn of(kept: &Remembered, now: Moment) -> Self {
        let unix = clock::unix_now_s();
        // A clock that was set back makes nobody wait longer than was meant.
        let pause = |until: i64, length_s: u64| {
            let left = Duration::from_secs(u64::try_from(until.saturating_sub(unix)).unwrap_or(0));
            let length = Duration::from_secs(length_s);
            Pause { until: now + left.min(length), length }.recalled(now)
        };
        let doubted = kept.doubted.as_ref();
        let attempted = kept.attempted.as_ref();
        Self {
            refused: kept.refused.clone(),
            doubted: doubted.map(|kept| (kept.password.clone(), pause(kept.until, kept.pause_s))),
            attempted: attempted.map(|kept| (kept.account.clone(), pause(kept.until, kept.pause_s))),
        }
    }
}
