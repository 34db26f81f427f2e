//! [`PeerCertificate`]: what a server showed in the TLS handshake, for people to judge.

use crate::Fingerprint;

/// The certificate a server showed, and what the settings make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// SHA-256 of the certificate's DER.
    pub fingerprint: Fingerprint,
    /// Whose it says it is, without control characters.
    pub subject: String,
    /// Who signed it, without control characters.
    pub issuer: String,
    /// The host names and addresses it is for.
    pub names: Vec<String>,
    /// Start of validity, seconds since 1970.
    pub not_before_unix_s: i64,
    /// End of validity, seconds since 1970.
    pub not_after_unix_s: i64,
    /// The certificate itself.
    pub der: Vec<u8>,
    /// What the settings make of it.
    pub verdict: Verdict,
}

/// What the settings make of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Calls would go through.
    Trusted,
    /// Nobody known vouches for it, or its name or dates are wrong.
    Unknown {
        /// In plain words.
        reason: String,
    },
    /// Another certificate is pinned.
    PinMismatch {
        /// The pinned one.
        expected: Fingerprint,
    },
}
