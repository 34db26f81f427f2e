//! How often defects have ended the keepers of profiles of late, and how long each waits for its next one.

use crate::config::ProfileName;
use engine::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// The pause before the second time; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// A keeper that has lived for so long is not taken to fall over the same again.
const FORGIVEN: Duration = Duration::from_secs(3600);

/// How often, and when last.
#[derive(Debug, Default)]
pub(crate) struct Falls(BTreeMap<ProfileName, (u32, Moment)>);

impl Falls {
    /// Once more; how long to wait before there is another keeper.
    pub(crate) fn add(&mut self, name: &ProfileName, now: Moment) -> Duration {
        let before = self.0.get(name).filter(|(_, last)| now.since(*last) < FORGIVEN);
        let times = before.map_or(0, |(times, _)| times.saturating_add(1));
        self.0.insert(name.clone(), (times, now));
        pause(times)
    }
}

/// How long to wait, where it has happened so often before.
fn pause(times: u32) -> Duration {
    match times.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_PAUSE.saturating_mul(1 << doublings.min(16)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_falls_again_and_again_waits_longer_each_time() {
        assert_eq!([0, 1, 2, 3, 20, u32::MAX].map(|times| pause(times).as_secs()), [0, 5, 10, 20, 600, 600]);
    }

    #[test]
    fn one_that_has_lived_for_an_hour_begins_at_once_again() {
        let (mut falls, name) = (Falls::default(), ProfileName::default());
        let at = |seconds: u64| Moment::from_millis(1000 * seconds);
        assert_eq!([10, 20, 30, 3640].map(|now| falls.add(&name, at(now)).as_secs()), [0, 5, 10, 0]);
    }
}
