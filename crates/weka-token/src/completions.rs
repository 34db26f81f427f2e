//! `weka-token completions`.

use crate::args;
use crate::failure::Failure;
use crate::output;
use clap_complete::Shell;

/// What a shell reads to complete command lines of `weka-token`.
#[must_use]
pub fn script(shell: Shell) -> Vec<u8> {
    of(args::tree(), shell)
}

/// The same for another program of this project, for packages: of these only the client prints its own.
#[must_use]
pub fn of(mut command: clap::Command, shell: Shell) -> Vec<u8> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

pub(crate) fn run(shell: Shell) -> Result<u8, Failure> {
    output::result(&script(shell))?;
    Ok(0)
}
