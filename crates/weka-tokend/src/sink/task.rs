//! The task of a sink: when what is done.

use super::content::Held;
use super::file::{Found, Kept, Offer, Target};
use super::problem::SinkProblem;
use super::{Done, News, PATIENCE, Wanted, What};
use crate::clock::{self, Alarm};
use crate::config::{ProfileName, SinkContent};
use crate::file_watch::FileWatch;
use crate::note::Note;
use crate::pair::pair_of;
use crate::pair::{Known, Pair};
use crate::token_file;
use crate::token_file::FileWorker;
use engine::{Lease, Moment};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// The first pause after a failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a file that somebody else changes is put right for one token.
const PUT_RIGHT: u8 = 3;

/// Why the file is attended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Something else is wanted.
    Wanted,
    /// Somebody has changed it, maybe we ourselves.
    Stirred,
    /// The token in it has died, or an attempt is due again.
    Time,
}

/// A sink's task.
pub(super) struct Task {
    target: Target,
    profile: ProfileName,
    worker: FileWorker,
    wanted: watch::Receiver<(u64, Wanted)>,
    latest: Arc<AtomicU64>,
    done: watch::Sender<Done>,
    news: mpsc::Sender<News>,
    watch: Option<FileWatch>,
    alarm: Option<Alarm>,
    retry: Option<(Instant, Duration)>,
    problem: Option<Note>,
    /// What was wanted last has been there, or gone.
    settled: bool,
    /// The file has been as this daemon wanted it.
    was_ours: bool,
    /// How often it was put right since something else was wanted.
    put_right: u8,
    /// What was there when nobody knew what should be.
    left: Option<Known>,
}

impl Task {
    pub(super) fn new(
        target: Target,
        profile: ProfileName,
        wanted: watch::Receiver<(u64, Wanted)>,
        latest: Arc<AtomicU64>,
        done: watch::Sender<Done>,
        news: mpsc::Sender<News>,
    ) -> Self {
        let alarm = Alarm::new().map_err(|error| tracing::error!(%error, "a sink has no alarm")).ok();
        Self {
            watch: FileWatch::new(&target.config.path),
            target,
            profile,
            worker: FileWorker::new(),
            wanted,
            latest,
            done,
            news,
            alarm,
            retry: None,
            problem: None,
            settled: false,
            was_ours: false,
            put_right: 0,
            left: None,
        }
    }

    pub(super) fn worker(&self) -> FileWorker {
        self.worker.clone()
    }

    /// Runs until the sink is dropped.
    pub(super) async fn run(mut self) {
        let mut cause = Cause::Time;
        loop {
            self.attend(cause).await;
            cause = tokio::select! {
                biased;
                changed = self.wanted.changed() => match changed {
                    Ok(()) => Cause::Wanted,
                    Err(_dropped) => return,
                },
                () = rings(self.alarm.as_ref()) => Cause::Time,
                () = sleep(self.retry) => Cause::Time,
                () = stirred(self.watch.as_mut()) => Cause::Stirred,
            };
        }
    }

    async fn attend(&mut self, cause: Cause) {
        let (number, wanted) = self.wanted.borrow_and_update().clone();
        if cause == Cause::Wanted {
            (self.settled, self.put_right, self.retry) = (false, 0, None);
        }
        self.wake(None);
        let result = match &wanted {
            Wanted::Unsaid => self.look().await,
            Wanted::Pair(offer) => self.keep(offer, cause, number).await,
            Wanted::Nothing(known) => self.remove(known, number).await,
        };
        self.conclude(result).await;
        self.done.send_replace(Done { number, problem: self.problem.clone() });
    }

    /// Nobody knows yet what should be there: what the last daemon left stays for as long as it can be seen to live.
    async fn look(&mut self) -> Result<Kept, SinkProblem> {
        let target = self.target.clone();
        let found = self.worker.run(PATIENCE, move || target.look()).await??;
        let Some((held, changed_unix_s)) = found else { return Ok(Kept::Already) };
        let token = match &held {
            Held::Access(token) => Some(token),
            Held::Pair(tokens) => tokens.access_token.as_ref(),
            Held::Broken(_) | Held::Foreign => return Ok(Kept::Already),
        };
        if let Held::Pair(tokens) = &held
            && self.target.config.content == SinkContent::Pair
        {
            let left = self.left.get_or_insert_with(|| {
                let mut left = Known::default();
                left.note(tokens);
                left
            });
            if !left.has_tokens(tokens) {
                left.note(tokens);
                self.was_ours = true;
                return Ok(Kept::Overtaken(Found { tokens: tokens.clone(), changed_unix_s }));
            }
        }
        match token.and_then(|token| token_file::hint(token, None, clock::unix_now_s())) {
            Some(hint) => {
                self.wake(Some(clock::now() + hint.remaining));
                Ok(Kept::Already)
            }
            None => self.clear(None, 0).await,
        }
    }

