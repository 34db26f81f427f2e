//! The project's own chores: `cargo xtask --help`.
//!
//! - `demo`, on its `stage`: the main job, seen
//! - `install` and `uninstall`: the programs and what belongs to them, for a user or a host
//! - `dist`: an archive (`tarball`), a `deb` and an `rpm_package` of a `release`; `libraries` finds what they depend on
//! - `bench`: figures, with those of other tools beside them
//! - `binaries` builds what all of these put into place, `layout` says where, `pieces` which, `unit` changes units for it
//! - `problem` and `console`: what went wrong, and how it is said; `choices`: how a help text lists what may be chosen
#![forbid(unsafe_code)]

mod bench;
mod binaries;
mod choices;
mod console;
mod deb;
mod demo;
mod dist;
mod install;
mod layout;
mod libraries;
mod pieces;
mod problem;
mod release;
mod rpm_package;
mod stage;
mod tarball;
mod uninstall;
mod unit;

use choices::choices;
use clap::Parser;
use std::process::ExitCode;

/// The project's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    /// Show the main job against a simulated cluster, in under 30 seconds
    Demo,
    /// Install the programs and what belongs to them; enables nothing
    Install(install::Options),
    /// Remove what `install` wrote; configuration stays
    Uninstall(uninstall::Options),
    /// Make an archive, a .deb and an .rpm
    #[command(after_help = choices::<dist::Format>("Formats"))]
    Dist(dist::Options),
    /// Measure speed, memory and quiet, with other tools beside
    #[command(after_help = choices::<bench::Topic>("What can be measured"))]
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Demo => return demo::run(),
        Chore::Install(options) => install::run(&options),
        Chore::Uninstall(options) => uninstall::run(&options),
        Chore::Dist(options) => dist::run(&options),
        Chore::Bench(options) => return bench::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            console::complain(&problem);
            ExitCode::FAILURE
        }
    }
}
