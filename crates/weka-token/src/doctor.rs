//! `weka-token doctor`: in one screen, what is wrong and what to do. It changes nothing.

use crate::failure::{FAILED, Failure, NO_DAEMON};
use crate::json::{self, Object};
use crate::output::{self, printable};
use crate::session::{self, Session};
use crate::status::{ANSWER_MS, status_in, whole};
use crate::units;
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use wire::{Finding, Level, Request, Response, Status};

/// How long all of it may take; what is left then is not checked.
const LIMIT: Duration = Duration::from_secs(20);
/// How long one profile may take, in milliseconds.
const PROFILE_MS: u32 = 9_000;
/// What only the daemon can look at.
const BY_THE_DAEMON: [&str; 6] = ["configuration", "dns", "tcp", "tls", "clock", "login"];

/// Looks at everything, and says it.
///
/// # Errors
/// What was found could not be written.
pub(crate) fn run(session: &Session<'_>, as_json: bool) -> Result<u8, Failure> {
    let (findings, daemon) = examine(session);
    if as_json {
        output::result(line(&findings).as_bytes())?;
    } else {
        let coloured = session.environment.colour && std::io::stdout().is_terminal();
        output::result(text(&findings, coloured).as_bytes())?;
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
enum Daemon {
    There,
    Away,
}

fn examine(session: &Session<'_>) -> (Vec<Finding>, Daemon) {
    let mut findings = Vec::new();
    let status = match status(session) {
        Ok(status) => status,
        Err(failure) => {
            let away = failure.status == NO_DAEMON;
            let check = if away { "socket" } else { "permission" };
            findings.push(bad(check, failure));
            findings.extend(units::findings(session));
            let not_checked =
                |check: &&str| Finding::new(*check, Level::NotChecked, "only the daemon can look at that");
            findings.extend(BY_THE_DAEMON.iter().map(not_checked));
            return (findings, if away { Daemon::Away } else { Daemon::There });
        }
    };
    let socket = &status.daemon.socket;
    findings.push(Finding::new("socket", Level::Ok, format!("weka-tokend answers on {socket}")));
    findings.push(version(&status.daemon.version));
    findings.extend(units::findings(session));
    let deadline = Instant::now() + LIMIT;
    for profile in &status.profiles {
        findings.extend(about(session, &profile.name, deadline));
    }
    if status.profiles.is_empty() {
        findings.push(Finding::new("login", Level::Bad, "there is no profile").fix("run: weka-token login"));
    }
    // Each profile's answer tells of the configuration as a whole.
    let mut seen: Vec<Finding> = Vec::new();
    findings.retain(|finding| {
        let is_new = !seen.contains(finding);
        seen.push(finding.clone());
        is_new
    });
    (findings, Daemon::There)
}

fn status(session: &Session<'_>) -> Result<Status, Failure> {
    whole(|after_name| {
        let question = |_| Request::Status {
            profile: session.profile.clone(),
            after_revision: None,
            wait_s: 0,
            after_name: after_name.clone(),
        };
        session.ask_again(ANSWER_MS, question).and_then(status_in)
    })
}

fn about(session: &Session<'_>, name: &str, deadline: Instant) -> Vec<Finding> {
    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
    let timeout_ms = u32::try_from(left).unwrap_or(u32::MAX).min(PROFILE_MS);
    if timeout_ms < 1000 {
        let message = format!("profile {name}: there was no time for it; run: weka-token doctor -p {name}");
        return vec![Finding::new("profile", Level::NotChecked, message)];
    }
    let answer = session
        .ask_again(timeout_ms, |timeout_ms| Request::Examine { profile: Some(name.into()), timeout_ms });
    match answer {
        Ok(Response::Findings(findings)) => findings,
        Ok(_) => vec![bad("version", session::unexpected())],
        Err(failure) => vec![bad("profile", failure)],
    }
}

fn bad(check: &str, failure: Failure) -> Finding {
    let finding = Finding::new(check, Level::Bad, failure.message);
    if failure.next_steps.is_empty() { finding } else { finding.fix(failure.next_steps.join("; ")) }
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

/// One line each, the fix below it, and what to do first at the end.
fn text(findings: &[Finding], coloured: bool) -> String {
    let width = findings.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let mark = mark(finding.level, coloured);
        let (check, message) = (one_line(&finding.check), one_line(&finding.message));
        text.push_str(&format!("{mark}  {check:<width$}  {message}\n"));
        if let Some(fix) = &finding.fix {
            text.push_str(&format!("      {:<width$}  -> {}\n", "", one_line(fix)));
        }
    }
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let (bad, warnings) = (count(Level::Bad), count(Level::Warn));
    let first = findings.iter().filter(|finding| finding.level == Level::Bad).find_map(|it| it.fix.as_ref());
    text.push('\n');
    text.push_str(&match (bad, warnings, first) {
        (0, 0, _) => "nothing is wrong".to_owned(),
        (0, _, _) => format!("nothing needs you; worth a look: {warnings}"),
        (_, _, Some(fix)) => format!("wrong: {bad}; first: {}", one_line(fix)),
        (_, _, None) => format!("wrong: {bad}"),
    });
    text.push('\n');
    text
}

/// Four letters, so that it is told without colour too.
fn mark(level: Level, coloured: bool) -> String {
    let (word, colour) = match level {
        Level::Ok => ("ok  ", "32"),
        Level::Warn => ("warn", "33"),
        Level::Bad => ("BAD ", "31"),
        Level::NotChecked => ("-   ", "2"),
    };
    if coloured { format!("\x1b[{colour}m{word}\x1b[0m") } else { word.to_owned() }
}

fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Finding> {
        vec![
            Finding::new("socket", Level::Ok, "weka-tokend answers on /run/s"),
            Finding::new("tls", Level::Bad, "https://weka01:14000 is not trusted: \x1b[2Jself-signed")
                .fix("run: weka-token trust"),
            Finding::new("clock", Level::NotChecked, "https://weka01:14000 is not trusted yet"),
        ]
    }

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

    #[test]
    fn a_person_reads_marks_fixes_and_what_comes_first() {
        let text = text(&sample(), false);
        assert!(text.starts_with("ok    socket  weka-tokend answers on /run/s\nBAD   tls     "), "{text}");
        assert!(text.contains("\n              -> run: weka-token trust\n"), "{text}");
        assert!(text.ends_with("\nwrong: 1; first: run: weka-token trust\n"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
        let ok = [Finding::new("socket", Level::Ok, "it answers")];
        assert!(super::text(&ok, false).ends_with("\nnothing is wrong\n"));
        assert!(super::text(&sample(), true).contains("\x1b[31mBAD \x1b[0m"));
    }
}
