//! TLS: the certificate, its fingerprint, and other certificates on demand.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::client::{Reply, Sim, connect, exchange, request, sim, sim_with, text};

/// Takes any certificate, as a client that pins checks it afterwards.
#[derive(Debug)]
struct TakeAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakeAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn handshake(sim: &Sim, version: &'static rustls::SupportedProtocolVersion) -> std::io::Result<Stream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TakeAny(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = connect(&sim.address())?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(connection, socket))
}

fn presented(stream: &Stream) -> Vec<u8> {
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn fingerprint(der: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(digest(&SHA256, der).as_ref()))
}

fn call(stream: &mut Stream, path: &str) -> std::io::Result<Reply> {
    exchange(stream, &request("GET", path, &[], b""))
}

fn tls_sim() -> Sim {
    sim_with(|options| options.tls = true)
}

#[test]
fn both_versions_work_and_the_fingerprint_is_that_of_the_certificate() {
    let sim = tls_sim();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut stream = handshake(&sim, version).unwrap();
        assert_eq!(call(&mut stream, "/api/v2/healthcheck").unwrap().text(), "\"ok\"");
        assert_eq!(fingerprint(&presented(&stream)), sim.fingerprint());
    }
    let from_pem = CertificateDer::from_pem_slice(sim.pem().as_bytes()).unwrap();
    assert_eq!(fingerprint(&from_pem), sim.fingerprint());
    assert!(sim.url(0).starts_with("https://127.0.0.1:"));
}

#[test]
fn the_certificate_is_self_signed_ca_true_with_the_local_names() {
    let sim = tls_sim();
    let der = presented(&handshake(&sim, &rustls::version::TLS13).unwrap());
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    assert_eq!(certificate.issuer(), certificate.subject());
    assert!(certificate.basic_constraints().unwrap().unwrap().value.ca);
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    for wanted in [GeneralName::DNSName("localhost"), GeneralName::IPAddress(&[127, 0, 0, 1])] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    assert!(names.iter().any(|name| matches!(name, GeneralName::IPAddress(ip) if ip.len() == 16)));
    assert!(certificate.validity().is_valid());
}

#[test]
fn another_certificate_is_presented_from_then_on() {
    let sim = tls_sim();
    let first = sim.fingerprint();
    let wish = json!({"names": ["elsewhere.example"], "from_days": -10, "to_days": -2, "issued_by_ca": true});
    let replaced = sim.control("POST", "/_sim/certificate", wish);
    let der = presented(&handshake(&sim, &rustls::version::TLS13).unwrap());
    assert_eq!(fingerprint(&der), text(&replaced["fingerprint"]));
    assert_ne!(fingerprint(&der), first);
    assert!(text(&replaced["ca_pem"]).contains("BEGIN CERTIFICATE"));
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    assert!(!certificate.validity().is_valid(), "it has expired, as wished");
    assert!(!certificate.is_ca());
    assert_ne!(certificate.issuer(), certificate.subject());
    assert_eq!(sim.control("GET", "/_sim/status", Value::Null)["fingerprint"], replaced["fingerprint"]);
    assert_eq!(sim.try_control("POST", "/_sim/certificate", json!({"nam": []})).status, 400);
}

#[test]
fn plain_http_on_the_tls_port_gets_nginx_s_answer() {
    let sim = tls_sim();
    let mut stream = connect(&sim.address()).unwrap();
    let reply = exchange(&mut stream, &request("GET", "/api/v2/healthcheck", &[], b"")).unwrap();
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("plain HTTP request was sent to HTTPS port"));
    assert_eq!(sim.counters()["handshakes_failed"], 1);
    assert_eq!(sim.counters()["requests"], 0);
}

#[test]
fn faults_below_http_work_under_tls_too() {
    let sim = tls_sim();
    sim.fault(json!({"kind": "reset", "count": 1, "at": "connect"}));
    assert!(handshake(&sim, &rustls::version::TLS13).is_err());
    for (kind, outcome) in [("reset", "reset"), ("close", "closed")] {
        sim.fault(json!({"kind": kind, "count": 1}));
        let mut stream = handshake(&sim, &rustls::version::TLS13).unwrap();
        assert!(call(&mut stream, "/api/v2/healthcheck").is_err(), "{kind}");
        assert_eq!(sim.log("complete=true").last().unwrap()["outcome"], outcome);
    }
    sim.fault(json!({"kind": "not-http", "count": 1}));
    let mut stream = handshake(&sim, &rustls::version::TLS13).unwrap();
    stream.write_all(&request("GET", "/api/v2/healthcheck", &[], b"")).unwrap();
    let mut received = [0; 3];
    stream.read_exact(&mut received).unwrap();
    assert_ne!(&received, b"HTT");
}

#[test]
fn without_tls_there_is_no_certificate() {
    let sim = sim();
    assert_eq!(sim.try_control("GET", "/_sim/certificate", Value::Null).status, 400);
    assert_eq!(sim.control("GET", "/_sim/status", Value::Null)["fingerprint"], Value::Null);
}
