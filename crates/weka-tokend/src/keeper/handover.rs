//! A keeper's end while the daemon goes on: its profile gets another name, or is removed.

use super::Keeper;
use super::order::{DoneReply, FINISH_LIMIT};
use crate::remembered::Remembered;
use crate::systemd::state::State;
use crate::systemd::store::EntryName;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use wire::Refusal;

/// How long forgetting what was remembered on disk may take.
const FORGET_LIMIT: Duration = Duration::from_secs(2);

/// All that goes on under another name.
#[derive(Debug)]
pub struct Surrendered {
    /// What a restart would find.
    pub state: State,
    /// Where it stands in the service manager's store, under the name so far.
    pub entries: Vec<EntryName>,
}

/// Why a keeper is to end, and who waits for it.
#[derive(Debug)]
pub(super) enum Leaving {
    /// Another keeper goes on.
    Renamed(oneshot::Sender<Result<Surrendered, Refusal>>),
    /// Nobody does.
    Removed(DoneReply),
}

impl Keeper {
    /// Whether this keeper has nothing more to do.
    pub(super) async fn has_left(&mut self) -> bool {
        match self.leaving.take() {
            None => false,
            Some(Leaving::Removed(reply)) => {
                drop(reply.send(Ok(self.forget_all().await)));
                true
            }
            Some(Leaving::Renamed(reply)) if self.is_busy() => {
                self.leaving = Some(Leaving::Renamed(reply));
                false
            }
            Some(Leaving::Renamed(reply)) => {
                // Who asked may have left, and then this keeper is the only one that the profile has.
                reply.send(Ok(self.surrendered().await)).is_ok()
            }
        }
    }

    /// Whether something is under way: a refresh token that is being used up must not be handed over, and neither
    /// must a state of which a part is not written down yet.
    fn is_busy(&self) -> bool {
        self.exchange.is_some()
            || self.saving > 0
            || self.profile_saves > 0
            || self.memory.is_writing()
            || !self.held_back.is_empty()
            || !self.removals.is_empty()
    }

    async fn surrendered(&mut self) -> Surrendered {
        self.file.worker.drain(FINISH_LIMIT).await;
        // Sessions of their own are made anew, with the password that they need anyhow.
        self.end_own();
        self.finish_own().await;
        // The other sinks stay, for the keeper that goes on.
        for work in self.sinks.work() {
            drop(tokio::time::timeout(FINISH_LIMIT, work.ended()).await);
        }
        self.storing.settle().await;
        let held = self.session.held().and_then(|generation| self.pairs.get(generation));
        Surrendered { state: self.state(held), entries: self.storing.entries() }
    }

    /// Forgets tokens, passwords and what was remembered; says what is left all the same.
    async fn forget_all(&mut self) -> Vec<String> {
        self.withdraw_sinks();
        self.end_own();
        self.board.publish(None);
        self.logins.clear();
        self.tokens.clear();
        self.waiters.clear();
        self.pairs.forget_all();
        self.fallback = None;
        self.password.forget();
        if let Some(running) = self.exchange.take() {
            // One that waits for the file's lock must not send what is forgotten now.
            running.obsolete.store(true, Ordering::Relaxed);
        }
        while self.saving > 0 || self.profile_saves > 0 || self.memory.is_writing() {
            let Ok(Some(report)) = tokio::time::timeout(FINISH_LIMIT, self.inbox.recv()).await else { break };
            self.on_report(report);
        }
        self.file.worker.drain(FINISH_LIMIT).await;
        self.finish_sinks().await;
        self.finish_own().await;
        self.storing.settle().await;
        self.storing.clear();
        let mut notes = Vec::new();
        if let Some(path) = self.surroundings.dirs.remembered_file(&self.name, None) {
            let forget = move || Remembered::default().write(&path);
            match tokio::time::timeout(FORGET_LIMIT, tokio::task::spawn_blocking(forget)).await {
                Ok(Ok(Err(error))) => notes.push(error.to_string()),
                Ok(_) => {}
                Err(_) => notes.push("the state folder does not answer".to_owned()),
            }
        }
        if let Some(path) = self.file_shown() {
            notes.push(format!("{path} stays as it is, with the tokens in it"));
        }
        notes
    }
}
