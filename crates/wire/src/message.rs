//! Requests and responses.
//!
//! Appending a variant at the end of an enum is the only change that keeps old clients and old daemons
//! talking to new ones.

use crate::account::{ChangePassword, Whoami};
use crate::cluster::{Certificate, Reached, Target};
use crate::filesystem::Filesystems;
use crate::finding::Finding;
use crate::login::{LoggedIn, Login};
use crate::profile::{ProfileEdit, ProfileEntry, ProfileSettings};
use crate::refusal::Refusal;
use crate::status::Status;
use crate::token::{LongLived, MountGrant, Offer, Pair, Token};
use serde::{Deserialize, Serialize};

/// What a client asks. `profile: None` means the daemon's default profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The current access token, answered by [`Response::Token`].
    Get {
        /// Which profile.
        profile: Option<String>,
        /// The least remaining life that will do, in seconds; `None` lets the daemon choose
        /// (30 s or a tenth of the life) and give way while the cluster cannot be reached.
        min_ttl_s: Option<u64>,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// The state of every profile the caller may see, answered by [`Response::Status`].
    Status {
        /// One profile only.
        profile: Option<String>,
        /// Answer only once the revision has moved past this one, or `wait_s` is over.
        after_revision: Option<u64>,
        /// The longest wait, in seconds; the daemon caps it.
        wait_s: u32,
        /// Where a long list continues: only profiles whose name sorts after this one.
        after_name: Option<String>,
    },
    /// What the daemon knows of a profile, so that `login` asks only for the rest;
    /// answered by [`Response::Profile`].
    Describe {
        /// Which profile; it need not exist.
        profile: Option<String>,
    },
    /// A TLS handshake, and nothing else, with the cluster: which certificate does it show?
    /// Answered by [`Response::Certificate`].
    Probe {
        /// The cluster and the trust to judge it by.
        target: Target,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// One `POST /login` with a person's password, answered by [`Response::LoggedIn`].
    Login(Box<Login>),
    /// Settle TLS trust for a profile, sending nothing secret; answered by [`Response::Done`].
    Trust {
        /// The profile, its endpoints and the trust that was decided.
        target: Target,
        /// Whether to save it to the configuration.
        save: bool,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// Forget the tokens of a profile, answered by [`Response::Done`].
    Logout {
        /// Which profile.
        profile: Option<String>,
        /// Whether to end all of the user's sessions at the cluster first.
        revoke: bool,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// Renew now, answered by [`Response::Refreshed`].
    Refresh {
        /// Which profile.
        profile: Option<String>,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// Who the cluster says we are, answered by [`Response::Whoami`].
    Whoami {
        /// Which profile.
        profile: Option<String>,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// The current pair, or the next one: for whoever keeps a copy of it current.
    /// Answered by [`Response::Pair`].
    Follow {
        /// Which profile.
        profile: Option<String>,
        /// The pair the caller has, by its [`Pair::id`]: answered once there is another, or `wait_s` is over.
        after: Option<u64>,
        /// The longest wait for another pair, in seconds; the daemon caps it.
        wait_s: u32,
        /// How long the caller is willing to wait after that, where no token is live, in milliseconds.
        timeout_ms: u32,
    },
    /// A pair that somebody else renewed from one of ours, to be used from now on;
    /// answered by [`Response::Done`].
    Adopt {
        /// Which profile.
        profile: Option<String>,
        /// The pair it was renewed from, by its [`Pair::id`].
        after: u64,
        /// The new pair.
        offer: Offer,
    },
    /// The filesystems that the profile's user sees, answered by [`Response::Filesystems`].
    Filesystems {
        /// Which profile.
        profile: Option<String>,
        /// Where a long list continues: only those that sort after this name and uid.
        after: Option<(String, String)>,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// A token that mounts one filesystem, answered by [`Response::MountToken`].
    MountToken {
        /// Which profile.
        profile: Option<String>,
        /// The filesystem's name, or its uid.
        filesystem: String,
        /// Whether it must not allow writing.
        read_only: bool,
        /// The longest life that it may have, in seconds; `None` leaves it to the cluster.
        expires_s: Option<u64>,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// An endpoint that answers now, the current access token, and how to know the server: all that another HTTP
    /// client needs. Answered by [`Response::Reached`].
    Reach {
        /// Which profile.
        profile: Option<String>,
        /// This endpoint of the profile and no other one.
        endpoint: Option<String>,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// A long-lived access token, for the caller alone; answered by [`Response::LongLived`].
    Generate {
        /// Which profile.
        profile: Option<String>,
        /// How long it is to live, in seconds.
        access_token_timeout_s: u64,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// End all tokens of a user at the cluster, answered by [`Response::Done`].
    Revoke {
        /// Which profile.
        profile: Option<String>,
        /// Whose; `None` means the profile's own user, whose tokens here are forgotten with it.
        username: Option<String>,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// Change the password of the profile's user, and log in with the new one; answered by
    /// [`Response::Done`].
    ChangePassword(Box<ChangePassword>),
    /// How a profile fares, down to name lookup, TLS and clocks; answered by [`Response::Findings`].
    /// Nothing secret is sent anywhere for it, and nothing is changed.
    Examine {
        /// Which profile.
        profile: Option<String>,
        /// How long the caller is willing to wait, in milliseconds.
        timeout_ms: u32,
    },
    /// Which profiles there are, answered by [`Response::Profiles`].
    Profiles {
        /// Where a long list continues: only profiles whose name sorts after this one.
        after_name: Option<String>,
    },
    /// Change which profiles there are, answered by [`Response::Done`].
    EditProfiles(ProfileEdit),
    /// Whether a password for an account may be sent now: refused with [`crate::Code::LockedOut`] while the cluster is
    /// known to have it locked, and answered by [`Response::Done`] otherwise. Nothing is sent anywhere for it.
    MayLogIn {
        /// Profile and endpoints; trust does not matter.
        target: Target,
        /// Organisation (tenant) name; `None` means the profile's, or `Root`.
        org: Option<String>,
        /// WEKA user name; `None` means the profile's.
        username: Option<String>,
    },
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// To [`Request::Get`].
    Token(Token),
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Describe`].
    Profile(ProfileSettings),
    /// To [`Request::Probe`].
    Certificate(Certificate),
    /// To [`Request::Login`].
    LoggedIn(LoggedIn),
    /// To [`Request::Trust`] and [`Request::Logout`].
    Done {
        /// What was done, in sentences for a person.
        notes: Vec<String>,
    },
    /// To [`Request::Refresh`].
    Refreshed {
        /// Which profile.
        profile: String,
        /// Remaining life of the new access token, in seconds.
        expires_in_s: u64,
    },
    /// To [`Request::Whoami`].
    Whoami(Whoami),
    /// To anything that was not done.
    Refused(Refusal),
    /// To [`Request::Follow`].
    Pair(Pair),
    /// To [`Request::Filesystems`].
    Filesystems(Filesystems),
    /// To [`Request::MountToken`].
    MountToken(MountGrant),
    /// To [`Request::Reach`].
    Reached(Reached),
    /// To [`Request::Generate`].
    LongLived(LongLived),
    /// To [`Request::Examine`].
    Findings(Vec<Finding>),
    /// To [`Request::Profiles`].
    Profiles {
        /// Some of them, in order of name.
        profiles: Vec<ProfileEntry>,
        /// Whether the list goes on: ask again with `after_name`.
        more: bool,
    },
}
