//! The command itself.

use crate::child::Child;
use crate::failure::{BEFORE_START, Failure, NOT_EXECUTABLE, NOT_FOUND};
use crate::held_signals::HeldSignals;
use nix::errno::Errno;
use nix::spawn::{PosixSpawnFileActions, posix_spawnp};
use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The variable by which WEKA's own tools find a token file.
const VARIABLE: &str = "WEKA_TOKEN";

/// Starts it.
///
/// # Errors
/// 127 where there is no such command, 126 where it cannot be run, as env(1) has it.
pub(super) fn start(
    signals: &HeldSignals,
    command: &[OsString],
    token_file: &Path,
) -> Result<Child, Failure> {
    let Some(program) = command.first() else {
        return Err(Failure::new(BEFORE_START, "there is no command to run"));
    };
    let shown = || format!("cannot run {}", program.display());
    let text = |text: Vec<u8>| {
        let ended = |_| Failure::new(BEFORE_START, format!("{}: a NUL character ends its text", shown()));
        CString::new(text).map_err(ended)
    };
    let mut words = Vec::new();
    for word in command {
        words.push(text(word.clone().into_vec())?);
    }
    let mut environment =
        vec![text([VARIABLE.as_bytes(), b"=", token_file.as_os_str().as_bytes()].concat())?];
    for (name, value) in std::env::vars_os().filter(|(name, _)| name != VARIABLE) {
        environment.push(text([name.as_bytes(), b"=", value.as_bytes()].concat())?);
    }
    let file = text(program.clone().into_vec())?;
    let spawn = || {
        let actions = PosixSpawnFileActions::init()?;
        posix_spawnp(&file, &actions, &signals.attributes()?, &words, &environment)
    };
    spawn().map(Child::new).map_err(|error| {
        let status = match error {
            Errno::ENOENT => NOT_FOUND,
            Errno::EAGAIN | Errno::ENOMEM => BEFORE_START,
            _ => NOT_EXECUTABLE,
        };
        Failure::new(status, format!("{}: {}", shown(), error.desc()))
    })
}
