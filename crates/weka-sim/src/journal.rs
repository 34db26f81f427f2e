//! The request log: what was asked, by whom and with which token, and what was answered. It holds no secrets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use crate::clock::UnixMs;
use crate::jwt::Kind;
use crate::tokens::Standing;

/// Older entries make room beyond this many.
const KEPT_ENTRIES: usize = 50_000;

/// A token seen in a request, by id instead of value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TokenNote {
    /// Absent for what is not a token of ours.
    pub(crate) kind: Option<Kind>,
    /// Id of its pair (`jti`).
    pub(crate) id: Option<String>,
    pub(crate) standing: Standing,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Still being worked on, or left hanging.
    #[default]
    Pending,
    Answered,
    /// Closed without an answer.
    Closed,
    /// Ended with a TCP reset.
    Reset,
    /// The client went away first.
    Abandoned,
}

/// One request. Times in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) virtual_ms: UnixMs,
    pub(crate) real_ms: UnixMs,
    pub(crate) took_ms: Option<u64>,
    pub(crate) backend: usize,
    pub(crate) peer: String,
    pub(crate) tls: bool,
    pub(crate) method: String,
    /// As sent, with anything that looks like a token or a password masked.
    pub(crate) target: String,
    pub(crate) path: String,
    /// Whether the target was in absolute form (`http://host:port/path`).
    pub(crate) absolute: bool,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body_bytes: usize,
    /// The JSON-RPC method.
    pub(crate) rpc: Option<String>,
    /// The token of the Authorization header.
    pub(crate) bearer: Option<TokenNote>,
    pub(crate) username: Option<String>,
    pub(crate) org: Option<String>,
    /// Tells passwords apart without showing them: equal passwords have equal numbers, from 1 in order of first use.
    pub(crate) password_no: Option<usize>,
    /// The refresh token of the body.
    pub(crate) refresh_token: Option<TokenNote>,
    /// Id of the pair given out.
    pub(crate) issued: Option<String>,
    /// Ids of the faults that took part.
    pub(crate) faults: Vec<u64>,
    pub(crate) status: Option<u16>,
    pub(crate) outcome: Outcome,
}

/// Totals since start or reset.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Counters {
    pub(crate) connections: u64,
    pub(crate) handshakes_failed: u64,
    pub(crate) requests: u64,
    pub(crate) logins_ok: u64,
    pub(crate) logins_failed: u64,
    pub(crate) logins_locked: u64,
    pub(crate) refreshes_ok: u64,
    pub(crate) refreshes_failed: u64,
    pub(crate) by_status: BTreeMap<u16, u64>,
}

#[derive(Debug, Default)]
struct Book {
    entries: VecDeque<Entry>,
    last_seq: u64,
    counters: Counters,
}

/// The log and the counters.
#[derive(Debug)]
pub(crate) struct Journal {
    book: Mutex<Book>,
    changed: watch::Sender<u64>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { book: Mutex::default(), changed: watch::Sender::new(0) }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request on arrival and returns its number.
    pub(crate) fn open(&self, mut entry: Entry) -> u64 {
        let seq = {
            let mut book = self.book();
            book.last_seq += 1;
            entry.seq = book.last_seq;
            book.counters.requests += 1;
            book.entries.push_back(entry);
            if book.entries.len() > KEPT_ENTRIES {
                book.entries.pop_front();
            }
            book.last_seq
        };
        self.announce();
        seq
    }

    /// Adds to an entry, unless a reset has removed it.
    pub(crate) fn note(&self, seq: u64, change: impl FnOnce(&mut Entry)) {
        {
            let mut book = self.book();
            let first = book.entries.front().map_or(0, |entry| entry.seq);
            let place = seq.checked_sub(first).and_then(|place| usize::try_from(place).ok());
            if let Some(entry) = place.and_then(|place| book.entries.get_mut(place)) {
                change(entry);
            }
        }
        self.announce();
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.book().counters);
        self.announce();
    }

    pub(crate) fn counters(&self) -> Counters {
        self.book().counters.clone()
    }

    /// Entries after a number that a filter picks, oldest first.
    pub(crate) fn after(&self, seq: u64, chosen: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.book().entries.iter().filter(|entry| entry.seq > seq && chosen(entry)).cloned().collect()
    }

    pub(crate) fn entry(&self, seq: u64) -> Option<Entry> {
        self.after(seq.saturating_sub(1), |entry| entry.seq == seq).pop()
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.book().last_seq
    }

    /// Empties the log. Numbers go on, so that a late `note` cannot hit a stranger's entry.
    pub(crate) fn clear(&self) {
        self.book().entries.clear();
        self.announce();
    }

    pub(crate) fn clear_counters(&self) {
        self.book().counters = Counters::default();
    }

    /// Changes with every entry and every addition to one.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn announce(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// A request target fit for a log: user info and whatever looks like a token are masked.
pub(crate) fn scrubbed(target: &str) -> String {
    let without_user = match target.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => target.to_owned(),
    };
    let Some((path, query)) = without_user.split_once('?') else { return without_user };
    let masked: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) if value.len() > 40 || key.contains("token") || key.contains("password") => {
                format!("{key}=***")
            }
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", masked.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additions_reach_their_entry_also_after_a_clear() {
        let journal = Journal::new();
        let first = journal.open(Entry::default());
        journal.clear();
        let second = journal.open(Entry::default());
        journal.note(first, |entry| entry.status = Some(500));
        journal.note(second, |entry| entry.status = Some(200));
        assert_eq!(journal.after(0, |_| true).iter().map(|e| e.status).collect::<Vec<_>>(), [Some(200)]);
    }

    #[test]
    fn secrets_in_a_target_are_masked() {
        let target = "http://admin:pw@h:14000/api/v2/users?password=x&name=fs&access_token=eyJ";
        assert_eq!(scrubbed(target), "http://h:14000/api/v2/users?password=***&name=fs&access_token=***");
        assert_eq!(scrubbed("/api/v2/login"), "/api/v2/login");
    }
}
