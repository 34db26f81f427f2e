//! A daemon whose socket answers.

use crate::home::Home;
use crate::process::Process;
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};
use wire::{Request, Response, blocking};

/// How long a daemon may take to answer.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two attempts to reach it.
const PAUSE: Duration = Duration::from_millis(2);

/// A running `weka-tokend` with every log line it has to say in a file.
#[derive(Debug)]
pub struct Daemon {
    process: Process,
    socket: PathBuf,
    log: PathBuf,
}

impl Daemon {
    /// Starts one in a home, and waits until it answers.
    ///
    /// # Panics
    /// It does not.
    #[must_use]
    pub fn start(home: &Home) -> Self {
        Self::with(home, &[])
    }

    /// Starts one with further arguments.
    ///
    /// # Panics
    /// It does not answer.
    #[must_use]
    pub fn with(home: &Home, arguments: &[&str]) -> Self {
        Self::spawn(home, &home.socket(), arguments)
    }

    /// Starts one on a socket of its own.
    ///
    /// # Panics
    /// It does not answer.
    #[must_use]
    pub fn spawn(home: &Home, socket: &Path, arguments: &[&str]) -> Self {
        let mut command = home.weka_tokend(arguments);
        if socket != home.socket() {
            command.arg("--socket").arg(socket);
        }
        Self::launch(command, socket, &home.path().join("weka-tokend.log"))
    }

    /// Starts a command that is a daemon, and waits until it answers on `socket`. What it logs, at trace
    /// level, is added to `log`.
    ///
    /// # Panics
    /// It does not answer.
    #[must_use]
    pub fn launch(mut command: Command, socket: &Path, log: &Path) -> Self {
        let file = File::options().append(true).create(true).open(log).expect("a log file");
        command.env("WEKA_TOKEN_LOG", "trace").stderr(file);
        let process = Process::start(&mut command).expect("weka-tokend starts");
        let mut daemon = Self { process, socket: socket.to_owned(), log: log.to_owned() };
        daemon.wait_until_it_answers();
        daemon
    }

    fn wait_until_it_answers(&mut self) {
        let until = Instant::now() + LIMIT;
        loop {
            match self.ask(&status()) {
                Ok(Response::Status(status)) if status.daemon.pid == self.pid() => return,
                _ => {
                    let ended = self.process.ended_within(Duration::ZERO);
                    assert!(ended.is_none(), "weka-tokend ended: {ended:?}\n{}", self.log());
                    assert!(Instant::now() < until, "weka-tokend does not answer\n{}", self.log());
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// One request over a connection of its own.
    ///
    /// # Errors
    /// The connection fails.
    pub fn ask(&self, request: &Request) -> Result<Response, blocking::WireError> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(LIMIT))?;
        blocking::send(&mut stream, request)?;
        blocking::receive(&mut stream)
    }

    /// All that `status` shows.
    ///
    /// # Panics
    /// It does not say.
    #[must_use]
    pub fn status(&self) -> wire::Status {
        match self.ask(&status()) {
            Ok(Response::Status(status)) => status,
            other => panic!("no status: {other:?}\n{}", self.log()),
        }
    }

    /// The state of the only, or the first, profile.
    ///
    /// # Panics
    /// It does not say.
    #[must_use]
    pub fn profile(&self) -> wire::ProfileStatus {
        self.status().profiles.into_iter().next().expect("there is a profile")
    }

    /// The state of one profile.
    ///
    /// # Panics
    /// There is none of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> wire::ProfileStatus {
        let status = self.status();
        let found = status.profiles.iter().find(|profile| profile.name == name).cloned();
        found.unwrap_or_else(|| panic!("no profile {name} in {status:#?}"))
    }

    /// Waits, by long polls, until the first profile's state satisfies `wanted`.
    ///
    /// # Panics
    /// It never does.
    pub fn until(&self, what: &str, wanted: impl Fn(&wire::ProfileStatus) -> bool) -> wire::ProfileStatus {
        let seen = self.until_status(what, |status| status.profiles.first().is_some_and(&wanted));
        seen.profiles.into_iter().next().expect("there is a profile")
    }

    /// Waits, by long polls, until a profile's state satisfies `wanted`.
    ///
    /// # Panics
    /// It never does.
    pub fn until_named(
        &self,
        name: &str,
        what: &str,
        wanted: impl Fn(&wire::ProfileStatus) -> bool,
    ) -> wire::ProfileStatus {
        let is_it = |profile: &&wire::ProfileStatus| profile.name == name;
        let seen = self.until_status(what, |status| status.profiles.iter().find(is_it).is_some_and(&wanted));
        seen.profiles.into_iter().find(|profile| profile.name == name).expect("it was there")
    }

    /// Waits, by long polls, until the whole status satisfies `wanted`.
    ///
    /// # Panics
    /// It never does.
    pub fn until_status(&self, what: &str, wanted: impl Fn(&wire::Status) -> bool) -> wire::Status {
        let until = Instant::now() + LIMIT;
        let mut after_revision = None;
        loop {
            let request = Request::Status { profile: None, after_revision, wait_s: 1, after_name: None };
            let status = match self.ask(&request) {
                Ok(Response::Status(status)) => status,
                other => panic!("{other:?} while waiting until {what}\n{}", self.log()),
            };
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < until, "not seen: {what}; instead {status:#?}\n{}", self.log());
            after_revision = Some(status.revision);
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// All it has logged, at trace level.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Kills it, and waits for that.
    pub fn kill(self) {
        drop(self.process);
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Panics
    /// It does not end in time.
    pub fn stop(mut self) -> ExitStatus {
        self.process.signal(Signal::SIGTERM);
        let ended = self.process.ended_within(LIMIT);
        ended.unwrap_or_else(|| panic!("weka-tokend does not end\n{}", self.log()))
    }
}

const fn status() -> Request {
    Request::Status { profile: None, after_revision: None, wait_s: 0, after_name: None }
}
