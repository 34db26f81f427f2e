//! [`Client`]: the calls.

use crate::exchange::{self, Call, Clearance, Context, MAX_BODY, MAX_LIST, Reply};
use crate::roots::Loader;
use crate::{
    ApiError, Endpoint, Examination, Filesystem, Grant, Identity, MountGrant, PeerCertificate, Settings,
    examine, filesystems, probe, refusal, reply,
};
use bytes::Bytes;
use reqwest::{Method, StatusCode};
use secret::{AccessToken, Password, RefreshToken};
use serde::Serialize;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// Makes single exchanges with a cluster: no retries, no pooled connections, no proxy from the
/// environment. Cheap to make and to clone. A CA file is read anew at each call, so that a renewed one
/// counts at once; the system's roots (found as OpenSSL finds them, `SSL_CERT_FILE` and `SSL_CERT_DIR`
/// included) only where they are needed, and then kept for an hour.
///
/// Its futures need a tokio runtime with time and I/O. Dropping one closes its connection.
#[derive(Debug, Clone)]
pub struct Client {
    context: Arc<Context>,
}

#[derive(Serialize)]
struct LoginBody<'a> {
    username: &'a str,
    password: &'a Password,
    org: &'a str,
}

#[derive(Serialize)]
struct RefreshBody<'a> {
    refresh_token: &'a RefreshToken,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_expiry: Option<u64>,
}

#[derive(Serialize)]
struct MountTokenBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    read_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

impl Client {
    /// A client for these settings. Reads and connects nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { context: Arc::new(Context { settings, loader: Loader::default() }) }
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.context.settings
    }

    /// Logs in (WEKA 5.1 API: `POST /login`). The password goes out at most once, apart from redirects
    /// to configured hosts.
    ///
    /// # Errors
    /// See [`ApiError`]; [`ApiError::Unauthorized`] for a wrong password.
    pub async fn login(
        &self,
        at: &Endpoint,
        org: &str,
        username: &str,
        password: &Password,
    ) -> Result<Grant, ApiError> {
        self.login_after(at, org, username, password, std::future::ready(())).await
    }

    /// Logs in, as [`Client::login`] does, once `clearance` has ended. That is not begun before there is a connection, with
    /// its handshake made, and the time it takes counts as the exchange's; where none comes about the password has not left.
    ///
    /// # Errors
    /// See [`Client::login`].
    pub async fn login_after(
        &self,
        at: &Endpoint,
        org: &str,
        username: &str,
        password: &Password,
        clearance: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Grant, ApiError> {
        let length = org.len() + username.len() + password.len();
        let body = json(&LoginBody { username, password, org }, length)?;
        let secrets = [password.expose()];
        let call = Call {
            clearance: Arc::new(Mutex::new(Some(Box::pin(clearance)))),
            ..post("login", body, &secrets)
        };
        let reply = self.call(at, call).await?;
        let grant = reply::grant(&reply)?;
        if grant.refresh_token.is_none() {
            let reason = "`data` has no refresh_token".into();
            return Err(ApiError::BadReply { endpoint: reply.from, reason });
        }
        Ok(grant)
    }

    /// Renews a pair (WEKA 5.1 API: `POST /login/refresh`).
    ///
    /// # Errors
    /// See [`ApiError`]; [`ApiError::Unauthorized`] for a refresh token that is expired or revoked.
    pub async fn refresh(&self, at: &Endpoint, token: &RefreshToken) -> Result<Grant, ApiError> {
        self.renew(at, token, None).await
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
        self.renew(at, token, Some(access_token_expiry_s)).await
    }

    /// Whose token it is (WEKA 5.1 API: `GET /users/whoami`).
    ///
    /// # Errors
    /// See [`ApiError`]; a Regular user gets [`ApiError::Forbidden`].
    pub async fn whoami(&self, at: &Endpoint, token: &AccessToken) -> Result<Identity, ApiError> {
        let path = vec!["users".into(), "whoami".into()];
        reply::identity(&self.call(at, with_token(Method::GET, path, token, &[token.expose()])?).await?)
    }

    /// Ends all sessions of a user (WEKA 5.1 API: `DELETE /users/{uid}/revoke`).
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn revoke_user(&self, at: &Endpoint, token: &AccessToken, uid: &str) -> Result<(), ApiError> {
        if !is_segment(uid) {
            return Err(ApiError::Misconfigured { reason: "that is not the id of a user".into() });
        }
        let path = vec!["users".into(), uid.into(), "revoke".into()];
        reply::nothing(&self.call(at, with_token(Method::DELETE, path, token, &[token.expose()])?).await?)
    }

    /// The filesystems that the token's owner sees (WEKA 5.1 API: `GET /fileSystems`).
    ///
    /// # Errors
    /// See [`ApiError`]; a Regular user gets [`ApiError::Forbidden`].
    pub async fn filesystems(&self, at: &Endpoint, token: &AccessToken) -> Result<Vec<Filesystem>, ApiError> {
        let secrets = [token.expose()];
        let mut call = with_token(Method::GET, vec!["fileSystems".into()], token, &secrets)?;
        call.max_body = MAX_LIST;
        filesystems::list(&self.call(at, call).await?)
    }

    /// A token that mounts a filesystem, as WEKA's CSI driver asks for it: `GET /fileSystems/{uid}/mountToken`,
    /// which clusters know since 3.14 and the 5.1 API does not list any more.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn mount_token(
        &self,
        at: &Endpoint,
        token: &AccessToken,
        uid: &str,
    ) -> Result<MountGrant, ApiError> {
        let secrets = [token.expose()];
        let call = with_token(Method::GET, mount_token_path(uid)?, token, &secrets)?;
        filesystems::mount_grant(&self.call(at, call).await?)
    }

    /// A token that mounts a filesystem, within limits (WEKA 5.1 API: `POST /fileSystems/{uid}/mountToken` with
    /// `read_only` and `expires`, in seconds).
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn limited_mount_token(
        &self,
        at: &Endpoint,
        token: &AccessToken,
        uid: &str,
        read_only: bool,
        expires_s: Option<u64>,
    ) -> Result<MountGrant, ApiError> {
        let secrets = [token.expose()];
        let mut call = with_token(Method::POST, mount_token_path(uid)?, token, &secrets)?;
        let read_only = read_only.then_some(true);
        call.body = Some(json(&MountTokenBody { read_only, expires: expires_s }, 0)?);
        filesystems::mount_grant(&self.call(at, call).await?)
    }

    /// Looks at the server's certificate: a TLS handshake and nothing else, so no HTTP and no secret.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`] or [`ApiError::Misconfigured`]; a certificate that is not trusted is
    /// no error here but a [`Verdict`](crate::Verdict).
    pub async fn probe(&self, at: &Endpoint) -> Result<PeerCertificate, ApiError> {
        probe::probe(&self.context, at).await
    }

    /// Goes towards a server as far as it gets: name lookup, connection, handshake, and a look at its clock. No secret
    /// is sent.
    pub async fn examine(&self, at: &Endpoint) -> Examination {
        examine::examine(&self.context, at).await
    }

    /// Connects to a plain http endpoint, which has no certificate to show, and says nothing.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`], or [`ApiError::Misconfigured`] where plain http is not allowed.
    pub async fn connect(&self, at: &Endpoint) -> Result<(), ApiError> {
        exchange::allowed(self.settings(), at)?;
        probe::connect_only(&self.context, at).await
    }

    async fn renew(
        &self,
        at: &Endpoint,
        refresh_token: &RefreshToken,
        access_token_expiry: Option<u64>,
    ) -> Result<Grant, ApiError> {
        let body = json(&RefreshBody { refresh_token, access_token_expiry }, refresh_token.len())?;
        let secrets = [refresh_token.expose()];
        let mut call = post("login", body, &secrets);
        call.path.push("refresh".into());
        let reply = exchange::run(&self.context, at, &call).await?;
        // A gateway's own page says nothing of the token, and a good one must not be thrown away for it.
        let says_no = matches!(reply.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
        if says_no && reply::is_page(&reply.body) && !refusal::locked_out(&reply.body) {
            let reason = format!("status {}, with HTML or XML instead of JSON", reply.status.as_u16());
            return Err(reply::bad(&reply, reason));
        }
        reply::grant(&whole(reply, &call)?)
    }

    /// One exchange, down to a whole and successful answer.
    pub(crate) async fn call(&self, at: &Endpoint, call: Call<'_>) -> Result<Reply, ApiError> {
        whole(exchange::run(&self.context, at, &call).await?, &call)
    }
}

