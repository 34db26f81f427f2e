//! `doctor`, as far as the daemon can tell: each profile's cluster, its state, and what troubles it.

use crate::clock;
use crate::config::ProfileConfig;
use crate::dirs::Service;
use crate::keeper::order::Handle;
use crate::keeper::report::{self, command};
use crate::registry::{Registry, deadline};
use crate::systemd::linger;
use engine::Condition;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use weka_rest::{ApiError, Client, Endpoint, Examination, Verdict};
use wire::{Finding, Level, Refusal, Response};

/// The most that is spent on one endpoint; the caller may want it sooner.
const LIMIT: Duration = Duration::from_secs(8);
/// How long the user's name may be looked up.
const NAME_LIMIT: Duration = Duration::from_secs(1);
/// A certificate that ends sooner is worth a word, in seconds.
const SOON_S: i64 = 30 * 86_400;
/// Clocks that are this far apart are worth a word, and this far apart they do harm, in seconds: WEKA allows its own
/// hosts 60 (WEKA 5.1 API: `allowed_clock_skew_secs`).
const SKEW_S: (u64, u64) = (30, 60);

impl Registry {
    /// Everything that is found about one profile. Nothing secret is sent, and nothing is changed.
    pub(crate) async fn examine(&self, profile: Option<&str>, timeout_ms: u32) -> Result<Response, Refusal> {
        let mut findings = Vec::new();
        let notes = self.notes();
        if notes.is_empty() {
            findings.push(Finding::new("configuration", Level::Ok, "the daemon's configuration is valid"));
        }
        for note in notes.iter().take(10) {
            findings.push(
                Finding::new("configuration", Level::Bad, note).fix("mend it, then: weka-tokend --check"),
            );
        }
        let handle = self.find(profile)?;
        let name = handle.name.to_string();
        let config = Arc::clone(&handle.settings.borrow());
        let limit = clock::now().until(deadline(timeout_ms)).min(LIMIT);
        let default = self.surroundings.default_profile();
        let of = |verb: &str| command(verb, &name, default.as_str());
        let seen = examine_all(&config, limit).await;
        findings.extend(about_cluster(&name, &seen, &of));
        findings.push(about_state(&handle, default.as_str()));
        let view = handle.board.view().1;
        if let Some(path) = &view.token_file {
            findings.push(Finding::new(
                "token-file",
                Level::Ok,
                format!("profile {name} keeps {path} fresh"),
            ));
        }
        let unknown = self.access.unknown(&config.allow);
        let unknown =
            unknown.iter().map(|entry| format!("allow: {entry} is not known here, so it matches nobody"));
        for note in view.notes.iter().cloned().chain(unknown).take(20) {
            findings.push(Finding::new("profile", Level::Warn, format!("profile {name}: {note}")));
        }
        if self.surroundings.store.is_some() && self.surroundings.dirs.service == Service::User {
            let advice = tokio::time::timeout(NAME_LIMIT, tokio::task::spawn_blocking(linger::advice)).await;
            if let Some(advice) = advice.ok().and_then(Result::ok).flatten() {
                findings.push(Finding::new("lingering", Level::Warn, advice));
            }
        }
        Ok(Response::Findings(findings))
    }
}

/// All endpoints at the same time, in the order in which they are configured; `None` where there was no time.
async fn examine_all(config: &ProfileConfig, limit: Duration) -> Vec<(Endpoint, Option<Examination>)> {
    let client = Client::new(config.rest_settings());
    let mut tasks = JoinSet::new();
    for (place, endpoint) in config.endpoints.iter().cloned().enumerate() {
        let client = client.clone();
        tasks
            .spawn(async move { (place, tokio::time::timeout(limit, client.examine(&endpoint)).await.ok()) });
    }
    let mut seen: Vec<_> = config.endpoints.iter().map(|endpoint| (endpoint.clone(), None)).collect();
    while let Some(done) = tasks.join_next().await {
        if let Ok((place, examination)) = done
            && let Some((_, slot)) = seen.get_mut(place)
        {
            *slot = examination;
        }
    }
    seen
}

/// Findings about endpoints: one for all that are well, one for each that is not.
fn about_cluster(
    name: &str,
    seen: &[(Endpoint, Option<Examination>)],
    of: &impl Fn(&str) -> String,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in ["dns", "tcp", "tls", "clock"] {
        let mut well = Vec::new();
        for (endpoint, examination) in seen {
            let found = match examination {
                None => Some(not_in_time(check, endpoint)),
                Some(examination) => match check {
                    "dns" => about_name(name, endpoint, examination),
                    "tcp" => about_connection(endpoint, examination),
                    "tls" => about_certificate(name, endpoint, examination, of),
                    _ => about_clock(endpoint, examination),
                },
            };
            match found {
                Some(finding) if finding.level == Level::Ok => well.push(endpoint.to_string()),
                Some(finding) => findings.push(finding),
                None => {}
            }
        }
        if !well.is_empty() {
            let words = match check {
                "dns" => "found",
                "tcp" => "connected",
                "tls" => "trusted",
                _ => "its clock agrees with this host's",
            };
            findings.push(Finding::new(check, Level::Ok, format!("{}: {words}", well.join(", "))));
        }
    }
    findings
}

