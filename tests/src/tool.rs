//! A program that is told what to do line by line, and answers each with a line of JSON.

use crate::process::Process;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// Far longer than any answer takes.
const LIMIT: Duration = Duration::from_secs(60);

/// A running tool; dropped, it is killed.
#[derive(Debug)]
pub struct Tool {
    _process: Process,
    input: ChildStdin,
    answers: Receiver<String>,
}

impl Tool {
    /// Starts it.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut process = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = process.child().stdin.take().expect("its input is piped");
        let output = process.child().stdout.take().expect("its output is piped");
        let (heard, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if heard.send(line).is_err() {
                    return;
                }
            }
        });
        Self { _process: process, input, answers }
    }

    /// What it says to `line`: what came of it, or how it failed.
    ///
    /// # Errors
    /// The answer as it is, where it has an `error`.
    ///
    /// # Panics
    /// It has ended, or hangs.
    pub fn ask(&mut self, line: &str) -> Result<Value, Value> {
        writeln!(self.input, "{line}").unwrap_or_else(|error| panic!("{line}: {error}"));
        let said = self.answers.recv_timeout(LIMIT).unwrap_or_else(|error| panic!("{line}: {error}"));
        let answer: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{said}: {error}"));
        match answer.get("ok") {
            Some(value) => Ok(value.clone()),
            None => Err(answer),
        }
    }

    /// What came of it.
    ///
    /// # Panics
    /// It failed.
    #[track_caller]
    pub fn works(&mut self, line: &str) -> Value {
        self.ask(line).unwrap_or_else(|answer| panic!("{line}: {answer}"))
    }
}
