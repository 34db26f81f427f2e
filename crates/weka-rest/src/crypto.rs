//! The one crypto provider that TLS works with; the crate's documentation says why it is this one.

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// The one crypto provider of this project. Always passed explicitly: rustls' process-wide default
/// panics as soon as two are linked.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
