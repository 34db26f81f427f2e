//! The one clock: CLOCK_BOOTTIME, which runs on while the machine sleeps, and an alarm on it.

use crate::sys;
use engine::Moment;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId as TimerClock, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::unix::AsyncFd;

/// The present moment.
#[must_use]
pub fn now() -> Moment {
    // The kernel refuses this clock to nobody; if it ever did, every token would look expired, which is safe.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Moment::from_millis(u64::MAX), |time| {
        Moment::from_millis(u64::try_from(Duration::from(time).as_millis()).unwrap_or(u64::MAX))
    })
}

/// Microseconds on CLOCK_MONOTONIC, as the service manager counts.
#[must_use]
pub fn monotonic_us() -> u128 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| Duration::from(time).as_micros())
}

/// Seconds since 1970, for people and for files that outlive a boot; never for a token's life.
#[must_use]
pub fn unix_now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// An alarm on CLOCK_BOOTTIME: after a suspend it rings at once instead of a night too late.
#[derive(Debug)]
pub struct Alarm {
    timer: TimerFd,
    ready: AsyncFd<OwnedFd>,
}

impl Alarm {
    /// A silent alarm.
    ///
    /// # Errors
    /// The kernel has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let timer =
            TimerFd::new(TimerClock::CLOCK_BOOTTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let ready = sys::readable(timer.as_fd().try_clone_to_owned()?)?;
        Ok(Self { timer, ready })
    }

    /// Sets, moves or silences it. A moment that is past rings at once.
    pub fn set(&self, at: Option<Moment>) {
        let set = match at {
            // An all-zero time would disarm it.
            Some(at) => self.timer.set(
                Expiration::OneShot(TimeSpec::from(Duration::from_millis(at.as_millis().max(1)))),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            ),
            None => self.timer.unset(),
        };
        if let Err(error) = set {
            tracing::error!(%error, "the alarm could not be set");
        }
    }

    /// Waits until it rings.
    pub async fn rings(&self) {
        loop {
            match self.ready.readable().await {
                Ok(mut guard) => {
                    let rang = nix::unistd::read(self.ready.get_ref(), &mut [0; 8]).is_ok();
                    guard.clear_ready();
                    if rang {
                        return;
                    }
                }
                // The runtime is going away.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_alarm_in_the_past_rings_at_once_and_only_once() {
        let alarm = Alarm::new().unwrap();
        alarm.set(Some(Moment::from_millis(0)));
        tokio::time::timeout(Duration::from_secs(60), alarm.rings()).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(20), alarm.rings()).await.is_err());
    }

    #[tokio::test]
    async fn an_alarm_rings_no_earlier_than_asked() {
        let alarm = Alarm::new().unwrap();
        let at = now() + Duration::from_millis(30);
        alarm.set(Some(at));
        tokio::time::timeout(Duration::from_secs(60), alarm.rings()).await.unwrap();
        assert!(now() >= at);
    }

    #[tokio::test]
    async fn a_silenced_alarm_stays_silent() {
        let alarm = Alarm::new().unwrap();
        alarm.set(Some(now() + Duration::from_millis(10)));
        alarm.set(None);
        assert!(tokio::time::timeout(Duration::from_millis(50), alarm.rings()).await.is_err());
    }
}
