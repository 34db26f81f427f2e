//! What must outlive a restart: what was refused, locked, or logged out of.

use super::Keeper;
use super::password_memory::Seen;
use super::record::Record;
use super::reports::Report;
use crate::account::Account;
use crate::clock;
use crate::config::ProfileConfig;
use crate::remembered::{AttemptedLogin, DoubtedPassword, RefusedPassword, Remembered};
use crate::report::local_time_at;
use engine::{Memory, SourceId};
use secret::Password;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How long the daemon's end waits for what is still being written there.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long writing holds up whoever waits for it. It goes on after that.
const WRITE_LIMIT: Duration = Duration::from_secs(2);

/// A keeper's memory: in the engine's words, as it is kept, and where.
#[derive(Debug)]
pub(super) struct MemorySide {
    pub(super) engine: Memory,
    pub(super) kept: Remembered,
    /// The number of the password in doubt, and what recognizes it.
    pub(super) doubted: Option<(SourceId, RefusedPassword)>,
    /// Whose login is under way, or was when the last daemon ended.
    pub(super) attempted: Option<Account>,
    /// The file.
    record: Record,
    /// What was in it, until that has come.
    pub(super) unread: Option<oneshot::Receiver<Remembered>>,
    /// What was known without it.
    pub(super) known_at_start: Remembered,
    /// The password source is wanted, and waits for that.
    pub(super) source_waits: bool,
    /// A person has logged in, so nothing from before is held against any password.
    pub(super) is_forgiven: bool,
    /// Finished and running writes, counted, so that answers can wait for theirs.
    asked: u64,
    done: u64,
    /// Logins whose passwords leave once they are over.
    clearances: Vec<oneshot::Sender<()>>,
}

impl MemorySide {
    /// Begins to read what there is.
    pub(super) fn new(file: Option<PathBuf>, name: String) -> Self {
        let (record, read) = Record::open(file, name);
        Self {
            engine: Memory::default(),
            kept: Remembered::default(),
            doubted: None,
            attempted: None,
            record,
            unread: Some(read),
            known_at_start: Remembered::default(),
            source_waits: false,
            is_forgiven: false,
            asked: 0,
            done: 0,
            clearances: Vec::new(),
        }
    }

    /// All of it, as it is kept.
    pub(super) const fn kept(&self) -> &Remembered {
        &self.kept
    }

    /// Whether the source's password was refused.
    pub(super) const fn has_refused(&self) -> bool {
        self.engine.refused.is_some()
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

    /// Why the password that got no answer is not sent, for people.
    pub(super) fn why_doubted(&self) -> Option<String> {
        let pause =
            self.engine.doubt.map(|doubt| doubt.pause).filter(|pause| !pause.is_over(clock::now()))?;
        let until = local_time_at(pause.until);
        Some(format!(
            "the last login with this password got no answer, so it is not sent again before {until}"
        ))
    }

    /// Whether something is still being written.
    pub(super) const fn is_writing(&self) -> bool {
        self.done < self.asked
    }

    /// A write has ended.
    pub(super) fn written(&mut self) {
        self.done += 1;
        if !self.is_writing() {
            // A login that was given up meanwhile needs none.
            for go in self.clearances.drain(..) {
                let _heard = go.send(());
            }
        }
    }

    /// Lets a login's password leave once all is written down.
    pub(super) fn clear(&mut self, go: oneshot::Sender<()>) {
        if self.is_writing() {
            self.clearances.push(go);
        } else {
            let _heard = go.send(());
        }
    }

    /// Why a restart would not know of the latest, where that is so.
    pub(super) fn problem(&self) -> Option<String> {
        self.record.problem()
    }

    /// Waits at the daemon's end until everything is written: on a slow disk, too, a lockout must not be forgotten.
    pub(super) async fn settle(&self) {
        drop(timeout(END_LIMIT, self.record.settled()).await);
    }

    /// Forgets what is on disk, too, after all that is being written there.
    ///
    /// # Errors
    /// Why that could not be done, in words.
    pub(super) async fn forget(&mut self) -> Result<(), String> {
        self.kept = Remembered::default();
        match timeout(WRITE_LIMIT, self.record.put(Remembered::default())).await {
            Ok(()) => self.record.problem().map_or(Ok(()), Err),
            Err(_) => Err("the state folder does not answer".into()),
        }
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
            until: unix.saturating_add_unsigned(now.until(doubt.pause.until).as_secs() + 1),
            pause_s: doubt.pause.length.as_secs(),
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
        self.memory.attempted.take_if(|_| memory.attempt.is_none());
        kept.attempted =
            memory.attempt.zip(self.memory.attempted.clone()).map(|(pause, account)| AttemptedLogin {
                account,
                until: unix.saturating_add_unsigned(now.until(pause.until).as_secs() + 1),
                pause_s: pause.length.as_secs(),
            });
        let before = std::mem::replace(&mut self.memory.engine, memory);
        // That a login is over need not be known before anybody is answered.
        let is_over = memory == Memory { attempt: None, ..before };
        let (written, reports) = (self.put_down(is_over), self.reports.clone());
        if !is_over {
            self.memory.asked += 1;
            tokio::spawn(async move {
                written.await;
                drop(reports.send(Report::MemoryWritten).await);
            });
        }
    }

    /// Writes all of it down, in the state folder and in the service manager's store: there with the next pair, if
    /// `may_wait` and one is about to be stored. Whoever waits for it does so for a while.
    pub(super) fn put_down(&mut self, may_wait: bool) -> impl Future<Output = ()> + Send + use<> {
        self.memory.kept.revision = self.memory.kept.revision.saturating_add(1);
        // A state without a pair yet, or with the one that is held.
        let held = self.session.held().and_then(|generation| self.pairs.get(generation)).cloned();
        let comes_anyway = may_wait && held.as_ref().is_some_and(|pair| !pair.in_store);
        let stored = if comes_anyway { None } else { self.store_state(held.as_ref(), None) };
        let written = self.memory.record.put(self.memory.kept.clone());
        // A login waits for it, too, and must not run out of time over it.
        let limit = WRITE_LIMIT.min(self.config().request_timeout / 2);
        async move {
            let stored = async {
                if let Some(stored) = stored {
                    // It reports its own failures.
                    drop(stored.await);
                }
            };
            drop(timeout(limit, async { tokio::join!(written, stored) }).await);
        }
    }
}
