//! A get as seen on the socket: connect, ask, read, close; the other agents on their own protocols.

use crate::bench::Bench;
use crate::bench::peers::{GitCache, SshAgent};
use crate::bench::pinned::Pinned;
use crate::bench::row::{Figure, Row, Unit, Verdict};
use crate::bench::samples::quantile_by_run;
use crate::bench::subject::{GET, Subject, connect};
use crate::problem::Problem;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;
use wire::frame::{HEADER_LEN, Header};

pub(crate) fn measure(bench: &Bench) -> Result<Row, Problem> {
    let subject = Subject::logged_in(bench, &[])?;
    subject.settle(bench)?;
    let (git, ssh) = (GitCache::start(&subject.home)?, SshAgent::start(&subject.home)?);
    let get = wire::frame::encode(&GET).map_err(|error| Problem::new(error.to_string()))?;
    let socket = subject.home.socket();
    connect(&socket)?;
    // Each of them on the same processor, woken from another, as most callers do.
    let agents = [Some(subject.pid()), git.as_ref().map(GitCache::pid), ssh.as_ref().map(SshAgent::pid)];
    let _pinned = Pinned::apart(&agents.into_iter().flatten().collect::<Vec<_>>())?;
    let (mut ours, mut of_git, mut of_ssh) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = bench.rounds(20_000, 2_000);
    for round in 0..rounds + rounds / 10 {
        bench.go_on()?;
        let mut turn = || -> io::Result<()> {
            let mut buffer = [0; 4096];
            ours.push(timed(|| exchange(&mut UnixStream::connect(&socket)?, &get, &mut buffer))?);
            if let Some(git) = &git {
                of_git.push(timed(|| git.ask())?);
            }
            if let Some(ssh) = &ssh {
                of_ssh.push(timed(|| ssh.ask())?);
            }
            Ok(())
        };
        turn().map_err(|error| Problem::new(format!("an answer on a socket: {error}")))?;
        if round + 1 == rounds / 10 {
            // So far everything has warmed up.
            [&mut ours, &mut of_git, &mut of_ssh].into_iter().for_each(Vec::clear);
        }
    }
    let mut notes = Vec::new();
    let mut peers = Vec::new();
    for (name, readings) in [("git credential-cache", of_git), ("ssh-agent", of_ssh)] {
        if readings.is_empty() {
            notes.push(format!("not installed: {name}"));
        } else {
            peers.push((name, readings));
        }
    }
    Ok(judge(&ours, &peers, notes))
}

fn judge(ours: &[f64], peers: &[(&str, Vec<f64>)], notes: Vec<String>) -> Row {
    let quantiles = [("p50", 0.5), ("p99", 0.99)];
    let figures = |name: &str, readings: &[f64]| {
        quantiles.map(|(quantile, share)| {
            let name = format!("{name} {quantile}");
            Figure::of(name.trim_start(), Unit::Milliseconds, &quantile_by_run(readings, share))
        })
    };
    let of = |readings: &[f64], share| quantile_by_run(readings, share).median();
    let better =
        |(_, share): &(&str, f64)| peers.iter().all(|(_, theirs)| of(ours, *share) <= of(theirs, *share));
    let verdict = if peers.is_empty() { Verdict::Open } else { Verdict::of(quantiles.iter().all(better)) };
    Row {
        what: "cached get as seen on the socket (connect, ask, read, close)",
        goal: "p50 and p99 at most the peers'",
        seen: figures("", ours).into(),
        peers: peers.iter().flat_map(|(name, readings)| figures(name, readings)).collect(),
        notes,
        verdict,
    }
}

fn timed(exchange: impl FnOnce() -> io::Result<()>) -> io::Result<f64> {
    let began = Instant::now();
    exchange()?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// Asks, and reads an answer's frame to its end, without looking into it.
pub(crate) fn exchange(stream: &mut UnixStream, question: &[u8], buffer: &mut [u8]) -> io::Result<()> {
    stream.write_all(question)?;
    receive(stream, buffer).map(drop)
}

/// Reads a frame to its end; says how long it is.
pub(crate) fn receive(stream: &mut UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        match stream.read(buffer.get_mut(filled..).unwrap_or_default())? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
        let Some(header) = buffer.get(..filled).and_then(|read| read.first_chunk::<HEADER_LEN>()) else {
            continue;
        };
        let header = Header::parse(*header).map_err(io::Error::other)?;
        if filled >= HEADER_LEN + header.length {
            return Ok(filled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_quantiles_of_every_peer_have_to_be_reached() {
        let ours = [vec![1.0; 99], vec![5.0]].concat();
        let verdict = |peers: &[(&str, Vec<f64>)]| judge(&ours, peers, Vec::new()).verdict;
        assert_eq!(verdict(&[]), Verdict::Open);
        assert_eq!(verdict(&[("slow", vec![6.0; 100])]), Verdict::Met);
        assert_eq!(verdict(&[("slow", vec![6.0; 100]), ("fast", vec![0.5; 100])]), Verdict::Missed);
    }

    #[test]
    fn a_frame_is_read_to_its_end_however_it_comes() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        for piece in [&[1, 3, 0][..], &[0, 0, 7], &[8, 9]] {
            there.write_all(piece).unwrap();
        }
        let mut buffer = [0; 64];
        assert_eq!(receive(&mut here, &mut buffer).unwrap(), 8);
        there.write_all(&[1, 3, 0, 0, 0]).unwrap();
        drop(there);
        assert!(receive(&mut here, &mut buffer).is_err());
    }
}
