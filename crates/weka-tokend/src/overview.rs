//! The answer to `status`.

use crate::clock;
use crate::config::ProfileName;
use crate::keeper::order::Handle;
use crate::note::Note;
use crate::registry::Registry;
use crate::report;
use engine::Moment;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use wire::{DaemonStatus, ProfileStatus, Refusal, State, Status};

/// How many profiles go into one answer, so that it fits in a frame.
const PAGE: usize = 40;
/// How many notes of a profile are said.
const MOST: usize = 4;
/// How many sinks are named, of those with which something is wrong.
const NAMED: usize = 2;
/// How long a sentence may be in an answer, in bytes.
const SENTENCE: usize = 400;

impl Registry {
    /// The state of one profile, or of a page of all; of all `visible` ones, for those who may not see the rest.
    pub(crate) fn status(
        &self,
        profile: Option<&str>,
        after: Option<&str>,
        visible: Option<&BTreeSet<ProfileName>>,
    ) -> Result<Status, Refusal> {
        // Read before the state, so that a change in between is seen by the next poll.
        let revision = self.surroundings.revision.current();
        let now = clock::now();
        let default = self.surroundings.default_profile();
        let wanted = profile.map(|name| self.find_or_broken(name)).transpose()?;
        let mut profiles = Vec::new();
        let mut more = false;
        for (name, entry) in self.list() {
            let skip = wanted.as_ref().is_some_and(|wanted| *wanted != name)
                || visible.is_some_and(|visible| !visible.contains(&name))
                || after.is_some_and(|after| name.as_str() <= after);
            if skip {
                continue;
            }
            if profiles.len() == PAGE {
                more = true;
                break;
            }
            profiles.push(match entry {
                Ok(handle) => {
                    let mut status = of_profile(&handle, default.as_str(), now);
                    let config = Arc::clone(&handle.settings.borrow());
                    let unknown = self.access.unknown(&config.allow).into_iter().take(5);
                    status.notes.extend(
                        unknown
                            .map(|entry| format!("allow: {entry} is not known here, so it matches nobody")),
                    );
                    status
                }
                Err(mistakes) => of_broken(name.as_str(), &mistakes),
            });
        }
        Ok(Status {
            revision,
            daemon: DaemonStatus {
                version: env!("CARGO_PKG_VERSION").into(),
                pid: std::process::id(),
                uptime_s: now.since(self.started).as_secs(),
                socket: self.socket.clone(),
                default_profile: match visible {
                    Some(visible) if !visible.contains(&default) => {
                        visible.first().map(ToString::to_string).unwrap_or_default()
                    }
                    _ => default.to_string(),
                },
                notes: match visible {
                    // The configuration's mistakes may name profiles that are none of the caller's business.
                    Some(_) => Vec::new(),
                    None => self.notes().iter().take(10).map(|note| shortened(note)).collect(),
                },
            },
            profiles,
            more,
        })
    }

    /// The state of everything in one line, with clock times: `2 profiles ready, next refresh at 14:03:20`.
    pub(crate) fn in_words(&self) -> String {
        if let Some(note) = self.notes().first() {
            return note.clone();
        }
        let now = clock::now();
        let (mut ready, mut troubled, mut next) = (0, Vec::new(), None);
        for (name, entry) in self.list() {
            let handle = match entry {
                Ok(handle) => handle,
                Err(mistakes) => {
                    troubled.push(format!("{name} is disabled by its configuration: {mistakes}"));
                    continue;
                }
            };
            let (_, view) = handle.board.view();
            match report::state(view.condition) {
                State::Ready => ready += 1,
                state => troubled.push(format!("{name} is {state}")),
            }
            next = next.into_iter().chain(view.next_refresh).min();
        }
        let mut words = vec![format!("{ready} {} ready", if ready == 1 { "profile" } else { "profiles" })];
        words.extend(troubled);
        if let Some(next) = next {
            let at = clock::unix_now_s().saturating_add_unsigned(now.until(next).as_secs());
            words.push(format!("next refresh at {}", report::local_time(at)));
        }
        words.join(", ")
    }

    fn find_or_broken(&self, name: &str) -> Result<ProfileName, Refusal> {
        let asked = self.name(Some(name))?;
        if self.list().iter().any(|(known, _)| *known == asked) {
            return Ok(asked);
        }
        self.find(Some(name)).map(|handle| handle.name.clone())
    }
}

fn of_profile(handle: &Handle, default_profile: &str, now: Moment) -> ProfileStatus {
    let (lease, view) = handle.board.view();
    let whole_s = |span: Duration| span.as_secs();
    let lease = lease.filter(|lease| engine::ttl::is_alive(lease, now));
    ProfileStatus {
        name: handle.name.to_string(),
        state: report::state(view.condition),
        username: view.username,
        org: view.org,
        endpoint: Some(view.endpoint).filter(|endpoint| !endpoint.is_empty()),
        access_expires_in_s: lease.map(|lease| lease.remaining(now).as_secs()),
        access_life_s: lease.map(|lease| lease.life.as_secs()),
        next_refresh_in_s: view.next_refresh.map(|at| whole_s(now.until(at))),
        refreshes_total: view.refreshes,
        refresh_failures_total: view.failures,
        gets_total: handle.board.gets(),
        last_error: view.last_error.as_deref().map(shortened),
        // Rounded up: the lockout is not over before that.
        locked_for_s: view.locked_until.map(|until| whole_s(now.until(until) + Duration::from_millis(999))),
        token_file: view.token_file,
        next_step: report::next_step(view.condition, handle.name.as_str(), default_profile),
        notes: said(&view.notes),
    }
}

/// The first of what a person should know.
fn said(notes: &[Note]) -> Vec<String> {
    let is_sink = |note: &&Note| note.check == "sink";
    let others = notes.iter().filter(is_sink).count().saturating_sub(NAMED);
    let mut named = 0;
    let first = notes.iter().filter(|note| {
        named += usize::from(is_sink(note));
        !is_sink(note) || named <= NAMED
    });
    let more = format!("{others} more sinks are not as they should be either; run: weka-token doctor");
    let more = (others > 0).then_some(more);
    first.map(ToString::to_string).chain(more).take(MOST).map(|note| shortened(&note)).collect()
}

fn of_broken(name: &str, mistakes: &str) -> ProfileStatus {
    ProfileStatus {
        name: name.into(),
        state: State::LoginRequired,
        username: None,
        org: None,
        endpoint: None,
        access_expires_in_s: None,
        access_life_s: None,
        next_refresh_in_s: None,
        refreshes_total: 0,
        refresh_failures_total: 0,
        gets_total: 0,
        last_error: Some(shortened(mistakes)),
        locked_for_s: None,
        token_file: None,
        next_step: Some("mend the configuration, then reload weka-tokend (SIGHUP)".into()),
        notes: Vec::new(),
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= SENTENCE {
        return text.to_owned();
    }
    let end = (0..=SENTENCE).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}
