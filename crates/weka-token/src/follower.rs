//! What the daemon has to say to a command's token file, and what it is told of it.
//!
//! The daemon may go and come back at any time: then it is looked for again, quietly, and less and less often.

use crate::connection::Connection;
use crate::session::Session;
use crate::token_json::FileTokens;
use std::time::{Duration, Instant};
use wire::{Code, Offer, Pair, Request, Response};

/// How long the daemon is asked to hold its answer, in seconds.
const POLL_S: u32 = 50;
/// How long it may look for a live token after that, in milliseconds.
const TIMEOUT_MS: u32 = 5_000;
/// An answer that has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(70);
/// How long to connect, and to read an answer that has begun, in milliseconds.
const EXCHANGE_MS: u32 = 3_000;
/// The first pause, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// While the token in the file lives, no pause is longer than this share of what is left.
const SHARE: u32 = 8;
/// The longest pause once it lives no more.
const OVERDUE: Duration = Duration::from_secs(5);

/// What came of listening.
#[derive(Debug)]
pub(crate) enum Next {
    Nothing,
    /// This is the pair now.
    Pair(Box<Pair>),
    /// The profile has gone over to another account, which is said once: its pairs are not for this file.
    OtherAccount(String),
}

/// Whose pair it is, as far as the daemon knows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    username: Option<String>,
    org: Option<String>,
}

impl Account {
    fn of(pair: &Pair) -> Self {
        Self { username: pair.token.username.clone(), org: pair.token.org.clone() }
    }

    /// Whether both are known, and are not the same.
    fn differs_from(&self, other: &Self) -> bool {
        let differ = |one: &Option<String>, other: &Option<String>| {
            one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one != other)
        };
        differ(&self.username, &other.username) || differ(&self.org, &other.org)
    }

    /// What was unknown may be known by now.
    fn learn(&mut self, other: Self) {
        self.username = self.username.take().or(other.username);
        self.org = self.org.take().or(other.org);
    }

    fn shown(&self) -> String {
        let user = self.username.as_deref().unwrap_or("another user");
        let org = self.org.as_ref().map(|org| format!(" of {org}")).unwrap_or_default();
        format!("{user}{org}")
    }
}

/// What the daemon has to be told: a pair that somebody else renewed from one of its own.
#[derive(Debug)]
pub(crate) struct Owed {
    /// The profile, by the name that it had last.
    pub(crate) profile: String,
    /// The pair that it was renewed from.
    pub(crate) after: u64,
    pub(crate) offer: Offer,
}

impl Owed {
    /// How the daemon is told.
    pub(crate) fn request(&self) -> Request {
        Request::Adopt { profile: Some(self.profile.clone()), after: self.after, offer: self.offer.clone() }
    }
}

/// What the daemon was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Follow,
    Adopt,
}

/// One command's dealings with the daemon.
#[derive(Debug)]
pub(crate) struct Follower<'a> {
    session: &'a Session<'a>,
    /// The profile, by the name that it had last: whichever is the default one may change meanwhile.
    profile: String,
    /// The pair in the file, or the one that what is in the file was renewed from.
    id: u64,
    /// Whose pair that is. The profile may be logged in as somebody else meanwhile; the command is not.
    account: Account,
    /// The last pair of another account, which the daemon is asked for the next one after.
    passed_over: Option<u64>,
    /// Whether the caller may have the pair: else nothing in the file can have been renewed from it.
    has_pair: bool,
    /// When the token in the file ends.
    ends: Instant,
    /// What the command made of its file, until the daemon knows.
    owed: Option<Offer>,
    open: Option<(Connection, Asked, Instant)>,
    /// When to connect next.
    due: Instant,
    pause: Duration,
}

impl<'a> Follower<'a> {
    /// Goes on from a pair that is in the file.
    pub(crate) fn after(session: &'a Session<'a>, pair: &Pair) -> Self {
        let now = Instant::now();
        Self {
            session,
            profile: pair.token.profile.clone(),
            id: pair.id,
            account: Account::of(pair),
            passed_over: None,
            has_pair: pair.refresh_token.is_some(),
            ends: end_of(pair, now),
            owed: None,
            open: None,
            due: now,
            pause: PAUSES.0,
        }
    }

    /// What is to be listened to.
    pub(crate) const fn connection(&self) -> Option<&Connection> {
        match &self.open {
            Some((connection, ..)) => Some(connection),
            None => None,
        }
    }

