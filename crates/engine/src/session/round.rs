//! Attempts that failed, and how long to wait before the next.

use super::dice::Dice;
use super::endpoints::Tour;
use crate::event::ExchangeId;
use crate::time::Moment;
use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// Repeating does not help against a wrong certificate, but somebody may set it right at the other end.
const STUBBORN_SHORTEST: Duration = Duration::from_secs(60);
const STUBBORN_LONGEST: Duration = Duration::from_secs(600);
/// The longest `Retry-After` that is obeyed.
const LONGEST_HOLD: Duration = Duration::from_secs(300);
/// A pair in the file that is newer than ours is fine; one after the other is not.
const MOST_IN_A_ROW: u32 = 3;

/// What came of the last attempt, if it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Unreachable,
    Untrusted,
    Misconfigured,
}

/// The state of the attempts that no person waits for by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    /// The endpoints tried, while a round is under way.
    tour: Option<Tour>,
    rounds_failed: u32,
    /// Refusals (401), and pairs taken from the file instead of a renewal, since the last success.
    denials: u32,
    superseded: u32,
    /// The session itself waits until then; callers need not.
    back_off: Option<Moment>,
    /// Everybody waits until then: the cluster asked for it.
    hold: Option<Moment>,
    trouble: Option<Trouble>,
    last_failed: Option<ExchangeId>,
    proven: bool,
}

impl Round {
    pub(super) const fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// Whether the next endpoint is to be tried at once.
    pub(super) const fn is_open(&self) -> bool {
        self.tour.is_some()
    }

    /// Whether an exchange at or after `since` has failed, with no success after it.
    pub(super) fn failed_since(&self, since: ExchangeId) -> bool {
        self.last_failed.is_some_and(|failed| failed >= since)
    }

    pub(super) fn back_off(&self) -> Moment {
        self.back_off.unwrap_or_default()
    }

    pub(super) fn hold(&self) -> Moment {
        self.hold.unwrap_or_default()
    }

    /// The tour of the round under way, or of a new one.
    pub(super) fn tour(&self) -> Tour {
        self.tour.clone().unwrap_or_default()
    }

    /// The round goes on at the next endpoint.
    pub(super) fn go_on(&mut self, tour: Tour) {
        self.tour = Some(tour);
    }

    pub(super) const fn note(&mut self, exchange: ExchangeId) {
        self.last_failed = Some(exchange);
    }

    /// No endpoint is left to try.
    pub(super) fn end(&mut self, tour: &Tour, dice: &mut Dice, now: Moment) {
        self.tour = None;
        self.rounds_failed = self.rounds_failed.saturating_add(1);
        self.trouble = Some(if tour.untrusted {
            Trouble::Untrusted
        } else if tour.misconfigured {
            Trouble::Misconfigured
        } else {
            Trouble::Unreachable
        });
        let stubborn = (tour.untrusted || tour.misconfigured) && !tour.unreachable;
        let wait = if stubborn {
            let most = doubled(STUBBORN_SHORTEST, self.rounds_failed).min(STUBBORN_LONGEST);
            dice.between(STUBBORN_SHORTEST, most)
        } else {
            dice.between(SHORTEST, doubled(SHORTEST, self.rounds_failed).min(LONGEST))
        };
        self.back_off = Some(now + wait);
    }

    /// The cluster wants peace. Answers until when a wait that it asked for lasts: at least as long as it said,
    /// but never more than five minutes, and not for all at the same moment.
    pub(super) fn peace(asked: Duration, dice: &mut Dice, now: Moment) -> Moment {
        let asked = asked.min(LONGEST_HOLD);
        let wait = (asked + dice.within(asked / 16)).min(LONGEST_HOLD);
        now + wait
    }

    pub(super) const fn hold_until(&mut self, until: Moment) {
        self.hold = Some(until);
    }

    /// Locked out: another kind of waiting takes over.
    pub(super) fn locked(&mut self) {
        self.tour = None;
        self.back_off = None;
        self.trouble = Some(Trouble::Unreachable);
    }

    /// The cluster answered, but refused the refresh token or the password.
    pub(super) fn denied(&mut self, dice: &mut Dice, now: Moment) {
        self.tour = None;
        self.trouble = None;
        self.back_off = None;
        self.denials = self.denials.saturating_add(1);
        if self.denials >= MOST_IN_A_ROW {
            self.pause(dice, now);
        }
    }

    /// The file held a newer pair. Answers whether that may be repeated at once.
    pub(super) fn superseded(&mut self, dice: &mut Dice, now: Moment) -> bool {
        self.tour = None;
        self.superseded = self.superseded.saturating_add(1);
        let often = self.superseded >= MOST_IN_A_ROW;
        if often {
            self.pause(dice, now);
        }
        !often
    }

    fn pause(&mut self, dice: &mut Dice, now: Moment) {
        self.rounds_failed = self.rounds_failed.saturating_add(1);
        self.back_off =
            Some(now + dice.between(SHORTEST, doubled(SHORTEST, self.rounds_failed).min(LONGEST)));
    }

    /// A live pair came from elsewhere: somebody reached the cluster.
    pub(super) fn relieved(&mut self) {
        self.tour = None;
        self.back_off = None;
        self.superseded = 0;
        self.rounds_failed = 0;
        if self.trouble == Some(Trouble::Unreachable) {
            self.trouble = None;
        }
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self { proven: true, ..Self::default() };
    }

    /// Something was set right: try again now, unless the cluster itself asked for peace.
    pub(super) fn cleared(&mut self) {
        self.tour = None;
        self.back_off = None;
        self.rounds_failed = 0;
        if matches!(self.trouble, Some(Trouble::Untrusted | Trouble::Misconfigured)) {
            self.trouble = None;
        }
    }

    /// A handshake failed that was no attempt of ours; an exchange that worked knows better.
    pub(super) const fn found_untrusted(&mut self) {
        if !self.proven {
            self.trouble = Some(Trouble::Untrusted);
        }
    }
}

fn doubled(base: Duration, times: u32) -> Duration {
    base.saturating_mul(1_u32 << times.min(16))
}
