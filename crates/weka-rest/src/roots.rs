//! [`Anchors`]: what [`Trust`] comes to once files are read.

use crate::{ApiError, Fingerprint, Trust};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// No bundle of authorities is near this long; a device or a log file named by mistake is cut off here.
const MAX_CA_FILE: u64 = 8 * 1024 * 1024;

/// What a certificate is measured against.
#[derive(Debug)]
pub(crate) enum Anchors {
    /// Exactly this one.
    Pin(Fingerprint),
    /// A chain to an authority, or one of these certificates themselves.
    Roots {
        /// `None` where there is not a single authority to verify against.
        chains: Option<Arc<WebPkiServerVerifier>>,
        /// Certificates of `ca_file`, good as a server's own.
        exact: Vec<CertificateDer<'static>>,
    },
}

impl Trust {
    /// Reads what has to be read and says whether it can be used. Blocks on files.
    ///
    /// # Errors
    /// [`ApiError::Misconfigured`], naming the file, where `ca_file` cannot be read or holds no
    /// certificate.
    pub fn check(&self) -> Result<(), ApiError> {
        Anchors::load(self, &crate::tls::provider()).map(drop)
    }
}

impl Anchors {
    /// Reads the system's roots and `ca_file`. Blocks on files.
    pub(crate) fn load(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Self, ApiError> {
        let exact = match trust {
            Trust::Fingerprint(pin) => return Ok(Self::Pin(*pin)),
            Trust::SystemRoots => Vec::new(),
            Trust::CaFile(path) => read_pem(path)?,
        };
        let mut store = RootCertStore::empty();
        // Roots that cannot be read are as good as absent: a server they would vouch for is then
        // reported as untrusted, and one in `ca_file` works all the same.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        store.add_parsable_certificates(exact.iter().cloned());
        let chains = if store.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
            Some(builder.build().map_err(|problem| ApiError::Misconfigured {
                reason: format!("the trusted roots cannot be used: {problem}"),
            })?)
        };
        Ok(Self::Roots { chains, exact })
    }
}

/// All certificates of a PEM file; other kinds of PEM sections are skipped.
fn read_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, ApiError> {
    let misconfigured = |problem: String| ApiError::Misconfigured {
        reason: format!("the CA file {} cannot be used: {problem}", path.display()),
    };
    let mut text = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_CA_FILE + 1).read_to_end(&mut text))
        .map_err(|problem| misconfigured(problem.to_string()))?;
    if text.len() as u64 > MAX_CA_FILE {
        return Err(misconfigured("it is longer than 8 MiB".into()));
    }
    let mut certificates = Vec::new();
    for section in CertificateDer::pem_slice_iter(&text) {
        let number = certificates.len() + 1;
        // The parser's own words could quote the file.
        let der = section
            .map_err(|_| misconfigured(format!("its certificate number {number} is not valid PEM")))?;
        if x509_parser::parse_x509_certificate(&der).is_err() {
            return Err(misconfigured(format!(
                "its certificate number {number} is not an X.509 certificate"
            )));
        }
        certificates.push(der);
    }
    if certificates.is_empty() {
        return Err(misconfigured(
            "it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)".into(),
        ));
    }
    Ok(certificates)
}
