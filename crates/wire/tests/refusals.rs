//! What must not be taken, and what must not be told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "sample/codes.rs"]
mod codes;
mod sample;

use codes::CODES;
use std::io::{self, Read};
use wire::blocking::{self, WireError};
use wire::frame::{self, FrameError, HEADER_LEN, Header, MAX_BODY, UNSUPPORTED, VERSION};
use wire::{Code, Refusal, Request, Response};

fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let requests = sample::requests();
    let responses = sample::responses();
    let requests = requests.iter().map(|(name, message)| (*name, frame::encode(message).unwrap().to_vec()));
    let responses = responses.iter().map(|(name, message)| (*name, frame::encode(message).unwrap().to_vec()));
    requests.chain(responses).collect()
}

/// Whether a body decodes as what its name says.
fn decodes(name: &str, body: &[u8]) -> bool {
    if name.starts_with("request") {
        frame::decode::<Request>(body).is_ok()
    } else {
        frame::decode::<Response>(body).is_ok()
    }
}

#[test]
fn every_truncated_prefix_is_refused() {
    for (name, frame) in frames() {
        let body = &frame[HEADER_LEN..];
        assert!(decodes(name, body), "{name}");
        for end in 0..body.len() {
            assert!(!decodes(name, &body[..end]), "{name} cut after {end} bytes of its body");
        }
        for end in 0..frame.len() {
            let error = blocking::receive::<Request>(&mut &frame[..end]).expect_err(name);
            assert!(
                matches!(&error, WireError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof),
                "{name} cut after {end} bytes: {error:?}"
            );
        }
    }
}

#[test]
fn bytes_left_over_inside_a_frame_are_refused() {
    for (name, mut frame) in frames() {
        frame.push(0);
        assert!(!decodes(name, &frame[HEADER_LEN..]), "{name}");
    }
}

#[test]
fn bytes_behind_a_frame_belong_to_the_next() {
    let first = Request::Describe { profile: None };
    let second = Request::Refresh { profile: Some("prod".into()), timeout_ms: 1 };
    let mut bytes = frame::encode(&first).unwrap().to_vec();
    bytes.extend_from_slice(&frame::encode(&second).unwrap());
    let mut rest = &bytes[..];
    assert_eq!(blocking::receive::<Request>(&mut rest).unwrap(), first);
    assert_eq!(blocking::receive::<Request>(&mut rest).unwrap(), second);
    assert!(rest.is_empty());
}

/// Fails the test when asked for more than the header: nothing may be read, or allocated, for the body.
struct HeaderOnly([u8; HEADER_LEN], usize);

impl Read for HeaderOnly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(self.1 < HEADER_LEN, "the body of a frame over the limit was asked for");
        let left = &self.0[self.1..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.1 += count;
        Ok(count)
    }
}

#[test]
fn a_length_over_the_limit_is_refused_before_anything_is_allocated() {
    for length in [u32::try_from(MAX_BODY).unwrap() + 1, u32::MAX] {
        for version in [VERSION, UNSUPPORTED] {
            let mut header = [version, 0, 0, 0, 0];
            header[1..].copy_from_slice(&length.to_le_bytes());
            let expected = FrameError::TooLong { length: length as usize };
            assert_eq!(Header::parse(header), Err(expected.clone()));
            let error = blocking::receive::<Request>(&mut HeaderOnly(header, 0)).unwrap_err();
            assert!(matches!(error, WireError::Frame(frame) if frame == expected));
        }
    }
    let mut header = [VERSION, 0, 0, 0, 0];
    header[1..].copy_from_slice(&u32::try_from(MAX_BODY).unwrap().to_le_bytes());
    assert_eq!(Header::parse(header), Ok(Header { version: VERSION, length: MAX_BODY }));
}

#[test]
fn a_string_that_claims_more_than_its_frame_is_refused() {
    // Describe, with a profile name that claims 2^62 bytes.
    let mut body = vec![2, 1, 253];
    body.extend_from_slice(&(1_u64 << 62).to_le_bytes());
    assert_eq!(frame::decode::<Request>(&body), Err(FrameError::Malformed));
}

#[test]
fn a_message_over_the_limit_is_not_sent() {
    let request = Request::Describe { profile: Some("x".repeat(MAX_BODY)) };
    let mut sent = Vec::new();
    let error = blocking::send(&mut sent, &request).unwrap_err();
    assert!(matches!(error, WireError::Frame(FrameError::TooLong { length }) if length > MAX_BODY));
    assert!(sent.is_empty());
    assert!(matches!(
        frame::decode::<Request>(&vec![0; MAX_BODY + 1]),
        Err(FrameError::TooLong { length }) if length == MAX_BODY + 1
    ));
}

