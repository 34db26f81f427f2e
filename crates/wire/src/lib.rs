#![forbid(unsafe_code)]
//! What the daemon and its clients say to each other over a Unix stream socket.
//!
//! - [`message`]: [`Request`] and [`Response`], append-only enums.
//! - [`account`]: long-lived tokens, passwords, and the list of profiles.
//! - [`status`]: what `status` shows of the daemon and of each profile.
//! - [`filesystem`]: what `filesystems` shows.
//! - [`refusal`]: why a request was not served, and the exit status that follows.
//! - [`finding`]: what `doctor` finds.
//! - [`frame`]: version byte, `u32` length, body; the only place that knows bincode.
//! - [`blocking`]: one frame at a time over `std::io`.
//!
//! One request, one response, any number per connection, in order. Variants are appended and never
//! reordered, and the fields of a shipped variant never change: `tests/golden/` holds the bytes.

pub mod account;
pub mod blocking;
pub mod filesystem;
pub mod finding;
pub mod frame;
pub mod message;
pub mod refusal;
pub mod status;

pub use account::{ChangePassword, LongLived, ProfileEdit, ProfileEntry};
pub use filesystem::{Filesystem, Filesystems};
pub use finding::{Finding, Level};
pub use frame::{FrameError, HEADER_LEN, MAX_BODY, VERSION};
pub use message::{
    Certificate, LoggedIn, Login, MountGrant, Offer, Pair, ProfileSettings, Reached, Request, Response,
    Server, Target, Token, TokenFileChoice, Trust, Verdict, Whoami,
};
pub use refusal::{Code, Refusal};
pub use status::{DaemonStatus, ProfileStatus, State, Status};
