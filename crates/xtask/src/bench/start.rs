//! How long a daemon takes from its start until it answers, and until it hands out a token that it took over.

use crate::bench::Bench;
use crate::bench::row::{Figure, Row, Unit, Verdict};
use crate::bench::samples::Samples;
use crate::bench::subject::{GET, Subject, first_answer, spawn, stop, wait_until_it_answers};
use crate::problem::Problem;
use e2e::Home;
use std::time::Instant;
use wire::Response;

/// Milliseconds.
const GOAL: f64 = 5.0;

pub(crate) fn measure(bench: &Bench) -> Result<Row, Problem> {
    let subject = Subject::logged_in(bench, &[])?;
    // With a token file there is something to hand out right away.
    subject.log_in(bench, &["--token-file"])?;
    let (home, _cluster) = subject.stop()?;
    let (mut ready, mut serving) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds(100, 15) + 1 {
        bench.go_on()?;
        let until_ready = timed(bench, &home, || wait_until_it_answers(&home))?;
        let until_serving = timed(bench, &home, || {
            loop {
                if let Response::Token(_) = first_answer(&home, &GET)? {
                    return Ok(());
                }
            }
        })?;
        // The first start reads the program from the disk.
        if round > 0 {
            ready.push(until_ready);
            serving.push(until_serving);
        }
    }
    let (ready, serving) = (Samples::new(ready), Samples::new(serving));
    Ok(Row {
        what: "start to ready: from spawn to the first answer on the socket",
        goal: "at most 5 ms",
        seen: vec![
            Figure::of("", Unit::Milliseconds, &ready),
            Figure::of("first token, taken over from a file", Unit::Milliseconds, &serving),
        ],
        peers: Vec::new(),
        notes: Vec::new(),
        verdict: Verdict::of(ready.median() <= GOAL),
    })
}

fn timed(bench: &Bench, home: &Home, wait: impl FnOnce() -> Result<(), Problem>) -> Result<f64, Problem> {
    let began = Instant::now();
    let daemon = spawn(bench, home)?;
    wait()?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    stop(daemon)?;
    Ok(took)
}
