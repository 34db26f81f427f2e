//! What a keeper makes of its token file: news in it, its own pairs into it.

use super::Keeper;
use super::file;
use super::reports::{Looked, Saved};
use crate::clock;
use crate::config::{ProfileConfig, TokenFile};
use crate::file_watch::FileWatch;
use crate::note::Note;
use crate::pair::Pair;
use crate::token_file::FileWorker;
use engine::{Adopted, Event, Generation};
use std::path::{Path, PathBuf};

/// How often a pair is put back in the place of an older one of ours that another writer put into the file: two
/// daemons that see each other's old pairs must not write for ever.
const PUT_BACK: u8 = 3;

/// What a keeper knows of its token file.
#[derive(Debug)]
pub(super) struct FileSide {
    /// Does the work, one thing at a time.
    pub(super) worker: FileWorker,
    /// Tells of other writers.
    pub(super) watch: Option<FileWatch>,
    /// A person has logged in at this time, in seconds since 1970: the file may be replaced whatever it holds, and what
    /// was in it before is nobody's pair any more.
    pub(super) claimed_unix_s: Option<i64>,
    /// When the pair that was last taken over from it was written there, in seconds since 1970.
    pub(super) adopted_unix_s: Option<i64>,
    /// Whether there is such a file: one that is only taken over may not exist yet.
    pub(super) there: bool,
    /// Its mode, where others could read it.
    pub(super) lax_mode: Option<u32>,
    /// It was configured while a pair was held, so that pair is to be put into it.
    pub(super) owed: bool,
    /// The pair that was last put back in the place of an older one, and how often.
    put_back: Option<(Generation, u8)>,
    /// The file that it would look for, had it not been left to another profile.
    given: Option<PathBuf>,
    /// What is wrong with what is there.
    pub(super) problem: Option<Note>,
    /// Why the pair that is held could not be put into it.
    pub(super) save_problem: Option<Note>,
}

impl FileSide {
    /// Before anything is known.
    pub(super) fn new() -> Self {
        Self {
            worker: FileWorker::new(),
            watch: None,
            claimed_unix_s: None,
            adopted_unix_s: None,
            there: false,
            lax_mode: None,
            owed: false,
            put_back: None,
            given: None,
            problem: None,
            save_problem: None,
        }
    }

    /// Another file is meant from now on.
    pub(super) fn moved(&mut self) {
        self.claimed_unix_s = None;
        self.there = false;
        self.lax_mode = None;
        self.owed = true;
        self.problem = None;
        self.save_problem = None;
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
                // Nor is one from before a login whose own pair is still on its way there.
                if self.file.claimed_unix_s.is_some_and(|login| modified_unix_s <= login) {
                    self.pairs.note_stale(&pair);
                }
                let held = self.session.held().and_then(|held| self.pairs.get(held)).cloned();
                let news = self.pairs.adopt(pair.clone());
                self.pairs.seen_in_file(&pair);
                if news.is_some() {
                    self.file.adopted_unix_s = Some(modified_unix_s);
                    self.file.claimed_unix_s = None;
                    self.keep_fallback(held);
                    self.note_sharing(&pair);
                }
                news
            }
            Looked::InSink(pair) => self.supersede(pair),
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

    /// Another writer's pair takes the place of a good one, which stays at hand until the other has proved good:
    /// a restored backup, or a botched edit, must not cost the login.
    fn keep_fallback(&mut self, held: Option<Pair>) {
        if self.granted {
            self.fallback = held.filter(|pair| pair.refresh_token.is_some()).or_else(|| self.fallback.take());
        }
    }

    /// Another host's pair, found right before a refresh.
    pub(super) fn supersede(&mut self, pair: Pair) -> Option<Adopted> {
        let held = self.session.held().and_then(|held| self.pairs.get(held)).cloned();
        let mut adopted = self.pairs.adopt(pair.clone());
        if let Some(adopted) = &mut adopted {
            self.file.adopted_unix_s = Some(clock::unix_now_s());
            self.keep_fallback(held);
            self.note_sharing(&pair);
            if self.bond.is_some() {
                // The tool goes on with it. Where refresh tokens work once, it would be left with a dead one if we used
                // it: the next pair comes from the password.
                adopted.renewable = false;
                self.lent = Some(pair.id());
            }
        }
        adopted
    }

    /// Another writer's pair may tell why ours was refused.
    fn note_sharing(&mut self, pair: &Pair) {
        if self.sharing.found(pair) {
            tracing::warn!(profile = %self.name, "another program has used up the refresh token in the token file");
        }
    }

    /// The token file was looked at because the pair in use is refused: if nothing new is there, the pair from
    /// before may still be good.
    fn fall_back(&mut self) -> Option<Adopted> {
        let mut pair = self.fallback.take()?;
        tracing::warn!("{}: the pair in the token file is refused; the one from before is tried", self.name);
        (pair.in_file, pair.in_store) = (false, false);
        let lease = pair.lease;
        Some(Adopted { generation: self.pairs.add(pair), lease, renewable: true })
    }

