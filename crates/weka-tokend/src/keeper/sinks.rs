//! The current pair into files for others, and a tool's pair out of them.

use super::order::FINISH_LIMIT;
use super::{Keeper, QUEUE};
use crate::clock;
use crate::config::SinkSession;
use crate::note::Note;
use crate::pair::Pair;
use crate::sink::{Look, News, Offer, Sink, What, Work};
use engine::Event;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// A keeper's sinks.
#[derive(Debug)]
pub(super) struct SinkSide {
    sinks: BTreeMap<PathBuf, Entry>,
    /// What their tasks have to tell, and how they tell it.
    pub(super) news: mpsc::Receiver<News>,
    telling: mpsc::Sender<News>,
    /// A person has logged in: a pair that is found in a sink is older.
    pub(super) claims: bool,
    /// When the state was stored that the last daemon left, in seconds since 1970.
    pub(super) restored_unix_s: Option<i64>,
}

#[derive(Debug)]
struct Entry {
    sink: Sink,
    problem: Option<Note>,
}

impl SinkSide {
    /// None yet.
    pub(super) fn new() -> Self {
        let (telling, news) = mpsc::channel(QUEUE);
        Self { sinks: BTreeMap::new(), news, telling, claims: false, restored_unix_s: None }
    }

    /// Ways to look at the pairs in them. One that hangs, or cannot be read, is left out.
    pub(super) fn looks(&self) -> Vec<Look> {
        let sound = self.sinks.values().filter(|entry| entry.problem.is_none());
        sound.filter_map(|entry| entry.sink.look()).collect()
    }

    /// What is going on with each.
    pub(super) fn work(&self) -> Vec<Work> {
        self.sinks.values().map(|entry| entry.sink.work()).collect()
    }

    /// What a person should know.
    pub(super) fn notes(&self) -> impl Iterator<Item = Note> {
        self.sinks.values().filter_map(|entry| entry.problem.clone())
    }
}

impl Keeper {
    /// Starts what the configuration names, and removes what it does not name any more.
    pub(super) fn install_sinks(&mut self) {
        let config = self.config();
        let wanted = || config.sinks.iter().filter(|sink| sink.session == SinkSession::Shared);
        let gone = |path: &PathBuf| !wanted().any(|sink| sink.path == *path);
        let known = Arc::new(self.pairs.known().clone());
        for (_, entry) in self.sinks.sinks.extract_if(.., |path, _| gone(path)) {
            entry.sink.withdraw(Arc::clone(&known));
            tokio::spawn(async move {
                entry.sink.work().ended().await;
                drop(entry);
            });
        }
        let mut added = false;
        for sink in wanted() {
            if self.sinks.sinks.get(&sink.path).is_some_and(|entry| entry.sink.config() == sink) {
                continue;
            }
            let dirs = &self.surroundings.dirs;
            let task = Sink::spawn(sink.clone(), &self.name, dirs, self.sinks.telling.clone());
            self.sinks.sinks.insert(sink.path.clone(), Entry { sink: task, problem: None });
            added = true;
        }
        if added {
            self.fill_sinks();
        }
    }

    /// Puts the published pair into all sinks.
    pub(super) fn fill_sinks(&self) {
        if self.sinks.sinks.is_empty() {
            return;
        }
        let published = self.board.generation().and_then(|generation| self.pairs.get(generation));
        let Some(pair) = published.filter(|pair| pair.lease.is_some()) else { return };
        let known = Arc::new(self.pairs.known().clone());
        for entry in self.sinks.sinks.values() {
            entry.sink.offer(Offer {
                pair: pair.clone(),
                known: Arc::clone(&known),
                claims: self.sinks.claims,
            });
        }
    }

    /// Deletes all sinks.
    pub(super) fn withdraw_sinks(&self) {
        let known = Arc::new(self.pairs.known().clone());
        for entry in self.sinks.sinks.values() {
            entry.sink.withdraw(Arc::clone(&known));
        }
    }

    pub(super) fn on_sink_news(&mut self, news: News) {
        let News { path, what } = news;
        let Some(entry) = self.sinks.sinks.get_mut(&path) else { return };
        match what {
            What::Problem(problem) => {
                entry.problem = problem;
                self.show(clock::now());
            }
            What::Found { pair, changed_unix_s, since_ours } => {
                let since_stored = self.sinks.restored_unix_s.is_some_and(|stored| changed_unix_s >= stored);
                self.on_found_in_sink(&path, *pair, changed_unix_s, since_ours || since_stored);
            }
        }
    }

    /// A tool has renewed the pair on its own, or what is there is left over from an earlier daemon.
    fn on_found_in_sink(&mut self, path: &std::path::Path, pair: Pair, changed_unix_s: i64, is_newer: bool) {
        if self.memory.is_logged_out_since(changed_unix_s) {
            return;
        }
        if !is_newer {
            self.pairs.note_stale(&pair);
        }
        match self.supersede(pair) {
            Some(pair) => {
                let path = path.display();
                tracing::info!(profile = %self.name, "another program has renewed the pair in {path}; it is used from now on");
                self.feed(Event::FileChanged { pair });
            }
            // It is known by now, so that it can be written over.
            None => self.fill_sinks(),
        }
    }

    /// The end: sinks stay for the next daemon, but those of a removed profile, and those in a folder that is to go
    /// with the daemon. Where a service manager keeps that folder, it knows better whether another daemon follows.
    pub(super) async fn finish_sinks(&self) {
        let own = self.surroundings.dirs.sinks.as_ref().filter(|own| !own.is_managed);
        let known = Arc::new(self.pairs.known().clone());
        for entry in self.sinks.sinks.values() {
            let goes = !self.surroundings.is_ending() || own.is_some_and(|own| entry.sink.is_in(&own.path));
            if goes {
                entry.sink.withdraw(Arc::clone(&known));
            }
        }
        let until = Instant::now() + FINISH_LIMIT;
        for work in self.sinks.work() {
            drop(timeout_at(until, work.ended()).await);
        }
    }
}
