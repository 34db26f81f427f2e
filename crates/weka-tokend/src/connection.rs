//! One connection: requests in, answers out, each within its time.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;
use wire::frame::{self, FrameError, HEADER_LEN, Header, UNSUPPORTED};
use wire::{Code, Refusal, Request, Response};
use zeroize::{Zeroize, Zeroizing};

/// The longest time from a frame's first byte to its last.
const FRAME_DEADLINE: Duration = Duration::from_secs(5);
/// The longest time a peer may take to accept an answer.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// How often a peer that sends no more is looked for while it waits.
const HALF_CLOSED_PAUSE: Duration = Duration::from_secs(1);
/// Enough for any request but a long login.
const BUFFER: usize = 512;

/// What a connection hears while it waits for a request: one thing to wait for in all, as each costs a `get` time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beat {
    /// Time passes.
    Goes,
    /// The daemon ends.
    Last,
}

/// The beats as one connection hears them.
pub(crate) struct Pulse {
    /// Kept from request to request, so that it is waited for once per beat.
    next: Pin<Box<dyn Future<Output = watch::Receiver<Beat>> + Send>>,
}

impl Pulse {
    /// Hears what is sent from now on.
    #[must_use]
    pub(crate) fn of(mut beats: watch::Receiver<Beat>) -> Self {
        Self {
            next: Box::pin(async move {
                // The sender outlives every connection.
                drop(beats.changed().await);
                beats
            }),
        }
    }

    async fn beat(&mut self) -> Beat {
        let beats = self.next.as_mut().await;
        let beat = *beats.borrow();
        *self = Self::of(beats);
        beat
    }
}

/// Why a connection was closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is no request known here.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// See [`FRAME_DEADLINE`].
    #[error("a frame took too long to come")]
    SlowFrame,
    /// See [`WRITE_DEADLINE`].
    #[error("the peer took too long to accept an answer")]
    SlowPeer,
    /// Nothing came between two beats.
    #[error("quiet for too long")]
    Quiet,
}

/// A stream and what has been read of the next frame; the buffer may hold a password, so it is wiped.
pub(crate) struct Connection {
    stream: UnixStream,
    buffer: Zeroizing<Vec<u8>>,
    filled: usize,
    pulse: Pulse,
    /// Beats since anything came.
    quiet_beats: u8,
}

impl Connection {
    /// A connection that nothing has come on yet.
    #[must_use]
    pub(crate) fn new(stream: UnixStream, pulse: Pulse) -> Self {
        let buffer = Zeroizing::new(vec![0; BUFFER]);
        Self { stream, buffer, filled: 0, pulse, quiet_beats: 0 }
    }

    /// The next request; `None` where the peer ended the connection between two, or the daemon ends.
    ///
    /// # Errors
    /// The peer is gone, too slow, too quiet, or speaks something else.
    pub(crate) async fn request(&mut self) -> Result<Option<Request>, ConnectionError> {
        while self.filled == 0 {
            tokio::select! {
                biased;
                read = self.stream.read(self.buffer.as_mut_slice()) => match read? {
                    0 => return Ok(None),
                    read => self.filled = read,
                },
                beat = self.pulse.beat() => match beat {
                    Beat::Last => return Ok(None),
                    Beat::Goes if self.quiet_beats > 0 => return Err(ConnectionError::Quiet),
                    Beat::Goes => self.quiet_beats = 1,
                },
            }
        }
        self.quiet_beats = 0;
        if let Some(request) = self.take()? {
            return Ok(Some(request));
        }
        match timeout(FRAME_DEADLINE, self.rest()).await {
            Ok(request) => request,
            Err(_) => Err(ConnectionError::SlowFrame),
        }
    }

    /// A request of which the beginning has come.
    async fn rest(&mut self) -> Result<Option<Request>, ConnectionError> {
        loop {
            let space = self.buffer.get_mut(self.filled..).unwrap_or_default();
            tokio::select! {
                biased;
                read = self.stream.read(space) => match read? {
                    0 => return Err(ConnectionError::Io(io::ErrorKind::UnexpectedEof.into())),
                    read => self.filled += read,
                },
                beat = self.pulse.beat() => match beat {
                    Beat::Last => return Ok(None),
                    Beat::Goes => continue,
                },
            }
            if let Some(request) = self.take()? {
                return Ok(Some(request));
            }
        }
    }

    /// A whole request out of the buffer, if there is one; makes room for it if there is not.
    fn take(&mut self) -> Result<Option<Request>, FrameError> {
        let Some(header) = self.buffer.get(..self.filled).and_then(|read| read.first_chunk::<HEADER_LEN>())
        else {
            return Ok(None);
        };
        let header = Header::parse(*header)?;
        if header.version == UNSUPPORTED {
            return Err(FrameError::Version { version: UNSUPPORTED });
        }
        let end = HEADER_LEN + header.length;
        if self.filled < end {
            if self.buffer.len() < end {
                let mut larger = Zeroizing::new(vec![0; end]);
                larger.iter_mut().zip(self.buffer.iter()).for_each(|(to, from)| *to = *from);
                self.buffer = larger;
            }
            return Ok(None);
        }
        let request = frame::decode(self.buffer.get(HEADER_LEN..end).unwrap_or_default())?;
        self.buffer.copy_within(end..self.filled, 0);
        let rest = self.filled - end;
        // What is left behind the rest may be a password.
        if let Some(used) = self.buffer.get_mut(rest..self.filled) {
            used.zeroize();
        }
        self.filled = rest;
        Ok(Some(request))
    }

