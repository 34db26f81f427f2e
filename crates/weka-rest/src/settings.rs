//! [`Settings`]: what a [`Client`](crate::Client) needs to know about one cluster.

use crate::{Endpoint, Fingerprint};
use std::path::PathBuf;
use std::time::Duration;

/// Whom to believe to be the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Certificates that the system's roots vouch for.
    SystemRoots,
    /// The system's roots, and besides them what is in this PEM file: authorities, and servers' own
    /// self-signed certificates (also such as are marked CA:TRUE, as `openssl req -x509` does).
    CaFile(PathBuf),
    /// Exactly this certificate, whatever its name, dates and issuer.
    Fingerprint(Fingerprint),
}

/// What a [`Client`](crate::Client) needs to know about one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The configured hosts: the only ones that a redirect may lead to.
    pub endpoints: Vec<Endpoint>,
    /// Whom to believe to be the cluster.
    pub trust: Trust,
    /// For name lookup, TCP and TLS together, at each attempt.
    pub connect_timeout: Duration,
    /// For a whole call: connecting, redirects, and the last byte of the answer.
    pub request_timeout: Duration,
    /// Plain http also to hosts other than loopback.
    pub allow_http: bool,
}
