//! The sessions of a fleet, each by itself in virtual time, and how evenly their renewals lie. The benchmark in
//! `crates/xtask` reports the same figure with the same code.

use engine::{Action, Event, Generation, Lease, Moment, Outcome, Policy, Session, WaiterId};
use std::collections::BTreeMap;
use std::time::Duration;

/// The life of every access token.
pub(crate) const LIFE: Duration = Duration::from_secs(300);
/// When everything starts.
pub(crate) const START: Moment = Moment::from_millis(5_000_000);
/// Renewals within one of these count as being at the same time.
pub(crate) const BIN: Duration = Duration::from_secs(5);

/// How long the fleet is watched.
const WATCHED: Duration = Duration::from_secs(3600);
/// How long an exchange with the cluster takes.
const EXCHANGE: Duration = Duration::from_millis(20);

/// When a session that logs in at [`START`] renews its tokens within the next hour.
pub(crate) fn after_a_login(seed: u64) -> Vec<Moment> {
    after(seed, |session| {
        let waiter = WaiterId(1);
        let deadline = START + Duration::from_secs(10);
        let mut actions = session.on(Event::Started { pair: None, memory: Box::default() }, START);
        actions.extend(
            session.on(Event::Login { waiter, account: engine::AccountId(1), endpoints: 2, deadline }, START),
        );
        actions
    })
}

/// When a session that begins like this renews its tokens within the next hour.
pub(crate) fn after(seed: u64, begin: impl Fn(&mut Session) -> Vec<Action>) -> Vec<Moment> {
    let source_recheck = Duration::from_secs(60);
    let mut session = Session::new(Policy {
        refresh_at: 0.8,
        endpoints: 2,
        has_source: true,
        source_recheck,
        account: None,
        seed,
    });
    let (mut now, mut generation, mut renewals) = (START, 1, Vec::new());
    let mut actions = begin(&mut session);
    while now < START + WATCHED {
        let mut wake = None;
        let mut next = Vec::new();
        for action in actions {
            match action {
                Action::Refresh { exchange, .. } | Action::Login { exchange, .. } => {
                    renewals.push(now);
                    generation += 1;
                    let lease = Lease { sent_at: now, life: LIFE };
                    now = now + EXCHANGE;
                    let outcome = Outcome::Granted { generation: Generation(generation), lease };
                    next.extend(session.on(Event::Ended { exchange, outcome }, now));
                }
                Action::Save { generation } => {
                    next.extend(session.on(Event::Saved { generation, ok: true }, now));
                }
                Action::WakeAt(at) => wake = at,
                _ => {}
            }
        }
        if next.is_empty() {
            let Some(wake) = wake else { break };
            now = wake;
            next = session.on(Event::Tick, now);
        }
        actions = next;
    }
    renewals
}

/// The fullest bin against the average one, from the second cycle to shortly before the end.
pub(crate) fn peak_over_mean(renewals: &[Vec<Moment>]) -> f64 {
    let (from, until) = (START + Duration::from_secs(240), START + Duration::from_secs(3480));
    let mut bins: BTreeMap<u128, u32> = BTreeMap::new();
    for at in renewals.iter().flatten().filter(|at| **at >= from && **at < until) {
        *bins.entry(u128::from(at.as_millis()) / BIN.as_millis()).or_default() += 1;
    }
    let count = until.since(from).as_secs_f64() / BIN.as_secs_f64();
    let peak = bins.values().copied().max().unwrap_or_default();
    f64::from(peak) / (f64::from(bins.values().sum::<u32>()) / count)
}
