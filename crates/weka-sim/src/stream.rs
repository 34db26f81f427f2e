//! Bodies whose length is not known beforehand: in one chunk, drop by drop, or without an end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};

/// Bytes of one piece of an endless body.
const PIECE: usize = 16 * 1024;

/// Such a body.
#[derive(Debug)]
pub(crate) struct Stream {
    left: Bytes,
    piece: usize,
    endless: bool,
    delay: Duration,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Stream {
    /// All at once, chunked.
    pub(crate) fn chunked(bytes: Bytes) -> Self {
        Self { piece: bytes.len(), left: bytes, endless: false, delay: Duration::ZERO, pause: None }
    }

    /// One byte at a time, `delay_ms` apart.
    pub(crate) fn dripping(bytes: Bytes, delay_ms: u64) -> Self {
        Self { left: bytes, piece: 1, endless: false, delay: Duration::from_millis(delay_ms), pause: None }
    }

    /// For ever, in pieces of 16 KiB, `delay_ms` apart.
    pub(crate) fn endless(start: Bytes, delay_ms: u64) -> Self {
        Self { left: start, piece: PIECE, endless: true, delay: Duration::from_millis(delay_ms), pause: None }
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        if self.left.is_empty() {
            if !self.endless {
                return Poll::Ready(None);
            }
            self.left = Bytes::from(vec![b'A'; self.piece]);
        }
        let size = self.piece.min(self.left.len());
        let piece = self.left.split_to(size);
        if !self.delay.is_zero() {
            self.pause = Some(Box::pin(tokio::time::sleep(self.delay)));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
