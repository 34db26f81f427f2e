//! The REST API v2, one file per group of paths, and JSON-RPC beside it.

mod cluster;
mod filesystems;
mod login;
mod rpc;
mod security;
mod users;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Extension;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};

use crate::call;
use crate::exchange::Exchange;
use crate::reply::{Refusal, nginx_page};

/// What every handler gets.
type Ex = Extension<Arc<Exchange>>;

/// What every handler gives.
type Answer = Result<Response, Refusal>;

/// All paths outside the control channel.
pub(crate) static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    Router::new()
        .route(call::PATH, post(rpc::answer))
        .nest("/api/v2", v2())
        .method_not_allowed_fallback(|| async { nginx_page(StatusCode::METHOD_NOT_ALLOWED) })
        .fallback(|| async { nginx_page(StatusCode::NOT_FOUND) })
});

fn v2() -> Router {
    Router::new()
        .route("/login", post(login::login))
        .route("/login/refresh", post(login::refresh))
        .route("/users", get(users::list))
        .route("/users/whoami", get(users::whoami))
        .route("/users/password", put(users::change_own_password))
        .route("/users/{uid}/password", put(users::set_password))
        .route("/users/{uid}/revoke", delete(users::revoke))
        .route("/tenants/{uid}/revoke", delete(users::revoke_org))
        .route("/organizations/{uid}/revoke", delete(users::revoke_org))
        .route("/tenants/multipleTenantsExist", get(users::several_orgs))
        .route("/organizations/multipleOrgsExist", get(users::several_orgs))
        .route("/security/defaultTokensExpiry", get(security::expiry).post(security::set_expiry))
        .route("/security/tokensExpiry", get(security::old_expiry))
        .route("/security/banner", get(security::banner).put(security::set_banner))
        .route("/security/banner/enable", post(security::enable_banner))
        .route("/security/banner/disable", post(security::disable_banner))
        .route(
            "/lockoutPolicy",
            get(security::lockout).put(security::set_lockout).delete(security::reset_lockout),
        )
        .route("/cluster", get(cluster::cluster))
        .route("/processes", get(cluster::list_processes))
        .route("/nodes", get(cluster::list_processes))
        .route("/containers", get(cluster::list_containers))
        .route("/hosts", get(cluster::list_containers))
        .route("/fileSystems", get(filesystems::list))
        .route("/fileSystems/{uid}/mountToken", get(filesystems::mount_token).post(filesystems::mount_token))
        .route("/healthcheck", get(cluster::healthcheck))
        .route("/ui/healthcheck", get(cluster::healthcheck))
        .method_not_allowed_fallback(unknown)
        .fallback(unknown)
}

async fn unknown(uri: Uri) -> Response {
    Refusal::NotFound(format!("Cannot find {}", uri.path())).into_response()
}
