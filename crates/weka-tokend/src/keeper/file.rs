//! The token file, from a keeper's side: looking, locking, saving, removing, each in a task of its own.

use super::order::DoneReply;
use super::reports::{Looked, Removed, Report, Saved};
use crate::clock;
use crate::config::TokenFile;
use crate::note::Note;
use crate::pair::{Known, Pair, pair_of, tokens_of};
use crate::sink::{self, Look, Work};
use crate::token_file::{self, FileLock, FileWorker, TokenFile as FoundFile, Tokens, Written};
use engine::Generation;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long one look at the token file may hold up an exchange: a hung file system must not delay a `get`.
const LOOK_LIMIT: Duration = Duration::from_secs(1);
/// How long another node's exchange is waited for, while its lock is seen to be held.
const LOCK_PATIENCE: Duration = Duration::from_secs(8);
/// Between two looks at a lock that is held.
const LOCK_PAUSE: Duration = Duration::from_millis(200);
/// How long a save may hold up the publication of a new pair.
const SAVE_LIMIT: Duration = Duration::from_secs(1);

/// Looks at the token file.
pub async fn look(files: &FileWorker, path: Option<&Path>) -> Looked {
    let Some(path) = path.map(ToOwned::to_owned) else { return Looked::Nothing };
    let shown = path.display().to_string();
    match files.run(LOOK_LIMIT, move || token_file::read(&path)).await {
        Ok(Ok(Some(found))) => looked(found),
        Ok(Ok(None)) => Looked::Nothing,
        Ok(Err(error)) => Looked::Problem(error.note()),
        Err(gave_up) => Looked::Problem(Note::passing("token-file", format!("{shown}: {gave_up}"))),
    }
}

fn looked(found: FoundFile) -> Looked {
    let FoundFile { tokens, lax_mode, changed_unix_s, has_our_clock, .. } = found;
    let written = has_our_clock.then_some(changed_unix_s);
    let pair = Pair { in_file: true, ..pair_of(tokens, written) };
    Looked::Pair { pair, modified_unix_s: changed_unix_s, lax_mode }
}

/// Looks at the token file in a task of its own.
pub fn spawn_look(files: &FileWorker, path: Option<&Path>, reports: mpsc::Sender<Report>) {
    let (files, path) = (files.clone(), path.map(ToOwned::to_owned));
    tokio::spawn(async move {
        let found = look(&files, path.as_deref()).await;
        drop(reports.send(Report::Looked { asked_by_engine: false, found }).await);
    });
}

/// Looks for the engine, in a task of its own, for a pair that is none of the `known` ones: in the token file, and
/// in the sinks.
pub(super) fn spawn_look_for_engine(
    files: &FileWorker,
    path: Option<&Path>,
    sinks: Vec<Look>,
    known: Known,
    reports: mpsc::Sender<Report>,
) {
    let (files, path) = (files.clone(), path.map(ToOwned::to_owned));
    tokio::spawn(async move {
        let mut found = look(&files, path.as_deref()).await;
        let is_news = matches!(&found, Looked::Pair { pair, .. } if !known.has(pair));
        if !is_news && let Some(pair) = sink::news(sinks, &known).await {
            found = Looked::InSink(pair);
        }
        drop(reports.send(Report::Looked { asked_by_engine: true, found }).await);
    });
}

/// Looks at the token file in a task of its own, for what came after a pair was stored.
pub fn spawn_look_since(
    files: &FileWorker,
    path: Option<&Path>,
    stored_unix_s: Option<i64>,
    reports: mpsc::Sender<Report>,
) {
    let (files, path) = (files.clone(), path.map(ToOwned::to_owned));
    tokio::spawn(async move {
        let found = look(&files, path.as_deref()).await;
        let stored_unix_s = stored_unix_s.unwrap_or_default();
        drop(reports.send(Report::LookedSince { found, stored_unix_s }).await);
    });
}

