//! Everything the engine can ask for.

use crate::event::{ExchangeId, Generation, SourceId, WaiterId};
use crate::time::Moment;
use std::time::Duration;

/// Whose password a login sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginBy {
    /// The one that came with [`crate::Event::Login`].
    Person(WaiterId),
    /// The one last read from the source.
    Source(SourceId),
}

/// Why a caller gets no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Somebody has to log in.
    LoginRequired,
    /// Somebody has logged out.
    LoggedOut,
    /// The certificate is not trusted.
    Untrusted,
    /// The account is locked out.
    LockedOut {
        /// Until then.
        until: Moment,
    },
    /// The cluster cannot be reached, or did not answer in time.
    Unreachable,
    /// Nothing was sent: another exchange had begun only just before, and callers share a limit.
    TooSoon {
        /// When the next one can begin for a caller.
        next: Moment,
    },
    /// Even a fresh token does not live that long.
    MinTtlTooLong {
        /// The life of a fresh one.
        life: Duration,
    },
    /// User name and password were refused.
    WrongPassword,
    /// The cluster, or the local configuration, refused in a way that repeating will not change.
    Rejected,
}

/// What a caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The pair of this name: live, saved and published. It answers `Get`, `Renew` and `Login` alike.
    Pair(Generation),
    /// The long-lived token is there, and the refresh token that came with it is saved.
    Generated,
    /// None.
    Refused(Refused),
}

/// The state of a profile, as `status` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Before the first event, and while the first pair is being fetched.
    Starting,
    /// A live token, and the last renewal worked.
    Ready,
    /// A live token, but the last renewal or save failed.
    Degraded,
    /// No live token, and the cluster cannot be reached.
    Unreachable,
    /// The certificate is not trusted.
    Untrusted,
    /// A person has to log in.
    LoginRequired,
    /// Locked out.
    LockedOut,
    /// Logged out.
    LoggedOut,
}

/// Everything the engine can ask for, to be carried out in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `POST /login/refresh` with this pair's refresh token, after one more look at the token file.
    Refresh {
        /// Its name.
        exchange: ExchangeId,
        /// Which endpoint.
        endpoint: usize,
        /// Which pair.
        generation: Generation,
    },
    /// `POST /login/refresh` with this pair's refresh token, for a long-lived access token that goes to the waiter
    /// alone; after one more look at the token file.
    Generate {
        /// Its name.
        exchange: ExchangeId,
        /// Which endpoint.
        endpoint: usize,
        /// Which pair.
        generation: Generation,
        /// Who wants it.
        waiter: WaiterId,
    },
    /// `POST /login`.
    Login {
        /// Its name.
        exchange: ExchangeId,
        /// Which endpoint.
        endpoint: usize,
        /// Whose password.
        by: LoginBy,
    },
    /// Look at the token file now; answered by [`crate::Event::FileRead`].
    ReadFile,
    /// Read the password source; answered by [`crate::Event::SourceRead`].
    ReadSource,
    /// Make this pair outlive the daemon; answered by [`crate::Event::Saved`] within a second or so.
    Save {
        /// Which pair.
        generation: Generation,
    },
    /// Hand this pair out from now on; all older ones (with smaller numbers) may be forgotten. A newer one may
    /// be held already, which has yet to be renewed.
    Publish {
        /// Which pair.
        generation: Generation,
    },
    /// Hand nothing out any more, and forget all pairs.
    Withdraw,
    /// Tell a caller.
    Answer {
        /// The caller.
        waiter: WaiterId,
        /// What.
        answer: Answer,
    },
    /// Keep [`crate::Session::memory`] across restarts. It is the first of the actions that come with it: nobody is to be
    /// told of what a crash could still undo.
    Remember,
    /// Send a [`crate::Event::Tick`] then; it replaces the wake-up asked for before. `None`: no wake-up.
    WakeAt(Option<Moment>),
}
