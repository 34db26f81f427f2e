//! Frames: one version byte, a little-endian `u32` length, then the body.
//!
//! This module alone knows bincode, so that one file swaps it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// The version spoken here; raised by hand, and never taken from a package version.
pub const VERSION: u8 = 1;
/// The version byte of the answer that says "I do not speak that", for ever.
pub const UNSUPPORTED: u8 = 0;
/// Bytes before the body.
pub const HEADER_LEN: usize = 5;
/// The longest body, in bytes, either way.
pub const MAX_BODY: usize = 64 * 1024;

/// Enough for a token of the usual 600 bytes, so that a `get` allocates once.
const FIRST_ALLOCATION: usize = 2048;

/// What a decoder may claim, in bytes, so that a string's length is never taken on trust. It counts a number
/// by its type and not by the bytes it took (a `u64` of one byte counts eight), hence more than [`MAX_BODY`].
const MAX_CLAIM: usize = 8 * MAX_BODY;

const CODEC: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<MAX_CLAIM>,
> = bincode::config::standard().with_limit::<MAX_CLAIM>();

/// What is wrong with a frame. It never quotes the frame's bytes, which may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// The length field, or the message to be sent, is over [`MAX_BODY`].
    TooLong {
        /// That length in bytes.
        length: usize,
    },
    /// A version that is not spoken here.
    Version {
        /// The version byte.
        version: u8,
    },
    /// The other end does not speak ours and says so.
    Unsupported {
        /// The highest version it speaks.
        highest: u8,
        /// Its advice.
        sentence: String,
    },
    /// The body is not a message known here, or has bytes left over.
    Malformed,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => {
                write!(f, "a frame of {length} bytes is over the limit of {MAX_BODY}")
            }
            Self::Version { version } => {
                write!(f, "protocol version {version} is not spoken here (this is version {VERSION})")
            }
            Self::Unsupported { sentence, .. } => f.write_str(sentence),
            Self::Malformed => f.write_str("a frame that does not decode"),
        }
    }
}

impl std::error::Error for FrameError {}

/// A frame's header, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// [`VERSION`], or [`UNSUPPORTED`] in an answer.
    pub version: u8,
    /// Body length in bytes, at most [`MAX_BODY`].
    pub length: usize,
}

impl Header {
    /// Reads a header, before anything is allocated for the body.
    ///
    /// # Errors
    /// [`FrameError::Version`] for a version neither ours nor [`UNSUPPORTED`]; [`FrameError::TooLong`].
    pub fn parse(bytes: [u8; HEADER_LEN]) -> Result<Self, FrameError> {
        let [version, length @ ..] = bytes;
        if version != VERSION && version != UNSUPPORTED {
            return Err(FrameError::Version { version });
        }
        let length = u32::from_le_bytes(length);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_BODY {
            return Err(FrameError::TooLong { length });
        }
        Ok(Self { version, length })
    }
}

/// A message as a whole frame, header included.
///
/// # Errors
/// [`FrameError::TooLong`] when it does not fit in [`MAX_BODY`].
pub fn encode<T: Serialize>(message: &T) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let mut frame = WipedWriter(Zeroizing::new(Vec::with_capacity(FIRST_ALLOCATION)));
    frame.append(&[VERSION, 0, 0, 0, 0]);
    bincode::serde::encode_into_writer(message, &mut frame, CODEC).map_err(|_| FrameError::Malformed)?;
    let mut frame = frame.0;
    let length = frame.len() - HEADER_LEN;
    let field = u32::try_from(length).ok().filter(|_| length <= MAX_BODY);
    let field = field.ok_or(FrameError::TooLong { length })?;
    if let Some(slot) = frame.get_mut(1..HEADER_LEN) {
        slot.copy_from_slice(&field.to_le_bytes());
    }
    Ok(frame)
}

/// A message from a frame's body.
///
/// # Errors
/// [`FrameError::Malformed`] when it does not decode, or bytes are left over.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    if body.len() > MAX_BODY {
        return Err(FrameError::TooLong { length: body.len() });
    }
    match bincode::serde::decode_from_slice(body, CODEC) {
        Ok((message, used)) if used == body.len() => Ok(message),
        _ => Err(FrameError::Malformed),
    }
}

/// The whole frame that answers a version, or a body, that is not spoken here.
/// Its form is fixed for ever: version byte 0, length, the highest version, a UTF-8 sentence.
#[must_use]
pub fn unsupported(sentence: &str) -> Vec<u8> {
    let body_len = (sentence.len() + 1).min(MAX_BODY);
    let text = sentence.as_bytes().get(..body_len - 1).unwrap_or_default();
    let mut frame = Vec::with_capacity(HEADER_LEN + body_len);
    frame.push(UNSUPPORTED);
    frame.extend_from_slice(&u32::try_from(body_len).unwrap_or_default().to_le_bytes());
    frame.push(VERSION);
    frame.extend_from_slice(text);
    frame
}

/// Reads the body of an [`UNSUPPORTED`] answer.
#[must_use]
pub fn parse_unsupported(body: &[u8]) -> FrameError {
    match body.split_first() {
        Some((&highest, sentence)) => {
            FrameError::Unsupported { highest, sentence: String::from_utf8_lossy(sentence).into_owned() }
        }
        None => FrameError::Malformed,
    }
}

/// Grows by hand, so that an outgrown buffer is wiped too.
struct WipedWriter(Zeroizing<Vec<u8>>);

impl WipedWriter {
    fn append(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Vec::with_capacity(needed.max(self.0.capacity() * 2));
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
    }
}

impl bincode::enc::write::Writer for WipedWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.append(bytes);
        Ok(())
    }
}