/// Takes the lock beside the token file, best effort, and looks at the file. While another host holds the
/// lock it is renewing, so its pair is waited for as long as ours lives.
pub(super) async fn look_locked(
    files: &FileWorker,
    path: &Path,
    pair: &Pair,
    known: &Known,
) -> (Option<FileLock>, Looked) {
    let left = pair.lease.map_or(Duration::ZERO, |lease| lease.remaining(clock::now()));
    let patience = left.saturating_sub(Duration::from_secs(1)).clamp(LOOK_LIMIT, LOCK_PATIENCE);
    let until = clock::now() + patience;
    loop {
        let attempt = {
            let path = path.to_owned();
            files.run(LOOK_LIMIT, move || token_file::try_lock(&path)).await
        };
        match attempt {
            Ok(Ok(Some(lock))) => return (Some(lock), look(files, Some(path)).await),
            Ok(Ok(None)) => {
                let found = look(files, Some(path)).await;
                let renewed = matches!(&found, Looked::Pair { pair, .. } if !known.has(pair));
                if renewed || clock::now() >= until {
                    return (None, found);
                }
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            // No locks on this file system, or the folder is not ours to write to: go on without.
            Ok(Err(_unavailable)) => return (None, look(files, Some(path)).await),
            Err(_gave_up) => return (None, Looked::Nothing),
        }
    }
}

/// Puts a pair into the token file. A pair that is not among the `known` ones is another writer's and left
/// alone; without them whatever is there is replaced, as a person's login does.
pub fn spawn_save(
    files: FileWorker,
    generation: Generation,
    pair: &Pair,
    file: &TokenFile,
    known: Option<Known>,
    reports: mpsc::Sender<Report>,
) {
    let Some(path) = file.path().map(ToOwned::to_owned) else {
        let saved = Report::Saved { generation, result: Ok(Saved::NoFile) };
        tokio::spawn(async move { reports.send(saved).await });
        return;
    };
    let may_create = file.may_create();
    let tokens = tokens_of(pair);
    tokio::spawn(async move {
        let shown = path.display().to_string();
        let write = move || match &known {
            Some(known) => {
                let is_known = |tokens: &Tokens| known.has_tokens(tokens);
                token_file::write(&path, &tokens, may_create, Some(&is_known))
            }
            None => token_file::write(&path, &tokens, may_create, None),
        };
        let result = match files.run(SAVE_LIMIT, write).await {
            Ok(Ok(Written::Done(_))) => Ok(Saved::InFile),
            Ok(Ok(Written::Absent)) => Ok(Saved::NoFile),
            Ok(Ok(Written::Overtaken(found))) => Ok(Saved::Overtaken(looked(*found))),
            Ok(Err(error)) => Err(error.note()),
            Err(gave_up) => Err(Note::passing("token-file", format!("{shown}: {gave_up}"))),
        };
        drop(reports.send(Report::Saved { generation, result }).await);
    });
}

/// A token file to be deleted after a logout, if it holds a pair of ours.
#[derive(Debug)]
pub(super) struct Removal {
    /// The file, if there is one.
    pub(super) path: Option<PathBuf>,
    /// The pair that was held.
    pub(super) pair: Option<Pair>,
    /// The pairs we had: where the last save failed, an older one is still in the file.
    pub(super) known: Known,
    /// The sinks, which are being deleted.
    pub(super) sinks: Vec<Work>,
    /// The sessions of sinks, which are ending.
    pub(super) own: Vec<JoinHandle<()>>,
    /// Who wants to hear of it.
    pub(super) reply: DoneReply,
}

impl Removal {
    /// Deletes it, and tells the keeper.
    pub(super) fn start(self, files: &FileWorker, reports: &mpsc::Sender<Report>) {
        let (files, reports) = (files.clone(), reports.clone());
        tokio::spawn(async move {
            let (mut notes, mut left) = (Vec::new(), None);
            if let Some(path) = self.path {
                match remove(&files, &path, self.pair.as_ref(), self.known).await {
                    Ok(true) => notes.push(format!("deleted {}", path.display())),
                    Ok(false) => {}
                    Err(problem) => left = Some((path, problem)),
                }
            }
            let until = tokio::time::Instant::now() + LOOK_LIMIT;
            for sink in self.sinks {
                notes.extend(tokio::time::timeout_at(until, sink.ended()).await.ok().flatten());
            }
            for own in self.own {
                drop(tokio::time::timeout_at(until, own).await);
            }
            let removed = Removed { notes, left, is_last_word: false, reply: self.reply };
            drop(reports.send(Report::FileRemoved(removed)).await);
        });
    }
}

/// Whether it was there, and ours.
async fn remove(files: &FileWorker, path: &Path, held: Option<&Pair>, known: Known) -> Result<bool, String> {
    let held = held.map(tokens_of);
    let is_ours = move |found: &Tokens| {
        let is_held = held.as_ref().is_some_and(|held| {
            let same_refresh = held.refresh_token.is_some() && found.refresh_token == held.refresh_token;
            same_refresh || (held.access_token.is_some() && found.access_token == held.access_token)
        });
        is_held || known.has_tokens(found)
    };
    let (shown, path) = (path.display().to_string(), path.to_owned());
    match files.run(LOOK_LIMIT, move || token_file::remove_if(&path, is_ours)).await {
        Ok(removed) => removed.map_err(|error| error.to_string()),
        Err(gave_up) => Err(format!("token file {shown}: {gave_up}")),
    }
}
