//! Scripted faults: what goes wrong, for which requests, and how often.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::clock::UnixMs;
use crate::duration::{Dur, millis};

/// Where on its way a connection is hit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// Right after accept, before TLS.
    Connect,
    /// When a request has been read.
    #[default]
    Request,
}

/// Which requests a fault hits.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scope {
    /// A path, or the beginning of one with `*` at the end.
    path: Option<String>,
    method: Option<String>,
    /// A JSON-RPC method.
    rpc: Option<String>,
    /// Number of the backend, from 0.
    backend: Option<usize>,
    count: Option<u64>,
    #[serde(default)]
    skip: u64,
    /// Life of the fault in virtual time.
    #[serde(rename = "for")]
    lasting: Option<Dur>,
    #[serde(default)]
    at: Stage,
}

const SCOPE_KEYS: [&str; 8] = ["path", "method", "rpc", "backend", "count", "skip", "for", "at"];

/// What a `Retry-After` header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) enum RetryAfter {
    Seconds(u64),
    /// What is left of the fault's own life.
    Rest,
}

impl TryFrom<Value> for RetryAfter {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match (value.as_u64(), value.as_str()) {
            (Some(seconds), _) => Ok(Self::Seconds(seconds)),
            (None, Some("rest")) => Ok(Self::Rest),
            _ => Err("retry_after is a number of seconds, or \"rest\" for what is left of the fault"),
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Effect {
    Refuse {},
    Reset {},
    Close {},
    Hang {},
    Slow {
        delay_ms: u64,
    },
    Status {
        status: u16,
        retry_after: Option<RetryAfter>,
        #[serde(default)]
        retry_after_date: bool,
        locked_for: Option<Dur>,
        body: Option<Value>,
    },
    Garbage {},
    NotHttp {},
    Html {
        status: Option<u16>,
    },
    Truncated {},
    Endless {
        #[serde(default)]
        delay_ms: u64,
    },
    Drip {
        delay_ms: u64,
    },
    Redirect {
        status: Option<u16>,
        location: Option<String>,
        to_backend: Option<usize>,
    },
    ContentType {
        value: Option<String>,
    },
    ArrayData {},
    ExpiresIn {
        value: Option<Value>,
    },
    Patch {
        #[serde(default)]
        set: Map<String, Value>,
        #[serde(default)]
        remove: Vec<String>,
    },
    Skew {
        by_s: i64,
    },
    LoseAnswer {},
}

impl Effect {
    /// Effects that change an answer can be combined; of the others one decides.
    fn is_modifier(&self) -> bool {
        matches!(
            self,
            Self::Slow { .. }
                | Self::Drip { .. }
                | Self::ContentType { .. }
                | Self::ArrayData {}
                | Self::ExpiresIn { .. }
                | Self::Patch { .. }
                | Self::Skew { .. }
        )
    }

    fn objection(&self, scope: &Scope, backends: usize) -> Option<String> {
        let bad_status = |status: u16, range: std::ops::RangeInclusive<u16>| {
            (!range.contains(&status)).then(|| format!("status must be {} to {}", range.start(), range.end()))
        };
        if scope.backend.is_some_and(|n| n >= backends) {
            return Some(format!("there are {backends} backends, numbered from 0"));
        }
        let connection = matches!(self, Self::Reset {} | Self::Close {} | Self::Hang {} | Self::Slow { .. });
        if scope.at == Stage::Connect {
            if !connection {
                return Some("only reset, close, hang and slow can be had at connect".to_owned());
            }
            if scope.path.is_some() || scope.method.is_some() || scope.rpc.is_some() {
                return Some("at connect there is no request to match".to_owned());
            }
        }
        match self {
            Self::Refuse {} if scope.path.is_some() || scope.method.is_some() || scope.rpc.is_some() => {
                Some("refuse closes the listener; it cannot be limited to requests".to_owned())
            }
            Self::Refuse {} if scope.count.is_some() || scope.skip > 0 => {
                Some("refused connections cannot be counted; use \"for\" or delete the fault".to_owned())
            }
            Self::Status { retry_after: Some(RetryAfter::Rest), .. } if scope.lasting.is_none() => {
                Some("retry_after \"rest\" needs \"for\"".to_owned())
            }
            Self::Status { status, .. } => bad_status(*status, 200..=599),
            Self::Html { status: Some(status) } => bad_status(*status, 200..=599),
            Self::Redirect { status: Some(status), .. } if ![301, 302, 303, 307, 308].contains(status) => {
                Some("status must be 301, 302, 303, 307 or 308".to_owned())
            }
            Self::Redirect { location, to_backend, .. } if location.is_some() == to_backend.is_some() => {
                Some("give either location or to_backend".to_owned())
            }
            Self::Redirect { to_backend: Some(n), .. } if *n >= backends => {
                Some(format!("there are {backends} backends, numbered from 0"))
            }
            _ => None,
        }
    }
}

/// One fault in force.
#[derive(Debug, Clone)]
struct Fault {
    id: u64,
    spec: Map<String, Value>,
    scope: Scope,
    effect: Effect,
    passed: u64,
    hits: u64,
    until: Option<UnixMs>,
}

/// What a request or connection is matched by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) backend: usize,
    pub(crate) stage: Stage,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) rpc: Option<&'a str>,
}

