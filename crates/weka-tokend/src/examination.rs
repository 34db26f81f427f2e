//! `doctor`, as far as the daemon can tell: each profile's cluster, its state, and what troubles it.
//!
//! - `cluster`: what is seen from outside
//! - `surface`: the daemon's configuration, its memory, and who may ask

mod cluster;
mod surface;

use crate::clock;
use crate::config::{ProfileConfig, SinkContent, TokenFile};
use crate::dirs::Service;
use crate::keeper::order::Handle;
use crate::note::Note;
use crate::peer::Peer;
use crate::registry::{Registry, deadline};
use crate::report::{self, command};
use crate::systemd::linger;
use cluster::{about_cluster, examine_all};
use engine::Condition;
use std::sync::Arc;
use std::time::Duration;
use wire::{Code, Finding, Level, Refusal, Response};

/// The most that is spent on one endpoint; the caller may want it sooner.
const LIMIT: Duration = Duration::from_secs(8);
/// How long the user's name may be looked up.
const NAME_LIMIT: Duration = Duration::from_secs(1);
/// How much is said of what troubles a profile, in bytes, so that all fits in a frame.
const ROOM: usize = 40 * 1024;

impl Registry {
    /// Everything that is found about one profile. Nothing secret is sent, and nothing is changed.
    pub(crate) async fn examine(
        &self,
        profile: Option<&str>,
        timeout_ms: u32,
        peer: &Peer,
    ) -> Result<Response, Refusal> {
        let mut findings = vec![surface::peer(peer, self.own_uid)];
        findings.extend(self.about_configuration());
        findings.push(surface::memory(self.surroundings.dirs.service));
        let handle = match self.find(profile) {
            Ok(handle) => handle,
            Err(refusal) if refusal.code == Code::Misconfigured => {
                // Where nothing of it could be used, all has been said.
                if !self.list().is_empty() {
                    findings.push(surface::mistake(refusal.message, self.surroundings.dirs.service));
                }
                return Ok(Response::Findings(findings));
            }
            Err(refusal) => return Err(refusal),
        };
        let config = Arc::clone(&handle.settings.borrow());
        findings.extend(self.about_policy(handle.name.as_str(), &config));
        let limit = clock::now().until(deadline(timeout_ms)).min(LIMIT);
        let default = self.surroundings.default_profile();
        let of = |verb: &str| command(verb, handle.name.as_str(), default.as_str());
        let seen = examine_all(&config, limit).await;
        findings.extend(about_cluster(handle.name.as_str(), &seen, &of));
        findings.push(about_state(&handle, default.as_str()));
        findings.extend(about_keeping(&handle, &config));
        findings.extend(self.about_lingering().await);
        Ok(Response::Findings(findings))
    }

    async fn about_lingering(&self) -> Option<Finding> {
        if self.surroundings.store.is_none() || self.surroundings.dirs.service != Service::User {
            return None;
        }
        let advice = tokio::time::timeout(NAME_LIMIT, tokio::task::spawn_blocking(linger::advice)).await;
        Some(Finding::new("lingering", Level::Warn, advice.ok().and_then(Result::ok).flatten()?))
    }
}

/// What is kept for a profile, and what troubles it: files, sinks, its password source.
fn about_keeping(handle: &Handle, config: &ProfileConfig) -> Vec<Finding> {
    let (name, view) = (handle.name.as_str(), handle.board.view().1);
    let is_troubled = |check: &str| view.notes.iter().any(|note| note.check == check);
    let ok = |check: &str, message: String| Finding::new(check, Level::Ok, message);
    let mut findings = Vec::new();
    if !is_troubled("token-file") {
        findings.push(ok(
            "token-file",
            match (&view.token_file, &config.token_file) {
                (Some(path), _) => format!("profile {name} keeps {path} fresh, for its owner alone"),
                (None, TokenFile::None | TokenFile::Kept(_)) => {
                    format!("profile {name} has none: its tokens are in memory only")
                }
                (None, TokenFile::AdoptOnly(path)) => format!("profile {name}: none at {}", path.display()),
            },
        ));
    }
    let is_shared =
        view.token_file.is_some() || config.sinks.iter().any(|sink| sink.content == SinkContent::Pair);
    if is_shared && !is_troubled("other-writers") {
        findings.push(ok("other-writers", format!("nobody has used up a refresh token of profile {name}")));
    }
    if !config.sinks.is_empty() && !is_troubled("sink") {
        findings.push(ok(
            "sink",
            format!("profile {name}: nothing is wrong with any (of {})", config.sinks.len()),
        ));
    }
    if let Some(source) = config.password.as_ref().filter(|_| !is_troubled("password")) {
        findings.push(ok("password", format!("profile {name} has its password from {source}")));
    }
    let mut room = ROOM;
    let mut notes = view.notes.iter();
    for note in notes.by_ref() {
        let finding = about_note(name, note);
        let size = finding.message.len() + finding.fix.as_deref().unwrap_or_default().len() + 64;
        if size > room {
            let message =
                format!("profile {name}: {} more things are not as they should be", notes.len() + 1);
            findings
                .push(Finding::new("profile", Level::Bad, message).fix("mend these first; see the log, too"));
            break;
        }
        room -= size;
        findings.push(finding);
    }
    findings
}

fn about_note(name: &str, note: &Note) -> Finding {
    let level = if note.needs_person { Level::Bad } else { Level::Warn };
    let finding = Finding::new(note.check, level, format!("profile {name}: {}", note.words));
    match &note.remedy {
        Some(remedy) => finding.fix(remedy),
        None => finding,
    }
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
