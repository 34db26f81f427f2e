//! The daemon that is measured: the shipped program, logged in over TLS, with its log at the usual level.

use crate::bench::{Bench, proc};
use crate::problem::Problem;
use e2e::home::finish;
use e2e::process::Process;
use e2e::{Cluster, Home};
use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use wire::{ProfileStatus, Request, Response, blocking};

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);
/// How long the daemon keeps a thread after its last work, and a little more.
const LINGERING: Duration = Duration::from_secs(12);
/// Between two looks at whether something has come about.
const PAUSE: Duration = Duration::from_micros(50);

/// What `weka-token get` asks.
pub(crate) const GET: Request = Request::Get { profile: None, min_ttl_s: None, timeout_ms: 10_000 };
/// What `weka-token status` asks.
const STATUS: Request = Request::Status { profile: None, after_revision: None, wait_s: 0, after_name: None };

/// A daemon with its cluster and its home.
#[derive(Debug)]
pub(crate) struct Subject {
    // Dropped in this order: the daemon before its cluster and its home.
    daemon: Process,
    pub(crate) cluster: Cluster,
    pub(crate) home: Home,
}

impl Subject {
    /// Starts one and logs it in; `options` are those of `weka-sim`.
    pub(crate) fn logged_in(bench: &Bench, options: &[&str]) -> Result<Self, Problem> {
        let (cluster, home) = (Cluster::start(options), Home::new());
        let daemon = spawn(bench, &home)?;
        wait_until_it_answers(&home)?;
        let subject = Self { daemon, cluster, home };
        subject.log_in(bench, &[])?;
        Ok(subject)
    }

    /// Logs in as a person does, with further options.
    pub(crate) fn log_in(&self, bench: &Bench, options: &[&str]) -> Result<(), Problem> {
        let mut command = self.home.command(bench.client());
        command.args(["login", "--user", "alice", "--password-stdin", "--endpoint", self.cluster.endpoint()]);
        command.args(["--fingerprint", &self.cluster.fingerprint]).args(options);
        let ran = finish(&mut command, "Alice-Pass1\n");
        if ran.status == 0 {
            return Ok(());
        }
        Err(Problem::new(format!("weka-token login: exit status {}: {}", ran.status, ran.stderr.trim_end())))
    }

    /// Waits until the login is over for good: what it used is let go of, and threads for files have ended.
    pub(crate) fn settle(&self, bench: &Bench) -> Result<(), Problem> {
        let began = Instant::now();
        bench.wait(Duration::from_secs(2))?;
        while proc::tasks(self.pid())?.len() > 1 && began.elapsed() < LINGERING {
            bench.wait(Duration::from_millis(200))?;
        }
        Ok(())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    pub(crate) fn connect(&self) -> Result<UnixStream, Problem> {
        connect(&self.home.socket())
    }

    /// The state of its only profile.
    pub(crate) fn profile(&self) -> Result<ProfileStatus, Problem> {
        match ask(&mut self.connect()?, &STATUS)? {
            Response::Status(status) => status.profiles.into_iter().next(),
            _ => None,
        }
        .ok_or_else(|| Problem::new("weka-tokend shows no profile"))
    }

    /// Waits until its profile is in a state that is wanted.
    pub(crate) fn until(&self, wanted: impl Fn(&ProfileStatus) -> bool) -> Result<(), Problem> {
        let until = Instant::now() + LIMIT;
        while !wanted(&self.profile()?) {
            if Instant::now() > until {
                return Err(Problem::new(format!("weka-tokend stays in this state: {:?}", self.profile()?)));
            }
            std::thread::sleep(100 * PAUSE);
        }
        Ok(())
    }

    /// Ends the daemon, and hands its home and cluster on to the next.
    pub(crate) fn stop(self) -> Result<(Home, Cluster), Problem> {
        stop(self.daemon)?;
        Ok((self.home, self.cluster))
    }
}

/// Starts a daemon in a home, and does not wait for it.
pub(crate) fn spawn(bench: &Bench, home: &Home) -> Result<Process, Problem> {
    let log = home.path().join("weka-tokend.log");
    let log =
        File::options().append(true).create(true).open(&log).map_err(|error| Problem::at(&log, error))?;
    let program = bench.daemon();
    let mut command = home.command(&program);
    command.stdout(Stdio::null()).stderr(log);
    Process::start(&mut command).map_err(|error| Problem::at(&program, error))
}

/// Ends a daemon as a service manager does.
pub(crate) fn stop(mut daemon: Process) -> Result<(), Problem> {
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    match daemon.ended_within(LIMIT) {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Problem::new(format!("weka-tokend: {status}"))),
        None => Err(Problem::new("weka-tokend does not end")),
    }
}

/// Waits for the first answer to `status`.
pub(crate) fn wait_until_it_answers(home: &Home) -> Result<(), Problem> {
    first_answer(home, &STATUS).map(drop)
}

/// Waits for the first answer there is.
pub(crate) fn first_answer(home: &Home, request: &Request) -> Result<Response, Problem> {
    let socket = home.socket();
    let until = Instant::now() + LIMIT;
    loop {
        let answer = connect(&socket).and_then(|mut stream| ask(&mut stream, request));
        match answer {
            Ok(response) => return Ok(response),
            Err(problem) if Instant::now() > until => {
                let log = std::fs::read_to_string(home.path().join("weka-tokend.log")).unwrap_or_default();
                return Err(problem.then(log.trim_end()));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

pub(crate) fn connect(socket: &Path) -> Result<UnixStream, Problem> {
    let stream = UnixStream::connect(socket).map_err(|error| Problem::at(socket, error))?;
    stream.set_read_timeout(Some(LIMIT)).map_err(|error| Problem::at(socket, error))?;
    Ok(stream)
}

pub(crate) fn ask(stream: &mut UnixStream, request: &Request) -> Result<Response, Problem> {
    let asked = blocking::send(stream, request).and_then(|()| blocking::receive(stream));
    asked.map_err(|error| Problem::new(format!("weka-tokend: {error}")))
}
