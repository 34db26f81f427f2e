//! `weka-token completions`.

use crate::args;
use crate::failure::Failure;
use crate::output;
use clap_complete::Shell;

pub(crate) fn run(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::tree(), "weka-token", &mut script);
    output::result(&script)?;
    Ok(0)
}
