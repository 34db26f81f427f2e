//! [`Grant`] and [`Identity`]: what the cluster answers.

use secret::{AccessToken, RefreshToken};

/// A pair of tokens, as `POST /login` and `POST /login/refresh` answer it.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The new access token.
    pub access_token: AccessToken,
    /// The new refresh token. A login always has one; a refresh that answers without one leaves the
    /// old one in use.
    pub refresh_token: Option<RefreshToken>,
    /// `Bearer`, in the server's spelling.
    pub token_type: String,
    /// Life of the access token in seconds, from the moment of the request; `None` where the answer
    /// says nothing usable (absent, zero, negative). At most ten years.
    pub expires_in_s: Option<u64>,
    /// The cluster wants a new password; the tokens are good all the same.
    pub password_change_required: bool,
}

/// Who the token belongs to, as `GET /users/whoami` answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// All of it, untouched.
    pub data: serde_json::Value,
    /// The user's name.
    pub username: Option<String>,
    /// The user's id, an opaque text.
    pub uid: Option<String>,
    /// The organization's (tenant's) name.
    pub org_name: Option<String>,
    /// `ClusterAdmin`, `TenantAdmin`, `OrgAdmin`, `ReadOnly`, `Regular`, ...
    pub role: Option<String>,
    /// Where the user is kept: `Internal`, LDAP, OIDC.
    pub source: Option<String>,
}
