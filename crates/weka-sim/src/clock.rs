//! The cluster's clock: it runs with real time, and tests can push it forward or stop it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::duration::millis;

/// Milliseconds since the Unix epoch.
pub(crate) type UnixMs = u64;

/// Virtual time. Everything the cluster does (expiry, lockout, faults with an end, dates) follows it.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_ms: UnixMs,
    setting: Mutex<Setting>,
    moved: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Setting {
    ahead_ms: u64,
    frozen_at: Option<UnixMs>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: Instant::now(),
            started_unix_ms: millis(since_epoch),
            setting: Mutex::default(),
            moved: watch::Sender::new(0),
        }
    }

    fn setting(&self) -> MutexGuard<'_, Setting> {
        self.setting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Real time, as the machine's monotonic clock continues it from the start of the simulator.
    pub(crate) fn real_ms(&self) -> UnixMs {
        self.started_unix_ms.saturating_add(millis(self.started.elapsed()))
    }

    pub(crate) fn now_ms(&self) -> UnixMs {
        let setting = self.setting();
        setting.frozen_at.unwrap_or_else(|| self.real_ms().saturating_add(setting.ahead_ms))
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.setting().frozen_at.is_some()
    }

    pub(crate) fn advance(&self, by: Duration) {
        {
            let mut setting = self.setting();
            match &mut setting.frozen_at {
                Some(at) => *at = at.saturating_add(millis(by)),
                None => setting.ahead_ms = setting.ahead_ms.saturating_add(millis(by)),
            }
        }
        self.announce();
    }

    /// Stops virtual time, or lets it run on from where it stands.
    pub(crate) fn freeze(&self, frozen: bool) {
        let now = self.now_ms();
        {
            let mut setting = self.setting();
            if frozen {
                setting.frozen_at = Some(now);
            } else if setting.frozen_at.take().is_some() {
                setting.ahead_ms = now.saturating_sub(self.real_ms());
            }
        }
        self.announce();
    }

    /// Back to real time.
    pub(crate) fn reset(&self) {
        *self.setting() = Setting::default();
        self.announce();
    }

    /// Changes whenever time was moved by hand.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    fn announce(&self) {
        self.moved.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The `Date` header for a moment.
pub(crate) fn http_date(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms)
        .ok()
        .and_then(|stamp| jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&stamp).ok())
        .unwrap_or_else(|| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned())
}

/// A moment as the API writes it: ISO 8601 in UTC.
pub(crate) fn iso_date(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default().to_string()
}

/// A virtual moment moved by a skew, for what is shown to clients.
pub(crate) fn skewed(unix_ms: UnixMs, skew_ms: i64) -> i64 {
    i64::try_from(unix_ms).unwrap_or(i64::MAX).saturating_add(skew_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_by_hand() {
        let clock = Clock::new();
        clock.freeze(true);
        let before = clock.now_ms();
        clock.advance(Duration::from_secs(90));
        assert_eq!(clock.now_ms(), before + 90_000);
        clock.freeze(false);
        assert!(clock.now_ms() >= before + 90_000);
        assert!(!clock.is_frozen());
        clock.reset();
        assert!(clock.now_ms() < before + 90_000);
    }

    #[test]
    fn dates_are_written_as_http_and_the_api_do() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(iso_date(784_111_777_000), "1994-11-06T08:49:37Z");
    }
}