    /// The token file as a person knows it: one that is there, or will be, and is up to date.
    pub(super) fn file_shown(&self) -> Option<String> {
        let file = &self.settings.borrow().token_file;
        let kept = (file.may_create() || self.file.there) && self.file.save_problem.is_none();
        file.path().filter(|_| kept).map(|path| path.display().to_string())
    }

    pub(super) fn on_looked(&mut self, asked_by_engine: bool, found: Looked) {
        let pair = self.news_of(found);
        if asked_by_engine {
            let pair = pair.or_else(|| self.fall_back());
            self.feed(Event::FileRead { pair });
        } else if let Some(pair) = pair {
            tracing::info!(profile = %self.name, "another writer renewed the token file; its tokens are used from now on");
            self.feed(Event::FileChanged { pair });
        } else {
            self.put_back();
            self.file_held_pair();
            self.show(clock::now());
        }
    }

    /// A tool that keeps its tokens in memory writes them back long after we renewed them. What is in the file then
    /// is a pair that we had, and soon dead: whoever reads the file next would be served badly until our next renewal.
    fn put_back(&mut self) {
        let Some(held) = self.session.held() else { return };
        let lives = |pair: &Pair| pair.lease.is_some_and(|lease| engine::ttl::is_alive(&lease, clock::now()));
        // A pair on its way into the file needs no second one.
        let is_stale = self.saving == 0
            && self.pairs.get(held).is_some_and(|pair| lives(pair) && self.pairs.is_stale_in_file(pair));
        let times =
            self.file.put_back.filter(|(generation, _)| *generation == held).map_or(0, |(_, times)| times);
        if is_stale && times < PUT_BACK {
            tracing::info!(profile = %self.name, "another writer put older tokens into the token file; ours are put back");
            self.file.put_back = Some((held, times + 1));
            self.pairs.not_filed();
            self.file.owed = true;
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

    pub(super) fn note_file_problem(&mut self, problem: Note) {
        if self.file.problem.as_ref() != Some(&problem) {
            tracing::warn!(profile = %self.name, "{problem}");
        }
        self.file.problem = Some(problem);
    }

    pub(super) fn on_saved(&mut self, generation: Generation, result: Result<Saved, Note>) {
        self.file.worker.release();
        let mut overtaken = None;
        let ok = match result {
            Ok(Saved::InFile) => {
                self.pairs.filed(generation);
                self.file.claimed_unix_s = None;
                self.file.there = true;
                self.file.lax_mode = None;
                self.file.problem = None;
                true
            }
            Ok(Saved::NoFile) => {
                self.file.claimed_unix_s = None;
                self.file.there = false;
                true
            }
            Ok(Saved::Overtaken(found)) => {
                overtaken = Some(found);
                true
            }
            Err(problem) => {
                if self.file.save_problem.as_ref() != Some(&problem) {
                    tracing::warn!(profile = %self.name, "{problem}");
                }
                self.file.save_problem = Some(problem);
                false
            }
        };
        if ok {
            self.file.save_problem = None;
        }
        self.saving = self.saving.saturating_sub(1);
        // With a store the pair is saved once it is there; here only a failure, or a repeated attempt, is news.
        if !self.storing.is_there() || !ok || self.board.generation() == Some(generation) {
            self.feed(Event::Saved { generation, ok: ok && self.store_problem.is_none() });
        }
        if let Some(found) = overtaken {
            self.on_looked(false, found);
        }
        self.answer_offers();
    }

    /// Leaves a file that was only looked for, and has brought nothing, to a profile that is to keep it; says whether
    /// it has.
    pub(super) fn give_way(&mut self, path: &Path) -> bool {
        let config = self.config();
        if config.token_file.path() != Some(path) {
            return true;
        }
        if config.token_file.may_create() || self.board.generation().is_some() {
            return false;
        }
        self.file.given = Some(path.to_owned());
        self.reconfigure(ProfileConfig { token_file: TokenFile::None, ..config.as_ref().clone() });
        true
    }

    /// Nobody has come to keep it: it is looked for as before, unless tokens have come from elsewhere.
    pub(super) fn take_back(&mut self, path: PathBuf) {
        let was_given = self.file.given.take_if(|given| *given == path).is_some();
        let config = self.config();
        if was_given && config.token_file == TokenFile::None && self.board.generation().is_none() {
            let token_file = TokenFile::AdoptOnly(path);
            self.reconfigure(ProfileConfig { token_file, ..config.as_ref().clone() });
        }
    }

    /// Settings from the configuration file, but for a token file that was left to another profile since.
    pub(super) fn without_given_file(&mut self, mut config: ProfileConfig) -> ProfileConfig {
        match (&config.token_file, &self.file.given) {
            (TokenFile::AdoptOnly(path), Some(given)) if path == given => config.token_file = TokenFile::None,
            _ => self.file.given = None,
        }
        config
    }

    pub(super) fn watch_file(&mut self) {
        self.file.watch = self.config().token_file.path().and_then(FileWatch::new);
    }

    /// Something happened near the token file.
    pub(super) fn look_at_file(&self) {
        file::spawn_look(&self.file.worker, self.config().token_file.path(), self.reports.clone());
    }
}
