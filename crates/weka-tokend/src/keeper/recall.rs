//! What the last daemon knew: taken over at the start, or, where the state folder is slow, as soon as it is read.
//!
//! Until then no password source is read, so none of its passwords is sent. All else goes on.

use super::Keeper;
use super::exchange;
use super::past::Past;
use super::reports::Report;
use crate::account::Account;
use crate::clock;
use crate::remembered::{LockedAccount, Remembered};
use crate::report::local_time_at;
use crate::systemd::state::State;
use engine::{Doubted, Event, Memory, Moment};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a start waits for the state folder where there is no token yet.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(2);
/// How long where there is one that callers wait for.
const SHORT_READ_LIMIT: Duration = Duration::from_millis(50);

impl Keeper {
    /// What outlived the last daemon: the newer of what is in the service manager's store and what is in the state folder,
    /// as one of the two may have failed.
    pub(super) async fn read_memory(&mut self, stored: Option<&State>) -> Remembered {
        let known = stored.map(|state| state.remembered.clone()).unwrap_or_default();
        let has_pair = stored.is_some_and(|state| state.pair.is_some());
        let limit = if has_pair { SHORT_READ_LIMIT } else { READ_LIMIT };
        let Some(mut reading) = self.memory.unread.take() else { return known };
        match timeout(limit, &mut reading).await {
            Ok(read) => {
                Some(read.unwrap_or_default()).filter(|read| read.is_newer_than(&known)).unwrap_or(known)
            }
            Err(_) => {
                tracing::warn!(
                    "the state folder does not answer in time; no password from a source is sent for {} before it does",
                    self.name
                );
                self.memory.unread = Some(reading);
                self.memory.known_at_start = known.clone();
                known
            }
        }
    }

    /// Takes over what was remembered, and says it in the engine's words.
    pub(super) fn recall(&mut self, kept: Remembered, now: Moment) -> Memory {
        let past = Past::of(&kept, now);
        self.gate.recall(&past);
        let own = Account::of(&self.config());
        let attempt = past.attempted.filter(|(account, _)| account.may_be(&own));
        self.memory.attempted = attempt.as_ref().map(|(account, _)| account.clone());
        if let Some((_, pause)) = attempt.as_ref().filter(|(_, pause)| !pause.is_over(now)) {
            self.last_error = Some(format!(
                "weka-tokend was ended in the middle of a login, so no password is sent before {}",
                local_time_at(pause.until)
            ));
        }
        let locked = match kept.locked_until {
            // By a daemon that did not tell accounts apart.
            Some(until) if kept.locked.is_empty() => vec![LockedAccount { account: own.bounded(), until }],
            _ => kept.locked.clone(),
        };
        let doubt = past.doubted.map(|(password, pause)| {
            let about = self.password.doubted_before();
            self.memory.doubted = Some((about, password));
            Doubted { about, pause }
        });
        let engine = Memory {
            doubt,
            refused: kept.refused.is_some().then(|| self.password.refused_before()),
            lockouts: self.recalled_lockouts(&locked, now),
            logged_out: kept.logged_out_at.is_some(),
            attempt: attempt.map(|(_, pause)| pause),
        };
        self.memory.kept = kept;
        self.memory.engine = engine;
        engine
    }

    /// What was not read in time is there.
    pub(super) fn on_recalled(&mut self, read: Remembered) {
        self.memory.unread = None;
        if read.is_newer_than(&std::mem::take(&mut self.memory.known_at_start)) {
            self.catch_up(read);
        }
        if std::mem::take(&mut self.memory.source_waits) {
            self.read_source();
        }
    }

    /// What was remembered joins what has happened since, which counts more.
    fn catch_up(&mut self, mut read: Remembered) {
        if self.memory.is_forgiven {
            let own = Account::of(&self.config());
            read.locked.retain(|locked| !locked.account.may_be(&own));
            read = Remembered { locked: read.locked, revision: read.revision, ..Remembered::default() };
        }
        // A token file that is newer than the logout is a login.
        let is_older = |out: &i64| self.file.adopted_unix_s.is_none_or(|file| file < *out);
        read.logged_out_at = self.memory.kept.logged_out_at.or_else(|| read.logged_out_at.filter(is_older));
        read.revision = read.revision.max(self.memory.kept.revision);
        let memory = self.recall(read, clock::now());
        self.feed(Event::Recalled { memory: Box::new(memory) });
        self.remember(self.session.memory());
    }

    /// Reads the password source, once it is known which passwords must not be sent.
    pub(super) fn read_source(&mut self) {
        if self.memory.unread.is_some() {
            self.memory.source_waits = true;
            return;
        }
        match &self.config().password {
            Some(source) => {
                let credentials = self.surroundings.dirs.credentials.clone();
                exchange::spawn_source(source.clone(), credentials, self.reports.clone());
            }
            None => self.report_later(Report::NoSource),
        }
    }
}

/// Returns once what was not read in time is there.
pub(super) async fn late(unread: &mut Option<oneshot::Receiver<Remembered>>) -> Remembered {
    match unread {
        Some(reading) => reading.await.unwrap_or_default(),
        None => std::future::pending().await,
    }
}
