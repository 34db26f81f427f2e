//! `weka-token ui`: hands over to the terminal UI, a program of its own, so that this one stays small.

use crate::args::Global;
use crate::failure::{Failure, NOT_EXECUTABLE, NOT_FOUND};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = "weka-token-ui";

/// Becomes the terminal UI; returns only where that fails.
pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let beside = beside_this_program();
    // Without a folder in its name, a program is looked for in PATH.
    let places = beside.iter().cloned().chain([PathBuf::from(PROGRAM)]);
    for program in places {
        let error = Command::new(&program).args(arguments(global)).exec();
        if error.kind() != io::ErrorKind::NotFound {
            let message = format!("{} cannot be run: {error}", program.display());
            return Err(Failure::new(NOT_EXECUTABLE, message));
        }
    }
    Err(not_installed(beside.as_deref()))
}

/// Links are followed: what is beside a link may be anything.
fn beside_this_program() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.with_file_name(PROGRAM))
}

fn arguments(global: &Global) -> Vec<OsString> {
    let mut arguments = Vec::new();
    if let Some(socket) = &global.socket {
        arguments.extend(["--socket".into(), socket.clone().into_os_string()]);
    }
    if let Some(profile) = &global.profile {
        arguments.extend(["--profile".into(), profile.into()]);
    }
    arguments
}

fn not_installed(beside: Option<&Path>) -> Failure {
    let place = beside.and_then(Path::parent);
    let place = place.map_or_else(
        || "it is not ".to_owned(),
        |folder| format!("it is neither in {} nor ", folder.display()),
    );
    Failure::new(NOT_FOUND, format!("{PROGRAM} is not installed: {place}in PATH"))
        .then("install it as you did weka-token, or use: weka-token status --watch")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_options_are_passed_on() {
        let global = Global { socket: Some("/s".into()), profile: Some("prod".into()), ..Global::default() };
        assert_eq!(arguments(&global), ["--socket", "/s", "--profile", "prod"]);
        assert!(arguments(&Global::default()).is_empty());
    }

    #[test]
    fn what_is_missing_is_named_with_where_it_was_looked_for() {
        let failure = not_installed(Some(Path::new("/opt/bin/weka-token-ui")));
        assert_eq!(failure.status, 127);
        assert_eq!(failure.message, "weka-token-ui is not installed: it is neither in /opt/bin nor in PATH");
        assert_eq!(not_installed(None).message, "weka-token-ui is not installed: it is not in PATH");
    }
}
