//! The WEKA REST client: one HTTP exchange per call, typed errors, no retry policy, TLS trust and pinning.
//!
//! [`Client`] makes the calls, to one [`Endpoint`] at a time; who retries, waits or goes on to the next
//! endpoint decides by [`ApiError`]. Nothing is pooled or remembered between calls but the system's roots.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `client`, `settings`, `error` | [`Client`] and its calls, [`Settings`] and [`Trust`], [`ApiError`] |
//! | `endpoint`, `fingerprint` | [`Endpoint`] and [`Fingerprint`], parsed from what people write |
//! | `exchange`, `redirect`, `resolve` | one HTTP exchange within its limits, where redirects may lead, name lookup |
//! | `tls`, `crypto`, `roots`, `certificate`, `probe`, `examine` | whom to believe, where that is read from, what a server showed, a look at it |
//! | `reply`, `grant`, `filesystems`, `accounts` | successful answers: [`Grant`] and [`Identity`], [`Filesystem`] and [`MountGrant`] |
//! | `refusal`, `wait`, `words`, `visible` | refusals, how long they ask to wait, and all of it in plain words |
//! | [`jwt`] | dates inside a token, as a hint |
//!
//! # Why ring
//!
//! rustls needs a crypto provider. The same small program (current-thread tokio, reqwest, system roots,
//! 20 requests over TLS 1.3 to a server on loopback, `-O3`, thin LTO, stripped) with each:
//!
//! | | ring 0.17 | aws-lc-rs 1.19 |
//! | --- | --- | --- |
//! | binary | 3.0 MiB | 5.0 MiB |
//! | memory after 20 requests: RSS (of it anonymous) | 5.1 MiB (0.87) | 6.3 MiB (1.06) |
//! | clean build: CPU time (on two shared cores) | 77 s (43 s) | 117 s (63 s) |
//!
//! So it is ring, and it is always passed explicitly: where two providers are linked, the process-wide
//! default panics. aws-lc-rs would add post-quantum key exchange, which a token that lives five minutes
//! has little need of.
//!
//! # What reqwest brings along
//!
//! Of its dependencies these do nothing here: `rustls-platform-verifier` (trust is judged in `tls`),
//! `tower-http` (redirects are followed in `exchange`), proxy support in `hyper-util`, and the ten ICU
//! crates behind `url`, for host names beyond ASCII. None can be switched off by a feature of reqwest 0.13.
#![forbid(unsafe_code)]

mod accounts;
mod certificate;
mod client;
mod crypto;
mod endpoint;
mod error;
mod examine;
mod exchange;
mod filesystems;
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
mod visible;
mod wait;
mod words;

pub use accounts::User;
pub use certificate::{PeerCertificate, Verdict};
pub use client::Client;
pub use endpoint::{DEFAULT_PORT, Endpoint, EndpointError};
pub use error::ApiError;
pub use examine::Examination;
pub use filesystems::{Filesystem, MountGrant};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use grant::{Grant, Identity};
pub use settings::{Settings, Trust};
