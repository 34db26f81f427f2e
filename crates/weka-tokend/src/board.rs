//! What a profile shows to its readers: the published token and the state, without asking the keeper.

use crate::account::Account;
use crate::note::Note;
use engine::{Condition, Generation, Lease, Moment};
use secret::AccessToken;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use wire::{Response, Token};
use zeroize::Zeroizing;

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
    /// The end of a lockout of its account.
    pub locked_until: Option<Moment>,
    /// All accounts that are locked as far as this profile has met it, and until when.
    pub locked_accounts: Vec<(Account, Moment)>,
    /// The token file kept fresh.
    pub token_file: Option<String>,
    /// What else a person should know.
    pub notes: Vec<Note>,
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
            locked_accounts: Vec::new(),
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

/// A whole answer to a `get`, ready to be sent: whoever asks within the same second gets the same bytes.
#[derive(Clone)]
pub struct Framed {
    frame: Arc<Zeroizing<Vec<u8>>>,
    /// Remaining life of the token in it, in whole seconds.
    pub expires_in_s: u64,
    /// The last moment at which this is what a caller gets who asks for no least remaining life.
    fresh_until: Moment,
}

impl Framed {
    fn new(token: Token, lease: &Lease) -> Option<Self> {
        let expires_in_s = token.expires_in_s;
        let frame = wire::frame::encode(&Response::Token(token)).ok()?;
        secret::guard(&frame);
        let left_ms = expires_in_s.saturating_mul(1000);
        let second_ends = Moment::from_millis(lease.expires_at().as_millis().saturating_sub(left_ms));
        let fresh_until = second_ends.min(engine::ttl::serves_until(lease));
        Some(Self { frame: Arc::new(frame), expires_in_s, fresh_until })
    }

    /// The frame.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.frame
    }
}

impl fmt::Debug for Framed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Framed({} bytes)", self.frame.len())
    }
}

#[derive(Debug)]
struct Inner {
    published: Option<Published>,
    view: View,
    /// Made of both, for one second.
    framed: Option<Framed>,
}

/// One profile's board: the keeper writes it, everybody else reads it.
#[derive(Debug)]
pub struct Board {
    inner: Mutex<Inner>,
    gets: AtomicU64,
    /// Logins under way.
    logins: AtomicU64,
    /// Whether a defect has ended its keeper.
    fallen: AtomicBool,
    revision: Revision,
}

impl Board {
    /// An empty board.
    #[must_use]
    pub fn new(revision: Revision) -> Self {
        let inner = Mutex::new(Inner { published: None, view: View::starting(), framed: None });
        Self {
            inner,
            gets: AtomicU64::new(0),
            logins: AtomicU64::new(0),
            fallen: AtomicBool::new(false),
            revision,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing is half-written here: each lock covers one assignment.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The published token of `profile`, if it lives for at least `min_ttl` (by default the engine's choice), as the
    /// answer to a `get`, and counted as such. This is the path of nearly every `get`, and for most it copies nothing.
    pub fn answer(&self, profile: &str, min_ttl: Option<Duration>, now: Moment) -> Option<Framed> {
        let inner = &mut *self.inner();
        if min_ttl.is_none()
            && let Some(framed) = &inner.framed
            && now <= framed.fresh_until
        {
            self.gets.fetch_add(1, Ordering::Relaxed);
            return Some(framed.clone());
        }
        let published = inner.published.as_ref()?;
        if !engine::ttl::serves(&published.lease, min_ttl, now) {
            return None;
        }
        let expires_in_s = published.lease.remaining(now).as_secs();
        if inner.framed.as_ref().is_none_or(|framed| framed.expires_in_s != expires_in_s) {
            inner.framed = Framed::new(inner.view.handed_out(profile, published, now), &published.lease);
        }
        let framed = inner.framed.clone()?;
        self.gets.fetch_add(1, Ordering::Relaxed);
        Some(framed)
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

    /// A defect ends the keeper.
    pub(crate) fn falls(&self) {
        self.fallen.store(true, Ordering::Relaxed);
    }

    /// Whether a defect has ended the keeper.
    pub(crate) fn has_fallen(&self) -> bool {
        self.fallen.load(Ordering::Relaxed)
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
        {
            let mut inner = self.inner();
            inner.framed = None;
            inner.published = published;
        }
        self.revision.bump();
    }

    /// Shows a new state; says whether it differs from the one before.
    pub fn show(&self, view: View) -> bool {
        let changed = {
            let mut inner = self.inner();
            let changed = inner.view != view;
            inner.framed = None;
            inner.view = view;
            changed
        };
        if changed {
            self.revision.bump();
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Moment = Moment::from_millis(5_000_000);

    fn published(token: &str) -> Published {
        Published {
            generation: Generation(1),
            id: 1,
            access_token: AccessToken::new(token.to_owned()),
            token_type: "Bearer".to_owned(),
            lease: Lease { sent_at: SENT, life: Duration::from_secs(300) },
        }
    }

    fn board() -> Board {
        let board = Board::new(Revision::default());
        board.publish(Some(published("a")));
        board
    }

    #[track_caller]
    fn answer(board: &Board, after_ms: u64) -> (Framed, Token) {
        let framed = board.answer("prod", None, SENT + Duration::from_millis(after_ms)).unwrap();
        let body = framed.bytes().get(wire::HEADER_LEN..).unwrap();
        let Ok(Response::Token(token)) = wire::frame::decode(body) else { panic!("no token") };
        (framed, token)
    }

    #[test]
    fn an_answer_is_made_once_a_second_and_says_what_is_left() {
        let board = board();
        let (first, token) = answer(&board, 1);
        assert_eq!((token.profile.as_str(), token.expires_in_s), ("prod", 299));
        assert!(Arc::ptr_eq(&first.frame, &answer(&board, 900).0.frame));
        let (later, token) = answer(&board, 1001);
        assert_eq!((token.expires_in_s, later.expires_in_s), (298, 298));
        assert_eq!(board.gets(), 3);
    }

    #[test]
    fn what_is_kept_for_a_second_never_outlives_what_serves() {
        for life_ms in [700, 1000, 2500, 15_000, 25_400, 300_000] {
            let lease = Lease { sent_at: SENT, life: Duration::from_millis(life_ms) };
            let (kept, fresh) = (board(), board());
            kept.publish(Some(Published { lease, ..published("a") }));
            let from = life_ms.saturating_sub(31_000);
            for after in from..life_ms + 10 {
                fresh.publish(Some(Published { lease, ..published("a") }));
                let at = SENT + Duration::from_millis(after);
                let left = |board: &Board| board.answer("prod", None, at).map(|framed| framed.expires_in_s);
                assert_eq!(left(&kept), left(&fresh), "{after} ms of {life_ms}");
            }
        }
    }

    #[test]
    fn another_token_or_state_is_in_the_very_next_answer() {
        let board = board();
        answer(&board, 1);
        board.publish(Some(published("b")));
        assert_eq!(answer(&board, 2).1.access_token.expose(), "b");
        board.show(View { endpoint: "https://weka02:14000".into(), ..View::starting() });
        assert_eq!(answer(&board, 3).1.endpoint, "https://weka02:14000");
    }

    #[test]
    fn nothing_is_answered_without_a_token_or_after_its_end_and_no_copy_is_left() {
        let board = board();
        let held = answer(&board, 1).0;
        assert!(board.answer("prod", None, SENT + Duration::from_secs(301)).is_none());
        board.publish(None);
        assert!(board.answer("prod", None, SENT).is_none());
        assert_eq!(Arc::strong_count(&held.frame), 1);
        assert_eq!(board.gets(), 1);
    }
}