fn whole(mut reply: Reply, call: &Call<'_>) -> Result<Reply, ApiError> {
    if !reply.status.is_success() {
        return Err(refusal::refusal(&reply, call.secrets));
    }
    if let Some(problem) = reply.broken.take() {
        return Err(problem);
    }
    reply::plain(&reply)?;
    Ok(reply)
}

fn post<'a>(path: &str, body: Bytes, secrets: &'a [&'a str]) -> Call<'a> {
    Call {
        method: Method::POST,
        path: vec![path.into()],
        bearer: None,
        body: Some(body),
        max_body: MAX_BODY,
        secrets,
        clearance: Clearance::default(),
    }
}

/// Whether this is one segment of a path: `.` and `..` would lead elsewhere.
fn is_segment(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".." && !text.chars().any(char::is_control)
}

fn mount_token_path(uid: &str) -> Result<Vec<String>, ApiError> {
    if !is_segment(uid) {
        return Err(ApiError::Misconfigured { reason: "that is not the id of a filesystem".into() });
    }
    Ok(vec!["fileSystems".into(), uid.into(), "mountToken".into()])
}

pub(crate) fn with_token<'a>(
    method: Method,
    path: Vec<String>,
    token: &AccessToken,
    secrets: &'a [&'a str],
) -> Result<Call<'a>, ApiError> {
    let bearer = Some(exchange::bearer(token)?);
    Ok(Call {
        method,
        path,
        bearer,
        body: None,
        max_body: MAX_BODY,
        secrets,
        clearance: Clearance::default(),
    })
}

/// JSON in memory that is wiped. `length` is that of the texts in it: escaped, each of their bytes
/// takes at most six, so the buffer never moves and leaves no copy behind.
pub(crate) fn json(body: &impl Serialize, length: usize) -> Result<Bytes, ApiError> {
    let mut text = Zeroizing::new(Vec::with_capacity(6 * length + 128));
    serde_json::to_writer(&mut *text, body)
        .map_err(|_| ApiError::Misconfigured { reason: "the request cannot be written as JSON".into() })?;
    Ok(Bytes::from_owner(text))
}
