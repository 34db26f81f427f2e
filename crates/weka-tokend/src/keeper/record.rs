//! The file of a keeper's memory: read once, and then written by one task that knows only the latest there is to write.
//!
//! So an older state is never written over a newer one, and a state folder that is slow, hangs for a while or has no room
//! delays what is remembered, and loses nothing of it.

use crate::remembered::Remembered;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// A write that takes longer is worth a word.
const SLOW: Duration = Duration::from_secs(2);
/// When what could not be written is tried again; it doubles with each attempt.
const FIRST_RETRY: Duration = Duration::from_secs(10);
const LAST_RETRY: Duration = Duration::from_secs(600);

/// What is to be written.
#[derive(Debug, Clone, Default)]
struct Wanted {
    number: u64,
    kept: Remembered,
}

/// How far that is.
#[derive(Debug, Clone, Default)]
struct Tried {
    number: u64,
    problem: Option<String>,
}

/// Reads and writes; both may block.
trait Folder: Send + Sync + 'static {
    fn read(&self) -> Remembered;
    fn write(&self, kept: &Remembered) -> Result<(), String>;
}

/// The file itself, if there is a state folder.
impl Folder for Option<PathBuf> {
    fn read(&self) -> Remembered {
        self.as_deref().map(Remembered::read).unwrap_or_default()
    }

    fn write(&self, kept: &Remembered) -> Result<(), String> {
        self.as_deref().map_or(Ok(()), |path| kept.write(path).map_err(|error| error.to_string()))
    }
}

/// The file of a keeper's memory.
#[derive(Debug)]
pub(super) struct Record {
    wanted: watch::Sender<Wanted>,
    tried: watch::Receiver<Tried>,
}

impl Record {
    /// Begins to read it; what was in it comes by itself.
    pub(super) fn open(path: Option<PathBuf>, name: String) -> (Self, oneshot::Receiver<Remembered>) {
        Self::of(path, name, FIRST_RETRY)
    }

    fn of(folder: impl Folder, name: String, retry: Duration) -> (Self, oneshot::Receiver<Remembered>) {
        let (wanted, to_write) = watch::channel(Wanted::default());
        let (progress, tried) = watch::channel(Tried::default());
        let (found, read) = oneshot::channel();
        let clerk =
            Clerk { folder: Arc::new(folder), name, first_retry: retry, wanted: to_write, tried: progress };
        tokio::spawn(clerk.work(found));
        (Self { wanted, tried }, read)
    }

    /// Has this written next, whatever else was to be. Ends once it, or something later, was written, or could not be.
    pub(super) fn put(&self, kept: Remembered) -> impl Future<Output = ()> + Send + use<> {
        self.wanted.send_modify(|wanted| *wanted = Wanted { number: wanted.number + 1, kept });
        self.settled()
    }

    /// Ends once everything so far was written, or could not be.
    pub(super) fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        let (mut tried, number) = (self.tried.clone(), self.wanted.borrow().number);
        async move { drop(tried.wait_for(|tried| tried.number >= number).await) }
    }

    /// Why the latest is not in it, if that is known.
    pub(super) fn problem(&self) -> Option<String> {
        self.tried.borrow().problem.clone()
    }
}

/// Does the work, one thing at a time, on a thread that may block.
struct Clerk<F> {
    folder: Arc<F>,
    name: String,
    first_retry: Duration,
    wanted: watch::Receiver<Wanted>,
    tried: watch::Sender<Tried>,
}

impl<F: Folder> Clerk<F> {
    async fn work(mut self, found: oneshot::Sender<Remembered>) {
        let folder = Arc::clone(&self.folder);
        let read = spawn_blocking(move || folder.read()).await;
        // The keeper may have ended meanwhile.
        drop(found.send(read.unwrap_or_default()));
        let mut retry = self.first_retry;
        while self.wanted.changed().await.is_ok() {
            loop {
                let Wanted { number, kept } = self.wanted.borrow_and_update().clone();
                let problem = self.write(kept).await.err();
                let failed = problem.is_some();
                self.report(number, problem);
                if !failed {
                    retry = self.first_retry;
                    break;
                }
                tokio::select! {
                    changed = self.wanted.changed() => if changed.is_err() { return },
                    () = sleep(retry) => retry = (retry * 2).min(LAST_RETRY),
                }
            }
        }
    }

