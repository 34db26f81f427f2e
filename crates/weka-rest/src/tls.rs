//! The TLS side: a verifier that remembers what it saw and why it refused.

use crate::certificate::{self, Verdict};
use crate::crypto;
use crate::roots::Anchors;
use crate::{Fingerprint, PeerCertificate};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};

/// What the verifier saw in the latest handshake.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Option<Sight>>>);

#[derive(Debug, Clone)]
struct Sight {
    leaf: CertificateDer<'static>,
    verdict: Verdict,
    /// Refused for want of a chain, so more authorities could change the verdict.
    no_chain: bool,
}

impl Seen {
    /// The server's certificate, if it got as far as showing one.
    pub(crate) fn certificate(&self) -> Option<PeerCertificate> {
        let sight = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some(certificate::describe(&sight.leaf, sight.verdict))
    }

    /// Whether the latest certificate was refused and more authorities could change that.
    pub(crate) fn lacks_chain(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|sight| sight.no_chain)
    }

    /// Why the latest certificate was refused, if it was.
    pub(crate) fn refusal(&self) -> Option<String> {
        let certificate = self.certificate()?;
        let found = certificate.fingerprint;
        match certificate.verdict {
            Verdict::Trusted => None,
            Verdict::Unknown { reason } => {
                Some(format!("{reason} (certificate {found}, subject {})", certificate.subject))
            }
            Verdict::PinMismatch { expected } => {
                Some(format!("its certificate is {found}, but {expected} is pinned"))
            }
        }
    }

    fn record(&self, sight: Sight) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sight);
    }
}

/// Whether a handshake with a certificate that is not trusted goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Something will be sent: only with a trusted certificate.
    Talk,
    /// Only to look at the certificate: any, as long as the server holds its key.
    Look,
}

/// A TLS configuration for one exchange: no resumption, no early data, HTTP/1.1 only.
pub(crate) fn config(anchors: Anchors, purpose: Purpose, seen: &Seen) -> Result<ClientConfig, Error> {
    let provider = crypto::provider();
    let verifier = Verifier { anchors, purpose, provider: Arc::clone(&provider), seen: seen.clone() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[derive(Debug)]
struct Verifier {
    anchors: Anchors,
    purpose: Purpose,
    provider: Arc<CryptoProvider>,
    seen: Seen,
}

impl Verifier {
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Sight {
        let sight = |verdict, no_chain| Sight { leaf: leaf.clone().into_owned(), verdict, no_chain };
        let (chains, exact) = match &self.anchors {
            Anchors::Pin(expected) if Fingerprint::of(leaf) == *expected => {
                return sight(Verdict::Trusted, false);
            }
            Anchors::Pin(expected) => return sight(Verdict::PinMismatch { expected: *expected }, false),
            Anchors::Roots { chains, exact } => (chains, exact),
        };
        // rustls-webpki refuses a server certificate that is marked CA:TRUE (`CaUsedAsEndEntity`), which
        // is what `openssl req -x509` makes. One that a person put into the file needs no chain.
        let alone = exact.iter().any(|known| known.as_ref() == leaf.as_ref());
        let result = if alone {
            verify_alone(leaf, name, now)
        } else {
            verify_chain(chains.as_deref(), leaf, intermediates, name, ocsp, now)
        };
        match result {
            Ok(()) => sight(Verdict::Trusted, false),
            Err(problem) => {
                let reason = certificate::why_refused(&problem, leaf, name);
                sight(Verdict::Unknown { reason }, !alone)
            }
        }
    }
}

/// Name and dates of a certificate that is trusted as it stands.
fn verify_alone(leaf: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < parsed.validity().not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > parsed.validity().not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)
}

fn verify_chain(
    chains: Option<&WebPkiServerVerifier>,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    ocsp: &[u8],
    now: UnixTime,
) -> Result<(), Error> {
    let chains = chains.ok_or(CertificateError::UnknownIssuer)?;
    chains.verify_server_cert(leaf, intermediates, name, ocsp, now).map(drop)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let sight = self.judge(end_entity, intermediates, server_name, ocsp_response, now);
        let go_on = sight.verdict == Verdict::Trusted || self.purpose == Purpose::Look;
        self.seen.record(sight);
        if go_on {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        if ParsedCertificate::try_from(cert).is_ok() {
            return verify_tls13_signature(message, cert, dss, algorithms);
        }
        // `openssl x509 -req` without an extension file makes version 1 certificates, which webpki does
        // not read. A pin needs only the key.
        let (_, parsed) =
            x509_parser::parse_x509_certificate(cert).map_err(|_| CertificateError::BadEncoding)?;
        let key = SubjectPublicKeyInfoDer::from(parsed.public_key().raw);
        verify_tls13_signature_with_raw_key(message, &key, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
