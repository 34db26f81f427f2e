//! What the daemon's memory comes to while it renews again and again over TLS and is asked now and then.

use crate::bench::Bench;
use crate::bench::peers::{GitCache, SshAgent};
use crate::bench::proc::Memory;
use crate::bench::row::{Figure, Row, Unit, Verdict};
use crate::bench::samples::{Samples, Spread};
use crate::bench::subject::{GET, Subject, ask};
use crate::problem::Problem;
use std::time::{Duration, Instant};
use wire::Response;

/// KiB, resident.
const GOAL: f64 = 4.5 * 1024.0;
/// KiB of it that no file holds.
const GOAL_ANONYMOUS: f64 = 1024.0;
/// KiB by which the usual figure may differ between the start and the end: the kernel's own grain.
const FLAT: f64 = 64.0;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn measure(bench: &Bench) -> Result<Row, Problem> {
    let subject = Subject::logged_in(bench, &["--access-ttl", "5s"])?;
    let (git, ssh) = (GitCache::start(&subject.home)?, SshAgent::start(&subject.home)?);
    subject.until(|profile| profile.refreshes_total >= 2)?;
    let before = subject.profile()?.refreshes_total;
    let (mut resident, mut anonymous) = (Vec::new(), Vec::new());
    let (began, watched) = (Instant::now(), bench.seconds(90, 15));
    let mut stream = subject.connect()?;
    let mut asked = 0;
    while began.elapsed() < watched {
        bench.go_on()?;
        if asked < began.elapsed().as_secs() {
            asked += 1;
            if !matches!(ask(&mut stream, &GET)?, Response::Token(_)) {
                return Err(Problem::new("weka-tokend has no token"));
            }
        }
        let memory = Memory::of(subject.pid())?;
        resident.push(kib(memory.resident));
        anonymous.push(kib(memory.anonymous));
        std::thread::sleep(PAUSE);
    }
    let refreshes = subject.profile()?.refreshes_total - before;
    let mut peers = Vec::new();
    // They live until the end of this function.
    let agents = [
        ("git credential-cache", git.as_ref().map(GitCache::pid)),
        ("ssh-agent", ssh.as_ref().map(SshAgent::pid)),
    ];
    for (name, pid) in agents {
        if let Some(pid) = pid {
            peers.push(mebibytes(name, Spread::exactly(kib(Memory::of(pid)?.resident))));
        }
    }
    Ok(judge(&resident, &anonymous, refreshes, peers))
}

fn judge(resident: &[f64], anonymous: &[f64], refreshes: u64, peers: Vec<Figure>) -> Row {
    let [all, of_no_file] = [resident, anonymous].map(|readings| Samples::new(readings.to_vec()));
    let growth = growth(resident);
    let met = all.median() <= GOAL && of_no_file.median() <= GOAL_ANONYMOUS && growth <= FLAT;
    let notes = vec![format!(
        "over {refreshes} renewals; last third against the first: {growth:+.0} KiB; the peak lasts a second after each"
    )];
    Row {
        what: "daemon memory, logged in over TLS, usual between renewals",
        goal: "at most 4.5 MiB RSS, at most 1 MiB of it anonymous, flat",
        seen: vec![
            mebibytes("RSS", all.spread()),
            mebibytes("RSS at its peak", Spread::exactly(all.most())),
            mebibytes("anonymous", of_no_file.spread()),
            mebibytes("anonymous at its peak", Spread::exactly(of_no_file.most())),
        ],
        peers,
        notes,
        verdict: Verdict::of(met),
    }
}

/// By how much the usual figure of the last third is above that of the first.
fn growth(readings: &[f64]) -> f64 {
    let third = readings.len() / 3;
    let usual = |readings: &[f64]| Samples::new(readings.to_vec()).median();
    usual(readings.get(readings.len() - third..).unwrap_or_default())
        - usual(readings.get(..third).unwrap_or_default())
}

fn mebibytes(name: &str, kib: Spread) -> Figure {
    let [median, low, high] = [kib.median, kib.low, kib.high].map(|value| value / 1024.0);
    Figure::new(name, Unit::Mebibytes, Spread { median, low, high })
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
const fn kib(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_shown_and_what_is_usual_is_judged() {
        let with_peaks = [vec![2500.0; 8], vec![5300.0; 2]].concat().repeat(9);
        let verdict = |resident: &[f64], anonymous| judge(resident, &[anonymous], 9, Vec::new()).verdict;
        assert_eq!(verdict(&with_peaks, 600.0), Verdict::Met);
        assert_eq!(verdict(&with_peaks, 1100.0), Verdict::Missed);
        assert_eq!(verdict(&[4700.0; 30], 600.0), Verdict::Missed);
        let row = judge(&with_peaks, &[600.0], 9, Vec::new());
        assert!(row.seen.iter().any(|figure| figure.line() == "RSS at its peak 5.18 MiB"), "{row:#?}");
    }

    #[test]
    fn growth_is_a_miss_even_where_all_is_small() {
        let growing: Vec<_> = (0..300).map(|at| 2000.0 + f64::from(at)).collect();
        assert!((growth(&growing) - 200.0).abs() < 1.0);
        assert_eq!(judge(&growing, &[600.0], 9, Vec::new()).verdict, Verdict::Missed);
        assert!(growth(&[]).abs() < 1.0);
    }
}