    /// Does what is due, and says how long nothing else will be.
    pub(crate) fn go_on(&mut self) -> Duration {
        let now = Instant::now();
        if self.open.as_ref().is_some_and(|(_, _, asked_at)| now >= *asked_at + PATIENCE) {
            self.later();
        }
        if self.open.is_none() && now >= self.due {
            self.ask();
        }
        let until = match &self.open {
            Some((_, _, asked_at)) => *asked_at + PATIENCE,
            None => self.due,
        };
        until.saturating_duration_since(Instant::now())
    }

    /// Takes the answer that has come.
    pub(crate) fn heard(&mut self) -> Next {
        let Some((mut connection, asked, asked_at)) = self.open.take() else { return Next::Nothing };
        match (connection.receive(), asked) {
            (Ok(Response::Pair(pair)), Asked::Follow) => {
                if pair.id == self.heard_last() && asked_at.elapsed() < Duration::from_secs(1) {
                    // It would not wait: it is about to end.
                    self.later();
                    return Next::Nothing;
                }
                self.pause = PAUSES.0;
                self.profile.clone_from(&pair.token.profile);
                let account = Account::of(&pair);
                if self.account.differs_from(&account) {
                    self.due = Instant::now();
                    let is_news = self.passed_over.replace(pair.id).is_none();
                    return if is_news { self.other_account(&account) } else { Next::Nothing };
                }
                self.account.learn(account);
                self.passed_over = None;
                self.has_pair = pair.refresh_token.is_some();
                if pair.id != self.id {
                    return Next::Pair(Box::new(pair));
                }
                self.due = Instant::now();
            }
            (Ok(Response::Done { .. }), Asked::Adopt) => {
                self.owed = None;
                self.pause = PAUSES.0;
                self.due = Instant::now();
            }
            (Ok(Response::Refused(refusal)), Asked::Adopt) if refusal.code != Code::Busy => {
                // It comes from another login, or from nowhere: what the daemon has is what counts.
                self.owed = None;
                self.later();
            }
            _ => self.later(),
        }
        Next::Nothing
    }

    fn other_account(&self, account: &Account) -> Next {
        Next::OtherAccount(format!(
            "profile {} is logged in as {} now; the token file goes on for {} alone, and its token is not renewed \
             until the profile is theirs again",
            self.profile,
            account.shown(),
            self.account.shown()
        ))
    }

    /// What the daemon is asked for the next one after.
    fn heard_last(&self) -> u64 {
        self.passed_over.unwrap_or(self.id)
    }

    /// The pair is in the file now.
    pub(crate) fn is_in_file(&mut self, pair: &Pair) {
        let now = Instant::now();
        self.id = pair.id;
        self.ends = end_of(pair, now);
        self.due = now;
    }

    /// The command has put these tokens into its file.
    pub(crate) fn offer(&mut self, found: FileTokens) {
        if !self.has_pair {
            return;
        }
        if let Some(offer) = found.into_offer() {
            self.owed = Some(offer);
            // A poll may be under way that would hold it up.
            self.open = None;
            self.due = Instant::now();
        }
    }

    /// What the daemon has not been told yet.
    pub(crate) fn owed(&mut self) -> Option<Owed> {
        Some(Owed { profile: self.profile.clone(), after: self.id, offer: self.owed.take()? })
    }

    /// Tries again after a pause.
    pub(crate) fn later(&mut self) {
        self.open = None;
        let now = Instant::now();
        let left = self.ends.saturating_duration_since(now);
        let longest = if left.is_zero() { OVERDUE } else { (left / SHARE).clamp(PAUSES.0, PAUSES.1) };
        self.due = now + self.pause.min(longest);
        self.pause = (self.pause * 2).min(PAUSES.1);
    }

    fn ask(&mut self) {
        let profile = Some(self.profile.clone());
        let (request, asked) = match &self.owed {
            Some(offer) => (Request::Adopt { profile, after: self.id, offer: offer.clone() }, Asked::Adopt),
            None => {
                let (after, wait_s) = (Some(self.heard_last()), POLL_S);
                (Request::Follow { profile, after, wait_s, timeout_ms: TIMEOUT_MS }, Asked::Follow)
            }
        };
        let sent = self.session.try_connect(EXCHANGE_MS).ok().and_then(|mut connection| {
            connection.send(&request).ok()?;
            Some((connection, asked, Instant::now()))
        });
        match sent {
            Some(open) => self.open = Some(open),
            None => self.later(),
        }
    }
}

fn end_of(pair: &Pair, now: Instant) -> Instant {
    now.checked_add(Duration::from_secs(pair.token.expires_in_s)).unwrap_or(now + PAUSES.1)
}
