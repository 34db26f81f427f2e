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
    clap_complete::generate(shell, &mut command, &name, &mut script);
    if shell == Shell::Bash { mended(script, &name) } else { script }
}

/// The generator for bash spells a program's hyphen in two ways, so that nothing would be completed behind a
/// subcommand (clap issue 6421, open as of `clap_complete` 4.6.11).
fn mended(script: Vec<u8>, name: &str) -> Vec<u8> {
    match String::from_utf8(script) {
        Ok(text) => text.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__")).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

pub(crate) fn run(shell: Shell) -> Result<u8, Failure> {
    output::result(&script(shell))?;
    Ok(0)
}
