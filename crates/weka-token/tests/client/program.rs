//! The binary under test, in an environment of its own.

use crate::daemon::Daemon;
use std::io::Write;
use std::process::{Command, Stdio};

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary with nothing in its environment.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weka-token"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The binary, told of the daemon's socket.
pub(crate) fn command_for(daemon: &Daemon, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.env("WEKA_TOKEN_SOCKET", daemon.socket());
    command
}

pub(crate) fn run(daemon: &Daemon, arguments: &[&str]) -> Outcome {
    finish(&mut command_for(daemon, arguments))
}

/// Runs with this on standard input.
pub(crate) fn run_with_input(daemon: &Daemon, arguments: &[&str], input: &[u8]) -> Outcome {
    let mut child = command_for(daemon, arguments).stdin(Stdio::piped()).spawn().unwrap();
    // A program that refuses early does not read its input.
    child.stdin.take().unwrap().write_all(input).unwrap_or_default();
    outcome(child.wait_with_output().unwrap())
}

pub(crate) fn finish(command: &mut Command) -> Outcome {
    outcome(command.output().unwrap())
}

fn outcome(output: std::process::Output) -> Outcome {
    Outcome {
        status: output.status.code().unwrap_or_else(|| panic!("{output:?}")),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
