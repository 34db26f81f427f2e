//! The cluster's certificate: self-signed and CA:TRUE, as WEKA's own (and `openssl req -x509`) is.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use data_encoding::HEXLOWER;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};
use ring::digest::{SHA256, digest};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::Deserialize;

use crate::options::StartError;

/// How a certificate is to be. Days count from today, real time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wish {
    pub(crate) names: Vec<String>,
    pub(crate) from_days: i64,
    pub(crate) to_days: i64,
    /// Signed by a CA of its own instead of by itself.
    pub(crate) issued_by_ca: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self { names: own_names(), from_days: -1, to_days: 3_650, issued_by_ca: false }
    }
}

/// `localhost`, the loopback addresses, and the machine's own name.
fn own_names() -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let is_name =
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if is_name && host.parse::<IpAddr>().is_err() && !names.contains(&host) {
        names.push(host);
    }
    names
}

/// A certificate and what clients need to trust it.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    key: Arc<CertifiedKey>,
    /// `sha256:` and the SHA-256 of the certificate's DER in lower-case hex.
    pub(crate) fingerprint: String,
    pub(crate) pem: String,
    /// Present where a CA has signed it.
    pub(crate) ca_pem: Option<String>,
}

fn refused(error: impl std::fmt::Display) -> StartError {
    StartError::Certificate(error.to_string())
}

fn day(from_today: i64) -> Result<(i32, u8, u8), StartError> {
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let span = jiff::Span::new().try_days(from_today).map_err(refused)?;
    let date = today.checked_add(span).map_err(refused)?;
    let (month, day) = (u8::try_from(date.month()), u8::try_from(date.day()));
    Ok((i32::from(date.year()), month.map_err(refused)?, day.map_err(refused)?))
}

fn params(names: Vec<String>, common_name: &str, wish: &Wish) -> Result<CertificateParams, StartError> {
    let mut params = CertificateParams::new(names).map_err(refused)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Simulated WEKA cluster");
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    params.use_authority_key_identifier_extension = true;
    let ((y1, m1, d1), (y2, m2, d2)) = (day(wish.from_days)?, day(wish.to_days)?);
    params.not_before = date_time_ymd(y1, m1, d1);
    params.not_after = date_time_ymd(y2, m2, d2);
    Ok(params)
}

impl Certificate {
    fn new(wish: &Wish, provider: &CryptoProvider) -> Result<Self, StartError> {
        let key = KeyPair::generate().map_err(refused)?;
        let common_name = wish.names.first().map_or("localhost", String::as_str).to_owned();
        let mut params = params(wish.names.clone(), &common_name, wish)?;
        let (certificate, ca_pem) = if wish.issued_by_ca {
            let ca_key = KeyPair::generate().map_err(refused)?;
            let mut ca_params = self::params(Vec::new(), "Simulated CA", wish)?;
            ca_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let ca = ca_params.self_signed(&ca_key).map_err(refused)?;
            let issuer = Issuer::new(ca_params, ca_key);
            (params.signed_by(&key, &issuer).map_err(refused)?, Some(ca.pem()))
        } else {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            (params.self_signed(&key).map_err(refused)?, None)
        };
        let der = certificate.der().clone();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing_key = provider.key_provider.load_private_key(private).map_err(refused)?;
        Ok(Self {
            fingerprint: format!("sha256:{}", HEXLOWER.encode(digest(&SHA256, &der).as_ref())),
            pem: certificate.pem(),
            ca_pem,
            key: Arc::new(CertifiedKey::new(vec![der], signing_key)),
        })
    }
}

/// The certificate in use; new connections get a new one at once.
#[derive(Debug)]
pub(crate) struct Identity {
    provider: Arc<CryptoProvider>,
    current: RwLock<Certificate>,
}

impl Identity {
    pub(crate) fn new() -> Result<Arc<Self>, StartError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = RwLock::new(Certificate::new(&Wish::default(), &provider)?);
        Ok(Arc::new(Self { provider, current }))
    }

    pub(crate) fn certificate(&self) -> Certificate {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes another certificate and presents it from now on.
    pub(crate) fn replace(&self, wish: &Wish) -> Result<Certificate, StartError> {
        let certificate = Certificate::new(wish, &self.provider)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = certificate.clone();
        Ok(certificate)
    }

    /// TLS 1.2 and 1.3, HTTP/1.1 only.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<ServerConfig, StartError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session would not show a certificate that was replaced meanwhile.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certificate().key)
    }
}
