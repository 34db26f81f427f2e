//! What `doctor` finds of a cluster: names, connections, certificates, clocks. Nothing secret is sent for it.

use crate::clock;
use crate::config::ProfileConfig;
use crate::report;
use std::time::Duration;
use tokio::task::JoinSet;
use weka_rest::{ApiError, Client, Endpoint, Examination, Verdict};
use wire::{Finding, Level};

/// A certificate that ends sooner is worth a word, in seconds.
const SOON_S: i64 = 30 * 86_400;
/// Clocks that are this far apart are worth a word, and this far apart they do harm, in seconds: WEKA allows its own
/// hosts 60 (WEKA 5.1 API: `allowed_clock_skew_secs`).
const SKEW_S: (u64, u64) = (30, 60);

/// All endpoints at the same time, in the order in which they are configured; `None` where there was no time.
pub(super) async fn examine_all(
    config: &ProfileConfig,
    limit: Duration,
) -> Vec<(Endpoint, Option<Examination>)> {
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
pub(super) fn about_cluster(
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
