//! Any message comes back as it was sent, and any bytes at all are survived.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../sample/codes.rs"]
mod codes;
mod profile;
mod request;
mod response;
mod status;
mod text;

use proptest::collection::vec;
use proptest::prelude::*;
use request::request;
use response::response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use text::text;
use wire::frame::{self, FrameError, HEADER_LEN, Header};
use wire::{Request, Response, blocking};

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) -> Result<(), TestCaseError> {
    let bytes = frame::encode(message).unwrap();
    let header = Header::parse(bytes[..HEADER_LEN].try_into().unwrap()).unwrap();
    prop_assert_eq!(header.version, wire::VERSION);
    prop_assert_eq!(header.length, bytes.len() - HEADER_LEN);
    prop_assert_eq!(&frame::decode::<T>(&bytes[HEADER_LEN..]).unwrap(), message);
    let mut sent = Vec::new();
    blocking::send(&mut sent, message).unwrap();
    let mut rest = &sent[..];
    prop_assert_eq!(&blocking::receive::<T>(&mut rest).unwrap(), message);
    prop_assert!(rest.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn requests_come_back(request in request()) {
        comes_back(&request)?;
    }

    #[test]
    fn responses_come_back(response in response()) {
        comes_back(&response)?;
    }

    #[test]
    fn arbitrary_bodies_are_survived(body in vec(any::<u8>(), 0..512)) {
        for error in [frame::decode::<Request>(&body).err(), frame::decode::<Response>(&body).err()] {
            prop_assert!(matches!(error, None | Some(FrameError::Malformed)));
        }
        let named = matches!(frame::parse_unsupported(&body), FrameError::Unsupported { .. });
        prop_assert_eq!(named, !body.is_empty());
    }

    #[test]
    fn arbitrary_streams_are_survived(stream in vec(any::<u8>(), 0..512), plausible in any::<bool>()) {
        let mut stream = stream;
        if plausible && stream.len() >= HEADER_LEN {
            stream[..HEADER_LEN].copy_from_slice(&[1, 64, 0, 0, 0]);
        }
        // Ends in a message or an error, never in a panic.
        let taken = blocking::receive::<Request>(&mut &stream[..]).is_ok();
        prop_assert!(!taken || stream.len() >= HEADER_LEN);
    }

    #[test]
    fn a_changed_byte_never_panics(request in request(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = frame::encode(&request).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = blocking::receive::<Request>(&mut &bytes[..]) {
            let again = frame::encode(&other).unwrap();
            prop_assert_eq!(frame::decode::<Request>(&again[HEADER_LEN..]).unwrap(), other);
        }
    }

    #[test]
    fn the_for_ever_answer_comes_back(sentence in text()) {
        let bytes = frame::unsupported(&sentence);
        let error = blocking::receive::<Response>(&mut &bytes[..]).unwrap_err();
        prop_assert_eq!(error.to_string(), sentence);
    }
}
