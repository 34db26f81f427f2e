//! The project's own chores: `cargo xtask --help`.
#![forbid(unsafe_code)]

mod demo;
mod stage;

use clap::Parser;
use std::process::ExitCode;

/// The project's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    /// Show the main job at work against a simulated cluster, in under 30 seconds
    Demo,
}

fn main() -> ExitCode {
    match Chore::parse() {
        Chore::Demo => demo::run(),
    }
}
