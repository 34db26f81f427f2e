//! Lockout after failed logins: `num_failed_logins` and `lockout_duration` of the WEKA 5.1 API `/lockoutPolicy`.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::UnixMs;
use crate::duration::millis;

/// The policy; by default 5 failures lock an account for 2 minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Policy {
    pub(crate) num_failed_logins: u64,
    pub(crate) lockout_duration: Duration,
    /// Whether an attempt during the lockout starts its time again, as seen on live clusters.
    pub(crate) attempts_prolong: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { num_failed_logins: 5, lockout_duration: Duration::from_secs(120), attempts_prolong: true }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    failures: u64,
    locked_until: Option<UnixMs>,
}

/// Failure counters of all accounts, by user uid.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lockouts {
    pub(crate) policy: Policy,
    accounts: HashMap<String, Account>,
}

impl Lockouts {
    /// Called at each attempt before the password is looked at: the time left where the account is locked.
    /// The time told is always enough: who waits as long without another attempt gets in.
    pub(crate) fn attempt(&mut self, uid: &str, now: UnixMs) -> Option<Duration> {
        let account = self.accounts.get_mut(uid)?;
        let until = account.locked_until?;
        if until <= now {
            *account = Account::default();
            return None;
        }
        let mut left = until - now;
        if self.policy.attempts_prolong {
            left = left.max(millis(self.policy.lockout_duration));
            account.locked_until = Some(now.saturating_add(left));
        }
        Some(Duration::from_millis(left))
    }

    /// A wrong password. The one that reaches the limit is still told that it was wrong; the next one meets the lock.
    pub(crate) fn failed(&mut self, uid: &str, now: UnixMs) {
        let account = self.accounts.entry(uid.to_owned()).or_default();
        account.failures += 1;
        if account.failures >= self.policy.num_failed_logins {
            account.locked_until = Some(now.saturating_add(millis(self.policy.lockout_duration)));
        }
    }

    pub(crate) fn succeeded(&mut self, uid: &str) {
        self.accounts.remove(uid);
    }

    /// Clears all counters and unlocks everybody.
    pub(crate) fn clear(&mut self) {
        self.accounts.clear();
    }

    /// Time left of a lockout, without counting as an attempt.
    pub(crate) fn time_left(&self, uid: &str, now: UnixMs) -> Option<Duration> {
        let until = self.accounts.get(uid)?.locked_until?;
        (until > now).then(|| Duration::from_millis(until - now))
    }

    pub(crate) fn failures(&self, uid: &str) -> u64 {
        self.accounts.get(uid).map_or(0, |account| account.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked() -> Lockouts {
        let mut lockouts = Lockouts::default();
        for _ in 0..5 {
            assert_eq!(lockouts.attempt("u", 0), None);
            lockouts.failed("u", 0);
        }
        lockouts
    }

    #[test]
    fn attempts_during_the_lockout_keep_it_alive() {
        let mut lockouts = locked();
        for now in (8_000..800_000).step_by(8_000) {
            assert!(lockouts.attempt("u", now).is_some(), "{now}");
        }
    }

    #[test]
    fn waiting_as_told_is_enough() {
        let mut lockouts = locked();
        let told = lockouts.attempt("u", 5_000).unwrap();
        assert_eq!(lockouts.attempt("u", 5_000 + millis(told)), None);
        assert_eq!(lockouts.failures("u"), 0);
    }

    #[test]
    fn without_prolonging_the_time_left_counts_down() {
        let mut lockouts = locked();
        lockouts.policy.attempts_prolong = false;
        assert_eq!(lockouts.attempt("u", 5_000), Some(Duration::from_secs(115)));
        assert_eq!(lockouts.attempt("u", 119_999), Some(Duration::from_millis(1)));
        assert_eq!(lockouts.attempt("u", 120_000), None);
    }

    #[test]
    fn a_success_forgets_the_failures() {
        let mut lockouts = Lockouts::default();
        for _ in 0..4 {
            lockouts.failed("u", 0);
        }
        lockouts.succeeded("u");
        lockouts.failed("u", 0);
        assert_eq!(lockouts.time_left("u", 0), None);
    }
}