    /// Returns once the peer has gone for good; a peer that only sends no more still gets its answer.
    pub(crate) async fn hung_up(&mut self) {
        while let Ok(ready) = self.stream.ready(Interest::READABLE).await {
            if !ready.is_read_closed() {
                // It has sent its next request already: its end will show when that is read.
                break;
            }
            let mut ends = [PollFd::new(self.stream.as_fd(), PollFlags::empty())];
            let hung_up = poll(&mut ends, PollTimeout::ZERO).is_ok_and(|count| count > 0);
            if hung_up {
                return;
            }
            tokio::time::sleep(HALF_CLOSED_PAUSE).await;
        }
        std::future::pending().await
    }

    /// Sends an answer.
    ///
    /// # Errors
    /// The peer is gone, or does not accept it in time.
    pub(crate) async fn send(&mut self, response: &Response) -> Result<(), ConnectionError> {
        let frame = match frame::encode(response) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::error!(%error, "an answer did not fit in a frame");
                let refusal = Refusal::new(Code::Failed, "the answer is too long to be sent");
                frame::encode(&Response::Refused(refusal))?
            }
        };
        self.write(&frame).await
    }

    /// The answer for ever to what is not spoken here.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn refuse(&mut self, error: &FrameError) -> Result<(), ConnectionError> {
        let ours = env!("CARGO_PKG_VERSION");
        let sentence = match error {
            FrameError::Version { version } if *version > wire::VERSION => format!(
                "this weka-tokend ({ours}) speaks protocol version {}, the client version {version}: upgrade or restart weka-tokend",
                wire::VERSION
            ),
            FrameError::Version { version } => format!(
                "this weka-tokend ({ours}) speaks protocol version {}, the client version {version}: upgrade weka-token",
                wire::VERSION
            ),
            FrameError::TooLong { .. } => format!("a request may be {} bytes long", wire::MAX_BODY),
            _ => format!(
                "this weka-tokend ({ours}) does not know this request: upgrade or restart weka-tokend if the client is newer"
            ),
        };
        self.write(&frame::unsupported(&sentence)).await
    }

    /// Sends a whole frame.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn write(&mut self, frame: &[u8]) -> Result<(), ConnectionError> {
        // Nearly every answer fits into the socket at once, and needs no deadline.
        let written = match self.stream.try_write(frame) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error.into()),
        };
        let rest = frame.get(written..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        match timeout(WRITE_DEADLINE, self.stream.write_all(rest)).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(ConnectionError::SlowPeer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{Future, poll_fn};
    use std::pin::pin;
    use std::task::Poll;

    const GET: Request = Request::Get { profile: None, min_ttl_s: None, timeout_ms: 0 };

    struct Ends {
        peer: UnixStream,
        beats: watch::Sender<Beat>,
        connection: Connection,
    }

    impl Ends {
        fn new() -> Self {
            let (peer, ours) = UnixStream::pair().unwrap();
            let (beats, heard) = watch::channel(Beat::Goes);
            Self { peer, beats, connection: Connection::new(ours, Pulse::of(heard)) }
        }
    }

    async fn still_waits<T>(future: Pin<&mut impl Future<Output = T>>) -> bool {
        let mut future = future;
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn a_connection_ends_that_is_quiet_from_one_beat_to_the_next() {
        let Ends { peer: _peer, beats, mut connection } = Ends::new();
        let mut request = pin!(connection.request());
        assert!(still_waits(request.as_mut()).await);
        beats.send_replace(Beat::Goes);
        assert!(still_waits(request.as_mut()).await, "it may have come just before the beat");
        beats.send_replace(Beat::Goes);
        assert!(matches!(request.await, Err(ConnectionError::Quiet)));
    }

    #[tokio::test]
    async fn one_that_says_something_between_two_beats_stays() {
        let Ends { mut peer, beats, mut connection } = Ends::new();
        let frame = frame::encode(&GET).unwrap();
        for _ in 0..5 {
            beats.send_replace(Beat::Goes);
            assert!(still_waits(pin!(connection.request())).await);
            peer.write_all(&frame).await.unwrap();
            assert_eq!(connection.request().await.unwrap(), Some(GET));
        }
    }

    #[tokio::test]
    async fn the_last_beat_ends_what_waits_and_what_is_half_sent_but_a_whole_request_is_still_taken() {
        for (sent, taken) in [(0, None), (7, None), (11, Some(GET))] {
            let Ends { mut peer, beats, mut connection } = Ends::new();
            let frame = frame::encode(&GET).unwrap();
            peer.write_all(frame.get(..sent.min(frame.len())).unwrap()).await.unwrap();
            if sent > 0 {
                connection.stream.readable().await.unwrap();
            }
            beats.send_replace(Beat::Last);
            assert_eq!(connection.request().await.unwrap(), taken, "{sent} bytes");
        }
    }
}
