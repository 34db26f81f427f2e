//! When a pair is renewed if nobody asks.

use super::dice::Dice;
use crate::policy::Policy;
use crate::time::{Lease, Moment};
use crate::ttl::default_min_ttl;
use std::time::Duration;

/// Renewals are moved forward by a few of these parts (1/64) of the period, never back.
const PARTS: u32 = 64;
/// A longer life than this is nonsense, and is treated as this.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);
/// However short the life: the session itself begins no two renewals within less.
const LEAST_PERIOD: Duration = Duration::from_millis(500);

/// Who renewed the pair. Where hosts share a file, the one that renewed a pair renews the next one as well, and
/// the others, a little later, find that done: no two of them meet at the cluster, even without a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewer {
    Ourselves,
    Another,
}

/// When the session itself wants the next exchange.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    due: Moment,
    phased: bool,
}

impl Schedule {
    pub(super) const fn due(&self) -> Moment {
        self.due
    }

    /// As soon as anything allows it.
    pub(super) const fn at_once(&mut self, now: Moment) {
        self.due = now;
        self.phased = false;
    }

    /// The usual period of this lease.
    pub(super) fn steady(&mut self, lease: &Lease, by: Renewer, policy: &Policy, dice: &mut Dice) {
        let period = period(lease, policy);
        let part = period / PARTS;
        let early = match by {
            Renewer::Ourselves => part * 2 + dice.within(part),
            Renewer::Another => dice.within(part),
        };
        self.due = lease.sent_at + period.saturating_sub(early);
        self.phased = false;
    }

    /// Anywhere before the usual period is over, so that sessions that began together part. The window is as
    /// long as the periods that follow it are on average; otherwise its ends would meet in a peak. Where it is
    /// over already: anywhere in what is left of the token's useful life.
    pub(super) fn phased(&mut self, lease: &Lease, policy: &Policy, dice: &mut Dice, now: Moment) {
        let period = period(lease, policy);
        let full = lease.sent_at + period.saturating_sub(period / PARTS * 5 / 2);
        let life = lease.life.min(LONGEST);
        let end = if full > now { full } else { lease.sent_at + life.saturating_sub(default_min_ttl(life)) };
        self.due = now + dice.within(now.until(end));
        self.phased = true;
    }

    /// Keeps very short lives from turning into a storm.
    pub(super) fn not_before(&mut self, last_start: Option<Moment>) {
        if let Some(start) = last_start {
            self.due = self.due.max(start + LEAST_PERIOD);
        }
    }

    /// After a change of `refresh_at`: a phase that is still running only gets shorter.
    pub(super) fn replan(&mut self, lease: &Lease, by: Renewer, policy: &Policy, dice: &mut Dice) {
        let before = self.clone();
        self.steady(lease, by, policy, dice);
        if before.phased && before.due < self.due {
            *self = before;
        }
    }
}

fn period(lease: &Lease, policy: &Policy) -> Duration {
    let share = if policy.refresh_at.is_finite() { policy.refresh_at.clamp(0.01, 0.99) } else { 0.8 };
    lease.life.min(LONGEST).mul_f64(share)
}
