//! One frame at a time over blocking I/O: the client's end.

use crate::frame::{self, FrameError, HEADER_LEN, Header, UNSUPPORTED};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// What can go wrong with an exchange.
#[derive(Debug)]
pub enum WireError {
    /// The connection failed, or ended before a whole frame had come.
    Io(io::Error),
    /// A frame came, and it is wrong.
    Frame(FrameError),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Frame(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WireError {}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<FrameError> for WireError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// Sends one message.
///
/// # Errors
/// The message is too long, or the connection fails.
pub fn send<T: Serialize>(to: &mut impl Write, message: &T) -> Result<(), WireError> {
    to.write_all(&frame::encode(message)?)?;
    to.flush()?;
    Ok(())
}

/// Receives one message.
///
/// # Errors
/// The connection fails or ends early; the frame is too long, of another version, or does not decode;
/// the other end says that it does not speak ours.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> Result<T, WireError> {
    let mut header = [0; HEADER_LEN];
    from.read_exact(&mut header)?;
    let header = Header::parse(header)?;
    let mut body = Zeroizing::new(vec![0; header.length]);
    from.read_exact(&mut body)?;
    if header.version == UNSUPPORTED {
        return Err(frame::parse_unsupported(&body).into());
    }
    Ok(frame::decode(&body)?)
}
