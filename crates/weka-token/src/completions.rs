//! `weka-token completions`.

use crate::args;
use crate::failure::Failure;
use crate::output;
use clap_complete::Shell;

/// What a shell reads to complete command lines of `weka-token`.
#[must_use]
pub fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::tree(), "weka-token", &mut script);
    script
}

pub(crate) fn run(shell: Shell) -> Result<u8, Failure> {
    output::result(&script(shell))?;
    Ok(0)
}
