//! The file that WEKA's own tools keep a login in, `~/.weka/auth-token.json` and its like.
//!
//! Its form is JSON with `access_token`, `refresh_token` and `token_type`; others' keys are kept. Everything
//! here but [`FileWorker`] blocks, and may block for ever on a hung network file system: call it through one.
//!
//! - [`read()`]: what is there, or what is wrong with it
//! - [`write()`], [`remove_if`]: changing it as a whole; [`parse`] and [`text()`] are its form alone
//! - [`try_place`]: whether one can be where a person wants it
//! - [`try_lock`]: one refresh among many hosts with one home
//! - [`FileWorker`]: all of it off the event loop, one thing at a time

mod document;
mod error;
mod identity;
mod lock;
mod place;
mod read;
mod text;
mod worker;
mod write;

pub(crate) use document::BEARER;
pub use error::{TokenFileError, TokenFileProblem};
pub use identity::Identity;
pub use lock::{FileLock, LockError, try_lock};
pub use place::try_place;
pub use read::read;
pub use text::{parse, text};
pub use worker::{FileWorker, GaveUp};
pub(crate) use write::is_fresh;
pub use write::{Written, remove_if, write};

use secret::{AccessToken, RefreshToken};
use std::time::Duration;
use weka_rest::jwt;

/// How far a token's date of issue may lie ahead of our clock before the two clocks are taken to disagree.
const SKEW_S: i64 = 5;

/// The tokens of a token file; at least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access_token: Option<AccessToken>,
    /// The refresh token.
    pub refresh_token: Option<RefreshToken>,
    /// The word before the access token in an `Authorization` header; `Bearer` where it is missing.
    pub token_type: Option<String>,
    /// What the file says of the access token's life, in seconds. It counts from an unknown moment.
    pub expires_in_s: Option<u64>,
}

/// A token file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    /// Its tokens.
    pub tokens: Tokens,
    /// Tells this state of the file from every other.
    pub identity: Identity,
    /// Its mode where others may read it, and so have the tokens.
    pub lax_mode: Option<u32>,
    /// When it was last written, in seconds since 1970 by the clock of the file system.
    pub changed_unix_s: i64,
    /// Whether that is this host's clock, as far as the kind of the file system tells.
    pub has_our_clock: bool,
}

impl TokenFile {
    /// What the access token's own dates say of its life, at a reading of the wall clock in seconds since 1970.
    #[must_use]
    pub fn hint(&self, now_unix_s: i64) -> Option<Hint> {
        let written = self.has_our_clock.then_some(self.changed_unix_s);
        hint(self.tokens.access_token.as_ref()?, written, now_unix_s)
    }
}

/// A token's life as its own dates tell it, by the wall clock: good enough until something better is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// What is left of it.
    pub remaining: Duration,
    /// All of it.
    pub life: Duration,
}

/// What `iat` and `exp` of a token say. `None` where they are missing, or where it is over, or where the clock
/// of the cluster is so far from ours that nothing follows from them. A file that was `written` then by our own clock, in
/// seconds since 1970, cannot hold a younger token, however late that clock is.
#[must_use]
pub fn hint(token: &AccessToken, written: Option<i64>, now_unix_s: i64) -> Option<Hint> {
    let dates = jwt::dates(token.expose())?;
    let (issued, expires) = (dates.issued_unix_s?, dates.expires_unix_s);
    if issued > now_unix_s.saturating_add(SKEW_S) || expires <= now_unix_s {
        return None;
    }
    let life = expires.checked_sub(issued)?;
    let remaining = expires.checked_sub(now_unix_s)?.min(life);
    let in_file = written.and_then(|written| now_unix_s.checked_sub(written)).unwrap_or(0).max(0);
    let remaining = remaining.min(life.saturating_sub(in_file));
    let seconds = |number: i64| u64::try_from(number).ok().filter(|s| *s > 0).map(Duration::from_secs);
    Some(Hint { remaining: seconds(remaining)?, life: seconds(life)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> AccessToken {
        let encode = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
        AccessToken::new(format!("{}.{}.sig", encode("{\"alg\":\"RS256\"}"), encode(payload)))
    }

    #[test]
    fn dates_hint_at_the_remaining_life() {
        let hint_of = |payload: &str| {
            hint(&token(payload), None, 1_000_000).map(|hint| (hint.remaining.as_secs(), hint.life.as_secs()))
        };
        for (payload, expected) in [
            ("{\"iat\":999900,\"exp\":1000200}", Some((200, 300))),
            // Issued a little in the future: never more than the whole life.
            ("{\"iat\":1000005,\"exp\":1000305}", Some((300, 300))),
            ("{\"iat\":1000006,\"exp\":1000306}", None),
            ("{\"iat\":999700,\"exp\":1000000}", None),
            ("{\"iat\":999000,\"exp\":999300}", None),
            ("{\"exp\":1000200}", None),
            ("{}", None),
            ("not json", None),
        ] {
            assert_eq!(hint_of(payload), expected, "{payload}");
        }
        assert_eq!(hint(&AccessToken::new("opaque".into()), None, 1_000_000), None);
    }

    #[test]
    fn a_token_was_taken_for_younger_than_its_file_where_our_clock_is_late() {
        let left = |issued: i64, written: i64| {
            let payload = format!("{{\"iat\":{issued},\"exp\":{}}}", issued + 300);
            hint(&token(&payload), Some(written), 1_000_000).map(|hint| hint.remaining.as_secs())
        };
        // Issued 120 s ago, and the file written then, by a clock that is 100 s late.
        assert_eq!(left(999_980, 999_880), Some(180));
        assert_eq!(left(999_990, 999_700), None, "it is over by now");
        // A file that is written again, or by a clock that was early, makes no token older or younger.
        assert_eq!(left(999_880, 999_990), Some(180));
        assert_eq!(left(999_880, 1_000_050), Some(180));
    }
}
