//! A daemon whose socket answers.

use crate::binaries;
use crate::home::Home;
use crate::process::Process;
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use wire::{Request, Response, blocking};

/// How long a daemon may take to answer.
const LIMIT: Duration = Duration::from_secs(20);
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
        let log = home.path().join("weka-tokend.log");
        let file = File::options().append(true).create(true).open(&log).expect("a log file");
        let mut command = home.command(binaries::path("weka-tokend"));
        command.args(arguments).env("WEKA_TOKEN_LOG", "trace").stderr(file);
        if socket != home.socket() {
            command.arg("--socket").arg(socket);
        }
        let process = Process::start(&mut command).expect("weka-tokend starts");
        let mut daemon = Self { process, socket: socket.to_owned(), log };
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

    /// The state of the only, or the first, profile.
    ///
    /// # Panics
    /// It does not say.
    #[must_use]
    pub fn profile(&self) -> wire::ProfileStatus {
        match self.ask(&status()) {
            Ok(Response::Status(mut status)) if !status.profiles.is_empty() => status.profiles.remove(0),
            other => panic!("no status: {other:?}\n{}", self.log()),
        }
    }

    /// Waits, by long polls, until the first profile's state satisfies `wanted`.
    ///
    /// # Panics
    /// It never does.
    pub fn until(&self, what: &str, wanted: impl Fn(&wire::ProfileStatus) -> bool) -> wire::ProfileStatus {
        let until = Instant::now() + LIMIT;
        let mut after_revision = None;
        loop {
            let request = Request::Status { profile: None, after_revision, wait_s: 1, after_name: None };
            let Ok(Response::Status(mut status)) = self.ask(&request) else {
                panic!("no status while waiting until {what}\n{}", self.log())
            };
            let profile = status.profiles.remove(0);
            if wanted(&profile) {
                return profile;
            }
            assert!(Instant::now() < until, "not seen: {what}; instead {profile:#?}\n{}", self.log());
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
