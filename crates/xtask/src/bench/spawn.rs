//! Programs that are started over and over, and how long each takes from its start to its end.

use crate::bench::Bench;
use crate::problem::Problem;
use e2e::Home;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// One of several programs that take turns.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    command: Command,
    /// What it reads.
    input: Option<PathBuf>,
    /// Milliseconds, in the order of rounds.
    pub(crate) readings: Vec<f64>,
}

impl Contender {
    pub(crate) fn new(name: &'static str, command: Command) -> Self {
        Self { name, command, input: None, readings: Vec::new() }
    }

    pub(crate) fn reading(mut self, input: PathBuf) -> Self {
        self.input = Some(input);
        self
    }

    /// Runs it once, for what it says.
    pub(crate) fn output(&mut self) -> Result<String, Problem> {
        self.open_input()?;
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let Output { status, stdout, stderr } = self.command.output().map_err(|error| self.failed(error))?;
        if !status.success() {
            return Err(self.failed(format!("{status}: {}", String::from_utf8_lossy(&stderr).trim_end())));
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }

    /// Runs it once: posix_spawn(3), and waiting for the end. Where it writes is opened once, beforehand.
    fn run(&mut self) -> Result<f64, Problem> {
        self.open_input()?;
        let began = Instant::now();
        let status = self.command.spawn().and_then(|mut child| child.wait());
        let took = began.elapsed();
        match status {
            Ok(status) if status.success() => Ok(took.as_secs_f64() * 1e3),
            Ok(status) => Err(self.failed(status)),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn open_input(&mut self) -> Result<(), Problem> {
        if let Some(path) = &self.input {
            self.command.stdin(File::open(path).map_err(|error| Problem::at(path, error))?);
        }
        Ok(())
    }

    fn failed(&self, error: impl std::fmt::Display) -> Problem {
        Problem::new(format!("{}: {error}", self.name))
    }
}

/// Lets all of them run once a round. Each round has an order of its own: whoever comes after a large program finds
/// less in the processor's caches than whoever comes after a small one.
pub(crate) fn race(bench: &Bench, contenders: &mut [Contender], rounds: usize) -> Result<(), Problem> {
    const WARM_UP: usize = 5;
    let nowhere = Path::new("/dev/null");
    let open = || File::options().read(true).write(true).open(nowhere);
    for contender in &mut *contenders {
        let open = || open().map_err(|error| Problem::at(nowhere, error));
        contender.command.stdin(open()?).stdout(open()?).stderr(open()?);
    }
    let mut dice = Dice(0x5EED);
    let mut order: Vec<_> = (0..contenders.len()).collect();
    for round in 0..rounds + WARM_UP {
        bench.go_on()?;
        dice.shuffle(&mut order);
        for turn in &order {
            let Some(contender) = contenders.get_mut(*turn) else { continue };
            let took = contender.run()?;
            if round >= WARM_UP {
                contender.readings.push(took);
            }
        }
    }
    Ok(())
}

/// Chance that is the same in each run (splitmix64).
struct Dice(u64);

impl Dice {
    const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for end in (1..order.len()).rev() {
            let pick = self.roll() % (end as u64 + 1);
            order.swap(end, usize::try_from(pick).unwrap_or_default());
        }
    }
}

/// Compiles the floor; `None` where there is no C compiler.
pub(crate) fn floor(home: &Home) -> Result<Option<PathBuf>, Problem> {
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/bench/floor.c"));
    let program = home.path().join("floor");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let compiled =
        Command::new(&compiler).args(["-O2", "-static", "-s", "-o"]).arg(&program).arg(source).output();
    let output = match compiled {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Problem::at(Path::new(&compiler), error)),
        Ok(output) => output,
    };
    if output.status.success() {
        return Ok(Some(program));
    }
    let problem = Problem::at(source, String::from_utf8_lossy(&output.stderr).trim_end());
    Err(problem
        .then("a static program needs a static C library: libc6-dev (Debian), glibc-static (Fedora, RHEL)"))
}

/// Where a program is, as a shell would find it.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_comes_first_about_as_often() {
        let (mut dice, mut order, mut firsts) = (Dice(1), vec![0, 1, 2, 3], [0; 4]);
        for _ in 0..4000 {
            dice.shuffle(&mut order);
            firsts[order[0]] += 1;
        }
        assert!(firsts.iter().all(|count| (900..1100).contains(count)), "{firsts:?}");
    }

    #[test]
    fn the_floor_asks_what_the_client_asks() {
        let source = include_str!("../../bench/floor.c");
        let frame = wire::frame::encode(&crate::bench::subject::GET).unwrap();
        let bytes =
            frame.iter().map(|byte| if *byte > 9 { format!("{byte:#04x}") } else { byte.to_string() });
        let bytes = bytes.collect::<Vec<_>>().join(", ");
        assert!(source.contains(&format!("get[] = {{{bytes}}}")), "{bytes}");
    }
}
