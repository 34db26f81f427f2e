//! One connection to the daemon: frames out and in, and never an endless wait.

use crate::socket_search::Places;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{PeerCredentials, ReceiveTimeout, SendTimeout};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, setsockopt, socket,
};
use nix::sys::time::TimeVal;
use nix::unistd::Uid;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wire::frame::{self, FrameError, HEADER_LEN, Header, UNSUPPORTED};
use wire::{Request, Response};
use zeroize::Zeroizing;

/// Holds a token's answer whole, so that one read is enough.
const FIRST_READ: usize = 2048;

/// Why no connection came about.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// No socket at any of the places.
    NotThere,
    /// There is a socket, and nobody listens on it.
    Refused(PathBuf),
    /// The caller may not connect to it.
    Denied(PathBuf),
    /// Somebody else listens where only the caller, root or the host's daemon should.
    Foreign(PathBuf, Uid),
    /// Too many wait there already, and the bound on the wait was reached.
    TimedOut(PathBuf),
    /// Anything else.
    Other(PathBuf, io::Error),
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// What was typed does not fit in a request.
    Request(FrameError),
    /// The connection ended first.
    Closed,
    /// The bound on the wait was reached.
    TimedOut,
    /// The connection failed in another way.
    Failed(io::Error),
    /// Something came that is no answer.
    Frame(FrameError),
}

impl From<FrameError> for ExchangeError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted => Self::Closed,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Failed(error),
        }
    }
}

/// A connection to the daemon.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    path: PathBuf,
    bound: Duration,
}

impl Connection {
    /// Connects to the first place where a socket exists; `bound` limits the wait for the connection and
    /// for each answer. Nothing is sent before the other end is known to be one to believe.
    pub(crate) fn open(places: &Places, bound: Duration) -> Result<Self, ConnectError> {
        let mut denied = None;
        for path in &places.paths {
            let error = match open_one(path, bound) {
                Ok(stream) => return believed(places, stream, path, bound),
                Err(error) => error,
            };
            match error {
                Errno::ENOENT | Errno::ENOTDIR => {}
                Errno::ECONNREFUSED => return Err(ConnectError::Refused(path.clone())),
                // A folder of somebody else's, left over in the environment by su, tells nothing: look on.
                Errno::EACCES | Errno::EPERM if places.named || path.symlink_metadata().is_ok() => {
                    denied.get_or_insert(path);
                }
                Errno::EACCES | Errno::EPERM => {}
                Errno::EAGAIN => return Err(ConnectError::TimedOut(path.clone())),
                other => return Err(ConnectError::Other(path.clone(), other.into())),
            }
        }
        Err(match denied {
            Some(path) => ConnectError::Denied(path.clone()),
            None => ConnectError::NotThere,
        })
    }

