//! The binary on a small pseudo-terminal.

use crate::daemon::Daemon;
use e2e::Terminal;
use std::process::Command;

/// Runs a command line on a terminal, with the way to a daemon in its environment.
pub(crate) fn run(daemon: &Daemon, words: &[&str]) -> Terminal {
    let (program, arguments) = words.split_first().unwrap();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("WEKA_TOKEN_SOCKET", daemon.socket());
    Terminal::of_size(&command, 12, 60)
}

/// Runs `weka-token` so.
pub(crate) fn weka_token(daemon: &Daemon, arguments: &[&str]) -> Terminal {
    run(daemon, &[&[env!("CARGO_BIN_EXE_weka-token")], arguments].concat())
}
