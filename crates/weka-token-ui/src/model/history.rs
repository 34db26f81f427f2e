//! How often a profile was renewed and asked for its token, over the last while: what sparklines show.

use std::collections::VecDeque;
use std::time::Duration;

/// What one column of a sparkline stands for, in seconds.
pub(crate) const STEP_S: u64 = 10;
/// As many columns as the widest screen shows.
const KEPT: usize = 240;

/// What happened within one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// Renewals that worked.
    pub(crate) refreshes: u64,
    /// Tokens handed out.
    pub(crate) gets: u64,
}

/// The steps of one profile, the present one last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    steps: VecDeque<Step>,
    /// Which step the last one is, counted from the clock's zero.
    last: u64,
    totals: Option<Step>,
}

impl History {
    /// Notes what the daemon has counted so far. The first time, there is nothing to compare it with.
    pub(crate) fn note(&mut self, now: Duration, totals: Step) {
        self.advance(now);
        let before = self.totals.replace(totals).unwrap_or(totals);
        // A daemon that was started anew counts from zero.
        let since = |now: u64, before: u64| if now >= before { now - before } else { now };
        if let Some(step) = self.steps.back_mut() {
            step.refreshes += since(totals.refreshes, before.refreshes);
            step.gets += since(totals.gets, before.gets);
        }
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Duration) {
        let present = now.as_secs() / STEP_S;
        if self.steps.is_empty() {
            self.last = present;
            self.steps.push_back(Step::default());
        }
        let passed = usize::try_from(present.saturating_sub(self.last)).unwrap_or(KEPT);
        for _ in 0..passed.min(KEPT) {
            self.steps.push_back(Step::default());
        }
        while self.steps.len() > KEPT {
            self.steps.pop_front();
        }
        self.last = self.last.max(present);
    }

    /// The last `count` steps, oldest first; those before anything was known are empty.
    #[must_use]
    pub(crate) fn last(&self, count: usize) -> Vec<Step> {
        let missing = count.saturating_sub(self.steps.len());
        let known = self.steps.iter().skip(self.steps.len().saturating_sub(count)).copied();
        std::iter::repeat_n(Step::default(), missing).chain(known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(history: &mut History, second: u64, refreshes: u64, gets: u64) {
        history.note(Duration::from_secs(second), Step { refreshes, gets });
    }

    fn gets(history: &History, count: usize) -> Vec<u64> {
        history.last(count).iter().map(|step| step.gets).collect()
    }

    #[test]
    fn differences_fall_into_steps() {
        let mut history = History::default();
        noted(&mut history, 1000, 5, 100);
        noted(&mut history, 1003, 5, 103);
        noted(&mut history, 1012, 6, 104);
        noted(&mut history, 1035, 6, 110);
        assert_eq!(gets(&history, 5), [0, 3, 1, 0, 6]);
        assert_eq!(history.last(3).first(), Some(&Step { refreshes: 1, gets: 1 }));
    }

    #[test]
    fn a_daemon_that_counts_anew_is_taken_at_its_word() {
        let mut history = History::default();
        noted(&mut history, 0, 9, 500);
        noted(&mut history, 10, 1, 2);
        assert_eq!(history.last(1), [Step { refreshes: 1, gets: 2 }]);
    }

    #[test]
    fn a_long_sleep_empties_it_and_a_clock_that_goes_back_is_ignored() {
        let mut history = History::default();
        noted(&mut history, 0, 0, 0);
        noted(&mut history, 5, 0, 7);
        history.advance(Duration::from_secs(10_000_000));
        assert_eq!(gets(&history, KEPT), vec![0; KEPT]);
        history.advance(Duration::ZERO);
        assert_eq!(history.last(2 * KEPT).len(), 2 * KEPT);
    }
}
