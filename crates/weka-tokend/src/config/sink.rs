//! The `[[profile.NAME.sink]]` tables.

use super::section::{Reader, Section};
use super::{SinkConfig, SinkContent, SinkSession};
use std::path::PathBuf;

const KEYS: [&str; 5] = ["path", "mode", "group", "content", "session"];

/// Reads one sink; `None` if it is not usable, with the mistakes reported.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>, has_password: bool) -> Option<SinkConfig> {
    reader.refuse_unknown_keys(section, &KEYS);
    let path: Option<PathBuf> = match section.get("path") {
        // One file under two names could not be told from two.
        Some(item) if item.as_str().is_some_and(|text| text.split('/').any(|part| part == "..")) => {
            reader.report(section, Some("path"), "expected a path without `..`");
            None
        }
        Some(_) => reader.own_path(section, "path"),
        None => {
            reader.report(section, None, "`path` is missing");
            None
        }
    };
    let content = reader
        .word(
            section,
            "content",
            &[("pair", SinkContent::Pair), ("access", SinkContent::Access), ("header", SinkContent::Header)],
        )
        .unwrap_or_default();
    let session = reader
        .word(section, "session", &[("shared", SinkSession::Shared), ("own", SinkSession::Own)])
        .unwrap_or_default();
    if session == SinkSession::Own {
        reader.needs_session(section);
    }
    if session == SinkSession::Own && !has_password {
        reader.report(
            section,
            Some("session"),
            "a login of its own needs `password` (and `username`) in the profile",
        );
    }
    let mode = read_mode(reader, section, content).unwrap_or(crate::dirs::PRIVATE_FILE);
    let group = reader.text(section, "group");
    Some(SinkConfig { path: path?, mode, group, content, session })
}

fn read_mode(reader: &mut Reader<'_>, section: &Section<'_>, content: SinkContent) -> Option<u32> {
    let text = reader.text(section, "mode")?;
    let well_formed = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let mode = u32::from_str_radix(&text, 8).ok().filter(|_| well_formed);
    let problem = match mode {
        None => "expected an octal mode in quotes, such as \"0640\"",
        Some(mode) if mode & 0o400 == 0 => "the daemon's own user must be able to read the file",
        Some(mode) if mode & 0o7111 != 0 => "expected a mode of a plain file, such as \"0640\"",
        Some(mode) if mode & 0o022 != 0 => {
            "it would let others write to the file; expected a mode such as \"0640\""
        }
        Some(mode) if mode & 0o004 != 0 && content == SinkContent::Pair => {
            "every user of this machine could read the refresh token; use \"0640\" and `group`, or `content`"
        }
        Some(mode) => return Some(mode),
    };
    reader.report(section, Some("mode"), problem);
    None
}
