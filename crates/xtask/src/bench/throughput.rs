//! Gets per second over kept connections, the daemon on one processor and whoever asks on another; against a bare
//! server on the same runtime that sends the same bytes.

use crate::bench::latency::receive;
use crate::bench::pinned::Pinned;
use crate::bench::row::{Figure, Row, Unit, Verdict};
use crate::bench::samples::{Samples, ratios};
use crate::bench::subject::{GET, Subject};
use crate::bench::{Bench, proc};
use crate::binaries::build_example;
use crate::problem::Problem;
use e2e::process::Process;
use std::fs;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Of what the bare server does.
const GOAL: f64 = 0.9;
/// In two halves, each enough for the server to be busy while this end sees to the other half.
const CONNECTIONS: usize = 64;
/// Requests on each connection between two looks at the clock.
const BURST: u64 = 25;
/// How long one of the two has the turn.
const TURN: Duration = Duration::from_millis(400);
/// Enough for an answer.
const BUFFER: usize = 4096;

pub(crate) fn measure(bench: &Bench) -> Result<Row, Problem> {
    let program = build_example("echo")?;
    let subject = Subject::logged_in(bench, &[])?;
    subject.settle(bench)?;
    let get = wire::frame::encode(&GET).map_err(|error| Problem::new(error.to_string()))?;
    let mut buffer = [0; BUFFER];
    let length = {
        let mut stream = subject.connect()?;
        let asked = stream.write_all(&get).and_then(|()| receive(&mut stream, &mut buffer));
        asked.map_err(|error| Problem::new(format!("weka-tokend: {error}")))?
    };
    let answer = subject.home.path().join("answer");
    let (socket, home) = (subject.home.path().join("echo.sock"), &subject.home);
    fs::write(&answer, buffer.get(..length).unwrap_or_default())
        .map_err(|error| Problem::at(&answer, error))?;
    let mut command = home.command(&program);
    command.arg(&socket).arg(get.len().to_string()).arg(&answer);
    let echo = Process::start(&mut command).map_err(|error| Problem::at(&program, error))?;

    let mut ours = Server::connect("weka-tokend", subject.pid(), &subject.home.socket())?;
    let mut bare = Server::connect("the echo", echo.pid(), &socket)?;
    let pinned = Pinned::apart(&[ours.pid, bare.pid])?;
    if pinned.is_none() {
        return Err(Problem::new("this takes two processors: one for the server, one for whoever asks"));
    }
    for turn in 0..bench.rounds(25, 5) + 1 {
        for server in [&mut ours, &mut bare] {
            bench.go_on()?;
            server.turn(&get, turn > 0)?;
        }
    }
    let ratio = ratios(&ours.rates, &bare.rates);
    let seen = [Figure::of("", Unit::Times, &ratio), ours.rate(""), ours.work("processor time per get")];
    Ok(Row {
        what: "daemon, gets per second over kept connections, one core",
        goal: "at least 0.9 x a bare tokio echo of the same bytes",
        seen: seen.into_iter().filter(|figure| figure.value.median > 0.0).collect(),
        peers: vec![bare.rate("tokio echo"), bare.work("its processor time")],
        notes: vec![format!("{CONNECTIONS} connections, {length} bytes each")],
        verdict: Verdict::of(ratio.median() >= GOAL),
    })
}

/// One of the two, and all that is kept of it.
struct Server {
    name: &'static str,
    pid: u32,
    streams: Vec<UnixStream>,
    /// Requests per second, turn by turn.
    rates: Vec<f64>,
    /// Microseconds of a processor per request, turn by turn.
    work: Vec<f64>,
}

impl Server {
    fn connect(name: &'static str, pid: u32, socket: &Path) -> Result<Self, Problem> {
        let until = Instant::now() + Duration::from_secs(20);
        let mut streams = Vec::new();
        while streams.len() < CONNECTIONS {
            match UnixStream::connect(socket) {
                Ok(stream) => streams.push(stream),
                Err(error) if Instant::now() > until => return Err(Problem::at(socket, error)),
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        Ok(Self { name, pid, streams, rates: Vec::new(), work: Vec::new() })
    }

    /// Asks on one half of the connections before it reads what the other half has to say, so that the server never
    /// runs out of work. The last answer is read first: all others are there by then, and the server has to wake
    /// this end once, not once per answer.
    fn burst(&mut self, question: &[u8]) -> io::Result<()> {
        let mut buffer = [0; BUFFER];
        let (one, other) = self.streams.split_at_mut(CONNECTIONS / 2);
        let ask = |half: &mut [UnixStream]| half.iter_mut().try_for_each(|stream| stream.write_all(question));
        let mut read = |half: &mut [UnixStream]| {
            half.iter_mut().rev().try_for_each(|stream| receive(stream, &mut buffer).map(drop))
        };
        ask(one)?;
        for _ in 1..BURST {
            ask(other)?;
            read(one)?;
            ask(one)?;
            read(other)?;
        }
        ask(other)?;
        read(one)?;
        read(other)
    }

    fn turn(&mut self, question: &[u8], counts: bool) -> Result<(), Problem> {
        let worked = proc::time_on_processors(self.pid)?;
        let began = Instant::now();
        let mut requests = 0;
        while began.elapsed() < TURN {
            self.burst(question).map_err(|error| Problem::new(format!("{}: {error}", self.name)))?;
            requests += BURST * CONNECTIONS as u64;
        }
        let took = began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        let requests = requests as f64;
        if counts {
            self.rates.push(requests / took);
            if let (Some(before), Some(after)) = (worked, proc::time_on_processors(self.pid)?) {
                self.work.push(after.saturating_sub(before).as_secs_f64() * 1e6 / requests);
            }
        }
        Ok(())
    }

    fn rate(&self, name: &str) -> Figure {
        Figure::of(name, Unit::PerSecond, &Samples::new(self.rates.clone()))
    }

    fn work(&self, name: &str) -> Figure {
        Figure::of(name, Unit::Microseconds, &Samples::new(self.work.clone()))
    }
}
