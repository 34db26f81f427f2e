//! Token pairs as this daemon holds them, how they are told apart, and how they stand in files.

use crate::clock;
use crate::token_file::{self, BEARER, Tokens};
use engine::{Lease, Moment};
use ring::digest::{Context, SHA256};
use secret::{AccessToken, RefreshToken};
use std::collections::VecDeque;
use std::time::Duration;

/// How many pairs are remembered by their digest, so that a stale copy in a file is not taken for news: some
/// days' worth with tokens of five minutes.
pub(crate) const REMEMBERED: usize = 1024;

/// A token pair.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The access token; empty where a file had none.
    pub access_token: AccessToken,
    /// The refresh token; some files have none.
    pub refresh_token: Option<RefreshToken>,
    /// `Bearer`.
    pub token_type: String,
    /// Its life, where known.
    pub lease: Option<Lease>,
    /// Whether the token file holds it already.
    pub in_file: bool,
    /// Whether the service manager's store holds it already.
    pub in_store: bool,
}

impl Pair {
    /// A number for it: the same pair has the same one, also after a restart.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.mark().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    fn mark(&self) -> Mark {
        mark(self.access_token.expose(), self.refresh_token.as_ref().map_or("", RefreshToken::expose))
    }
}

/// That somebody else renewed a pair, by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// The pair it was.
    pub from: u64,
    /// The pair it became.
    pub to: u64,
}

/// Tells pairs apart without keeping them: half a SHA-256 is plenty for that.
type Mark = [u8; 16];

fn mark(access: &str, refresh: &str) -> Mark {
    let mut context = Context::new(&SHA256);
    context.update(access.as_bytes());
    // No token holds a NUL, so no two pairs run into the same text.
    context.update(b"\0");
    context.update(refresh.as_bytes());
    context.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

/// The digests of the pairs we hold or held.
#[derive(Debug, Clone, Default)]
pub struct Known {
    marks: VecDeque<Mark>,
    /// What the token file was last seen to hold: it is never news again, however long it stays there.
    in_file: Option<Mark>,
}

impl Known {
    /// Whether this is one of them.
    #[must_use]
    pub fn has(&self, pair: &Pair) -> bool {
        self.has_mark(&pair.mark())
    }

    /// Whether a file's tokens are one of them.
    #[must_use]
    pub fn has_tokens(&self, tokens: &Tokens) -> bool {
        let access = tokens.access_token.as_ref().map_or("", AccessToken::expose);
        let refresh = tokens.refresh_token.as_ref().map_or("", RefreshToken::expose);
        self.has_mark(&mark(access, refresh))
    }

    fn has_mark(&self, mark: &Mark) -> bool {
        self.in_file.as_ref() == Some(mark) || self.marks.contains(mark)
    }

    /// Takes note of a file's tokens.
    pub fn note(&mut self, tokens: &Tokens) {
        let access = tokens.access_token.as_ref().map_or("", AccessToken::expose);
        let refresh = tokens.refresh_token.as_ref().map_or("", RefreshToken::expose);
        self.push(mark(access, refresh));
    }

    /// Takes note of a pair.
    pub fn add(&mut self, pair: &Pair) {
        self.push(pair.mark());
    }

    /// The token file holds this pair now, or, with `None`, nobody knows what.
    pub fn file_holds(&mut self, pair: Option<&Pair>) {
        self.in_file = pair.map(Pair::mark);
    }

    /// Whether the token file was last seen to hold another pair than this one.
    #[must_use]
    pub fn file_holds_another(&self, pair: &Pair) -> bool {
        self.in_file.is_some_and(|found| found != pair.mark())
    }

    fn push(&mut self, mark: Mark) {
        self.marks.push_back(mark);
        if self.marks.len() > REMEMBERED {
            self.marks.pop_front();
        }
    }
}

/// Tokens from elsewhere as a pair: the access token's own dates are all that is known of its life, and when the file was
/// `written`, where that is by our own clock.
pub(crate) fn pair_of(tokens: Tokens, written: Option<i64>) -> Pair {
    let token = tokens.access_token.as_ref();
    let hint = token.and_then(|token| token_file::hint(token, written, clock::unix_now_s()));
    let now = clock::now();
    Pair {
        access_token: tokens.access_token.unwrap_or_else(|| AccessToken::new(String::new())),
        refresh_token: tokens.refresh_token,
        token_type: tokens.token_type.unwrap_or_else(|| BEARER.into()),
        lease: hint.map(|hint| lease_of(hint, now)),
        in_file: false,
        in_store: false,
    }
}

fn lease_of(hint: token_file::Hint, now: Moment) -> Lease {
    let age = hint.life.saturating_sub(hint.remaining);
    let booted = Duration::from_millis(now.as_millis());
    match booted.checked_sub(age) {
        Some(sent_at) => Lease { sent_at: Moment::from_millis(0) + sent_at, life: hint.life },
        // Older than this boot: only what is left of it counts.
        None => Lease { sent_at: now, life: hint.remaining },
    }
}

/// A pair as it stands in a file.
pub(crate) fn tokens_of(pair: &Pair) -> Tokens {
    Tokens {
        access_token: Some(pair.access_token.clone()).filter(|token| !token.is_empty()),
        refresh_token: pair.refresh_token.clone(),
        token_type: Some(pair.token_type.clone()),
        expires_in_s: pair.lease.map(|lease| lease.life.as_secs()),
    }
}