fn ok(check: &str) -> Finding {
    Finding::new(check, Level::Ok, "")
}

fn not_in_time(check: &str, endpoint: &Endpoint) -> Finding {
    Finding::new(check, Level::NotChecked, format!("{endpoint}: there was no time for it"))
}

fn about_name(name: &str, endpoint: &Endpoint, seen: &Examination) -> Option<Finding> {
    Some(match &seen.addresses {
        Ok(_) => ok("dns"),
        Err(reason) => Finding::new("dns", Level::Bad, format!("{endpoint}: {reason}"))
            .fix(format!("check endpoints under [profile.{name}], and this host's name service")),
    })
}

fn about_connection(endpoint: &Endpoint, seen: &Examination) -> Option<Finding> {
    Some(match seen.connection.as_ref()? {
        Ok(()) => ok("tcp"),
        Err(reason) => Finding::new("tcp", Level::Bad, format!("{endpoint}: {reason}"))
            .fix("is the cluster up, the port right (WEKA's is 14000), and no firewall in between?"),
    })
}

fn about_certificate(
    name: &str,
    endpoint: &Endpoint,
    seen: &Examination,
    of: &impl Fn(&str) -> String,
) -> Option<Finding> {
    if endpoint.is_http() {
        let message = format!("{endpoint}: plain http sends tokens in clear");
        return seen.connection.as_ref()?.as_ref().ok().map(|()| Finding::new("tls", Level::Warn, message));
    }
    let bad = |message: String| Finding::new("tls", Level::Bad, message);
    Some(match seen.certificate.as_ref()? {
        Ok(shown) => match &shown.verdict {
            Verdict::Trusted => {
                let left_s = shown.not_after_unix_s.saturating_sub(clock::unix_now_s());
                if left_s < SOON_S {
                    let days = left_s / 86_400;
                    let message = format!("{endpoint}: its certificate ends in {days} days");
                    Finding::new("tls", Level::Warn, message).fix("have it renewed")
                } else {
                    ok("tls")
                }
            }
            Verdict::Unknown { reason } => {
                bad(format!("{endpoint} is not trusted: {reason}")).fix(of("trust"))
            }
            Verdict::PinMismatch { expected } => bad(format!(
                "{endpoint} shows another certificate ({}) than the one that is pinned ({expected})",
                shown.fingerprint
            ))
            .fix(format!(
                "if the cluster's certificate was renewed, {}; otherwise somebody may be in between",
                of("trust")
            )),
        },
        Err(ApiError::Misconfigured { reason }) => {
            bad(reason.clone()).fix(format!("mend ca_file or fingerprint under [profile.{name}]"))
        }
        Err(error) => bad(format!("no TLS handshake: {error}")).fix("is that WEKA's management port?"),
    })
}

fn about_clock(endpoint: &Endpoint, seen: &Examination) -> Option<Finding> {
    let not_known = |reason: String| Some(Finding::new("clock", Level::NotChecked, reason));
    let ahead_s = match seen.ahead_s.as_ref()? {
        Ok(ahead_s) => *ahead_s,
        Err(ApiError::Untrusted { .. }) => return not_known(format!("{endpoint} is not trusted yet")),
        Err(error) => return not_known(error.to_string()),
    };
    let (apart, side) = (ahead_s.unsigned_abs(), if ahead_s > 0 { "ahead of" } else { "behind" });
    let level = match apart {
        _ if apart > SKEW_S.1 => Level::Bad,
        _ if apart > SKEW_S.0 => Level::Warn,
        _ => return Some(ok("clock")),
    };
    let message = format!("{endpoint}: its clock is {} {side} this host's", report::span(apart));
    Some(Finding::new("clock", level, message).fix("have both follow one time source; see: timedatectl"))
}

fn about_state(handle: &Handle, default_profile: &str) -> Finding {
    let (name, now) = (handle.name.as_str(), clock::now());
    let (lease, view) = handle.board.view();
    let state = report::state(view.condition);
    let because = view.last_error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
    let finding =
        |check: &str, level| Finding::new(check, level, format!("profile {name} is {state}{because}"));
    let found = match view.condition {
        Condition::Ready => {
            let left = lease.map(|lease| report::span(lease.remaining(now).as_secs())).unwrap_or_default();
            return Finding::new(
                "login",
                Level::Ok,
                format!("profile {name} has a live token, for another {left}"),
            );
        }
        Condition::LockedOut => {
            let wait = view.locked_until.map(|until| now.until(until).as_secs().max(1)).unwrap_or_default();
            Finding::new(
                "lockout",
                Level::Bad,
                format!(
                    "the account of profile {name} is locked out for another {}{because}",
                    report::span(wait)
                ),
            )
        }
        Condition::LoginRequired => finding("login", Level::Bad),
        Condition::Untrusted => finding("login", Level::Bad),
        Condition::LoggedOut => finding("login", Level::Warn),
        Condition::Starting => finding("login", Level::NotChecked),
        Condition::Degraded => finding("login", Level::Warn).fix("it is tried again by itself"),
        Condition::Unreachable => finding("login", Level::Bad).fix("it is tried again by itself"),
    };
    match report::next_step(view.condition, name, default_profile) {
        Some(step) => found.fix(step),
        None => found,
    }
}
