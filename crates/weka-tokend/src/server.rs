//! Connections: accept, peer credentials, deadlines, frame in, answer, frame out.

use crate::peer::Peer;
use crate::registry::Registry;
use crate::requests::Answer;
use crate::sys;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use wire::frame::{self, FrameError, HEADER_LEN, Header, UNSUPPORTED};
use wire::{Code, Refusal, Request, Response};
use zeroize::{Zeroize, Zeroizing};

/// The longest time from a frame's first byte to its last.
const FRAME_DEADLINE: Duration = Duration::from_secs(5);
/// The longest time a peer may take to accept an answer.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a connection may be quiet between requests.
const IDLE_LIMIT: Duration = Duration::from_secs(600);
/// How long open requests may take once the daemon has been asked to end.
const GRACE: Duration = Duration::from_secs(2);
/// How often a peer that sends no more is looked for while it waits.
const HALF_CLOSED_PAUSE: Duration = Duration::from_secs(1);
/// So many connections at once leave memory behind that is worth giving back.
const CROWD: usize = 64;
/// The pause after a failed accept, for descriptors to come free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Enough for any request but a long login.
const BUFFER: usize = 512;

/// How many connections may be open.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In all.
    pub total: usize,
    /// From one user.
    pub per_uid: usize,
}

/// Serves connections until `stop` turns true, then lets open requests end (at most 2 s).
pub async fn serve(
    listener: UnixListener,
    registry: Arc<Registry>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let seats = Arc::new(Seats { limits, taken: Mutex::default() });
    let mut connections = JoinSet::new();
    let (mut crowded, mut refused) = (false, false);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => {
                if crowded && connections.is_empty() {
                    crowded = false;
                    sys::give_memory_back();
                }
                continue;
            }
        };
        crowded |= connections.len() >= CROWD;
        match accepted {
            Ok((stream, _)) => {
                refused = false;
                connections.spawn(admit(stream, Arc::clone(&registry), Arc::clone(&seats), stop.clone()));
            }
            Err(error) => {
                // Out of descriptors, or the peer is gone already: neither ends the daemon.
                if !refused {
                    tracing::warn!(%error, "connections cannot be accepted for now");
                }
                refused = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(open = connections.len(), "ended before every request was answered");
    }
}

/// Who sits where: connections in all and by user.
#[derive(Debug)]
struct Seats {
    limits: Limits,
    taken: Mutex<HashMap<u32, usize>>,
}

/// One connection's seat, given back on drop.
#[derive(Debug)]
struct Seat {
    seats: Arc<Seats>,
    uid: u32,
}

impl Seat {
    fn take(seats: &Arc<Seats>, uid: u32) -> Option<Self> {
        let mut taken = seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = taken.values().sum();
        let own = taken.entry(uid).or_insert(0);
        if total >= seats.limits.total || *own >= seats.limits.per_uid {
            return None;
        }
        *own += 1;
        Some(Self { seats: Arc::clone(seats), uid })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.uid);
            }
        }
    }
}

async fn admit(stream: UnixStream, registry: Arc<Registry>, seats: Arc<Seats>, stop: watch::Receiver<bool>) {
    let peer = match Peer::of(&stream) {
        Ok(peer) => peer,
        Err(error) => {
            tracing::warn!(%error, "a connection without credentials was closed");
            return;
        }
    };
    let Some(_seat) = Seat::take(&seats, peer.uid) else {
        tracing::debug!(%peer, "too many connections");
        let refusal = Refusal::new(Code::Busy, "the daemon has too many connections open").then("try again");
        let mut connection = Connection::new(stream);
        drop(connection.send(&Response::Refused(refusal)).await);
        return;
    };
    let mut connection = Connection::new(stream);
    if let Err(error) = converse(&mut connection, &peer, &registry, stop).await {
        tracing::debug!(%peer, %error, "a connection was closed");
    }
}

async fn converse(
    connection: &mut Connection,
    peer: &Peer,
    registry: &Arc<Registry>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    let mut asked_to_end = stop.clone();
    // Waited for once per connection, not once per request: that is a lock less.
    let mut ending = pin!(asked_to_end.wait_for(|stop| *stop));
    loop {
        let request = tokio::select! {
            biased;
            request = connection.request() => request,
            _ = &mut ending => return Ok(()),
        };
        let request = match request {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(ConnectionError::Frame(error)) => {
                connection.refuse(&error).await?;
                return Err(ConnectionError::Frame(error));
            }
            Err(error) => return Err(error),
        };
        let answer = tokio::select! {
            biased;
            answer = registry.answer(request, peer, &mut stop) => answer,
            () = connection.hung_up() => return Ok(()),
        };
        match answer {
            Answer::Framed(framed) => connection.write(framed.bytes()).await?,
            Answer::Message(response) => connection.send(&response).await?,
        }
    }
}

/// Why a connection was closed.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a frame took too long to come")]
    SlowFrame,
    #[error("the peer took too long to accept an answer")]
    SlowPeer,
    #[error("quiet for too long")]
    Quiet,
}

/// A stream and what has been read of the next frame; the buffer may hold a password, so it is wiped.
struct Connection {
    stream: UnixStream,
    buffer: Zeroizing<Vec<u8>>,
    filled: usize,
    /// One alarm for the whole connection: it is moved on when it rings too early, and not at each request.
    quiet: Pin<Box<Sleep>>,
    last_read: Instant,
}

impl Connection {
    fn new(stream: UnixStream) -> Self {
        let buffer = Zeroizing::new(vec![0; BUFFER]);
        let last_read = Instant::now();
        Self { stream, buffer, filled: 0, quiet: Box::pin(sleep_until(last_read + IDLE_LIMIT)), last_read }
    }

    /// The next request; `None` where the peer ended the connection between two.
    ///
    /// It may be dropped and called again: what was read is kept.
    async fn request(&mut self) -> Result<Option<Request>, ConnectionError> {
        while self.filled == 0 {
            let space = self.buffer.as_mut_slice();
            tokio::select! {
                biased;
                read = self.stream.read(space) => match read? {
                    0 => return Ok(None),
                    read => self.filled = read,
                },
                () = &mut self.quiet => {
                    if self.last_read.elapsed() >= IDLE_LIMIT {
                        return Err(ConnectionError::Quiet);
                    }
                    self.quiet.as_mut().reset(self.last_read + IDLE_LIMIT);
                }
            }
        }
        self.last_read = Instant::now();
        if let Some(request) = self.take()? {
            return Ok(Some(request));
        }
        timeout(FRAME_DEADLINE, async {
            loop {
                if self.fill().await? == 0 {
                    return Err(ConnectionError::Io(io::ErrorKind::UnexpectedEof.into()));
                }
                if let Some(request) = self.take()? {
                    return Ok(Some(request));
                }
            }
        })
        .await
        .map_err(|_| ConnectionError::SlowFrame)?
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let space = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let read = self.stream.read(space).await?;
        self.filled += read;
        Ok(read)
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
    async fn hung_up(&self) {
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

    async fn send(&mut self, response: &Response) -> Result<(), ConnectionError> {
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
    async fn refuse(&mut self, error: &FrameError) -> Result<(), ConnectionError> {
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

    async fn write(&mut self, frame: &[u8]) -> Result<(), ConnectionError> {
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
