//! [`Client`]: the calls.

use crate::{ApiError, Endpoint, Grant, Identity, PeerCertificate, Settings};
use secret::{AccessToken, Password, RefreshToken};
use std::sync::Arc;

/// Makes single exchanges with a cluster: no retries, no pooled connections, no proxy from the
/// environment. Cheap to make and to clone; certificates are read at each call.
#[derive(Debug, Clone)]
pub struct Client {
    settings: Arc<Settings>,
}

impl Client {
    /// A client for these settings. Reads and connects nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Logs in (WEKA 5.1 API: `POST /login`).
    ///
    /// # Errors
    /// See [`ApiError`]; the password goes out at most once.
    pub async fn login(
        &self,
        at: &Endpoint,
        org: &str,
        username: &str,
        password: &Password,
    ) -> Result<Grant, ApiError> {
        let _unused = (org, username, password);
        Err(unfinished(at))
    }

    /// Renews a pair (WEKA 5.1 API: `POST /login/refresh`).
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn refresh(&self, at: &Endpoint, token: &RefreshToken) -> Result<Grant, ApiError> {
        let _unused = token;
        Err(unfinished(at))
    }

    /// Renews a pair and asks for an access token that lives this many seconds
    /// (WEKA 5.1 API: `POST /login/refresh` with `access_token_expiry`).
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn refresh_with_expiry(
        &self,
        at: &Endpoint,
        token: &RefreshToken,
        access_token_expiry_s: u64,
    ) -> Result<Grant, ApiError> {
        let _unused = (token, access_token_expiry_s);
        Err(unfinished(at))
    }

    /// Whose token it is (WEKA 5.1 API: `GET /users/whoami`).
    ///
    /// # Errors
    /// See [`ApiError`]; a Regular user gets [`ApiError::Forbidden`].
    pub async fn whoami(&self, at: &Endpoint, token: &AccessToken) -> Result<Identity, ApiError> {
        let _unused = token;
        Err(unfinished(at))
    }

    /// Ends all sessions of a user (WEKA 5.1 API: `DELETE /users/{uid}/revoke`).
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn revoke_user(&self, at: &Endpoint, token: &AccessToken, uid: &str) -> Result<(), ApiError> {
        let _unused = (token, uid);
        Err(unfinished(at))
    }

    /// Looks at the server's certificate: a TLS handshake and nothing else, so no HTTP and no secret.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`] or [`ApiError::Misconfigured`]; a certificate that is not trusted is
    /// no error here but a [`Verdict`](crate::Verdict).
    pub async fn probe(&self, at: &Endpoint) -> Result<PeerCertificate, ApiError> {
        Err(unfinished(at))
    }
}

fn unfinished(at: &Endpoint) -> ApiError {
    ApiError::Misconfigured { reason: format!("{at}: the exchange is not built in yet") }
}
