//! The one way by which a profile's sessions send the password from its source, so that several of them never lock the
//! account: one login at a time, and what one learns of a password, or of the account, holds for all of them.
//!
//! How long is the engine's rule ([`engine::caution`]), as is what each failure means.

use super::failure::{Purpose, failure_of};
use super::past::Past;
use crate::account::Account;
use crate::clock;
use crate::remembered::RefusedPassword;
use engine::{Failure, Moment, Pause, caution};
use ring::hmac;
use ring::rand::SystemRandom;
use secret::Password;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use weka_rest::{ApiError, Endpoint, Grant};

/// How many refused passwords are known at once.
const MOST_REFUSED: usize = 64;
/// How many lockouts. The sessions know of more; this is for one that begins meanwhile.
const MOST_LOCKED: usize = 16;

/// Recognizes a password within this process.
type Tag = Vec<u8>;

/// A password whose login got no answer.
#[derive(Debug)]
struct Doubt {
    tag: Tag,
    pause: Pause,
}

/// A password that the last daemon knew of.
#[derive(Debug, Clone)]
struct Before {
    password: RefusedPassword,
    /// Whether it only got no answer.
    doubt: Option<Pause>,
}

/// What is known of accounts and their passwords.
#[derive(Debug, Default)]
struct Known {
    refused: Vec<Tag>,
    /// What the last daemon knew. It takes long to compare with, so each password is compared once.
    before: Vec<Before>,
    compared: Vec<Tag>,
    doubt: Option<Doubt>,
    locked: Vec<(Account, Moment)>,
    /// Logins that the last daemon did not live to see the end of, with whichever password.
    unended: Vec<(Account, Moment)>,
    /// How many sessions' memories are being read.
    expected: usize,
}

