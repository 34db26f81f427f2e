//! What a profile shows to its readers: the published token and the state, without asking the keeper.

use engine::{Condition, Generation, Lease, Moment};
use secret::AccessToken;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use wire::Token;

/// Moves whenever any profile's state does; `status --watch` waits on it.
#[derive(Debug, Clone)]
pub struct Revision(Arc<watch::Sender<u64>>);

impl Default for Revision {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(1)))
    }
}

impl Revision {
    /// The present one.
    #[must_use]
    pub fn current(&self) -> u64 {
        *self.0.borrow()
    }

    /// Moves it on.
    pub fn bump(&self) {
        self.0.send_modify(|revision| *revision += 1);
    }

    /// Waits until it is past `seen`.
    pub async fn past(&self, seen: u64) {
        // It never ends: the sender lives as long as `self`.
        drop(self.0.subscribe().wait_for(|revision| *revision > seen).await);
    }
}

/// A token that may be handed out while its lease lasts.
#[derive(Debug, Clone)]
pub struct Published {
    /// Which pair.
    pub generation: Generation,
    /// The same, as others know it: see [`wire::Pair::id`].
    pub id: u64,
    /// The token.
    pub access_token: AccessToken,
    /// `Bearer`.
    pub token_type: String,
    /// How long it lives.
    pub lease: Lease,
}

/// The rest of what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The state.
    pub condition: Condition,
    /// The endpoint in use, as `https://host:port`.
    pub endpoint: String,
    /// Organisation, where known.
    pub org: Option<String>,
    /// WEKA user name, where known.
    pub username: Option<String>,
    /// The next renewal.
    pub next_refresh: Option<Moment>,
    /// Renewals that worked.
    pub refreshes: u64,
    /// Renewals that failed.
    pub failures: u64,
    /// The last failure, in words.
    pub last_error: Option<String>,
    /// The end of a lockout.
    pub locked_until: Option<Moment>,
    /// The token file kept fresh.
    pub token_file: Option<String>,
    /// What else a person should know.
    pub notes: Vec<String>,
}

impl View {
    /// Before anything is known.
    #[must_use]
    pub fn starting() -> Self {
        Self {
            condition: Condition::Starting,
            endpoint: String::new(),
            org: None,
            username: None,
            next_refresh: None,
            refreshes: 0,
            failures: 0,
            last_error: None,
            locked_until: None,
            token_file: None,
            notes: Vec::new(),
        }
    }
}

impl View {
    fn handed_out(&self, profile: &str, published: &Published, now: Moment) -> Token {
        Token {
            access_token: published.access_token.clone(),
            token_type: published.token_type.clone(),
            expires_in_s: published.lease.remaining(now).as_secs(),
            profile: profile.to_owned(),
            endpoint: self.endpoint.clone(),
            org: self.org.clone(),
            username: self.username.clone(),
        }
    }
}

#[derive(Debug)]
struct Inner {
    published: Option<Published>,
    view: View,
}

/// One profile's board: the keeper writes it, everybody else reads it.
#[derive(Debug)]
pub struct Board {
    inner: Mutex<Inner>,
    gets: AtomicU64,
    /// Logins under way.
    logins: AtomicU64,
    revision: Revision,
}

impl Board {
    /// An empty board.
    #[must_use]
    pub fn new(revision: Revision) -> Self {
        let inner = Mutex::new(Inner { published: None, view: View::starting() });
        Self { inner, gets: AtomicU64::new(0), logins: AtomicU64::new(0), revision }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing is half-written here: each lock covers one assignment.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The published token of `profile`, if it lives for at least `min_ttl` (by default the engine's choice), ready
    /// to be handed out, and counted as such. This is the path of nearly every `get`: it copies what is sent and
    /// nothing else.
    pub fn token(&self, profile: &str, min_ttl: Option<Duration>, now: Moment) -> Option<Token> {
        let inner = self.inner();
        let published = inner.published.as_ref()?;
        if !engine::ttl::serves(&published.lease, min_ttl, now) {
            return None;
        }
        self.gets.fetch_add(1, Ordering::Relaxed);
        Some(inner.view.handed_out(profile, published, now))
    }

    /// A token that the keeper has answered with, ready to be handed out, and counted as such.
    pub fn hand_out(&self, profile: &str, published: Published, now: Moment) -> Token {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.inner().view.handed_out(profile, &published, now)
    }

    /// The published token whatever is left of it, for the keeper's own answers; not counted.
    #[must_use]
    pub fn published(&self) -> Option<Published> {
        self.inner().published.clone()
    }

    /// A person's login is about to be ordered.
    pub fn login_begins(&self) {
        self.logins.fetch_add(1, Ordering::Relaxed);
    }

    /// It was answered.
    pub fn login_ends(&self) {
        self.logins.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether there is no token, and no login that may bring one.
    #[must_use]
    pub fn is_unproved(&self) -> bool {
        self.generation().is_none() && self.logins.load(Ordering::Relaxed) == 0
    }

    /// Which pair is published.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        self.inner().published.as_ref().map(|published| published.generation)
    }

    /// How many tokens were handed out.
    #[must_use]
    pub fn gets(&self) -> u64 {
        self.gets.load(Ordering::Relaxed)
    }

    /// The lease of the published token and the state.
    #[must_use]
    pub fn view(&self) -> (Option<Lease>, View) {
        let inner = self.inner();
        (inner.published.as_ref().map(|published| published.lease), inner.view.clone())
    }

    /// Publishes a token, or none.
    pub fn publish(&self, published: Option<Published>) {
        self.inner().published = published;
        self.revision.bump();
    }

    /// Shows a new state; says whether it differs from the one before.
    pub fn show(&self, view: View) -> bool {
        let changed = {
            let mut inner = self.inner();
            let changed = inner.view != view;
            inner.view = view;
            changed
        };
        if changed {
            self.revision.bump();
        }
        changed
    }
}
