//! What the daemon finds of each profile, asked for all at the same time; and what somebody sees who may not ask.

use super::{bad, not_checked};
use crate::connection::{Connection, ExchangeError};
use crate::failure::{Failure, NOT_PERMITTED};
use crate::session::{self, Session};
use crate::span;
use wire::{Finding, Level, ProfileStatus, Request, Response, State};

/// How long one profile may take, in milliseconds.
const PROFILE_MS: u32 = 9_000;
/// How many are asked about at once: a daemon has this many connections for anybody.
const AT_ONCE: usize = 64;
/// What only the daemon can look at, for its own user and root.
const BY_THE_DAEMON: [&str; 6] = ["configuration", "memory", "dns", "tcp", "tls", "clock"];

/// What is found about all of them.
pub(super) fn findings(session: &Session<'_>, profiles: &[ProfileStatus]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for some in profiles.chunks(AT_ONCE) {
        let asked: Vec<_> = some.iter().map(|profile| (profile, ask(session, &profile.name))).collect();
        for (profile, connection) in asked {
            let answer = connection.and_then(|connection| answer(session, &profile.name, connection));
            match answer {
                Ok(found) => findings.extend(found),
                Err(failure) if failure.status == NOT_PERMITTED => {
                    findings.extend(from_outside(profile, &failure));
                }
                Err(failure) => findings.push(bad("profile", failure)),
            }
        }
    }
    findings
}

/// What is found where there is no profile to be found.
pub(super) fn of_none(session: &Session<'_>) -> Vec<Finding> {
    let request = |timeout_ms| Request::Examine { profile: None, timeout_ms };
    match session.ask_again(PROFILE_MS, request).and_then(findings_in) {
        Ok(found) => found,
        Err(failure) => vec![bad("configuration", failure)],
    }
}

fn findings_in(response: Response) -> Result<Vec<Finding>, Failure> {
    match response {
        Response::Findings(findings) => Ok(findings),
        _ => Err(session::unexpected()),
    }
}

fn request(name: &str, timeout_ms: u32) -> Request {
    Request::Examine { profile: Some(name.into()), timeout_ms }
}

fn ask(session: &Session<'_>, name: &str) -> Result<Result<Connection, ExchangeError>, Failure> {
    let mut connection = session.connect(PROFILE_MS)?;
    Ok(connection.send(&request(name, PROFILE_MS)).map(|()| connection))
}

fn answer(
    session: &Session<'_>,
    name: &str,
    asked: Result<Connection, ExchangeError>,
) -> Result<Vec<Finding>, Failure> {
    let mut path = Default::default();
    let answer = asked.and_then(|mut connection| {
        connection.path().clone_into(&mut path);
        connection.receive()
    });
    let response = match answer {
        Ok(response) => session::accepted(response)?,
        // The daemon is being restarted.
        Err(ExchangeError::Closed) => session.ask_again(PROFILE_MS, |left_ms| request(name, left_ms))?,
        Err(error) => return Err(session::no_answer(error, &path, PROFILE_MS)),
    };
    findings_in(response)
}

/// What those see who may have the token, and nothing more.
fn from_outside(profile: &ProfileStatus, refusal: &Failure) -> Vec<Finding> {
    let name = &profile.name;
    let permitted = format!("you may use profile {name}: get, exec, curl, status and whoami");
    let mut findings = vec![Finding::new("permission", Level::Ok, permitted)];
    findings.extend(BY_THE_DAEMON.map(|check| not_checked(check, &refusal.message)));
    let because = profile.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let message = match (profile.state, profile.locked_for_s) {
        (State::Ready, _) => {
            let left = span::short(profile.access_expires_in_s.unwrap_or_default());
            format!("profile {name} has a live token, for another {left}")
        }
        (State::LockedOut, Some(left)) => {
            format!("the account of profile {name} is locked out for another {}{because}", span::short(left))
        }
        (state, _) => format!("profile {name} is {state}{because}"),
    };
    let (check, level) = match profile.state {
        State::Ready => ("login", Level::Ok),
        State::LockedOut => ("lockout", Level::Bad),
        State::Degraded => ("login", Level::Warn),
        State::Starting => ("login", Level::NotChecked),
        _ => ("login", Level::Bad),
    };
    let finding = Finding::new(check, level, message);
    findings.push(match level {
        Level::Bad => finding.fix(refusal.next_steps.join("; ")),
        _ => finding,
    });
    findings
}
