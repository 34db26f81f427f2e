//! A thousand callers at the moment when the token has died and the cluster can be reached again.

use crate::bench::Bench;
use crate::bench::row::{Figure, Row, Unit, Verdict};
use crate::bench::samples::Samples;
use crate::bench::subject::{GET, Subject};
use crate::problem::Problem;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Instant;
use wire::{Response, blocking};

const CALLERS: usize = 1000;
/// Descriptors for everything that is no caller.
const RESERVED: u64 = 100;

/// One time that the token died.
struct Expiry {
    refreshes: u64,
    failed: usize,
    /// From the first question to the last answer, in milliseconds.
    took: f64,
}

pub(crate) fn measure(bench: &Bench) -> Result<Row, Problem> {
    make_room()?;
    let subject = Subject::logged_in(bench, &["--access-ttl", "3s"])?;
    let mut expiries = Vec::new();
    for _ in 0..bench.rounds(10, 2) {
        bench.go_on()?;
        expiries.push(expire(&subject)?);
    }
    Ok(judge(&expiries))
}

fn expire(subject: &Subject) -> Result<Expiry, Problem> {
    let get = wire::frame::encode(&GET).map_err(|error| Problem::new(error.to_string()))?;
    // While nothing answers, no renewal comes between.
    subject.cluster.fault(&json!({"kind": "refuse"}));
    subject.until(|profile| profile.access_expires_in_s.is_none())?;
    let streams = (0..CALLERS).map(|_| subject.connect()).collect::<Result<Vec<_>, _>>()?;
    let before = subject.cluster.count("refreshes_ok");
    subject.cluster.heal();
    let began = Instant::now();
    // A caller that could not even ask has failed like one that got no token.
    let asked: Vec<_> =
        streams.into_iter().map(|mut stream| stream.write_all(&get).map(|()| stream)).collect();
    let is_served = |mut stream: UnixStream| matches!(blocking::receive(&mut stream), Ok(Response::Token(_)));
    let served = asked.into_iter().flatten().map(is_served).filter(|served| *served).count();
    let took = began.elapsed().as_secs_f64() * 1e3;
    let refreshes = subject.cluster.count("refreshes_ok") - before;
    Ok(Expiry { refreshes, failed: CALLERS - served, took })
}

fn judge(expiries: &[Expiry]) -> Row {
    let most = expiries.iter().map(|expiry| expiry.refreshes).max().unwrap_or_default();
    let failed = expiries.iter().map(|expiry| expiry.failed).sum::<usize>();
    let took = Samples::new(expiries.iter().map(|expiry| expiry.took).collect());
    Row {
        what: "1,000 concurrent gets at expiry",
        goal: "1 refresh, no failed get",
        seen: vec![
            Figure::pieces("refreshes seen by the cluster, at most", most),
            Figure::pieces("failed gets", failed as u64),
            Figure::of("until all are answered", Unit::Milliseconds, &took),
        ],
        peers: Vec::new(),
        notes: vec![format!("{} times", expiries.len())],
        verdict: Verdict::of(failed == 0 && expiries.iter().all(|expiry| expiry.refreshes == 1)),
    }
}

/// All callers are in this process, and many systems give it 1,024 descriptors unless it asks for more.
fn make_room() -> Result<(), Problem> {
    let wanted = CALLERS as u64 + RESERVED;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| Problem::new(error.to_string()))?;
    if soft >= wanted {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard).ok().filter(|()| hard >= wanted).ok_or_else(
        || Problem::new(format!("this takes {wanted} open files; the limit is {hard} (ulimit -Hn)")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_get_or_a_second_refresh_at_any_time_is_a_miss() {
        let expiry = |refreshes, failed| Expiry { refreshes, failed, took: 30.0 };
        assert_eq!(judge(&[expiry(1, 0), expiry(1, 0)]).verdict, Verdict::Met);
        for bad in [expiry(2, 0), expiry(1, 1), expiry(0, 0)] {
            assert_eq!(judge(&[expiry(1, 0), bad]).verdict, Verdict::Missed);
        }
    }
}