/// The gate of one profile.
pub(super) struct Gate {
    turn: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
    /// Of this process alone; without one nothing is recognized, so nothing is sent.
    key: Option<hmac::Key>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl Gate {
    /// One that nothing is known at.
    pub(super) fn new() -> Arc<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok();
        Arc::new(Self { turn: tokio::sync::Mutex::default(), known: Mutex::default(), key })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many sessions' memories are being read, and nothing is sent before that is done.
    pub(super) fn expect(&self, count: usize) {
        self.known().expected += count;
    }

    /// One of those has come.
    pub(super) fn recall_expected(&self, past: &Past) {
        self.recall(past);
        let mut known = self.known();
        known.expected = known.expected.saturating_sub(1);
    }

    /// Takes over what a session remembers from before a restart.
    pub(super) fn recall(&self, past: &Past) {
        let mut known = self.known();
        let refused = past.refused.clone().map(|password| Before { password, doubt: None });
        let doubted = past.doubted.clone().map(|(password, pause)| Before { password, doubt: Some(pause) });
        known.before.extend(refused.into_iter().chain(doubted));
        // Some may have been let through before this was known.
        known.compared.clear();
        known.unended.extend(past.attempted.clone().map(|(account, pause)| (account, pause.until)));
    }

    /// An account is locked.
    pub(super) fn lock(&self, account: &Account, wait: Option<Duration>) {
        let now = clock::now();
        let until = now + caution::lockout(wait);
        let mut known = self.known();
        known.locked.retain(|(other, until)| *until > now && other != account);
        if known.locked.len() >= MOST_LOCKED {
            known.locked.remove(0);
        }
        known.locked.push((account.clone(), until));
    }

    /// A person has logged in: nothing is held against any password any more, nor against that account.
    pub(super) fn forgive(&self, account: &Account) {
        let mut known = self.known();
        let locked = std::mem::take(&mut known.locked);
        let locked = locked.into_iter().filter(|(other, _)| !other.may_be(account)).collect();
        *known = Known { locked, expected: known.expected, ..Known::default() };
    }

    /// Sends an account's password, if nothing is known that speaks against it; `login` tells the two from others.
    ///
    /// # Errors
    /// The cluster's, or what another session was told before.
    pub(super) async fn pass(
        &self,
        account: &Account,
        login: Password,
        endpoint: &Endpoint,
        send: impl Future<Output = Result<Grant, ApiError>>,
    ) -> Result<Grant, ApiError> {
        let _turn = self.turn.lock().await;
        let unsent = |reason: &str| ApiError::Unreachable {
            endpoint: endpoint.clone(),
            reason: reason.into(),
            sent: false,
        };
        let Some(key) = &self.key else { return Err(unsent("the kernel gave no random bytes")) };
        let tag = hmac::sign(key, login.expose().as_bytes()).as_ref().to_vec();
        self.compare(&tag, login).await;
        let now = clock::now();
        {
            let known = self.known();
            if known.expected > 0 {
                return Err(unsent(
                    "the state folder does not answer, so nobody knows what was refused before",
                ));
            }
            if known.refused.contains(&tag) {
                let message = "another session of this profile was refused with this password".into();
                return Err(ApiError::Unauthorized { message });
            }
            let locked = known.locked.iter().filter(|(other, until)| *until > now && other.may_be(account));
            if let Some(until) = locked.map(|(_, until)| *until).max() {
                let message = "another session of this profile found the account locked".into();
                return Err(ApiError::LockedOut { wait: Some(now.until(until)), message });
            }
            if known.doubt.as_ref().is_some_and(|doubt| doubt.tag == tag && !doubt.pause.is_over(now)) {
                return Err(unsent("the last login with this password got no answer, so it waits a little"));
            }
            if known.unended.iter().any(|(other, until)| *until > now && other.may_be(account)) {
                return Err(unsent(
                    "weka-tokend was ended in the middle of a login, so the next one waits a little",
                ));
            }
        }
        let result = send.await;
        self.note(account, tag, &result);
        result
    }

    /// Finds out whether it is one that was refused before the daemon started.
    async fn compare(&self, tag: &Tag, login: Password) {
        let before = {
            let known = self.known();
            if known.before.is_empty() || known.compared.contains(tag) {
                return;
            }
            known.before.clone()
        };
        // Deliberately slow to compute.
        let compared = tokio::task::spawn_blocking(move || {
            before
                .into_iter()
                .filter(|kept| kept.password.matches(&login))
                .map(|kept| kept.doubt)
                .collect::<Vec<_>>()
        });
        // Where that cannot be found out, nothing is sent.
        let matches = compared.await.unwrap_or_else(|_| vec![None]);
        let mut known = self.known();
        known.compared.push(tag.clone());
        for doubt in matches {
            match doubt {
                Some(pause) => known.doubt = Some(Doubt { tag: tag.clone(), pause }),
                None => known.refused.push(tag.clone()),
            }
        }
    }

    fn note(&self, account: &Account, tag: Tag, result: &Result<Grant, ApiError>) {
        let mut known = self.known();
        let failure = match result {
            Ok(_) => {
                known.doubt = None;
                known.locked.retain(|(other, _)| !other.may_be(account));
                return;
            }
            Err(error) => failure_of(error, Purpose::Login),
        };
        match failure {
            Failure::Unauthorized => {
                if known.refused.len() >= MOST_REFUSED {
                    known.refused.remove(0);
                }
                known.refused.push(tag);
            }
            Failure::Locked { wait } => {
                drop(known);
                self.lock(account, wait);
            }
            Failure::Unreachable { sent: true } => {
                let before = known.doubt.take().filter(|doubt| doubt.tag == tag).map(|doubt| doubt.pause);
                known.doubt = Some(Doubt { tag, pause: Pause::after(before, clock::now()) });
            }
            // Nothing was sent, or it was answered.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secret::{AccessToken, RefreshToken};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn login(text: &str) -> Password {
        Password::new(text.into())
    }

    fn account(username: &str) -> Account {
        let endpoints = vec!["https://weka01:14000".into()];
        Account { endpoints, org: None, username: Some(username.into()) }
    }

    fn grant() -> Grant {
        Grant {
            access_token: AccessToken::new("a".into()),
            refresh_token: Some(RefreshToken::new("r".into())),
            token_type: "Bearer".into(),
            expires_in_s: Some(300),
            password_change_required: false,
        }
    }

    fn unauthorized() -> ApiError {
        ApiError::Unauthorized { message: "no".into() }
    }

    /// One attempt; says whether anything was sent, and what came of it.
    async fn attempt(
        gate: &Gate,
        password: &str,
        answer: Result<Grant, ApiError>,
    ) -> (bool, Result<Grant, ApiError>) {
        let sent = AtomicUsize::new(0);
        let endpoint = "weka01".parse().unwrap();
        let send = async {
            sent.fetch_add(1, Ordering::SeqCst);
            answer
        };
        let result = gate.pass(&account("alice"), login(password), &endpoint, send).await;
        (sent.load(Ordering::SeqCst) == 1, result)
    }

    #[tokio::test]
    async fn a_password_that_one_session_was_refused_with_is_sent_by_no_other() {
        let gate = Gate::new();
        assert!(attempt(&gate, "bad", Err(unauthorized())).await.0);
        let (sent, result) = attempt(&gate, "bad", Ok(grant())).await;
        assert!(!sent && matches!(result, Err(ApiError::Unauthorized { .. })));
        let (sent, result) = attempt(&gate, "good", Ok(grant())).await;
        assert!(sent && result.is_ok());
        assert!(!attempt(&gate, "bad", Ok(grant())).await.0, "another's success changes nothing");
        gate.forgive(&account("alice"));
        assert!(attempt(&gate, "bad", Ok(grant())).await.0);
    }

    #[tokio::test]
    async fn what_was_refused_before_a_restart_is_known() {
        let gate = Gate::new();
        let refused = Some(RefusedPassword::of(&login("bad")).unwrap());
        gate.recall(&Past { refused, ..Past::default() });
        for _ in 0..2 {
            let (sent, result) = attempt(&gate, "bad", Ok(grant())).await;
            assert!(!sent && matches!(result, Err(ApiError::Unauthorized { .. })));
        }
        assert!(attempt(&gate, "good", Ok(grant())).await.0);
    }

    #[tokio::test]
    async fn what_one_session_did_not_live_to_see_the_end_of_keeps_all_of_them_waiting() {
        let gate = Gate::new();
        let unsent = |(sent, result): (bool, Result<Grant, ApiError>)| {
            !sent && matches!(result, Err(ApiError::Unreachable { sent: false, .. }))
        };
        let pause = Pause::after(None, clock::now());
        let doubted = Some((RefusedPassword::of(&login("lost")).unwrap(), pause));
        gate.expect(1);
        assert!(unsent(attempt(&gate, "other", Ok(grant())).await), "it is not known yet");
        gate.recall_expected(&Past { doubted, ..Past::default() });
        assert!(unsent(attempt(&gate, "lost", Ok(grant())).await));
        assert!(attempt(&gate, "other", Ok(grant())).await.0, "nobody doubts that one");
        let under_way = |username: &str, pause: Pause| {
            gate.recall(&Past { attempted: Some((account(username), pause)), ..Past::default() });
        };
        under_way("alice", Pause { until: clock::now(), ..pause });
        under_way("bob", pause);
        assert!(attempt(&gate, "other", Ok(grant())).await.0);
        under_way("alice", pause);
        assert!(unsent(attempt(&gate, "other", Ok(grant())).await));
        gate.forgive(&account("alice"));
        assert!(attempt(&gate, "other", Ok(grant())).await.0);
        assert!(attempt(&gate, "lost", Ok(grant())).await.0);
    }

    #[tokio::test]
    async fn a_lockout_and_a_lost_answer_hold_for_all() {
        let gate = Gate::new();
        let lost = || {
            let endpoint = "weka01".parse().unwrap();
            Err(ApiError::Unreachable { endpoint, reason: "reset".into(), sent: true })
        };
        assert!(attempt(&gate, "good", lost()).await.0);
        let (sent, result) = attempt(&gate, "good", Ok(grant())).await;
        assert!(!sent && matches!(result, Err(ApiError::Unreachable { sent: false, .. })));
        assert!(attempt(&gate, "other", Ok(grant())).await.0, "another password is in no doubt");

        let locked = ApiError::LockedOut { wait: Some(Duration::from_secs(100)), message: "locked".into() };
        assert!(attempt(&gate, "x", Err(locked)).await.0);
        let (sent, result) = attempt(&gate, "y", Ok(grant())).await;
        let Err(ApiError::LockedOut { wait: Some(wait), .. }) = result else { panic!("{result:?}") };
        assert!(!sent && wait > Duration::from_secs(90));
        gate.forgive(&account("bob"));
        assert!(!attempt(&gate, "y", Ok(grant())).await.0, "another's login does not unlock it");
        gate.forgive(&account("alice"));
        assert!(attempt(&gate, "y", Ok(grant())).await.0);
    }

    #[tokio::test]
    async fn one_account_was_held_back_by_the_lockout_of_another() {
        let gate = Gate::new();
        gate.lock(&account("bob"), None);
        assert!(attempt(&gate, "good", Ok(grant())).await.0);
        gate.lock(&Account { username: None, ..account("") }, None);
        assert!(!attempt(&gate, "good", Ok(grant())).await.0, "it may be this one");
    }

    #[tokio::test]
    async fn a_ca_file_that_could_not_be_read_was_taken_for_a_lost_answer() {
        let gate = Gate::new();
        let unreadable =
            ApiError::Misconfigured { reason: "/etc/weka/ca.pem: No such file or directory".into() };
        assert!(attempt(&gate, "good", Err(unreadable)).await.0);
        let (sent, result) = attempt(&gate, "good", Ok(grant())).await;
        assert!(sent && result.is_ok(), "{result:?}");
    }

    #[tokio::test]
    async fn two_at_once_send_a_wrong_password_once() {
        let gate = Gate::new();
        let (first, second) = tokio::join!(
            attempt(&gate, "bad", Err(unauthorized())),
            attempt(&gate, "bad", Err(unauthorized()))
        );
        assert!(first.0 && !second.0);
    }
}
