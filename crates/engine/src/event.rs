//! Everything that can happen to a profile.

use crate::caution::Pause;
use crate::lockouts::{AccountId, Lockouts};
use crate::policy::Policy;
use crate::time::{Lease, Moment};
use std::time::Duration;

/// Names a token pair. The driver gives numbers out, each larger than the one before, and holds the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// Names a caller that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(pub u64);

/// Names one HTTP exchange; the engine gives the numbers out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u64);

/// Stands for the content of a password source: equal content, equal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceId(pub u64);

/// A pair that came from somewhere else: a token file, or what outlived the last daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// Its name.
    pub generation: Generation,
    /// Its life, where anything is known of it; `None` means that it has to be renewed before use.
    pub lease: Option<Lease>,
    /// Whether it has a refresh token at all.
    pub renewable: bool,
}

/// What must outlive a restart, so that restarts never lock an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// The password (of the source) that the cluster refused.
    pub refused: Option<SourceId>,
    /// Which accounts are locked out, and until when.
    pub lockouts: Lockouts,
    /// Somebody logged out: file and source stay unused until the next login.
    pub logged_out: bool,
    /// The password (of the source) that may have been counted as a wrong one.
    pub doubt: Option<Doubted>,
    /// A password of the source is on its way, and nobody knows yet what comes of it. Found at a start, it is a login that
    /// the last daemon did not live to see the end of: until then no password of the source is sent, whichever it was.
    pub attempt: Option<Pause>,
}

/// A password whose login got no answer: it may count as a failed one, so it is not sent again for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubted {
    /// Which.
    pub about: SourceId,
    /// For how long.
    pub pause: Pause,
}

/// Why an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// 401: the refresh token, or the user name and password, is refused.
    Unauthorized,
    /// 400 and other refusals that repeating will not change.
    Rejected,
    /// 403: stop, and wait as long as it says.
    Locked {
        /// The wait, if it was said.
        wait: Option<Duration>,
    },
    /// 429: the whole cluster asks for peace.
    Throttled {
        /// `Retry-After`, if given.
        retry_after: Option<Duration>,
    },
    /// 503: this endpoint asks for peace.
    Unavailable {
        /// `Retry-After`, if given.
        retry_after: Option<Duration>,
    },
    /// Refused, timed out, reset, 5xx, garbage.
    Unreachable {
        /// Whether any byte of the body may have been sent.
        sent: bool,
    },
    /// The certificate is not trusted; nothing was sent.
    Untrusted,
    /// The local configuration makes it impossible (an unreadable `ca_file`); nothing was sent.
    Misconfigured,
    /// Nothing was sent, as something else has to come first; the driver says so with [`Event::Reconfigured`].
    Barred,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new pair.
    Granted {
        /// Its name; the driver holds the bytes.
        generation: Generation,
        /// Its life. Of [`crate::Action::Generate`] only the refresh token is new, so it is what the old access
        /// token has.
        lease: Lease,
    },
    /// Nothing was sent: the token file turned out to hold a newer pair.
    Superseded(Adopted),
    /// It failed.
    Failed(Failure),
}

/// Everything that can happen to a profile.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The driver has looked for what there is: always the first event.
    Started {
        /// A pair from the descriptor store or the token file.
        pair: Option<Adopted>,
        /// What outlived the last daemon.
        memory: Box<Memory>,
    },
    /// The moment asked for by [`crate::Action::WakeAt`] has come.
    Tick,
    /// A caller wants a live token.
    Get {
        /// The caller.
        waiter: WaiterId,
        /// An explicit least remaining life.
        min_ttl: Option<Duration>,
        /// When it wants an answer at the latest.
        deadline: Moment,
    },
    /// A person wants a renewal now.
    Renew {
        /// The caller.
        waiter: WaiterId,
        /// When it wants an answer at the latest.
        deadline: Moment,
    },
    /// A person logs in; the driver holds the password under the waiter's name, and where to send it.
    Login {
        /// The caller.
        waiter: WaiterId,
        /// Whose password it is: none is sent while this account is locked, whoever else is.
        account: AccountId,
        /// How many endpoints this login may try, by index from 0.
        endpoints: usize,
        /// When it wants an answer at the latest.
        deadline: Moment,
    },
    /// A person wants a long-lived token, which one more exchange brings; the driver holds how long it is to live
    /// under the waiter's name.
    Generate {
        /// The caller.
        waiter: WaiterId,
        /// When it wants an answer at the latest.
        deadline: Moment,
    },
    /// A caller has gone. It cancels nothing.
    Left {
        /// The caller.
        waiter: WaiterId,
    },
    /// What outlived the last daemon, which took longer to be read than a start waits for it. Until it comes the driver
    /// answers no [`crate::Action::ReadSource`].
    Recalled {
        /// It.
        memory: Box<Memory>,
    },
    /// A person has logged in to the account elsewhere: nothing is held against the password source any more.
    Forgiven,
    /// A login's connection stands, and its password is about to leave. It does so once the driver has carried out what
    /// this event brings: a daemon that is killed before the answer must not send it again at its next start.
    Sending {
        /// Which exchange.
        exchange: ExchangeId,
    },
    /// An exchange has ended.
    Ended {
        /// Which.
        exchange: ExchangeId,
        /// How.
        outcome: Outcome,
    },
    /// The answer to [`crate::Action::ReadFile`]: a pair we do not hold yet, if there is one.
    FileRead {
        /// That pair.
        pair: Option<Adopted>,
    },
    /// Another writer has put a new pair into the token file.
    FileChanged {
        /// That pair.
        pair: Adopted,
    },
    /// The answer to [`crate::Action::ReadSource`].
    SourceRead {
        /// The content's number, or `None` where it could not be read.
        content: Option<SourceId>,
    },
    /// The answer to [`crate::Action::Save`]. It may come twice: once when the pair outlives the daemon, and again
    /// where it then could not be put into a file.
    Saved {
        /// Which pair.
        generation: Generation,
        /// Whether it worked.
        ok: bool,
    },
    /// Trust was settled by a person.
    Trusted,
    /// A handshake at start showed a certificate that is not trusted.
    FoundUntrusted,
    /// The cluster said, to a request that was none of the session's, that an account is locked out.
    FoundLocked {
        /// Whose.
        account: AccountId,
        /// The wait, if it was said.
        wait: Option<Duration>,
    },
    /// A person logs out.
    Logout,
    /// Our tokens were revoked.
    Revoked,
    /// The configuration changed, the tokens stay.
    Reconfigured {
        /// The new settings.
        policy: Policy,
    },
}
