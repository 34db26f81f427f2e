//! What must outlive a restart: what was refused, locked, or logged out of.

use super::Keeper;
use super::exchange::Report;
use super::password_memory::Seen;
use crate::account::Account;
use crate::clock;
use crate::config::ProfileConfig;
use crate::remembered::{DoubtedPassword, LockedAccount, RefusedPassword, Remembered};
use crate::token_file::FileWorker;
use engine::{Doubted, Event, ExchangeId, Failure, Memory, Moment, Outcome, SourceId};
use secret::Password;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long the daemon's end waits for what is still being written there.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long writing to the state folder may take.
const WRITE_LIMIT: Duration = Duration::from_secs(2);

/// A keeper's memory: in the engine's words, as it is kept, and where.
#[derive(Debug, Default)]
pub(super) struct MemorySide {
    engine: Memory,
    kept: Remembered,
    /// The number of the password in doubt, and what recognizes it.
    doubted: Option<(SourceId, RefusedPassword)>,
    /// A worker of its own, so that a hung home of the token file does not hold it up.
    worker: FileWorker,
    /// Finished and running writes, counted, so that answers can wait for theirs.
    asked: u64,
    done: u64,
}

impl MemorySide {
    /// All of it, as it is kept.
    pub(super) const fn kept(&self) -> &Remembered {
        &self.kept
    }

    /// Whether the source's password was refused.
    pub(super) const fn has_refused(&self) -> bool {
        self.engine.refused.is_some()
    }

    /// What the engine knows, but for the refusal.
    pub(super) const fn without_refusal(&self) -> Memory {
        Memory { refused: None, ..self.engine }
    }

    /// What tells a password that was read from others, where there is anything.
    pub(super) fn judge(&self) -> Option<Judge> {
        let doubted = self.doubted.as_ref().map(|(_, password)| password.clone());
        let judge = Judge { refused: self.kept.refused.clone(), doubted };
        (judge.refused.is_some() || judge.doubted.is_some()).then_some(judge)
    }

    /// Whether a file that last changed then is older than a logout.
    pub(super) fn is_logged_out_since(&self, modified_unix_s: i64) -> bool {
        self.kept.logged_out_at.is_some_and(|at| modified_unix_s < at)
    }

    /// Whether something is still being written.
    pub(super) const fn is_writing(&self) -> bool {
        self.done < self.asked
    }

    /// A write has ended.
    pub(super) const fn written(&mut self) {
        self.done += 1;
    }

    /// Waits at the daemon's end until everything is written: on a slow disk, too, a lockout must not be forgotten.
    pub(super) async fn settle(&self) {
        self.worker.drain(END_LIMIT).await;
    }
}

/// Recognizes passwords that must not be sent, or not yet.
#[derive(Debug)]
pub(super) struct Judge {
    refused: Option<RefusedPassword>,
    doubted: Option<RefusedPassword>,
}

impl Judge {
    /// Deliberately slow to compute: keep it off the event loop.
    pub(super) fn judge(&self, login: &Password) -> Seen {
        let is = |kept: &Option<RefusedPassword>| kept.as_ref().is_some_and(|kept| kept.matches(login));
        if is(&self.refused) {
            Seen::Refused
        } else if is(&self.doubted) {
            Seen::Doubted
        } else {
            Seen::New
        }
    }
}

async fn write(worker: &FileWorker, kept: Remembered, path: &Path, profile: &str) {
    let target = path.to_owned();
    match worker.run(WRITE_LIMIT, move || kept.write(&target)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("a restart would forget what {profile} must remember: {error}"),
        Err(gave_up) => {
            let path = path.display();
            tracing::warn!("a restart would forget what {profile} must remember: {path}: {gave_up}");
        }
    }
}

/// What is remembered as refused: the password for this account. For another user, organisation or cluster it
/// may be the right one.
pub(super) fn login_of(config: &ProfileConfig, password: &Password) -> Password {
    let mut login = Zeroizing::new(String::new());
    let mut endpoints: Vec<_> = config.endpoints.iter().map(ToString::to_string).collect();
    endpoints.sort();
    for part in endpoints.iter().chain(&config.org).chain(&config.username) {
        login.push_str(part);
        login.push('\0');
    }
    login.push_str(password.expose());
    Password::new(login.to_string())
}

impl Keeper {
    /// Where what must outlive a restart is written down.
    pub(super) fn remembered_file(&self) -> Option<PathBuf> {
        self.surroundings.dirs.remembered_file(&self.name, self.session_id())
    }

    /// Takes over what was remembered, and says it in the engine's words.
    pub(super) fn recall(&mut self, kept: Remembered, now: Moment) -> Memory {
        self.gate.recall(&kept);
        let locked = match kept.locked_until {
            // By a daemon that did not tell accounts apart.
            Some(until) if kept.locked.is_empty() => {
                vec![LockedAccount { account: Account::of(&self.config()).bounded(), until }]
            }
            _ => kept.locked.clone(),
        };
        let doubt = kept.doubted.as_ref().map(|doubt| {
            let left = u64::try_from(doubt.until.saturating_sub(clock::unix_now_s())).unwrap_or(0);
            let about = self.password.doubted_before();
            self.memory.doubted = Some((about, doubt.password.clone()));
            let pause = Duration::from_secs(doubt.pause_s);
            // A clock that was set back makes nobody wait longer than was meant.
            Doubted { about, until: now + Duration::from_secs(left).min(pause), pause }
        });
        let engine = Memory {
            doubt,
            refused: kept.refused.is_some().then(|| self.password.refused_before()),
            lockouts: self.recalled_lockouts(&locked, now),
            logged_out: kept.logged_out_at.is_some(),
        };
        // Nobody knew of them when the session was made.
        self.session = self.new_session(&engine.lockouts, now);
        self.memory.kept = kept;
        self.memory.engine = engine;
        engine
    }