#[test]
fn the_longest_message_fits() {
    // Variant, presence and length take 1 + 1 + 3 bytes.
    let request = Request::Describe { profile: Some("x".repeat(MAX_BODY - 5)) };
    let bytes = frame::encode(&request).unwrap();
    assert_eq!(bytes.len(), HEADER_LEN + MAX_BODY);
    assert_eq!(blocking::receive::<Request>(&mut &bytes[..]).unwrap(), request);

    // Many short fields: the decoder's own limit must not be reached before ours.
    let mut notes = vec![String::new(); MAX_BODY - 4];
    let response = Response::Done { notes: notes.clone() };
    let bytes = frame::encode(&response).unwrap();
    assert_eq!(bytes.len(), HEADER_LEN + MAX_BODY);
    assert_eq!(blocking::receive::<Response>(&mut &bytes[..]).unwrap(), response);
    notes.push(String::new());
    assert_eq!(
        frame::encode(&Response::Done { notes }).unwrap_err(),
        FrameError::TooLong { length: MAX_BODY + 1 }
    );
}

#[test]
fn an_unknown_version_is_named() {
    let frame = [9, 1, 0, 0, 0, 0];
    let error = blocking::receive::<Request>(&mut &frame[..]).unwrap_err();
    assert!(matches!(error, WireError::Frame(FrameError::Version { version: 9 })));
    assert!(error.to_string().contains("version 9"), "{error}");
}

#[test]
fn the_for_ever_answer_reaches_the_client_as_its_sentence() {
    let frame = frame::unsupported("this daemon speaks version 1; upgrade weka-tokend");
    let error = blocking::receive::<Response>(&mut &frame[..]).unwrap_err();
    assert_eq!(error.to_string(), "this daemon speaks version 1; upgrade weka-tokend");
    assert!(matches!(error, WireError::Frame(FrameError::Unsupported { highest: VERSION, .. })));

    let empty = [UNSUPPORTED, 0, 0, 0, 0];
    let error = blocking::receive::<Response>(&mut &empty[..]).unwrap_err();
    assert!(matches!(error, WireError::Frame(FrameError::Malformed)));

    let long = frame::unsupported(&"é".repeat(MAX_BODY));
    assert_eq!(long.len(), HEADER_LEN + MAX_BODY, "cut to what every reader takes");
    assert!(blocking::receive::<Response>(&mut &long[..]).is_err());
}

#[test]
fn debug_of_a_message_shows_no_secret() {
    let texts = sample::requests().into_iter().map(|(_, message)| format!("{message:?} {message:#?}"));
    let texts =
        texts.chain(sample::responses().into_iter().map(|(_, message)| format!("{message:?} {message:#?}")));
    let mut secrets_shown_as_lengths = 0;
    for text in texts {
        assert!(!text.contains("SECRET"), "{text}");
        secrets_shown_as_lengths += usize::from(text.contains(" bytes)"));
    }
    assert_eq!(
        secrets_shown_as_lengths, 8,
        "login, offer, change of password; token, pair, mount token, what curl gets, long-lived token"
    );
}

#[test]
fn errors_quote_no_payload() {
    for (name, frame) in frames() {
        let mut body = frame[HEADER_LEN..].to_vec();
        body.push(0);
        let request = frame::decode::<Request>(&body).expect_err(name);
        let response = frame::decode::<Response>(&body).expect_err(name);
        for error in [request, response] {
            let text = format!("{error} {error:?}");
            assert!(!text.contains("SECRET"), "{text}");
            assert_eq!(error, FrameError::Malformed);
        }
    }
}

#[test]
fn a_refusal_reads_as_one_sentence() {
    let refusal = Refusal::new(Code::Unreachable, "weka01 does not answer");
    assert_eq!(refusal.to_string(), "weka01 does not answer");
    let refusal = refusal.then("run: weka-token status");
    assert_eq!(refusal.to_string(), "weka01 does not answer; run: weka-token status");
}

#[test]
fn exit_statuses_are_those_of_the_manual() {
    let by_status =
        |status| CODES.into_iter().filter(|code| code.exit_status() == status).collect::<Vec<_>>();
    assert_eq!(by_status(4), [Code::LoginRequired, Code::Untrusted, Code::LockedOut, Code::WrongPassword]);
    assert_eq!(by_status(5), [Code::Unreachable]);
    assert_eq!(by_status(6), [Code::NotPermitted]);
    assert_eq!(by_status(2), [Code::BadRequest]);
    assert_eq!(by_status(1).len(), 6);
}
