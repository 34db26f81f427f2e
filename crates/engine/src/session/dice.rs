//! Deterministic chance: two sessions with different seeds do not move in step.

use std::time::Duration;

/// SplitMix64, one step per throw.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly over (0, span], in whole milliseconds; zero for no span.
    pub(super) fn within(&mut self, span: Duration) -> Duration {
        match u64::try_from(span.as_millis()).unwrap_or(u64::MAX) {
            0 => Duration::ZERO,
            millis => Duration::from_millis(1 + self.throw() % millis),
        }
    }

    /// Evenly over (from, to].
    pub(super) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        from + self.within(to.saturating_sub(from))
    }
}
