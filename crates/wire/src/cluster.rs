//! A cluster: where it is, and how to know that it is the right one.

use crate::token::Token;
use serde::{Deserialize, Serialize};

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
