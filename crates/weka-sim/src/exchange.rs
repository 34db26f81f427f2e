//! One request under way: what was sent, who sent it, and its entry in the log.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use bytes::Bytes;

use crate::call::{self, Call};
use crate::cluster::Cluster;
use crate::fields::Fields;
use crate::journal::{Entry, Outcome, scrubbed};
use crate::origin::Origin;
use crate::reply::Refusal;
use crate::sessions::{Caller, Issued};
use crate::users::Permission;

/// Headers worth logging. Authorization and cookies are not among them.
const LOGGED_HEADERS: [&str; 12] = [
    "accept",
    "accept-encoding",
    "cli",
    "client-type",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "transfer-encoding",
    "user-agent",
    "utc-offset-seconds",
];

/// What handlers work with. It holds tokens and passwords, and so has no `Debug`.
pub(crate) struct Exchange {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) skew_ms: i64,
    seq: u64,
    bearer: Option<String>,
    fields: Result<Fields, Refusal>,
    /// The JSON-RPC call, for requests to its path.
    pub(crate) call: Option<Result<Call, call::Fault>>,
}

impl Exchange {
    /// Reads a request and enters it into the log.
    pub(crate) fn open(origin: &Origin, parts: &Parts, body: &Bytes) -> Self {
        let header = |name| parts.headers.get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok());
        let call = (parts.uri.path() == call::PATH).then(|| Call::parse(body));
        let fields = match &call {
            Some(Ok(call)) => Ok(call.fields()),
            Some(Err(_)) => Ok(Fields::default()),
            None => Fields::parse(header(CONTENT_TYPE), body),
        };
        let bearer = header(AUTHORIZATION)
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim().to_owned());
        let mut exchange =
            Self { cluster: Arc::clone(&origin.cluster), skew_ms: 0, seq: 0, bearer, fields, call };
        exchange.seq = exchange.cluster.journal.open(exchange.entry(origin, parts, body.len()));
        exchange
    }

    fn entry(&self, origin: &Origin, parts: &Parts, body_bytes: usize) -> Entry {
        let cluster = &self.cluster;
        let headers: BTreeMap<_, _> = LOGGED_HEADERS
            .iter()
            .filter_map(|name| {
                Some(((*name).to_owned(), parts.headers.get(*name)?.to_str().ok()?.to_owned()))
            })
            .collect();
        let has_authorization = parts.headers.contains_key(AUTHORIZATION);
        let fields = self.fields.as_ref().ok();
        let text = |name: &str| fields.and_then(|fields| fields.text(name));
        Entry {
            virtual_ms: cluster.clock.now_ms(),
            real_ms: cluster.clock.real_ms(),
            backend: origin.backend,
            peer: origin.peer.to_string(),
            tls: cluster.identity.is_some(),
            method: parts.method.to_string(),
            target: scrubbed(&parts.uri.to_string()),
            path: parts.uri.path().to_owned(),
            absolute: parts.uri.scheme().is_some(),
            headers,
            body_bytes,
            rpc: self.call.as_ref().and_then(|call| call.as_ref().ok()).map(|call| call.method.clone()),
            bearer: match &self.bearer {
                Some(token) => Some(cluster.token_note(token)),
                None => has_authorization.then(|| cluster.token_note("")),
            },
            username: text("username").map(str::to_owned),
            org: fields.and_then(Fields::org).map(str::to_owned),
            password_no: text("old_password")
                .or_else(|| text("password"))
                .map(|password| cluster.state().password_no(password)),
            refresh_token: text("refresh_token").map(|token| cluster.token_note(token)),
            ..Entry::default()
        }
    }

    /// The body's fields, or why there are none.
    pub(crate) fn fields(&self) -> Result<&Fields, Refusal> {
        self.fields.as_ref().map_err(Clone::clone)
    }

    /// The caller, if the access token is alive and the role suffices.
    pub(crate) fn caller(&self, permission: Permission) -> Result<Caller, Refusal> {
        let caller = self.cluster.caller(self.bearer.as_deref().ok_or(Refusal::Unauthorized)?)?;
        if caller.role.may(permission) { Ok(caller) } else { Err(Refusal::Forbidden) }
    }

    /// Notes the pair given out.
    pub(crate) fn issued(&self, issued: &Issued) {
        self.cluster.journal.note(self.seq, |entry| entry.issued = Some(issued.pair.clone()));
    }

    /// Notes the faults that take part.
    pub(crate) fn faults(&self, ids: &[u64]) {
        self.cluster.journal.note(self.seq, |entry| entry.faults = ids.to_vec());
    }

    /// What completes the entry; keep it until the request is over.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket {
            cluster: Arc::clone(&self.cluster),
            seq: self.seq,
            started: self.cluster.clock.real_ms(),
            open: true,
        }
    }
}

/// Completes the log entry of a request, also if it is dropped because the client has left.
#[derive(Debug)]
pub(crate) struct Ticket {
    cluster: Arc<Cluster>,
    seq: u64,
    started: u64,
    open: bool,
}

impl Ticket {
    /// Completes the entry. `status` is what was sent, if anything was.
    pub(crate) fn complete(mut self, outcome: Outcome, status: Option<u16>) {
        self.enter(outcome, status);
    }

    fn enter(&mut self, outcome: Outcome, status: Option<u16>) {
        self.open = false;
        let took = self.cluster.clock.real_ms().saturating_sub(self.started);
        self.cluster.journal.note(self.seq, |entry| {
            entry.took_ms = Some(took);
            entry.outcome = outcome;
            entry.status = status;
        });
        if let Some(status) = status {
            self.cluster.journal.count(|counters| *counters.by_status.entry(status).or_default() += 1);
        }
        if self.cluster.verbose
            && let Some(entry) = self.cluster.journal.entry(self.seq)
            && let Ok(line) = serde_json::to_string(&entry)
        {
            // Nobody reads stderr: nothing to do about it.
            drop(writeln!(std::io::stderr().lock(), "{line}"));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.open {
            self.enter(Outcome::Abandoned, None);
        }
    }
}
