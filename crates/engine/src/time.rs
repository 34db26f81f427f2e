//! Moments and leases.

use std::ops::Add;
use std::time::Duration;

/// A reading of CLOCK_BOOTTIME in milliseconds: it runs on while the machine sleeps, and no one can set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// A reading in milliseconds since boot.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since boot.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long it is from `earlier` to this moment; zero if that lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// How long it is from this moment to `later`; zero if that is past.
    #[must_use]
    pub const fn until(self, later: Self) -> Duration {
        later.since(self)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// The life of an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// When the request that fetched it was sent: the cluster cannot have started counting earlier.
    pub sent_at: Moment,
    /// How long it lives from then on.
    pub life: Duration,
}

impl Lease {
    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> Moment {
        self.sent_at + self.life
    }

    /// What is left of it.
    #[must_use]
    pub fn remaining(&self, now: Moment) -> Duration {
        now.until(self.expires_at())
    }
}
