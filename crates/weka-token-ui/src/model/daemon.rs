//! What is known of the daemon: its last answer, when that was, and whether it still answers.

use crate::model::history::{History, Step};
use std::collections::BTreeMap;
use std::time::Duration;
use weka_token::failure::Failure;
use wire::{ProfileStatus, Status};

/// The daemon as it is seen from here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Daemon {
    /// Its last answer.
    pub(crate) status: Option<Status>,
    /// When that came.
    at: Duration,
    /// Why it does not answer now, if it does not.
    pub(crate) trouble: Option<Failure>,
    histories: BTreeMap<String, History>,
}

impl Daemon {
    /// Takes an answer in.
    pub(crate) fn answered(&mut self, now: Duration, status: Status) {
        self.histories.retain(|name, _| status.profiles.iter().any(|profile| profile.name == *name));
        for profile in &status.profiles {
            let totals = Step { refreshes: profile.refreshes_total, gets: profile.gets_total };
            self.histories.entry(profile.name.clone()).or_default().note(now, totals);
        }
        (self.status, self.at, self.trouble) = (Some(status), now, None);
    }

    /// Takes a failure to answer in.
    pub(crate) fn lost(&mut self, failure: Failure) {
        self.trouble = Some(failure);
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Duration) {
        self.histories.values_mut().for_each(|history| history.advance(now));
    }

    /// The profiles, in order of name.
    #[must_use]
    pub(crate) fn profiles(&self) -> &[ProfileStatus] {
        self.status.as_ref().map_or(&[], |status| &status.profiles)
    }

    /// What a profile has been through lately.
    #[must_use]
    pub(crate) fn history(&self, name: &str) -> History {
        self.histories.get(name).cloned().unwrap_or_default()
    }

    /// What is left of a span that the daemon named; `None` while nobody can tell.
    #[must_use]
    pub(crate) fn left(&self, now: Duration, seconds: Option<u64>) -> Option<u64> {
        let passed = now.saturating_sub(self.at).as_secs();
        seconds.filter(|_| self.trouble.is_none()).map(|seconds| seconds.saturating_sub(passed))
    }

    /// The next moment at which a number on the screen changes by itself; none if none does.
    #[must_use]
    pub(crate) fn next_change(&self, now: Duration) -> Option<Duration> {
        let counts = |profile: &ProfileStatus| {
            let spans = [profile.access_expires_in_s, profile.next_refresh_in_s, profile.locked_for_s];
            spans.into_iter().any(|span| self.left(now, span).is_some_and(|left| left > 0))
        };
        let passed = now.saturating_sub(self.at).as_secs();
        self.profiles().iter().any(counts).then(|| self.at + Duration::from_secs(passed + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use wire::State;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_counts_down_by_itself_and_wakes_for_that_only() {
        let mut daemon = Daemon::default();
        assert_eq!(daemon.next_change(ms(0)), None);
        daemon.answered(ms(500), samples::status(vec![samples::profile("a", State::Ready, Some(3))]));
        assert_eq!(daemon.left(ms(1499), Some(3)), Some(3));
        assert_eq!(daemon.left(ms(1500), Some(3)), Some(2));
        assert_eq!(daemon.next_change(ms(600)), Some(ms(1500)));
        assert_eq!(daemon.next_change(ms(1500)), Some(ms(2500)));
        assert_eq!(daemon.next_change(ms(3600)), None, "everything has run out");
        daemon.answered(ms(9000), samples::status(vec![samples::profile("a", State::LoginRequired, None)]));
        assert_eq!(daemon.next_change(ms(9000)), None);
    }

    #[test]
    fn without_an_answer_nothing_counts_down() {
        let mut daemon = Daemon::default();
        daemon.answered(ms(0), samples::status(vec![samples::profile("a", State::Ready, Some(30))]));
        daemon.lost(Failure::new(3, "no daemon"));
        assert_eq!((daemon.left(ms(1), Some(30)), daemon.next_change(ms(1))), (None, None));
        assert_eq!(daemon.profiles().len(), 1, "the last answer stays to be seen");
        daemon.answered(ms(5), samples::status(vec![]));
        assert_eq!(daemon.trouble, None);
    }
}