    /// Where the other end listens.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Response, ExchangeError> {
        self.send(request)?;
        self.receive()
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, request: &Request) -> Result<(), ExchangeError> {
        let frame = frame::encode(request).map_err(ExchangeError::Request)?;
        Ok(self.stream.write_all(&frame)?)
    }

    /// Waits for the answer to a request that was sent.
    pub(crate) fn receive(&mut self) -> Result<Response, ExchangeError> {
        let mut first = Zeroizing::new([0; FIRST_READ]);
        let mut filled = 0;
        let mut began = None;
        loop {
            let (_, free) = first.split_at_mut(filled);
            match self.stream.read(free) {
                Ok(0) => return Err(ExchangeError::Closed),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
            let (received, _) = first.split_at(filled);
            if let Some((header, body)) = received.split_first_chunk::<HEADER_LEN>() {
                let header = Header::parse(*header)?;
                if body.len() >= header.length {
                    return finish(header, body);
                }
                if HEADER_LEN + header.length > FIRST_READ {
                    let mut whole = Zeroizing::new(vec![0; header.length]);
                    let (start, rest) = whole.split_at_mut(body.len());
                    start.copy_from_slice(body);
                    self.stream.read_exact(rest)?;
                    return finish(header, &whole);
                }
            }
            // A peer that sends byte by byte would start the socket's own clock anew each time, and so would whoever stops
            // this process and lets it go on.
            if began.get_or_insert_with(Instant::now).elapsed() > self.bound {
                return Err(ExchangeError::TimedOut);
            }
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn finish(header: Header, body: &[u8]) -> Result<Response, ExchangeError> {
    if header.version == UNSUPPORTED {
        return Err(frame::parse_unsupported(body.get(..header.length).unwrap_or(body)).into());
    }
    // Bytes behind the frame belong to no request, so they make it malformed.
    Ok(frame::decode(body)?)
}

/// The standard library's connect has no bound, and a stopped daemon's queue may be full.
fn open_one(path: &Path, bound: Duration) -> Result<UnixStream, Errno> {
    let address = UnixAddr::new(path)?;
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let bound =
        TimeVal::new(i64::try_from(bound.as_secs()).unwrap_or(i64::MAX), i64::from(bound.subsec_micros()));
    setsockopt(&socket, SendTimeout, &bound)?;
    setsockopt(&socket, ReceiveTimeout, &bound)?;
    while let Err(error) = connect(socket.as_raw_fd(), &address) {
        if error != Errno::EINTR {
            return Err(error);
        }
    }
    Ok(socket.into())
}

fn believed(
    places: &Places,
    stream: UnixStream,
    path: &Path,
    bound: Duration,
) -> Result<Connection, ConnectError> {
    if !places.named {
        let peer = getsockopt(&stream, PeerCredentials);
        let peer = peer.map_err(|error| ConnectError::Other(path.to_owned(), error.into()))?;
        let peer = Uid::from_raw(peer.uid());
        if !places.believes(peer) {
            return Err(ConnectError::Foreign(path.to_owned(), peer));
        }
    }
    Ok(Connection { stream, path: path.to_owned(), bound })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UnixStream, Connection) {
        pair_within(Duration::from_secs(60))
    }

    fn pair_within(bound: Duration) -> (UnixStream, Connection) {
        let (near, far) = UnixStream::pair().unwrap();
        near.set_read_timeout(Some(bound)).unwrap();
        (far, Connection { stream: near, path: "/s".into(), bound })
    }

    fn answer(notes: usize) -> Response {
        Response::Done { notes: vec!["x".repeat(100); notes] }
    }

    #[test]
    fn short_and_long_answers_come_whole() {
        for notes in [0, 1, 19, 20, 21, 300] {
            let (mut far, mut connection) = pair();
            let expected = answer(notes);
            let bytes = frame::encode(&expected).unwrap();
            let writer = std::thread::spawn(move || far.write_all(&bytes));
            assert_eq!(connection.receive().unwrap(), expected, "{notes}");
            writer.join().unwrap().unwrap();
        }
    }

    #[test]
    fn an_answer_in_pieces_is_put_together() {
        let (mut far, mut connection) = pair();
        let bytes = frame::encode(&answer(2)).unwrap();
        let writer = std::thread::spawn(move || {
            for byte in bytes.iter() {
                far.write_all(&[*byte]).unwrap();
            }
        });
        assert_eq!(connection.receive().unwrap(), answer(2));
        writer.join().unwrap();
    }

    #[test]
    fn every_way_to_end_early_counts_as_closed() {
        let bytes = frame::encode(&answer(40)).unwrap();
        for end in [0, 3, HEADER_LEN, 100, 2048, 3000, bytes.len() - 1] {
            let (mut far, mut connection) = pair();
            far.write_all(&bytes[..end]).unwrap();
            drop(far);
            assert!(matches!(connection.receive(), Err(ExchangeError::Closed)), "{end}");
        }
    }

    #[test]
    fn silence_is_bounded() {
        let (_far, mut connection) = pair_within(Duration::from_millis(200));
        assert!(matches!(connection.receive(), Err(ExchangeError::TimedOut)));
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let over = [1, 255, 255, 255, 255];
        for (bytes, expected) in [
            (&over[..], FrameError::TooLong { length: 0xffff_ffff }),
            (&[7, 0, 0, 0, 0], FrameError::Version { version: 7 }),
            (&[1, 1, 0, 0, 0, 250], FrameError::Malformed),
            (&[0, 3, 0, 0, 0, 2, b'n', b'o'], FrameError::Unsupported { highest: 2, sentence: "no".into() }),
        ] {
            let (mut far, mut connection) = pair();
            far.write_all(bytes).unwrap();
            match connection.receive() {
                Err(ExchangeError::Frame(error)) => assert_eq!(error, expected),
                other => panic!("{other:?}"),
            }
        }
    }
}
