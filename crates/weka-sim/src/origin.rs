//! Where a request came in, and what can be done to the connection that it came by.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::cluster::Cluster;

/// Where a request came in.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) backend: usize,
    pub(crate) peer: SocketAddr,
    pub(crate) line: Arc<Line>,
}

/// A handle on a connection for faults that HTTP has no words for.
#[derive(Debug, Default)]
pub(crate) struct Line {
    reset: AtomicBool,
    raw_answer: Mutex<Option<Bytes>>,
}

impl Line {
    /// The connection ends with a TCP reset when it is dropped.
    pub(crate) fn reset_at_end(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    /// Whether it is to end so.
    pub(crate) fn resets_at_end(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }

    /// The next answer goes out as these bytes, whatever HTTP makes of it, and the connection closes after it.
    pub(crate) fn answer_raw(&self, bytes: Bytes) {
        *self.raw_answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    /// Those bytes, once.
    pub(crate) fn take_raw(&self) -> Option<Bytes> {
        self.raw_answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
