//! How long an answer is waited for.

use crate::time::Moment;
use std::time::Duration;

/// A wait noticed later than this after its end was slept through: nobody woke us in time.
const OVERSLEPT: Duration = Duration::from_secs(1);

/// A wait with an end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    until: Moment,
}

impl Patience {
    pub(super) fn new(wait: Duration, now: Moment) -> Self {
        Self { until: now + wait }
    }

    pub(super) const fn until(self) -> Moment {
        self.until
    }

    /// Whether it is over. If the machine slept, so did whoever was to answer, and gets a moment more.
    pub(super) fn is_over(&mut self, now: Moment) -> bool {
        if now.since(self.until) > OVERSLEPT {
            self.until = now + OVERSLEPT;
        }
        self.until <= now
    }
}
