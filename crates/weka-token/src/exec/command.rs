//! The command itself.

use crate::child::Child;
use crate::failure::{BEFORE_START, Failure, NOT_EXECUTABLE, NOT_FOUND};
use crate::held_signals::HeldSignals;
use nix::errno::Errno;
use nix::spawn::{PosixSpawnFileActions, posix_spawnp};
use std::ffi::{CString, OsStr, OsString};
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
    if program.is_empty() {
        return Err(Failure::new(NOT_FOUND, "the command to run is an empty word")
            .then("name it behind --: weka-token exec -- COMMAND"));
    }
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
    spawn().map(Child::new).map_err(|error| not_run(error, program, std::env::var_os("PATH").as_deref()))
}

/// Why it was not run, where it was looked for, and what to do.
fn not_run(error: Errno, program: &OsStr, path: Option<&OsStr>) -> Failure {
    let shown = program.display();
    let is_path = program.as_bytes().contains(&b'/');
    let folders = || path.map(std::env::split_paths).into_iter().flatten();
    let is_there = if is_path {
        Path::new(program).exists()
    } else {
        folders().any(|folder| folder.join(program).exists())
    };
    let cannot_run = |status| Failure::new(status, format!("cannot run {shown}: {}", error.desc()));
    let not_found = |message: String, step| Failure::new(NOT_FOUND, message).then(step);
    match error {
        Errno::EAGAIN | Errno::ENOMEM => cannot_run(BEFORE_START),
        Errno::ENOENT if is_there => not_found(
            format!("cannot run {shown}: it is there, but the interpreter or loader that it needs is not"),
            "a script names its interpreter in the first line, behind #!",
        ),
        Errno::ENOENT if is_path => not_found(
            format!("there is no command {shown}"),
            "check the path: it counts from the current folder",
        ),
        // A folder of PATH that is closed to this user hides what is in it, and is no reason to speak of permissions.
        Errno::ENOENT | Errno::EACCES if !is_path && !is_there => not_found(
            format!("there is no command {shown} in the folders of PATH"),
            "install it, or name it by its path, such as ./COMMAND",
        ),
        Errno::EACCES => {
            cannot_run(NOT_EXECUTABLE).then("it has to be a file that you may execute: chmod +x makes it one")
        }
        _ => cannot_run(NOT_EXECUTABLE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "cannot run nonexist: No such file or directory" left open where it had been looked for.
    #[test]
    fn a_command_that_was_not_found_was_not_said_to_be_looked_for_in_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().as_os_str());
        // The second is what a closed folder in PATH makes of it.
        for error in [Errno::ENOENT, Errno::EACCES] {
            let failure = not_run(error, OsStr::new("nonexist"), path);
            assert_eq!(failure.status, NOT_FOUND);
            assert!(failure.message.contains("no command nonexist in the folders of PATH"), "{failure:?}");
            assert!(!failure.next_steps.is_empty());
        }
        let of = |program: &str| not_run(Errno::ENOENT, OsStr::new(program), path).message;
        assert!(of("./nonexist").ends_with("no command ./nonexist"));
        assert!(not_run(Errno::ENOENT, OsStr::new("x"), None).message.contains("PATH"));
        // The script is there; what its first line names is not.
        std::fs::write(folder.path().join("script"), "#!/nonexist\n").unwrap();
        assert!(of("script").contains("it is there"));
        assert_eq!(not_run(Errno::EACCES, OsStr::new("script"), path).status, NOT_EXECUTABLE);
    }
}
