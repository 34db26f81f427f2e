//! Files that are kept fresh for others: `[[profile.NAME.sink]]`.
//!
//! Each sink has a task of its own, so that a file system that hangs, is full or has gone harms nothing else. It is told
//! what should be there, and sees to it: when that changes, when somebody else has changed the file, and when the token
//! in it dies with no newer one at hand, as a file with a dead token is worse than none.
//!
//! - `place`: the folder, and who else may write to it; `group`: the file's group
//! - `content`: what stands in the file; `file`: the blocking work on it
//! - `task`: when what is done; `problem`: what can be wrong, in words

mod content;
mod file;
mod group;
mod place;
mod problem;
mod task;

pub(crate) use file::Offer;

use crate::config::{ProfileName, SinkConfig};
use crate::dirs::Dirs;
use crate::note::Note;
use crate::pair::pair_of;
use crate::pair::{Known, Pair};
use content::Held;
use file::Target;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long one piece of work on the file is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a look at the file may hold up an exchange with the cluster.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// What should be in a sink.
#[derive(Debug, Clone)]
enum Wanted {
    /// Nobody knows yet: what the last daemon left stays while it lives.
    Unsaid,
    /// This pair, for as long as it lives.
    Pair(Box<Offer>),
    /// Nothing. Pairs that are none of these are a tool's, once ours are gone.
    Nothing(Arc<Known>),
}

/// What a sink's task tells the keeper.
#[derive(Debug)]
pub struct News {
    /// Whose.
    pub path: PathBuf,
    /// What.
    pub what: What,
}

/// What a sink's task has to tell.
#[derive(Debug)]
pub enum What {
    /// It is not as it should be; or it is again.
    Problem(Option<Note>),
    /// A tool has put a pair of its own there.
    Found {
        /// It.
        pair: Box<Pair>,
        /// When the file last changed, in seconds since 1970.
        changed_unix_s: i64,
        /// Whether what was there before was as this daemon wanted it.
        since_ours: bool,
    },
}

/// A sink, as its keeper holds it. Its task ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Sink {
    target: Target,
    worker: crate::token_file::FileWorker,
    wanted: watch::Sender<(u64, Wanted)>,
    /// The number of what is wanted, so that late work for something older leaves the file alone.
    latest: Arc<AtomicU64>,
    done: watch::Receiver<Done>,
}

/// How far a sink's task has come.
#[derive(Debug, Clone, Default)]
struct Done {
    /// What it has attended to last, by its number.
    number: u64,
    /// What was wrong.
    problem: Option<Note>,
}

impl Sink {
    /// Starts its task.
    pub(crate) fn spawn(
        config: SinkConfig,
        profile: &ProfileName,
        dirs: &Dirs,
        news: mpsc::Sender<News>,
    ) -> Self {
        let own = dirs.sinks.as_ref().map(|sinks| sinks.path.clone());
        let target = Target { config, own, service: dirs.service };
        let (wanted, seen) = watch::channel((0, Wanted::Unsaid));
        let latest = Arc::new(AtomicU64::new(0));
        let (telling, done) = watch::channel(Done::default());
        let task = task::Task::new(target.clone(), profile.clone(), seen, Arc::clone(&latest), telling, news);
        let worker = task.worker();
        tokio::spawn(task.run());
        Self { target, worker, wanted, latest, done }
    }

    pub(crate) const fn config(&self) -> &SinkConfig {
        &self.target.config
    }

    /// Wants this pair in the file.
    pub(crate) fn offer(&self, offer: Offer) {
        self.want(Wanted::Pair(Box::new(offer)));
    }

    /// Wants the file gone.
    pub(crate) fn withdraw(&self, known: Arc<Known>) {
        self.want(Wanted::Nothing(known));
    }

    fn want(&self, wanted: Wanted) {
        let number = self.latest.fetch_add(1, Ordering::Relaxed) + 1;
        self.wanted.send_replace((number, wanted));
    }

    /// The work on what is wanted now.
    pub(crate) fn work(&self) -> Work {
        Work { done: self.done.clone(), number: self.latest.load(Ordering::Relaxed) }
    }

    /// How to look at the pair in the file, if it is a file with pairs.
    pub(crate) fn look(&self) -> Option<Look> {
        (self.config().content == crate::config::SinkContent::Pair)
            .then(|| Look { target: self.target.clone(), worker: self.worker.clone() })
    }

    /// Whether it is below this folder.
    pub(crate) fn is_in(&self, folder: &Path) -> bool {
        self.config().path.starts_with(folder)
    }
}

/// Work on a sink that is going on.
#[derive(Debug)]
pub(crate) struct Work {
    done: watch::Receiver<Done>,
    number: u64,
}

impl Work {
    /// Waits until it has been tried; says what was wrong.
    pub(crate) async fn ended(mut self) -> Option<String> {
        // An error means that the sink's task has ended.
        let done = self.done.wait_for(|done| done.number >= self.number).await.ok()?;
        done.problem.as_ref().map(ToString::to_string)
    }
}

/// A look at the pair in a sink, before an exchange.
#[derive(Debug)]
pub(crate) struct Look {
    target: Target,
    worker: crate::token_file::FileWorker,
}

impl Look {
    /// The pair in the file; `None` where there is none, or none can be read in time.
    pub(crate) async fn pair(self) -> Option<Pair> {
        let target = self.target;
        let looked = self.worker.run(LOOK_LIMIT, move || target.look()).await;
        match looked {
            Ok(Ok(Some((Held::Pair(tokens), _)))) => Some(pair_of(tokens, None)),
            _ => None,
        }
    }
}

/// A pair in one of the sinks that is none of the `known` ones: a tool has renewed ours.
pub(crate) async fn news(looks: Vec<Look>, known: &Known) -> Option<Pair> {
    for look in looks {
        let found = look.pair().await;
        if let Some(pair) = found.filter(|pair| !known.has(pair)) {
            return Some(pair);
        }
    }
    None
}

#[cfg(test)]
mod tests;
