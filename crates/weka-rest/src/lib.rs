//! The WEKA REST client: one HTTP exchange per call, typed errors, no retry policy, TLS trust and pinning.
#![forbid(unsafe_code)]

mod certificate;
mod client;
mod endpoint;
mod error;
mod exchange;
mod fingerprint;
mod grant;
pub mod jwt;
mod probe;
mod redirect;
mod refusal;
mod reply;
mod resolve;
mod roots;
mod settings;
mod tls;
mod wait;
mod words;

pub use certificate::{PeerCertificate, Verdict};
pub use client::Client;
pub use endpoint::{DEFAULT_PORT, Endpoint, EndpointError};
pub use error::ApiError;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use grant::{Grant, Identity};
pub use settings::{Settings, Trust};
