//! Requests and responses.
//!
//! Appending a variant at the end of an enum is the only change that keeps old clients and old daemons
//! talking to new ones.

use crate::account::{ChangePassword, LongLived, ProfileEdit, ProfileEntry};
use crate::filesystem::Filesystems;
use crate::finding::Finding;
use crate::refusal::Refusal;
use crate::status::{State, Status};
use secret::{AccessToken, MountToken, Password, RefreshToken};
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

/// A pair that is given to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The access token, where there is one.
    pub access_token: Option<AccessToken>,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// The word before the access token in an `Authorization` header, `Bearer`.
    pub token_type: String,
}

/// How a cluster's certificate is to be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// As the profile says, or by the system's roots.
    AsConfigured,
    /// By this PEM file (absolute path), besides the system's roots.
    CaFile(String),
    /// By this fingerprint alone: `sha256:HEX` of the certificate's DER.
    Fingerprint(String),
}

/// A profile and the cluster it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Which profile; `None` is the default one.
    pub profile: Option<String>,
    /// Endpoints as typed; empty means the profile's.
    pub endpoints: Vec<String>,
    /// The trust to apply.
    pub trust: Trust,
}

/// Whether `login` sets a token file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenFileChoice {
    /// Leave the profile's setting alone.
    AsConfigured,
    /// The usual place, `~/.weka/auth-token.json` of the daemon's user.
    Usual,
    /// This absolute path.
    Path(String),
}

/// A person's login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Profile, endpoints and trust.
    pub target: Target,
    /// Organisation (tenant) name; `None` means the profile's, or `Root`.
    pub org: Option<String>,
    /// WEKA user name.
    pub username: String,
    /// The password: sent once, then wiped.
    pub password: Password,
    /// Whether to keep a token file from now on.
    pub token_file: TokenFileChoice,
    /// Whether to save the profile to the configuration.
    pub save: bool,
    /// How long the caller is willing to wait, in milliseconds.
    pub timeout_ms: u32,
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

/// What another HTTP client needs to talk to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The access token; its endpoint is the one that has just answered.
    pub token: Token,
    /// All endpoints of the profile, as `https://host:port`: the only hosts that the token may go to.
    pub endpoints: Vec<String>,
    /// How to know the server.
    pub server: Server,
}

/// How to know a server, for an HTTP client that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Server {
    /// Not at all: plain http, allowed here.
    PlainHttp,
    /// By the system's roots.
    SystemRoots,
    /// By this PEM file (absolute path), besides the system's roots.
    CaFile(String),
    /// By its public key alone, which the pinned certificate has: SHA-256 of its DER, in Base64.
    PublicKey(String),
}

/// A mount token and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountGrant {
    /// The token.
    pub mount_token: MountToken,
    /// The name of the filesystem that it is for, as the cluster says it.
    pub filesystem: String,
    /// Its life in seconds, where that is known.
    pub expires_in_s: Option<u64>,
    /// What could not be verified, in sentences.
    pub notes: Vec<String>,
}

/// A pair, for whoever keeps a copy of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Names it: the same pair has the same number, also after a restart of the daemon.
    pub id: u64,
    /// The access token and what belongs to it.
    pub token: Token,
    /// The refresh token; `None` where there is none, or where the caller may have the access token only.
    pub refresh_token: Option<RefreshToken>,
}

/// An access token and what a caller may want to know with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The token.
    pub access_token: AccessToken,
    /// The word before it in an `Authorization` header, `Bearer`.
    pub token_type: String,
    /// Remaining life in whole seconds, rounded down.
    pub expires_in_s: u64,
    /// The profile it belongs to.
    pub profile: String,
    /// The endpoint in use, as `https://host:port`.
    pub endpoint: String,
    /// Organisation, where known.
    pub org: Option<String>,
    /// WEKA user name, where known.
    pub username: Option<String>,
}

/// What is known of a profile before a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSettings {
    /// Its name.
    pub name: String,
    /// Whether the daemon has such a profile already.
    pub exists: bool,
    /// Configured endpoints, as `https://host:port`; empty when none are configured.
    pub endpoints: Vec<String>,
    /// Configured organisation.
    pub org: Option<String>,
    /// Configured or last used WEKA user name.
    pub username: Option<String>,
    /// Configured trust.
    pub trust: Trust,
    /// The token file that is kept fresh, if any.
    pub token_file: Option<String>,
    /// Where `login` would save the profile; `None` where it cannot.
    pub saved_to: Option<String>,
    /// Its state.
    pub state: State,
    /// How long the longest lockout lasts still that is known of any account of this profile, in seconds. Whether it
    /// is that of a certain account says [`Request::MayLogIn`].
    pub locked_for_s: Option<u64>,
}

/// The judgement on a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is trusted as things stand.
    Trusted,
    /// It is not, for this reason; a person may decide.
    Unknown(String),
    /// It contradicts a fingerprint that was pinned or given.
    Mismatch(String),
    /// There is none: plain http, allowed here.
    PlainHttp,
}

/// A certificate as a cluster showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Who showed it, as `https://host:port`.
    pub endpoint: String,
    /// `sha256:HEX` of its DER; empty with [`Verdict::PlainHttp`].
    pub fingerprint: String,
    /// Subject, as a distinguished name.
    pub subject: String,
    /// Issuer, as a distinguished name.
    pub issuer: String,
    /// Start of validity, in seconds since 1970.
    pub not_before_unix_s: i64,
    /// End of validity, in seconds since 1970.
    pub not_after_unix_s: i64,
    /// The judgement.
    pub verdict: Verdict,
}

/// A login that worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// The profile.
    pub profile: String,
    /// The endpoint that answered, as `https://host:port`.
    pub endpoint: String,
    /// Organisation.
    pub org: String,
    /// WEKA user name.
    pub username: String,
    /// Life of the access token, in seconds.
    pub expires_in_s: u64,
    /// The configuration file the profile was saved to, if it was.
    pub saved_to: Option<String>,
    /// The token file that is kept fresh from now on, if any.
    pub token_file: Option<String>,
    /// The cluster wants this password changed.
    pub password_change_required: bool,
    /// Anything else a person should know, in sentences.
    pub notes: Vec<String>,
}

/// The cluster's answer to `GET /users/whoami` (WEKA 5.1 API).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whoami {
    /// The profile that was asked for.
    pub profile: String,
    /// The answer's `data`, as one line of compact JSON.
    pub data_json: String,
    /// `username`.
    pub username: Option<String>,
    /// `org_name`.
    pub org: Option<String>,
    /// `role`.
    pub role: Option<String>,
    /// `source`: Internal, LDAP, OIDC.
    pub source: Option<String>,
}
