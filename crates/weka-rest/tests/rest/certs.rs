//! Certificates made for one test.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use weka_rest::{Fingerprint, Trust};

pub(crate) struct Cert {
    pub(crate) der: Vec<u8>,
    pub(crate) key: KeyPair,
    params: CertificateParams,
}

/// How a certificate differs from a good one for `localhost`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flaws {
    pub(crate) other_name: bool,
    pub(crate) expired: bool,
    pub(crate) not_yet: bool,
    pub(crate) no_names: bool,
    /// CA:TRUE, as `openssl req -x509` marks it.
    pub(crate) authority: bool,
}

fn params(flaws: Flaws, common_name: &str) -> CertificateParams {
    let name = if flaws.other_name { "elsewhere.example" } else { "localhost" };
    let names = if flaws.no_names { vec![] } else { vec![name.to_owned()] };
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    if flaws.authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2080, 1, 1);
    if flaws.expired {
        params.not_after = date_time_ymd(2021, 3, 4);
    }
    if flaws.not_yet {
        params.not_before = date_time_ymd(2077, 5, 6);
    }
    params
}

impl Cert {
    pub(crate) fn self_signed(flaws: Flaws) -> Self {
        let params = params(flaws, "weka test");
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, key, params }
    }

    /// An authority.
    pub(crate) fn authority(name: &str) -> Self {
        let mut params = params(Flaws { authority: true, no_names: true, ..Flaws::default() }, name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, key, params }
    }

    /// A server certificate signed by this authority.
    pub(crate) fn issue(&self, flaws: Flaws) -> Self {
        let mut params = params(flaws, "weka server");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let der = params.signed_by(&key, &issuer).unwrap().der().to_vec();
        Self { der, key, params }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    /// As DER.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        rcgen::PublicKeyData::subject_public_key_info(&self.key)
    }

    pub(crate) fn pem(&self) -> String {
        let text = data_encoding::BASE64_MIME.encode(&self.der);
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            text.replace('\r', "").trim_end()
        )
    }

    pub(crate) fn server_config(&self) -> ServerConfig {
        self.server_config_for(rustls::ALL_VERSIONS)
    }

    pub(crate) fn server_config_for(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        server_config(&self.der, &self.key.serialize_der(), versions)
    }
}

/// A server that shows one certificate and signs with a key that need not be the certificate's.
pub(crate) fn server_config(
    der: &[u8],
    key: &[u8],
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = provider.key_provider.load_private_key(PrivateKeyDer::try_from(key.to_vec()).unwrap()).unwrap();
    let shown = CertifiedKey::new(vec![CertificateDer::from(der.to_vec())], key);
    let resolver: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(shown));
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver)
}

/// A CA file that goes away with the test.
pub(crate) struct CaFile {
    folder: tempfile::TempDir,
}

impl CaFile {
    pub(crate) fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut file = std::fs::File::create(folder.path().join("ca.pem")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::CaFile(self.path())
    }
}
