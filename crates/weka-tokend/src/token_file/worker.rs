//! [`FileWorker`].

use super::FileLock;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

/// Does one profile's file work off the event loop, one thing at a time.
///
/// A hung file system so costs one thread, however often it is asked for something. Clones are the same worker.
/// The runtime must not wait for its threads at the end (`Runtime::shutdown_background`).
#[derive(Debug, Clone, Default)]
pub struct FileWorker {
    turn: Arc<tokio::sync::Mutex<()>>,
    held: Arc<Mutex<Option<FileLock>>>,
}

/// The caller's patience ended first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GaveUp {
    /// The work before it has not ended, and it was never begun.
    #[error("the file system has not answered an earlier request yet")]
    NotBegun,
    /// It goes on, but nobody will hear what comes of it.
    #[error("the file system does not answer in time")]
    Unfinished,
}

impl FileWorker {
    /// One with nothing to do.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does blocking work on a thread, after all that was asked for before, and waits for it at most `patience`.
    ///
    /// # Errors
    ///
    /// [`GaveUp`]; whether the work still happens is said by its variant.
    pub async fn run<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, GaveUp> {
        let deadline = Instant::now() + patience;
        let turn =
            timeout_at(deadline, Arc::clone(&self.turn).lock_owned()).await.map_err(|_| GaveUp::NotBegun)?;
        let task = spawn_blocking(move || {
            let result = work();
            // The turn ends with the work, not with the caller's patience.
            drop(turn);
            result
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(result)) => Ok(result),
            // The runtime is shutting down, or the work panicked: nothing will come of it.
            Ok(Err(_)) | Err(_) => Err(GaveUp::Unfinished),
        }
    }

    /// Waits until all work has ended, at most `patience`; answers whether it has.
    pub async fn drain(&self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.turn.lock()).await.is_ok()
    }

    /// Keeps a lock for as long as an exchange with the cluster goes on. A lock held before is given back.
    pub fn hold(&self, lock: Option<FileLock>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = lock;
    }

    /// Gives the lock back, without waiting for the file system.
    pub fn release(&self) {
        self.hold(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(60);
    /// More than it takes to begin, on whatever machine.
    const SHORT: Duration = Duration::from_secs(2);

    #[tokio::test]
    async fn work_that_hangs_makes_the_rest_wait_on_one_thread() {
        let worker = FileWorker::new();
        let begun = Arc::new(AtomicUsize::new(0));
        let (release, hung) = mpsc::channel::<()>();
        let count = Arc::clone(&begun);
        let first = worker
            .run(SHORT, move || {
                count.fetch_add(1, Ordering::SeqCst);
                let _woken = hung.recv();
            })
            .await;
        assert_eq!(first, Err(GaveUp::Unfinished));
        for _ in 0..10 {
            let count = Arc::clone(&begun);
            let next =
                worker.run(Duration::from_millis(2), move || count.fetch_add(1, Ordering::SeqCst)).await;
            assert_eq!(next, Err(GaveUp::NotBegun));
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        assert!(!worker.drain(Duration::from_millis(30)).await);

        release.send(()).unwrap();
        assert_eq!(worker.run(LONG, || 7).await, Ok(7));
        assert!(worker.drain(LONG).await);
    }

    #[tokio::test]
    async fn work_is_done_in_the_order_it_was_asked_for() {
        let worker = FileWorker::new();
        let log = Arc::new(Mutex::new(Vec::new()));
        let note = |number: u32| {
            let log = Arc::clone(&log);
            move || log.lock().unwrap().push(number)
        };
        let (a, b, c) =
            tokio::join!(worker.run(LONG, note(1)), worker.run(LONG, note(2)), worker.run(LONG, note(3)));
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        assert_eq!(*log.lock().unwrap(), [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_and_not_the_end() {
        let worker = FileWorker::new();
        assert_eq!(worker.run(LONG, || -> u8 { panic!("on purpose") }).await, Err(GaveUp::Unfinished));
        assert_eq!(worker.run(LONG, || 1).await, Ok(1));
    }
}
