//! [`PeerCertificate`]: what a server showed in the TLS handshake, for people to judge.

use crate::Fingerprint;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, Error};
use std::net::IpAddr;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

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

impl PeerCertificate {
    /// SHA-256 of the DER of its public key, in Base64, as curl and HPKP (RFC 7469) pin keys; `None` where the
    /// certificate cannot be read.
    #[must_use]
    pub fn public_key_pin(&self) -> Option<String> {
        let (_, parsed) = parse_x509_certificate(&self.der).ok()?;
        let digest = ring::digest::digest(&ring::digest::SHA256, parsed.public_key().raw);
        Some(data_encoding::BASE64.encode(digest.as_ref()))
    }
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

/// Reads the certificate; what cannot be read is left empty rather than being an error, since the
/// fingerprint alone is enough to decide on.
pub(crate) fn describe(der: &[u8], verdict: Verdict) -> PeerCertificate {
    let mut described = PeerCertificate {
        fingerprint: Fingerprint::of(der),
        subject: String::new(),
        issuer: String::new(),
        names: Vec::new(),
        not_before_unix_s: 0,
        not_after_unix_s: 0,
        der: der.to_vec(),
        verdict,
    };
    if let Ok((_, parsed)) = parse_x509_certificate(der) {
        described.subject = visible(&parsed.subject().to_string());
        described.issuer = visible(&parsed.issuer().to_string());
        described.names = names(&parsed);
        described.not_before_unix_s = parsed.validity().not_before.timestamp();
        described.not_after_unix_s = parsed.validity().not_after.timestamp();
    }
    described
}

/// DNS names and IP addresses of the subject alternative names.
fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(visible(name)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
            _ => None,
        },
        _ => None,
    });
    names.take(MAX_NAMES).collect()
}

/// More names than this help nobody who has to judge a certificate.
const MAX_NAMES: usize = 64;

/// Text from a certificate, fit for a terminal.
fn visible(text: &str) -> String {
    crate::visible::visible(text, 200)
}

/// In plain words, why a certificate is not trusted.
pub(crate) fn why_refused(problem: &Error, leaf: &[u8], name: &ServerName<'_>) -> String {
    let described = describe(leaf, Verdict::Trusted);
    let Error::InvalidCertificate(problem) = problem else {
        return "its certificate cannot be verified".into();
    };
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate expired on {}", day(described.not_after_unix_s))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("its certificate is valid only from {} on", day(described.not_before_unix_s))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let name = name.to_str();
            if described.names.is_empty() {
                format!(
                    "its certificate names no host (no subject alternative name), so it is not valid for {name}"
                )
            } else {
                format!("its certificate is for {}, not for {name}", described.names.join(", "))
            }
        }
        // Also where some authority happens to have the same name (`BadSignature`), or where webpki
        // minds first that it is marked CA:TRUE (`Other`).
        CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_)
            if described.subject == described.issuer =>
        {
            "its self-signed certificate is not known here".into()
        }
        CertificateError::UnknownIssuer => {
            format!("its certificate is signed by {}, which is not trusted here", described.issuer)
        }
        CertificateError::Revoked => "its certificate is revoked".into(),
        CertificateError::BadSignature => "a signature in its certificate chain is wrong".into(),
        CertificateError::BadEncoding => "its certificate cannot be read".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not meant for servers".into()
        }
        other => format!("its certificate cannot be verified: {}", visible(&other.to_string())),
    }
}

/// `2031-05-17`, in UTC.
fn day(unix_s: i64) -> String {
    let date = ASN1Time::from_timestamp(unix_s).map(|time| time.to_datetime().date().to_string());
    date.unwrap_or_else(|_| format!("second {unix_s} of the epoch"))
}
