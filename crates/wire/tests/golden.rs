//! The bytes of every message, compared with files: they must never change once shipped.
//!
//! Comments in the files (after `#`) are for people; only the hexadecimal bytes count. Create the file of
//! a new message with `WIRE_GOLDEN=create cargo test -p wire --test golden`; a file that exists is never
//! overwritten, because a changed file is a broken protocol.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "sample/codes.rs"]
mod codes;
mod sample;

use codes::CODES;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};
use wire::frame::{self, HEADER_LEN};
use wire::{Code, Level, ProfileEdit, Server, State, TokenFileChoice, Trust, Verdict};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The bytes in a golden file; writes `bytes` there first where asked to and it is missing.
fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = folder().join(format!("{name}.hex"));
    if !path.exists() && std::env::var_os("WIRE_GOLDEN").is_some_and(|mode| mode == "create") {
        std::fs::write(&path, hex_dump(bytes)).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; a new message? run: WIRE_GOLDEN=create cargo test -p wire --test golden",
            path.display()
        )
    });
    parse_hex(&text).unwrap_or_else(|| panic!("{}: not hexadecimal bytes", path.display()))
}

/// Sixteen bytes a line, with the printable ones beside them.
fn hex_dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for row in bytes.chunks(16) {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown: String = row
            .iter()
            .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' })
            .collect();
        writeln!(text, "{:<47}  # {shown}", hex.join(" ")).unwrap();
    }
    text
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    text.lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::split_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect()
}

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, message: &T) {
    let frame = frame::encode(message).unwrap();
    let stored = golden(name, &frame);
    assert_eq!(hex_dump(&frame), hex_dump(&stored), "{name} is encoded otherwise than when it was shipped");
    let decoded: T = frame::decode(&stored[HEADER_LEN..]).unwrap();
    assert_eq!(&decoded, message, "{name} is decoded otherwise than when it was shipped");
}

#[test]
fn requests_keep_their_bytes() {
    for (name, request) in sample::requests() {
        check(name, &request);
    }
}

#[test]
fn responses_keep_their_bytes() {
    for (name, response) in sample::responses() {
        check(name, &response);
    }
}

#[test]
fn nested_enums_keep_the_bytes_of_every_variant() {
    let trust = [Trust::AsConfigured, Trust::CaFile("/ca".into()), Trust::Fingerprint("sha256:00".into())];
    check("nested_trust", &trust.to_vec());
    let file = [TokenFileChoice::AsConfigured, TokenFileChoice::Usual, TokenFileChoice::Path("/t".into())];
    check("nested_token_file_choice", &file.to_vec());
    let servers = [
        Server::PlainHttp,
        Server::SystemRoots,
        Server::CaFile("/ca".into()),
        Server::PublicKey("AP8=".into()),
    ];
    check("nested_server", &servers.to_vec());
    let verdicts = [
        Verdict::Trusted,
        Verdict::Unknown("self-signed".into()),
        Verdict::Mismatch("other".into()),
        Verdict::PlainHttp,
    ];
    check("nested_verdict", &verdicts.to_vec());
    let states = [
        State::Starting,
        State::Ready,
        State::Degraded,
        State::Unreachable,
        State::Untrusted,
        State::LoginRequired,
        State::LockedOut,
        State::LoggedOut,
    ];
    check("nested_state", &states.to_vec());
    let edits = [
        ProfileEdit::Add { name: "a".into() },
        ProfileEdit::Remove { name: "b".into() },
        ProfileEdit::Rename { old: "c".into(), new: "d".into() },
        ProfileEdit::SetDefault { name: "e".into() },
    ];
    check("nested_profile_edit", &edits.to_vec());
    check("nested_code", &CODES.to_vec());
    let levels = [Level::Ok, Level::Warn, Level::Bad, Level::NotChecked];
    check("nested_level", &levels.to_vec());
}

/// Beyond the last known variant nothing decodes: so the lists above are whole, or this fails.
#[test]
fn no_variant_is_missing_above() {
    fn known<T: DeserializeOwned>(filler: &[u8]) -> usize {
        (0..=250_u8)
            .take_while(|&index| {
                let body = [&[index][..], filler].concat();
                (1..=body.len()).any(|end| frame::decode::<T>(&body[..end]).is_ok())
            })
            .count()
    }
    assert_eq!(known::<Trust>(&[0]), 3);
    assert_eq!(known::<TokenFileChoice>(&[0]), 3);
    assert_eq!(known::<Server>(&[0]), 4);
    assert_eq!(known::<Verdict>(&[0]), 4);
    assert_eq!(known::<ProfileEdit>(&[0, 0]), 4);
    assert_eq!(known::<State>(&[]), 8);
    assert_eq!(known::<Level>(&[]), 4);
    assert_eq!(known::<Code>(&[]), 13);
    assert_eq!(known::<wire::Request>(&[0; 64]), sample::requests().len());
    assert_eq!(known::<wire::Response>(&[0; 64]), sample::responses().len());
}

#[test]
fn the_answer_to_an_unknown_version_keeps_its_bytes_for_ever() {
    let frame = frame::unsupported("upgrade weka-tokend");
    assert_eq!(frame, b"\x00\x14\x00\x00\x00\x01upgrade weka-tokend");
    assert_eq!(golden("unsupported", &frame), frame);
}

#[test]
fn no_golden_file_is_left_over() {
    let mut expected: BTreeSet<String> = sample::requests()
        .iter()
        .map(|(name, _)| *name)
        .chain(sample::responses().iter().map(|(name, _)| *name))
        .chain([
            "nested_trust",
            "nested_server",
            "nested_token_file_choice",
            "nested_verdict",
            "nested_profile_edit",
            "nested_state",
            "nested_code",
            "nested_level",
        ])
        .chain(["unsupported"])
        .map(|name| format!("{name}.hex"))
        .collect();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(expected.remove(&name), "{name} belongs to no message");
    }
    // What is missing fails in its own test, with the way to create it.
}
