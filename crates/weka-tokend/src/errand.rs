//! API calls made for a caller with the profile's current token, and what their failures mean.

use crate::clock;
use crate::keeper::order::Handle;
use crate::registry::Registry;
use crate::report;
use engine::Moment;
use engine::ttl::caller_limit;
use secret::AccessToken;
use std::sync::Arc;
use std::time::Duration;
use weka_rest::{ApiError, Client, Endpoint, Identity};
use wire::{Code, Refusal};

impl Registry {
    /// `GET /users/whoami` with the current token.
    pub(crate) async fn identity(&self, handle: &Handle, deadline: Moment) -> Result<Identity, Refusal> {
        let ask = |client: Client, endpoint: Endpoint, token: AccessToken| async move {
            client.whoami(&endpoint, &token).await
        };
        let answer = with_token(handle, deadline, Repeat::Freely, ask).await?;
        answer.map_err(|error| self.api_refusal(handle, &error))
    }

    /// A failed call of ours in words.
    pub(crate) fn api_refusal(&self, handle: &Handle, error: &ApiError) -> Refusal {
        let name = handle.name.as_str();
        let default = self.surroundings.default_profile();
        let command = |verb| report::command(verb, name, default.as_str());
        let message = format!("profile {name}: {error}");
        match error {
            ApiError::Unauthorized { .. } => {
                Refusal::new(Code::LoginRequired, message).then(command("login"))
            }
            ApiError::LockedOut { .. } => Refusal::new(Code::LockedOut, message).then("wait"),
            ApiError::Forbidden { .. } => Refusal::new(Code::NotPermitted, message)
                .then("the user's role does not allow it; ask a cluster admin"),
            ApiError::Untrusted { .. } => Refusal::new(Code::Untrusted, message).then(command("trust")),
            ApiError::Unreachable { .. } | ApiError::Busy { .. } | ApiError::Server { .. } => {
                Refusal::new(Code::Unreachable, message).then("try again later; see: weka-token status")
            }
            ApiError::BadReply { .. } => Refusal::new(Code::Failed, message)
                .then("something else may answer in the cluster's place; see: weka-token doctor"),
            ApiError::Rejected { status: 401, .. } => Refusal::new(Code::Failed, message)
                .then("try again; if that goes on, ask a cluster admin what this user may do"),
            _ => Refusal::new(Code::Failed, message),
        }
    }
}

/// Whether a call may go to the next endpoint although the cluster may have done what this one asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Twice comes to the same as once.
    Freely,
    /// Twice would make two of what can be ended by nobody.
    IfUndone,
}

/// A call with the current token. One that the cluster refuses although it should live (it was revoked) is renewed once.
///
/// # Errors
/// There is no token; what came of the call itself is inside.
pub(crate) async fn with_token<T, F: Future<Output = Result<T, ApiError>> + Send>(
    handle: &Handle,
    deadline: Moment,
    repeat: Repeat,
    call: impl Fn(Client, Endpoint, AccessToken) -> F,
) -> Result<Result<T, ApiError>, Refusal> {
    let held = handle.get(None, deadline).await?;
    let token = held.access_token;
    let answer =
        try_each(handle, deadline, repeat, |client, endpoint| call(client, endpoint, token.clone())).await;
    let Err(ApiError::Unauthorized { message }) = answer else { return Ok(answer) };
    let age = held.lease.sent_at.until(clock::now());
    if held.lease.sent_at + caller_limit(held.lease.life) > deadline {
        // It is not renewed so soon, so there is nothing to wait for.
        return Ok(Err(refused_although_new(&message, age)));
    }
    let renewed = handle.renew(deadline).await?;
    let token = renewed.access_token;
    match try_each(handle, deadline, repeat, |client, endpoint| call(client, endpoint, token.clone())).await {
        Err(ApiError::Unauthorized { message }) => {
            let age = renewed.lease.sent_at.until(clock::now());
            Ok(Err(refused_although_new(&message, age)))
        }
        answer => Ok(answer),
    }
}

/// The cluster has just granted the token, so neither another one nor a login would do better.
fn refused_although_new(message: &str, age: Duration) -> ApiError {
    let age = report::span(age.as_secs().max(1));
    let message = format!("{message}, although it granted the token only {age} ago");
    ApiError::Rejected { status: 401, message }
}

/// A call at one endpoint after the other, from the one in use on.
pub(crate) async fn try_each<T, F: Future<Output = Result<T, ApiError>> + Send>(
    handle: &Handle,
    deadline: Moment,
    repeat: Repeat,
    call: impl Fn(Client, Endpoint) -> F,
) -> Result<T, ApiError> {
    let config = Arc::clone(&handle.settings.borrow());
    let client = Client::new(config.rest_settings());
    let in_use = handle.board.view().1.endpoint;
    let (first, others): (Vec<_>, Vec<_>) =
        config.endpoints.iter().partition(|endpoint| endpoint.to_string() == in_use);
    let mut last = ApiError::Misconfigured { reason: "no endpoint is configured".into() };
    for endpoint in first.into_iter().chain(others) {
        let left = clock::now().until(deadline);
        last = match tokio::time::timeout(left, call(client.clone(), endpoint.clone())).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if repeat == Repeat::IfUndone && error.leaves_open() => return Err(error),
            Ok(Err(
                error @ (ApiError::Unreachable { .. }
                | ApiError::Server { .. }
                | ApiError::Busy { .. }
                | ApiError::BadReply { .. }
                | ApiError::Untrusted { .. }),
            )) => error,
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let reason = "it did not answer in time".into();
                return Err(ApiError::Unreachable { endpoint: endpoint.clone(), reason, sent: true });
            }
        };
    }
    Err(last)
}
