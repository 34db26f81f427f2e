//! How often a daemon that nobody asks, between two renewals, is woken.

use crate::bench::Bench;
use crate::bench::proc::switches;
use crate::bench::row::{Figure, Row, Unit, Verdict};
use crate::bench::samples::Spread;
use crate::bench::subject::Subject;
use crate::problem::Problem;
use std::time::Duration;

pub(crate) fn measure(bench: &Bench) -> Result<Row, Problem> {
    // Its tokens live a day, so no renewal falls into this.
    let subject = Subject::logged_in(bench, &[])?;
    subject.settle(bench)?;
    let (watched, before) = (bench.seconds(60, 10), switches(subject.pid())?);
    bench.wait(watched)?;
    let woken = switches(subject.pid())?.saturating_sub(before);
    Ok(judge(woken, watched))
}

fn judge(woken: u64, watched: Duration) -> Row {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let per_minute = woken as f64 * 60.0 / watched.as_secs_f64();
    Row {
        what: "wake-ups when idle, besides renewals",
        goal: "at most 1 a minute",
        seen: vec![Figure::new("a minute:", Unit::Pieces, Spread::exactly(per_minute))],
        peers: Vec::new(),
        notes: vec![format!("{woken} context switches of all threads in {} s", watched.as_secs())],
        verdict: Verdict::of(per_minute <= 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_watch_is_scaled_to_a_minute() {
        let minute = Duration::from_secs(60);
        assert_eq!(judge(1, minute).verdict, Verdict::Met);
        assert_eq!(judge(2, minute).verdict, Verdict::Missed);
        let short = judge(1, Duration::from_secs(10));
        assert_eq!((short.verdict, short.seen[0].line().as_str()), (Verdict::Missed, "a minute: 6"));
    }
}