    /// Keeps across restarts what the engine says must not be forgotten.
    pub(super) fn remember(&mut self, memory: Memory) {
        let (now, unix) = (clock::now(), clock::unix_now_s());
        self.password.refused = memory.refused;
        self.password.doubted = memory.doubt.map(|doubt| doubt.about);
        self.memory.doubted.take_if(|(content, _)| self.password.doubted != Some(*content));
        let recognized = self.memory.doubted.as_ref().map(|(_, password)| password.clone());
        let locked = self.kept_lockouts(&memory.lockouts, now, unix);
        let kept = &mut self.memory.kept;
        kept.doubted = memory.doubt.zip(recognized).map(|(doubt, password)| DoubtedPassword {
            password,
            until: unix.saturating_add_unsigned(now.until(doubt.until).as_secs() + 1),
            pause_s: doubt.pause.as_secs(),
        });
        if memory.refused.is_none() {
            kept.refused = None;
        }
        kept.locked_until = locked.iter().map(|locked| locked.until).max();
        kept.locked = locked;
        kept.logged_out_at = match (memory.logged_out, kept.logged_out_at) {
            (false, _) => None,
            (true, before) if self.memory.engine.logged_out => before.or(Some(unix)),
            (true, _) => Some(unix),
        };
        self.memory.engine = memory;
        // A state without a pair yet, or with the one that is held.
        let held = self.session.held().and_then(|generation| self.pairs.get(generation)).cloned();
        let stored = self.store_state(held.as_ref(), None);
        let (worker, kept, name) = (self.memory.worker.clone(), self.memory.kept.clone(), self.name.clone());
        let (path, reports) = (self.remembered_file(), self.reports.clone());
        self.memory.asked += 1;
        tokio::spawn(async move {
            if let Some(path) = path {
                write(&worker, kept, &path, name.as_str()).await;
            }
            if let Some(stored) = stored {
                // It reports its own failures.
                drop(stored.await);
            }
            drop(reports.send(Report::MemoryWritten).await);
        });
    }

    /// The cluster refused the source's password. That is written down before anybody hears of it: a daemon
    /// that was killed in between would send it again at its next start.
    pub(super) fn keep_refusal(&self, exchange: ExchangeId) {
        let (reports, worker) = (self.reports.clone(), self.memory.worker.clone());
        let mut kept = self.memory.kept.clone();
        let login = self.password.last().map(|(_, password)| login_of(&self.config(), &password));
        let (path, name) = (self.remembered_file(), self.name.clone());
        tokio::spawn(async move {
            // Deliberately slow to compute.
            let hashed = tokio::task::spawn_blocking(move || login.map(|it| RefusedPassword::of(&it))).await;
            let refused = match hashed {
                Ok(Some(Ok(refused))) => Some(refused),
                Ok(Some(Err(error))) => {
                    tracing::warn!(%error, "a restart would forget a refused password of {name}");
                    None
                }
                Ok(None) | Err(_) => None,
            };
            if let (Some(path), Some(_)) = (path, &refused) {
                kept.refused.clone_from(&refused);
                write(&worker, kept, &path, name.as_str()).await;
            }
            drop(reports.send(Report::RefusalKept { exchange, refused }).await);
        });
    }

    /// The answer to a login with the source's password was lost, so the cluster may have counted it as a wrong one. What
    /// recognizes that password is computed before the engine hears of it, so that it can be kept.
    pub(super) fn keep_doubt(&mut self, exchange: ExchangeId) {
        let reports = self.reports.clone();
        let Some((content, password)) = self.password.last() else {
            self.on_doubted(exchange, None);
            return;
        };
        if self.memory.doubted.as_ref().is_some_and(|(known, _)| *known == content) {
            self.on_doubted(exchange, None);
            return;
        }
        let (login, name) = (login_of(&self.config(), &password), self.name.clone());
        tokio::task::spawn_blocking(move || {
            let recognized = RefusedPassword::of(&login)
                .inspect_err(|error| {
                    tracing::warn!(%error, "a restart would forget a password of {name} that got no answer");
                })
                .ok();
            let recognized = recognized.map(|password| (content, password));
            drop(reports.blocking_send(Report::Doubted { exchange, recognized }));
        });
    }

    /// The password in doubt would be recognized; now the engine may hear of it.
    pub(super) fn on_doubted(
        &mut self,
        exchange: ExchangeId,
        recognized: Option<(SourceId, RefusedPassword)>,
    ) {
        if self.exchange.take_if(|running| running.id == exchange).is_none() {
            return;
        }
        if recognized.is_some() {
            self.memory.doubted = recognized;
        }
        let outcome = Outcome::Failed(Failure::Unreachable { sent: true });
        self.feed(Event::Ended { exchange, outcome });
    }

    /// The refusal is written down; now the engine may hear of it.
    pub(super) fn on_refusal_kept(&mut self, exchange: ExchangeId, refused: Option<RefusedPassword>) {
        if self.exchange.take_if(|running| running.id == exchange).is_none() {
            return;
        }
        // What is kept recognizes it from now on.
        let forgettable = refused.is_some();
        self.memory.kept.refused = refused;
        self.feed(Event::Ended { exchange, outcome: Outcome::Failed(Failure::Unauthorized) });
        if forgettable && self.exchange.is_none() {
            self.password.forget();
        }
    }
}
