//! Changing the course of things: faults, clock, settings, certificate, reset.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Control, Desk, Done, Mistake, done, read, shown};
use crate::clock::iso_date;
use crate::cluster::Cluster;
use crate::duration::Dur;
use crate::settings::Change;
use crate::tls::Wish;

/// Listeners follow within this time, or the call says that they did not.
const LISTENER_WAIT: Duration = Duration::from_secs(10);

impl Control {
    /// Waits until each listener is open or closed as the faults say, so that the caller can rely on it.
    async fn settled(&self) -> Result<(), Mistake> {
        let all = async {
            for (number, open) in self.open.iter().enumerate() {
                let is_as_told = |is_open: &bool| {
                    *is_open != self.cluster.faults.refuses(number, self.cluster.clock.now_ms())
                };
                if open.clone().wait_for(is_as_told).await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(LISTENER_WAIT, all).await.map_err(|_| {
            Mistake(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "a listener did not follow".to_owned())
        })
    }
}

pub(super) async fn faults(State(desk): Desk) -> Done {
    done(&desk.cluster.faults.shown(desk.cluster.clock.now_ms()).into())
}

/// One fault or a list; answers in kind.
pub(super) async fn add_faults(State(desk): Desk, body: Bytes) -> Done {
    let (specs, is_list) = match read(&body)? {
        Value::Array(specs) => (specs, true),
        spec => (vec![spec], false),
    };
    let cluster = &desk.cluster;
    let added = cluster.faults.add(specs, cluster.backends().len(), cluster.clock.now_ms());
    let mut added = added.map_err(Mistake::bad)?;
    desk.settled().await?;
    match added.pop() {
        Some(fault) if !is_list => done(&fault),
        last => done(&added.into_iter().chain(last).collect()),
    }
}

pub(super) async fn clear_faults(State(desk): Desk) -> Done {
    desk.cluster.faults.clear();
    desk.settled().await?;
    done(&json!([]))
}

pub(super) async fn remove_fault(State(desk): Desk, Path(id): Path<u64>) -> Done {
    if !desk.cluster.faults.remove(id) {
        return Err(Mistake::missing(format!("no fault {id}")));
    }
    desk.settled().await?;
    done(&desk.cluster.faults.shown(desk.cluster.clock.now_ms()).into())
}

pub(super) fn clock_shown(cluster: &Cluster) -> Value {
    let now = cluster.clock.now_ms();
    json!({
        "virtual_ms": now,
        "real_ms": cluster.clock.real_ms(),
        "virtual_time": iso_date(crate::clock::skewed(now, 0)),
        "frozen": cluster.clock.is_frozen(),
    })
}

pub(super) async fn clock(State(desk): Desk) -> Done {
    done(&clock_shown(&desk.cluster))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    freeze: Option<bool>,
    advance: Option<Dur>,
}

pub(super) async fn set_clock(State(desk): Desk, body: Bytes) -> Done {
    let change: ClockChange = read(&body)?;
    if let Some(frozen) = change.freeze {
        desk.cluster.clock.freeze(frozen);
    }
    if let Some(Dur(by)) = change.advance {
        desk.cluster.clock.advance(by);
    }
    desk.settled().await?;
    done(&clock_shown(&desk.cluster))
}

pub(super) async fn settings(State(desk): Desk) -> Done {
    let (settings, policy) = {
        let state = desk.cluster.state();
        (state.settings, state.lockouts.policy)
    };
    let mut settings = shown(&settings);
    settings["lockout_failures"] = json!(policy.num_failed_logins);
    settings["lockout_duration"] = json!(policy.lockout_duration.as_secs());
    settings["lockout_prolongs"] = json!(policy.attempts_prolong);
    done(&settings)
}

pub(super) async fn set_settings(State(desk): Desk, body: Bytes) -> Done {
    let change: Change = read(&body)?;
    {
        let mut state = desk.cluster.state();
        let mut settings = state.settings;
        change.apply(&mut settings, &mut state.lockouts.policy);
        state.settings = settings;
    }
    self::settings(State(desk)).await
}

pub(super) async fn reset(State(desk): Desk) -> Done {
    desk.cluster.reset();
    desk.settled().await?;
    done(&json!({"last_seq": desk.cluster.journal.last_seq()}))
}

pub(super) async fn certificate(State(desk): Desk) -> Done {
    let identity = desk.cluster.identity.as_ref().ok_or_else(no_tls)?;
    let certificate = identity.certificate();
    done(&json!({
        "fingerprint": certificate.fingerprint,
        "pem": certificate.pem,
        "ca_pem": certificate.ca_pem,
    }))
}

pub(super) async fn replace_certificate(State(desk): Desk, body: Bytes) -> Done {
    let wish: Wish = read(&body)?;
    let identity = desk.cluster.identity.as_ref().ok_or_else(no_tls)?;
    identity.replace(&wish).map_err(|e| Mistake::bad(e.to_string()))?;
    certificate(State(desk)).await
}

fn no_tls() -> Mistake {
    Mistake::bad("there is no certificate without --tls")
}
