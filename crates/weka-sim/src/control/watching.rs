//! Looking on: status, counters and the request log.

use std::time::Duration;

use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, Done, Mistake, done, shown};
use crate::journal::{Entry, Outcome};

/// Longest wait of one call for log entries.
const MAX_WAIT: Duration = Duration::from_secs(120);

pub(super) async fn status(State(desk): Desk) -> Done {
    let cluster = &desk.cluster;
    let backends: Vec<Value> = (0..cluster.backends().len())
        .map(|number| {
            let open = desk.open.get(number).is_some_and(|open| *open.borrow());
            json!({"number": number, "url": cluster.url(number), "listening": open})
        })
        .collect();
    let (settings, pairs, live, orgs) = {
        let state = cluster.state();
        let orgs = state.users.orgs.iter().map(|org| json!({"name": org.name, "uid": org.uid}));
        let live = state.ledger.live(cluster.clock.now_ms());
        (state.settings, state.ledger.len(), live, orgs.collect::<Value>())
    };
    done(&json!({
        "name": cluster.name,
        "backends": backends,
        "fingerprint": cluster.identity.as_ref().map(|identity| identity.certificate().fingerprint),
        "clock": super::scripts::clock_shown(cluster),
        "settings": settings,
        "orgs": orgs,
        "users": super::accounts::users_shown(cluster),
        "pairs": pairs,
        "live_access_tokens": live,
        "faults": cluster.faults.shown(cluster.clock.now_ms()),
        "counters": cluster.journal.counters(),
        "last_seq": cluster.journal.last_seq(),
    }))
}

pub(super) async fn counters(State(desk): Desk) -> Done {
    done(&shown(&desk.cluster.journal.counters()))
}

fn one() -> usize {
    1
}

/// Which entries, and how long to wait for them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    after: u64,
    path: Option<String>,
    method: Option<String>,
    rpc: Option<String>,
    status: Option<u16>,
    backend: Option<usize>,
    /// Only complete entries.
    #[serde(default)]
    complete: bool,
    /// Answer once there are this many.
    #[serde(default = "one")]
    min: usize,
    /// ... or after this many milliseconds of real time.
    #[serde(default)]
    wait_ms: u64,
}

impl Wanted {
    fn picks(&self, entry: &Entry) -> bool {
        let path_fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => entry.path.starts_with(start),
            None => entry.path == pattern,
        };
        self.path.as_deref().is_none_or(path_fits)
            && self.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(&entry.method))
            && self.rpc.as_ref().is_none_or(|rpc| entry.rpc.as_ref() == Some(rpc))
            && self.status.is_none_or(|status| entry.status == Some(status))
            && self.backend.is_none_or(|backend| entry.backend == backend)
            && (!self.complete || entry.outcome != Outcome::Pending)
    }
}

pub(super) async fn log(
    State(desk): Desk,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Done {
    let Query(wanted) = wanted.map_err(|e| Mistake::bad(e.body_text()))?;
    let journal = &desk.cluster.journal;
    let mut changed = journal.watch();
    let pick = || journal.after(wanted.after, |entry| wanted.picks(entry));
    let enough = async {
        loop {
            changed.borrow_and_update();
            let picked = pick();
            if picked.len() >= wanted.min || changed.changed().await.is_err() {
                return picked;
            }
        }
    };
    let wait = Duration::from_millis(wanted.wait_ms).min(MAX_WAIT);
    let entries = match tokio::time::timeout(wait, enough).await {
        Ok(entries) => entries,
        Err(_) => pick(),
    };
    done(&shown(&entries))
}

pub(super) async fn clear_log(State(desk): Desk) -> Done {
    desk.cluster.journal.clear();
    done(&json!({"last_seq": desk.cluster.journal.last_seq()}))
}
