//! What the tasks of a keeper tell it.

use super::order::DoneReply;
use super::password_memory::Seen;
use crate::account::Account;
use crate::note::Note;
use crate::pair::Pair;
use crate::password_source::PasswordSourceError;
use crate::remembered::RefusedPassword;
use engine::{ExchangeId, Generation, Moment, SourceId};
use secret::Password;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::oneshot;
use weka_rest::{ApiError, Grant};

/// What a task tells its keeper.
#[derive(Debug)]
pub enum Report {
    /// An exchange ended.
    Ended {
        /// Which.
        exchange: ExchangeId,
        /// How.
        end: End,
    },
    /// The token file was looked at.
    Looked {
        /// Whether the engine asked for it.
        asked_by_engine: bool,
        /// What was there.
        found: Looked,
    },
    /// The token file was looked at after a start with a stored pair.
    LookedSince {
        /// What was there.
        found: Looked,
        /// When that pair was stored, in seconds since 1970.
        stored_unix_s: i64,
    },
    /// The password source was read.
    SourceRead(Result<Password, PasswordSourceError>),
    /// There is no password source (any more).
    NoSource,
    /// The password that was read is, or is not, one that was refused or got no answer.
    SourceKnown {
        /// The password.
        password: Password,
        /// What is known of it.
        seen: Seen,
    },
    /// A pair was saved, or why not.
    Saved {
        /// Which pair.
        generation: Generation,
        /// What came of it.
        result: Result<Saved, Note>,
    },
    /// The state was stored with the service manager, or why not.
    Stored {
        /// The pair that was to be saved by it, if it was for one.
        generation: Option<Generation>,
        /// What came of it.
        result: Result<(), String>,
    },
    /// What could not be stored is to be stored again.
    StoreAgain {
        /// The number that the next entry had then: where it has another one, that is done.
        next: u64,
    },
    /// What must outlive a restart was written down.
    MemoryWritten,
    /// The token file was removed after a logout, or left alone.
    FileRemoved(Removed),
    /// The session of a sink shows something else.
    Own,
    /// The session of a sink found an account locked.
    OwnLocked {
        /// Which.
        account: Account,
        /// For how long, if that was said.
        wait: Option<Duration>,
    },
    /// The profile was saved to the configuration, or not.
    ProfileSaved,
    /// A handshake at start showed a certificate that is not trusted.
    Untrusted(String),
    /// What recognizes the source's password, whose login got no answer.
    Doubted {
        /// The login.
        exchange: ExchangeId,
        /// Its number, and what recognizes it, where that is new.
        recognized: Option<(SourceId, RefusedPassword)>,
    },
    /// A login with the source's password has a connection, and waits until that is written down.
    Sending {
        /// Which.
        exchange: ExchangeId,
        /// Lets the password leave; without it, it never does.
        go: oneshot::Sender<()>,
    },
    /// What recognizes the source's password, which the cluster refused.
    Refused {
        /// The login that it was refused at.
        exchange: ExchangeId,
        /// What that is, where it could be computed.
        refused: Option<RefusedPassword>,
    },
    /// That the cluster refused the source's password is written down.
    RefusalKept {
        /// The login that it was refused at.
        exchange: ExchangeId,
        /// How it is remembered, where that could be computed.
        refused: Option<RefusedPassword>,
    },
}

/// How an exchange ended.
#[derive(Debug)]
pub enum End {
    /// A new pair.
    Granted {
        /// It.
        grant: Grant,
        /// When the request was sent.
        sent_at: Moment,
    },
    /// Another host had renewed the file.
    Superseded(Pair),
    /// It failed.
    Failed(ApiError),
    /// The profile's own session needs a person, so that of a sink logs in nowhere.
    Barred,
}

/// What became of a save.
#[derive(Debug)]
pub enum Saved {
    /// The file holds the pair.
    InFile,
    /// There is no file to hold it.
    NoFile,
    /// Somebody else has put another pair there meanwhile.
    Overtaken(Looked),
}

/// What was found where the token file should be.
#[derive(Debug)]
pub enum Looked {
    /// A pair.
    Pair {
        /// It.
        pair: Pair,
        /// When the file last changed, in seconds since 1970.
        modified_unix_s: i64,
        /// Others may read the file: its mode.
        lax_mode: Option<u32>,
    },
    /// A tool's pair in a sink.
    InSink(Pair),
    /// No file, or none configured.
    Nothing,
    /// Something else.
    Problem(Note),
}

/// What became of the token file at a logout.
#[derive(Debug)]
pub struct Removed {
    /// What was done.
    pub(super) notes: Vec<String>,
    /// The file that could not be deleted, and why.
    pub(super) left: Option<(PathBuf, String)>,
    /// That the logout could not be written down was tried once more.
    pub(super) is_last_word: bool,
    /// Who wants to hear of it.
    pub(super) reply: DoneReply,
}
