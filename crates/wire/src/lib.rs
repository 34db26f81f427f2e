#![forbid(unsafe_code)]
//! What the daemon and its clients say to each other over a Unix stream socket.
//!
//! - [`message`]: [`Request`] and [`Response`], append-only enums.
//! - [`token`]: access, refresh and mount tokens, with what belongs to each.
//! - [`login`]: what a login needs, and what comes of it.
//! - [`account`]: another password, and who the cluster says we are.
//! - [`cluster`]: where a cluster is, and how to know that it is the right one.
//! - [`profile`]: which profiles there are, and what is known of each.
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
pub mod cluster;
pub mod filesystem;
pub mod finding;
pub mod frame;
pub mod login;
pub mod message;
pub mod profile;
pub mod refusal;
pub mod status;
pub mod token;

pub use account::{ChangePassword, Whoami};
pub use cluster::{Certificate, Reached, Server, Target, Trust, Verdict};
pub use filesystem::{Filesystem, Filesystems};
pub use finding::{Finding, Level};
pub use frame::{FrameError, HEADER_LEN, MAX_BODY, VERSION};
pub use login::{LoggedIn, Login, TokenFileChoice};
pub use message::{Request, Response};
pub use profile::{ProfileEdit, ProfileEntry, ProfileSettings};
pub use refusal::{Code, Refusal};
pub use status::{DaemonStatus, ProfileStatus, State, Status};
pub use token::{LongLived, MountGrant, Offer, Pair, Token};