    async fn write(&self, kept: Remembered) -> Result<(), String> {
        let folder = Arc::clone(&self.folder);
        let mut writing = spawn_blocking(move || folder.write(&kept));
        let written = match timeout(SLOW, &mut writing).await {
            Ok(written) => written,
            Err(_) => {
                self.complain("the state folder does not answer in time");
                writing.await
            }
        };
        // The runtime is shutting down.
        written.unwrap_or_else(|_| Err("the daemon is ending".into()))
    }

    fn report(&self, number: u64, problem: Option<String>) {
        if let Some(problem) = problem.as_deref().filter(|_| self.tried.borrow().problem != problem) {
            self.complain(problem);
        }
        self.tried.send_replace(Tried { number, problem });
    }

    fn complain(&self, problem: &str) {
        tracing::warn!("a restart would forget what {} must remember: {problem}", self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc;

    /// A folder whose every read and write waits for a word: whether it works.
    struct Slow {
        words: Mutex<mpsc::Receiver<bool>>,
        content: Arc<Mutex<Vec<Remembered>>>,
    }

    impl Slow {
        fn hears(&self) -> bool {
            self.words.lock().unwrap().recv().unwrap_or(false)
        }
    }

    impl Folder for Slow {
        fn read(&self) -> Remembered {
            self.hears();
            state(1)
        }

        fn write(&self, kept: &Remembered) -> Result<(), String> {
            if !self.hears() {
                return Err("no room".into());
            }
            self.content.lock().unwrap().push(kept.clone());
            Ok(())
        }
    }

    fn state(revision: u64) -> Remembered {
        Remembered { revision, ..Remembered::default() }
    }

    type Written = Arc<Mutex<Vec<Remembered>>>;

    fn slow() -> (Record, oneshot::Receiver<Remembered>, mpsc::Sender<bool>, Written) {
        let (say, words) = mpsc::channel();
        let content = Written::default();
        let folder = Slow { words: Mutex::new(words), content: Arc::clone(&content) };
        let (record, read) = Record::of(folder, "default".into(), Duration::from_millis(1));
        (record, read, say, content)
    }

    #[tokio::test]
    async fn what_was_written_while_the_folder_hung_was_lost_and_an_older_state_came_last() {
        let (record, read, say, content) = slow();
        let first = record.put(state(2));
        say.send(true).unwrap();
        assert_eq!(read.await.unwrap(), state(1), "it is read before anything is written");
        // It hangs: nobody's patience ends the write, nor the ones that queue behind it.
        let waited = timeout(Duration::from_millis(20), first).await;
        assert!(waited.is_err());
        for revision in 3..=9 {
            drop(record.put(state(revision)));
        }
        let last = record.put(state(10));
        say.send(true).unwrap();
        say.send(true).unwrap();
        last.await;
        let content = content.lock().unwrap();
        assert!(content.len() <= 2, "{content:?}");
        assert_eq!(content.last(), Some(&state(10)));
    }

    #[tokio::test]
    async fn what_could_not_be_written_is_written_later() {
        let (record, read, say, content) = slow();
        say.send(true).unwrap();
        read.await.unwrap();
        say.send(false).unwrap();
        record.put(state(2)).await;
        assert_eq!(record.problem().as_deref(), Some("no room"));
        // By itself, a while later.
        say.send(true).unwrap();
        let mut tried = record.tried.clone();
        tried.wait_for(|tried| tried.problem.is_none()).await.unwrap();
        assert_eq!(*content.lock().unwrap(), [state(2)]);
        // And with whatever is to be written next.
        say.send(false).unwrap();
        say.send(true).unwrap();
        drop(record.put(state(3)));
        record.put(state(4)).await;
        tried.wait_for(|tried| tried.problem.is_none()).await.unwrap();
        assert_eq!(content.lock().unwrap().last(), Some(&state(4)));
    }

    #[tokio::test]
    async fn the_last_one_is_written_after_the_keeper_has_ended() {
        let (record, read, say, content) = slow();
        say.send(true).unwrap();
        read.await.unwrap();
        let last = record.put(state(2));
        drop(record);
        say.send(true).unwrap();
        last.await;
        assert_eq!(*content.lock().unwrap(), [state(2)]);
    }
}
