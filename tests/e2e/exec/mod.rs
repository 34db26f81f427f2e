//! `weka-token exec`: a command with a token file of its own, current for as long as the command lives.

mod command;
mod private_file;
mod renewal;

use crate::{LoggedIn, read_json};
use e2e::process::Process;
use e2e::until::PATIENCE;
use e2e::{Cluster, Home, until};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Stdio};

/// Says where its token file is, and lives until it is told something.
const REST: &str = "echo \"$WEKA_TOKEN\"; read -r word; exit 0";

fn logged_in(options: &[&str]) -> LoggedIn {
    LoggedIn::to(Cluster::start(options))
}

/// A running `weka-token exec` whose command waits.
struct Resting {
    process: Process,
    file: PathBuf,
    _output: BufReader<ChildStdout>,
    input: ChildStdin,
}

impl Resting {
    fn start(home: &Home) -> Self {
        Self::run(home, REST)
    }

    fn run(home: &Home, script: &str) -> Self {
        let mut command = home.weka_token(&["exec", "--", "sh", "-c", script]);
        let mut process = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped())).unwrap();
        let mut output = BufReader::new(process.child().stdout.take().unwrap());
        let input = process.child().stdin.take().unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let file = PathBuf::from(line.trim_end());
        Self { process, file, _output: output, input }
    }

    fn pair(&self) -> Value {
        read_json(&self.file)
    }

    /// Waits until the file holds something else than this.
    fn until_other_than(&self, pair: &Value) -> Value {
        until("another pair in the file", || Some(self.pair()).filter(|now| now != pair))
    }

    fn end(mut self) -> i32 {
        self.input.write_all(b"end\n").unwrap();
        self.process.ended_within(PATIENCE).expect("it ends").code().unwrap_or(-1)
    }
}

fn folder(home: &Home) -> PathBuf {
    home.runtime().join("weka-token/exec")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|all| all.map(|it| it.unwrap().path()).collect()).unwrap_or_default()
}
