//! Ten thousand daemons that log in in the same second: the engine as it is shipped, in virtual time.

#[path = "../../../engine/tests/session/fleet/renewals.rs"]
mod renewals;

use crate::bench::row::{Figure, Row, Unit, Verdict};
use crate::bench::samples::Spread;

/// So many times the mean.
const GOAL: f64 = 1.5;
const DAEMONS: u64 = 10_000;

pub(crate) fn measure() -> Row {
    let fleet: Vec<_> = (0..DAEMONS).map(renewals::after_a_login).collect();
    let peak = renewals::peak_over_mean(&fleet);
    Row {
        what: "10,000 daemons started in the same second (virtual time, shipping engine)",
        goal: "refresh peak at most 1.5 x the mean from the second cycle on",
        seen: vec![Figure::new("peak", Unit::Times, Spread::exactly(peak))],
        peers: Vec::new(),
        notes: vec![format!("over an hour, in bins of {} s", renewals::BIN.as_secs())],
        verdict: Verdict::of(peak <= GOAL),
    }
}