impl Fault {
    fn is_active(&self, now: UnixMs) -> bool {
        self.scope.count.is_none_or(|count| self.hits < count) && self.until.is_none_or(|until| now < until)
    }

    fn matches(&self, target: &Target<'_>) -> bool {
        let scope = &self.scope;
        let path_fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => target.path.starts_with(start),
            None => target.path == pattern,
        };
        self.effect != Effect::Refuse {}
            && scope.at == target.stage
            && scope.backend.is_none_or(|n| n == target.backend)
            && scope.path.as_deref().is_none_or(path_fits)
            && scope.method.as_deref().is_none_or(|m| m.eq_ignore_ascii_case(target.method))
            && scope.rpc.as_deref().is_none_or(|name| target.rpc == Some(name))
    }

    fn shown(&self, now: UnixMs) -> Value {
        let mut shown = Map::new();
        shown.insert("id".to_owned(), json!(self.id));
        shown.extend(self.spec.clone());
        shown.insert("hits".to_owned(), json!(self.hits));
        shown.insert("active".to_owned(), json!(self.is_active(now)));
        Value::Object(shown)
    }
}

/// What is to happen to one request.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) ids: Vec<u64>,
    pub(crate) modifiers: Vec<Effect>,
    pub(crate) decisive: Option<Effect>,
    /// When the deciding fault ends by itself.
    pub(crate) decisive_until: Option<UnixMs>,
}

#[derive(Debug, Default)]
struct List {
    made: u64,
    faults: Vec<Fault>,
}

/// All faults of the cluster, in the order they were given.
#[derive(Debug)]
pub(crate) struct Faults {
    list: Mutex<List>,
    changed: watch::Sender<u64>,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self { list: Mutex::default(), changed: watch::Sender::new(0) }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds faults, all or none. Error: a sentence for whoever wrote the script.
    pub(crate) fn add(&self, specs: Vec<Value>, backends: usize, now: UnixMs) -> Result<Vec<Value>, String> {
        let mut parsed = Vec::new();
        for spec in specs {
            let Value::Object(spec) = spec else { return Err("a fault is an object with a kind".to_owned()) };
            let (mut scope, mut rest) = (Map::new(), Map::new());
            for (key, value) in spec.clone() {
                let part = if SCOPE_KEYS.contains(&key.as_str()) { &mut scope } else { &mut rest };
                part.insert(key, value);
            }
            let scope: Scope = serde_json::from_value(Value::Object(scope)).map_err(|e| e.to_string())?;
            let effect: Effect = serde_json::from_value(Value::Object(rest)).map_err(|e| e.to_string())?;
            if let Some(objection) = effect.objection(&scope, backends) {
                return Err(objection);
            }
            parsed.push((spec, scope, effect));
        }
        let shown = {
            let mut list = self.list();
            let mut shown = Vec::new();
            for (spec, scope, effect) in parsed {
                list.made += 1;
                let until = scope.lasting.map(|Dur(life)| now.saturating_add(millis(life)));
                let fault = Fault { id: list.made, spec, scope, effect, passed: 0, hits: 0, until };
                shown.push(fault.shown(now));
                list.faults.push(fault);
            }
            shown
        };
        self.announce();
        Ok(shown)
    }

    /// Decides what happens to a request, and counts it.
    pub(crate) fn plan(&self, target: &Target<'_>, now: UnixMs) -> Plan {
        let mut plan = Plan::default();
        for fault in &mut self.list().faults {
            if !fault.is_active(now) || !fault.matches(target) {
                continue;
            }
            if fault.passed < fault.scope.skip {
                fault.passed += 1;
                continue;
            }
            if fault.effect.is_modifier() {
                plan.modifiers.push(fault.effect.clone());
            } else if plan.decisive.is_none() {
                plan.decisive = Some(fault.effect.clone());
                plan.decisive_until = fault.until;
            } else {
                continue;
            }
            fault.hits += 1;
            plan.ids.push(fault.id);
        }
        plan
    }

    /// Whether a backend's listener is to be closed.
    pub(crate) fn refuses(&self, backend: usize, now: UnixMs) -> bool {
        self.refusals(backend, now).next().is_some()
    }

    fn refusals(&self, backend: usize, now: UnixMs) -> impl Iterator<Item = Option<UnixMs>> + use<> {
        let ends: Vec<_> = self
            .list()
            .faults
            .iter()
            .filter(|fault| fault.effect == Effect::Refuse {} && fault.is_active(now))
            .filter(|fault| fault.scope.backend.is_none_or(|n| n == backend))
            .map(|fault| fault.until)
            .collect();
        ends.into_iter()
    }

    /// When the listener may open again by itself, if all its refusals have an end.
    pub(crate) fn refusal_ends(&self, backend: usize, now: UnixMs) -> Option<UnixMs> {
        self.refusals(backend, now).try_fold(0, |last, end| end.map(|end| last.max(end)))
    }

    pub(crate) fn shown(&self, now: UnixMs) -> Vec<Value> {
        self.list().faults.iter().map(|fault| fault.shown(now)).collect()
    }

    pub(crate) fn remove(&self, id: u64) -> bool {
        let removed = {
            let mut list = self.list();
            let before = list.faults.len();
            list.faults.retain(|fault| fault.id != id);
            list.faults.len() < before
        };
        self.announce();
        removed
    }

    pub(crate) fn clear(&self) {
        self.list().faults.clear();
        self.announce();
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn announce(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}
