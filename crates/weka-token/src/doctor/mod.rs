//! `weka-token doctor`: in one screen, what is wrong and what to do. It changes nothing.
//!
//! - `profiles`: what the daemon finds
//! - `text`: all of it for people

mod profiles;
mod text;

use crate::connection::{ConnectError, ExchangeError};
use crate::failure::{FAILED, Failure, NO_DAEMON};
use crate::json::{self, Object};
use crate::output;
use crate::session::{self, ANSWER_MS, Session};
use crate::status_pages::{status_in, whole};
use crate::sys;
use crate::units;
use std::io::IsTerminal;
use text::Style;
use wire::{Code, Finding, FrameError, Level, Request, Response, Status};

pub use text::{in_short, word};

/// What only the daemon can look at.
const BY_THE_DAEMON: [&str; 9] =
    ["permission", "configuration", "memory", "dns", "tcp", "tls", "clock", "login", "token-file"];

/// Looks at everything, and says it.
///
/// # Errors
/// What was found could not be written.
pub(crate) fn run(session: &Session<'_>, as_json: bool) -> Result<u8, Failure> {
    let (findings, daemon) = examine(session);
    if as_json {
        output::result(line(&findings).as_bytes())?;
    } else {
        let out = std::io::stdout();
        let window = sys::size(&out);
        let coloured = session.environment.colour && out.is_terminal();
        output::result(text::text(&findings, Style { coloured, window }).as_bytes())?;
    }
    let bad = findings.iter().any(|finding| finding.level == Level::Bad);
    Ok(match daemon {
        Daemon::Away => NO_DAEMON,
        Daemon::There if bad => FAILED,
        Daemon::There => 0,
    })
}

/// Whether a daemon answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Daemon {
    /// One did.
    There,
    /// There is none.
    Away,
}

/// Looks at everything: the session's profile, or all of them.
pub(crate) fn examine(session: &Session<'_>) -> (Vec<Finding>, Daemon) {
    let mut findings = Vec::new();
    let status = match greet(session).and_then(|()| status(session).map_err(|it| ("socket", it))) {
        Ok(status) => status,
        Err((check, failure)) => {
            let away = failure.status == NO_DAEMON;
            findings.push(bad(check, failure));
            findings.extend(units::findings(session));
            let others = BY_THE_DAEMON.iter().filter(|other| **other != check);
            findings.extend(others.map(|check| not_checked(check, "only the daemon can look at that")));
            return (findings, if away { Daemon::Away } else { Daemon::There });
        }
    };
    let socket = &status.daemon.socket;
    findings.push(Finding::new("socket", Level::Ok, format!("weka-tokend answers on {socket}")));
    findings.push(version(&status.daemon.version));
    findings.extend(units::findings(session));
    findings.extend(profiles::findings(session, &status.profiles));
    if status.profiles.is_empty() {
        // Nothing of the configuration could be used.
        findings.extend(profiles::of_none(session));
    }
    // Each profile's answer tells of the daemon as a whole.
    let mut seen: Vec<Finding> = Vec::new();
    findings.retain(|finding| {
        let is_new = !seen.contains(finding);
        seen.push(finding.clone());
        is_new
    });
    (findings, Daemon::There)
}

/// The first question, whose failures tell what stands between this client and the daemon, in a word.
fn greet(session: &Session<'_>) -> Result<(), (&'static str, Failure)> {
    let mut connection = session.try_connect(ANSWER_MS).map_err(|error| {
        let check = match error {
            ConnectError::Denied(_) | ConnectError::Foreign(..) => "permission",
            _ => "socket",
        };
        (check, session.no_connection(error, ANSWER_MS))
    })?;
    match connection.ask(&question(session, None)) {
        Ok(Response::Refused(refusal)) => {
            let check = match refusal.code {
                Code::NotPermitted => "permission",
                Code::Misconfigured => "configuration",
                Code::Unsupported => "version",
                _ => "profile",
            };
            Err((check, refusal.into()))
        }
        // It may be restarted just now, which `status` has patience for.
        Ok(_) | Err(ExchangeError::Closed) => Ok(()),
        Err(error) => {
            let versions = matches!(
                error,
                ExchangeError::Frame(FrameError::Unsupported { .. } | FrameError::Version { .. })
            );
            let check = if versions { "version" } else { "socket" };
            Err((check, session::no_answer(error, connection.path(), ANSWER_MS)))
        }
    }
}

fn question(session: &Session<'_>, after_name: Option<String>) -> Request {
    Request::Status { profile: session.profile.clone(), after_revision: None, wait_s: 0, after_name }
}

fn status(session: &Session<'_>) -> Result<Status, Failure> {
    whole(|after_name| {
        session.ask_again(ANSWER_MS, |_| question(session, after_name.clone())).and_then(status_in)
    })
}

fn bad(check: &str, failure: Failure) -> Finding {
    let finding = Finding::new(check, Level::Bad, failure.message);
    if failure.next_steps.is_empty() { finding } else { finding.fix(failure.next_steps.join("; ")) }
}

fn not_checked(check: &str, why: &str) -> Finding {
    Finding::new(check, Level::NotChecked, why)
}

fn version(of_daemon: &str) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    if of_daemon == ours {
        return Finding::new("version", Level::Ok, format!("daemon and client are {ours}"));
    }
    Finding::new("version", Level::Warn, format!("the daemon is {of_daemon}, the client {ours}"))
        .fix("install the same of both, then: systemctl --user restart weka-tokend (it keeps its tokens)")
}

fn line(findings: &[Finding]) -> String {
    let object = |finding: &Finding| {
        let mut object = Object::with_capacity(200 + finding.message.len());
        object
            .text("check", &finding.check)
            .text("level", finding.level.as_str())
            .text("message", &finding.message)
            .maybe_text("fix", finding.fix.as_deref());
        object.finish()
    };
    format!("{{\"findings\":{}}}\n", json::array(findings.iter().map(object)))
}

#[cfg(test)]
pub(crate) fn sample() -> Vec<Finding> {
    vec![
        Finding::new("socket", Level::Ok, "weka-tokend answers on /run/s"),
        Finding::new("tls", Level::Bad, "https://weka01:14000 is not trusted: \x1b[2Jself-signed")
            .fix("run: weka-token trust"),
        Finding::new("clock", Level::NotChecked, "https://weka01:14000 is not trusted yet"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_one_line_in_the_fixed_form() {
        let line = line(&sample());
        let value: serde_json::Value = serde_json::from_str(line.trim_end()).unwrap();
        assert_eq!(line.lines().count(), 1);
        assert_eq!(
            value["findings"][1],
            serde_json::json!({"check": "tls", "level": "bad", "fix": "run: weka-token trust",
                "message": "https://weka01:14000 is not trusted: \u{1b}[2Jself-signed"})
        );
        assert_eq!(value["findings"][0]["fix"], serde_json::Value::Null);
        assert_eq!(value["findings"][2]["level"], "not-checked");
    }
}
