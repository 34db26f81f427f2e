//! How long nothing is sent once something went wrong, so that no account is locked, or kept locked: one rule for a
//! session, and for whoever lets several of them send the same password.

use crate::time::Moment;
use std::time::Duration;

/// A lockout that does not say how long it lasts: WEKA's default of two minutes, and a little.
pub const USUAL_LOCKOUT: Duration = Duration::from_secs(125);
/// The longest lockout that is believed without asking again.
pub const LONGEST_LOCKOUT: Duration = Duration::from_secs(3600);
/// A shorter one is none that anybody meant.
const LEAST_LOCKOUT: Duration = Duration::from_secs(1);
/// The pause after a login whose answer was lost; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How long an account counts as locked after the cluster has said so, and perhaps for how long.
#[must_use]
pub fn lockout(wait: Option<Duration>) -> Duration {
    wait.filter(|wait| *wait >= LEAST_LOCKOUT).unwrap_or(USUAL_LOCKOUT).min(LONGEST_LOCKOUT)
}

/// Nothing is sent for a while after a login that got no answer: it may count as a failed one, and a few of those
/// (five, by WEKA's default) lock the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Until when.
    pub until: Moment,
    /// How long that is; the next time it is twice as long.
    pub length: Duration,
}

impl Pause {
    /// The one that begins now, after another or as the first.
    #[must_use]
    pub fn after(before: Option<Self>, now: Moment) -> Self {
        let length = before.map_or(FIRST_PAUSE, |before| before.length.saturating_mul(2).min(LONGEST_PAUSE));
        Self { until: now + length, length }
    }

    /// It begins once more.
    #[must_use]
    pub fn anew(self, now: Moment) -> Self {
        Self { until: now + self.length, ..self }
    }

    /// One from before a restart, as far as it is believed: a clock that was set back makes nobody wait longer than was
    /// meant.
    #[must_use]
    pub fn recalled(self, now: Moment) -> Self {
        let length = self.length.clamp(FIRST_PAUSE, LONGEST_PAUSE);
        Self { until: self.until.min(now + length), length }
    }

    /// Whether something may be sent again.
    #[must_use]
    pub fn is_over(&self, now: Moment) -> bool {
        self.until <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lockout_is_believed_within_reason() {
        let s = Duration::from_secs;
        for (said, believed) in [
            (None, s(125)),
            (Some(s(0)), s(125)),
            (Some(Duration::from_millis(999)), s(125)),
            (Some(s(1)), s(1)),
            (Some(s(115)), s(115)),
            (Some(s(86_400)), s(3600)),
        ] {
            assert_eq!(lockout(said), believed, "{said:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_an_hour_and_are_no_longer_after_a_restart() {
        let now = Moment::from_millis(1000);
        let mut pause = Pause::after(None, now);
        for seconds in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
            assert_eq!(pause.length, Duration::from_secs(seconds));
            assert!(!pause.is_over(now) && pause.is_over(now + pause.length));
            assert_eq!(pause.recalled(now), pause);
            pause = Pause::after(Some(pause), now);
        }
        let odd = Pause { until: Moment::from_millis(u64::MAX), length: Duration::MAX };
        assert_eq!(odd.recalled(now), pause);
        assert_eq!(Pause::after(Some(odd), now), pause);
    }
}