    async fn keep(&mut self, offer: &Offer, cause: Cause, number: u64) -> Result<Kept, SinkProblem> {
        let Some(dead) = dead_from(&offer.pair).filter(|dead| *dead > clock::now()) else {
            let kept = self.clear(Some(Arc::clone(&offer.known)), number).await;
            if matches!(kept, Ok(Kept::Done)) {
                let (profile, path) = (&self.profile, self.target.config.path.display());
                tracing::warn!(%profile, "the token in {path} has died, so it is gone until there is another");
            }
            return kept;
        };
        self.wake(Some(dead));
        let (target, mut offer, latest) = (self.target.clone(), offer.clone(), Arc::clone(&self.latest));
        // A tool may renew what it found there.
        offer.claims &= !self.settled;
        let is_wanted = move || latest.load(Ordering::Relaxed) == number;
        let may_write = self.put_right < PUT_RIGHT;
        let kept = self.worker.run(PATIENCE, move || target.keep(&offer, may_write, is_wanted)).await??;
        if matches!(kept, Kept::Done) && cause == Cause::Stirred {
            self.put_right += 1;
        }
        Ok(kept)
    }

    async fn remove(&self, known: &Arc<Known>, number: u64) -> Result<Kept, SinkProblem> {
        // At first whatever is there goes: a logout is a logout. Later a pair that appears is a new login.
        self.clear(self.settled.then(|| Arc::clone(known)), number).await
    }

    async fn clear(&self, known: Option<Arc<Known>>, number: u64) -> Result<Kept, SinkProblem> {
        let (target, latest) = (self.target.clone(), Arc::clone(&self.latest));
        let is_wanted = move || latest.load(Ordering::Relaxed) == number;
        self.worker.run(PATIENCE, move || target.remove(known.as_deref(), is_wanted)).await?
    }

    /// Notes what came of it, and tells what is news.
    async fn conclude(&mut self, result: Result<Kept, SinkProblem>) {
        let (problem, found) = match result {
            Ok(Kept::Already | Kept::Done) => {
                self.was_ours |= !matches!(self.wanted.borrow().1, Wanted::Unsaid);
                self.settled = true;
                (None, None)
            }
            Ok(Kept::Outdated) => return,
            Ok(Kept::Overtaken(found)) => (None, Some(found)),
            Err(problem) => (Some(problem), None),
        };
        // A writer in the middle of it is soon done.
        let is_passing = matches!(problem, Some(SinkProblem::BeingWritten)) && self.retry.is_none();
        self.retry = match (&problem, self.retry) {
            (None | Some(SinkProblem::Contested), _) => None,
            (Some(_), before) => {
                let pause = before.map_or(FIRST_PAUSE, |(_, pause)| (pause * 2).min(LONGEST_PAUSE));
                Some((Instant::now() + pause, pause))
            }
        };
        let path = &self.target.config.path;
        let problem = problem.map(|problem| problem.at(path));
        if problem != self.problem && !is_passing {
            match &problem {
                Some(problem) => tracing::warn!(profile = %self.profile, "{problem}"),
                // One that is not wanted any more, or not yet, is not kept.
                None if matches!(self.wanted.borrow().1, Wanted::Pair(_)) => {
                    tracing::info!(profile = %self.profile, "sink {} is kept again", path.display());
                }
                None => {}
            }
            self.problem.clone_from(&problem);
            self.tell(What::Problem(problem)).await;
        }
        if let Some(Found { tokens, changed_unix_s }) = found {
            let pair = Box::new(pair_of(tokens, None));
            self.tell(What::Found { pair, changed_unix_s, since_ours: self.was_ours }).await;
        }
    }

    async fn tell(&self, what: What) {
        let news = News { path: self.target.config.path.clone(), what };
        // The keeper may have ended.
        drop(self.news.send(news).await);
    }

    fn wake(&self, at: Option<Moment>) {
        if let Some(alarm) = &self.alarm {
            alarm.set(at);
        }
    }
}

/// From when on a pair must not be in a file any more: as long as it could be handed out, it may.
fn dead_from(pair: &Pair) -> Option<Moment> {
    let Lease { sent_at, life } = pair.lease?;
    Some(sent_at + life.saturating_sub(engine::ttl::least_ttl(life)))
}

async fn rings(alarm: Option<&Alarm>) {
    match alarm {
        Some(alarm) => alarm.rings().await,
        None => std::future::pending().await,
    }
}

async fn sleep(retry: Option<(Instant, Duration)>) {
    match retry {
        Some((at, _)) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn stirred(watch: Option<&mut FileWatch>) {
    match watch {
        Some(watch) => watch.stirred().await,
        None => std::future::pending().await,
    }
}
