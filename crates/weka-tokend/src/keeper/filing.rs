//! What a keeper makes of its token file: news in it, its own pairs into it.

use super::Keeper;
use super::file::{self, Looked, Saved};
use crate::clock;
use crate::file_watch::FileWatch;
use crate::token_file::FileWorker;
use engine::{Adopted, Event, Generation};

/// What a keeper knows of its token file.
#[derive(Debug)]
pub(super) struct FileSide {
    /// Does the work, one thing at a time.
    pub(super) worker: FileWorker,
    /// Tells of other writers.
    pub(super) watch: Option<FileWatch>,
    /// The file may be replaced whatever it holds: a person has logged in.
    pub(super) claimed: bool,
    /// Whether there is such a file: one that is only taken over may not exist yet.
    pub(super) there: bool,
    /// Its mode, where others could read it.
    pub(super) lax_mode: Option<u32>,
    /// It was configured while a pair was held, so that pair is to be put into it.
    pub(super) owed: bool,
    /// What is wrong with it.
    pub(super) problem: Option<String>,
}

impl FileSide {
    /// Before anything is known.
    pub(super) fn new() -> Self {
        Self {
            worker: FileWorker::new(),
            watch: None,
            claimed: false,
            there: false,
            lax_mode: None,
            owed: false,
            problem: None,
        }
    }

    /// Another file is meant from now on.
    pub(super) fn moved(&mut self) {
        self.there = false;
        self.lax_mode = None;
        self.owed = true;
        self.problem = None;
    }

    /// Waits until something happens near the file.
    pub(super) async fn stirred(&mut self) {
        match &mut self.watch {
            Some(watch) => watch.stirred().await,
            None => std::future::pending().await,
        }
    }
}

impl Keeper {
    /// What was found, as news: a pair that we do not know yet.
    pub(super) fn news_of(&mut self, found: Looked) -> Option<Adopted> {
        match found {
            Looked::Pair { pair, modified_unix_s, lax_mode } => {
                self.file.problem = None;
                self.file.there = true;
                self.file.lax_mode = lax_mode;
                // A file left over from before a logout is not a new login.
                if self.memory.is_logged_out_since(modified_unix_s) {
                    return None;
                }
                let news = self.pairs.adopt(pair.clone());
                self.pairs.seen_in_file(&pair);
                news
            }
            Looked::Nothing => {
                self.file.problem = None;
                self.file.there = false;
                None
            }
            Looked::Problem(problem) => {
                self.file.there = true;
                self.note_file_problem(problem);
                None
            }
        }
    }

    /// The token file as a person knows it: one that is there, or will be.
    pub(super) fn file_shown(&self) -> Option<String> {
        let file = &self.settings.borrow().token_file;
        let kept = file.may_create() || self.file.there;
        file.path().filter(|_| kept).map(|path| path.display().to_string())
    }

    pub(super) fn on_looked(&mut self, asked_by_engine: bool, found: Looked) {
        let pair = self.news_of(found);
        if asked_by_engine {
            self.feed(Event::FileRead { pair });
        } else if let Some(pair) = pair {
            tracing::info!(profile = %self.name, "another writer renewed the token file; its tokens are used from now on");
            self.feed(Event::FileChanged { pair });
        } else {
            self.file_held_pair();
            self.show(clock::now());
        }
    }

    /// Puts the pair that is held into a token file that was configured only now.
    fn file_held_pair(&mut self) {
        if !std::mem::take(&mut self.file.owed) {
            return;
        }
        let held = self.session.held().filter(|held| self.pairs.get(*held).is_some_and(|pair| !pair.in_file));
        if let Some(held) = held {
            self.saving += 1;
            self.write_file(held);
        }
    }

    pub(super) fn note_file_problem(&mut self, problem: String) {
        if self.file.problem.as_ref() != Some(&problem) {
            tracing::warn!(profile = %self.name, "{problem}");
        }
        self.file.problem = Some(problem);
    }

    pub(super) fn on_saved(&mut self, generation: Generation, result: Result<Saved, String>) {
        self.file.worker.release();
        let mut overtaken = None;
        let ok = match result {
            Ok(Saved::InFile) => {
                self.pairs.filed(generation);
                self.file.claimed = false;
                self.file.there = true;
                self.file.lax_mode = None;
                self.file.problem = None;
                true
            }
            Ok(Saved::NoFile) => {
                self.file.there = false;
                true
            }
            Ok(Saved::Overtaken(found)) => {
                overtaken = Some(found);
                true
            }
            Err(problem) => {
                self.note_file_problem(problem);
                false
            }
        };
        self.saving = self.saving.saturating_sub(1);
        // With a store the pair is saved once it is there; here only a failure, or a repeated attempt, is news.
        if !self.storing.is_there() || !ok || self.board.generation() == Some(generation) {
            self.feed(Event::Saved { generation, ok: ok && self.store_problem.is_none() });
        }
        if let Some(found) = overtaken {
            self.on_looked(false, found);
        }
    }

    pub(super) fn watch_file(&mut self) {
        self.file.watch = self.config().token_file.path().and_then(FileWatch::new);
    }

    /// Something happened near the token file.
    pub(super) fn look_at_file(&self) {
        file::spawn_look(&self.file.worker, self.config().token_file.path(), false, self.reports.clone());
    }
}
