//! `cargo xtask bench`: each goal of this project as a figure, and what other tools come to in the same run.
//!
//! - `get` and its `spawn`: `weka-token get` as a whole process, against the least that a process could do
//! - `throughput` and `latency`: the daemon's socket; `memory`, `idle`, `start`: the daemon by itself
//! - `crowd`: a thousand callers when the token dies; `fleet`: ten thousand daemons in virtual time
//! - `subject` is the daemon that is measured, `peers` are the others, `proc` asks the kernel, `pinned` tells it
//!   which processors to use
//! - `samples` condenses readings, `row` is what is said of them, `table` shows it
//!
//! Rivals take turns within each round, so that what else goes on here hits all of them. A missed goal fails
//! nothing: whether a machine is quiet enough to judge is for whoever reads the figures to say.

mod crowd;
mod fleet;
mod get;
mod idle;
mod latency;
mod machine;
mod memory;
mod peers;
mod pinned;
mod proc;
mod row;
mod samples;
mod spawn;
mod start;
mod subject;
mod table;
mod throughput;

use crate::binaries::{self, Binaries};
use crate::console::{complain, progress, say};
use crate::problem::Problem;
use clap::{Args, ValueEnum};
use row::{Row, Verdict};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often an interruption is looked for during a wait.
const PAUSE: Duration = Duration::from_millis(100);

/// Options of `bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A minute or so instead of five, and coarser figures
    #[arg(long)]
    quick: bool,
    /// One line of JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Measure this only, or these [default: all]
    #[arg(long, value_name = "ROW", value_enum, hide_possible_values = true)]
    only: Vec<Topic>,
    /// Take the programs from DIR, and build none
    ///
    /// Without it, what is shipped is built. weka-sim is the one beside xtask
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
}

/// What can be measured, in the table's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topic {
    /// `weka-token get` as a whole process
    Get,
    /// Gets per second over kept connections
    Throughput,
    /// A cached get as seen on the socket
    Latency,
    /// The daemon's memory
    Memory,
    /// Wake-ups of a daemon that nobody asks
    Idle,
    /// A thousand gets when the token has expired
    Crowd,
    /// From spawn to the first answer
    Start,
    /// Ten thousand daemons in virtual time
    Fleet,
    /// kill -9 under load: a test, named here
    Crash,
}

/// What all measurements share.
#[derive(Debug)]
pub(crate) struct Bench {
    quick: bool,
    /// The client's and the daemon's folder.
    folder: PathBuf,
    interrupted: Arc<AtomicBool>,
}

impl Bench {
    pub(crate) fn client(&self) -> PathBuf {
        self.folder.join("weka-token")
    }

    pub(crate) fn daemon(&self) -> PathBuf {
        self.folder.join("weka-tokend")
    }

    /// So many, or fewer in a quick run.
    pub(crate) const fn rounds(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    /// So many seconds, or fewer in a quick run.
    pub(crate) const fn seconds(&self, full: u64, quick: u64) -> Duration {
        Duration::from_secs(if self.quick { quick } else { full })
    }

    /// Fails once somebody has pressed Ctrl-C, so that everything that was started is ended in order.
    pub(crate) fn go_on(&self) -> Result<(), Problem> {
        if self.interrupted.load(Ordering::Relaxed) { Err(Problem::new("interrupted")) } else { Ok(()) }
    }

    pub(crate) fn wait(&self, duration: Duration) -> Result<(), Problem> {
        let until = Instant::now() + duration;
        loop {
            self.go_on()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(PAUSE));
        }
    }
}

impl Topic {
    fn id(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn measure(self, bench: &Bench) -> Result<Row, Problem> {
        match self {
            Self::Get => get::measure(bench),
            Self::Throughput => throughput::measure(bench),
            Self::Latency => latency::measure(bench),
            Self::Memory => memory::measure(bench),
            Self::Idle => idle::measure(bench),
            Self::Crowd => crowd::measure(bench),
            Self::Start => start::measure(bench),
            Self::Fleet => Ok(fleet::measure()),
            Self::Crash => Ok(crash()),
        }
    }
}

/// What a test shows better than a figure.
fn crash() -> Row {
    Row {
        what: "kill -9 of the daemon, repeatedly, under load, with systemd",
        goal: "no failed get, no login",
        seen: Vec::new(),
        peers: Vec::new(),
        notes: vec![format!("cargo test -p e2e --test systemd {CRASH_TEST}")],
        verdict: Verdict::Tested,
    }
}

/// The start of its name, in `tests/systemd/restart.rs`.
const CRASH_TEST: &str = "twenty_restarts";

/// Measures, and prints what there is. Only what could not be measured at all is a failure.
pub(crate) fn run(options: &Options) -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    let measured = measure(options, &interrupted);
    if interrupted.load(Ordering::Relaxed) {
        return ExitCode::from(130);
    }
    match measured {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

/// Whether everything could be measured.
fn measure(options: &Options, interrupted: &Arc<AtomicBool>) -> Result<bool, Problem> {
    for signal in [SIGINT, SIGTERM] {
        let registered = signal_hook::flag::register(signal, Arc::clone(interrupted));
        registered.map_err(|error| Problem::new(format!("signals cannot be caught: {error}")))?;
    }
    let folder = Binaries::get(options.binaries.as_deref())?.folder;
    if options.binaries.is_none() {
        binaries::build_simulator()?;
    }
    let bench = Bench { quick: options.quick, folder, interrupted: Arc::clone(interrupted) };
    let (mut rows, mut complete) = (Vec::new(), true);
    for topic in Topic::value_variants() {
        if !options.only.is_empty() && !options.only.contains(topic) {
            continue;
        }
        let id = topic.id();
        progress(&format!("measuring: {id}"));
        match topic.measure(&bench) {
            Ok(row) => rows.push((id, row)),
            Err(problem) => {
                bench.go_on()?;
                complain(&Problem { message: format!("{id}: {}", problem.message), ..problem });
                complete = false;
            }
        }
    }
    let machine = machine::in_words();
    if options.json {
        let rows: Vec<_> = rows.iter().map(|(id, row)| row.json(id)).collect();
        say(&json!({"machine": machine, "quick": options.quick, "rows": rows}).to_string());
    } else {
        let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        say(&format!("{machine}\n\n{}", table::render(&rows).trim_end()));
    }
    Ok(complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_that_stands_for_a_figure_exists() {
        let tests = include_str!("../../../../tests/systemd/restart.rs");
        assert!(tests.contains(&format!("#[test]\nfn {CRASH_TEST}")));
    }
}
