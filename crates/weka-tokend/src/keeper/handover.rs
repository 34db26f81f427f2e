//! A keeper's end while the daemon goes on: its profile gets another name, or is removed.

use super::Keeper;
use super::order::{DoneReply, FINISH_LIMIT};
use super::reports::Report;
use super::surrendered::Surrendered;
use crate::config::ProfileName;
use crate::dirs::Dirs;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use wire::Refusal;

/// How long forgetting what was remembered on disk may take.
const FORGET_LIMIT: Duration = Duration::from_secs(2);

/// Removes what is remembered on disk of a profile and of the sessions of its sinks, those included that the
/// configuration has not named for long. Blocks.
///
/// # Errors
/// The folder cannot be read, or a file not be removed.
pub(crate) fn forget_on_disk(dirs: &Dirs, name: &ProfileName) -> io::Result<()> {
    let Some(folder) = dirs.state_folder() else { return Ok(()) };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| named(folder, &error))?,
    };
    for entry in entries {
        let file = entry.map_err(|error| named(folder, &error))?.path();
        // A profile's name has no dot in it.
        let is_of = |text: &str| {
            text.split_once('.')
                .is_some_and(|(of, rest)| of == name.as_str() && (rest == "json" || rest.ends_with(".json")))
        };
        if file.file_name().and_then(|it| it.to_str()).is_some_and(is_of) {
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(named(&file, &error)),
                _ => {}
            }
        }
    }
    Ok(())
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
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
        let sessions = self.surrender_own().await;
        self.end_own();
        self.finish_own().await;
        // The sinks stay, for the keeper that goes on.
        for work in self.sinks.work() {
            drop(tokio::time::timeout(FINISH_LIMIT, work.ended()).await);
        }
        self.memory.settle().await;
        self.storing.settle().await;
        let held = self.session.held().and_then(|generation| self.pairs.get(generation));
        Surrendered { state: self.state(held), entries: self.storing.entries(), sessions }
    }

    /// Forgets tokens, passwords and what was remembered; says what is left all the same.
    async fn forget_all(&mut self) -> Vec<String> {
        self.withdraw_sinks();
        self.remove_own();
        self.board.publish(None);
        self.logins.clear();
        self.tokens.clear();
        self.waiters.clear();
        self.pairs.forget_all();
        self.fallback = None;
        self.password.forget();
        let exchange = self.exchange.take();
        if let Some(running) = &exchange {
            // One that waits for the file's lock must not send what is forgotten now.
            running.obsolete.store(true, Ordering::Relaxed);
        }
        // It would be written down after all else is gone.
        let mut refusal = exchange.is_some_and(|running| running.refused);
        while refusal || self.saving > 0 || self.profile_saves > 0 || self.memory.is_writing() {
            let Ok(Some(report)) = tokio::time::timeout(FINISH_LIMIT, self.inbox.recv()).await else { break };
            refusal &= !matches!(report, Report::RefusalKept { .. });
            self.on_report(report);
        }
        self.file.worker.drain(FINISH_LIMIT).await;
        self.finish_sinks().await;
        self.finish_own().await;
        self.storing.settle().await;
        self.storing.clear();
        let mut notes = Vec::new();
        notes.extend(self.memory.forget().await.err());
        // Where this is the session of a sink, the profile goes on.
        if self.bond.is_none() {
            let (dirs, name) = (self.surroundings.dirs.clone(), self.name.clone());
            let forget = tokio::task::spawn_blocking(move || forget_on_disk(&dirs, &name));
            match tokio::time::timeout(FORGET_LIMIT, forget).await {
                Ok(Ok(Err(error))) => notes.push(format!("what is remembered is left behind: {error}")),
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
