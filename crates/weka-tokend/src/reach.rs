//! What another HTTP client needs, curl above all: a token, an endpoint that answers now, and how to know the server.

use crate::audit;
use crate::clock;
use crate::config::ProfileConfig;
use crate::errand::{Repeat, try_each};
use crate::keeper::order::Handle;
use crate::peer::Peer;
use crate::registry::{Registry, deadline};
use std::sync::Arc;
use weka_rest::{ApiError, Client, Endpoint, PeerCertificate, Trust, Verdict};
use wire::{Code, Reached, Refusal, Response, Server};

impl Registry {
    /// The endpoint in use is tried first; where one is `asked` for, it is the only one.
    pub(crate) async fn reach(
        &self,
        handle: &Handle,
        asked: Option<&str>,
        timeout_ms: u32,
        peer: &Peer,
    ) -> Result<Response, Refusal> {
        let config = Arc::clone(&handle.settings.borrow());
        let wanted = asked.map(|text| named(handle, &config, text)).transpose()?;
        let until = deadline(timeout_ms);
        let published = handle.get(None, until).await?;
        let knocked = match wanted {
            Some(endpoint) => {
                let knock = knock(Client::new(config.rest_settings()), endpoint.clone());
                let left = clock::now().until(until);
                tokio::time::timeout(left, knock).await.unwrap_or_else(|_| {
                    let reason = "it did not answer in time".into();
                    Err(ApiError::Unreachable { endpoint, reason, sent: false })
                })
            }
            None => try_each(handle, until, Repeat::Freely, knock).await,
        };
        let (endpoint, certificate) = knocked.map_err(|error| self.api_refusal(handle, &error))?;
        let server = server(&config.trust, certificate.as_ref())?;
        let mut token = handle.board.hand_out(handle.name.as_str(), published, clock::now());
        token.endpoint = endpoint.to_string();
        audit::handed_out(peer, &token.profile, token.expires_in_s);
        let endpoints = config.endpoints.iter().map(ToString::to_string).collect();
        Ok(Response::Reached(Reached { token, endpoints, server }))
    }
}

/// The profile's endpoint of that name.
fn named(handle: &Handle, config: &ProfileConfig, text: &str) -> Result<Endpoint, Refusal> {
    let endpoint: Endpoint =
        text.parse().map_err(|error| Refusal::new(Code::BadRequest, format!("{error}")))?;
    if config.endpoints.contains(&endpoint) {
        return Ok(endpoint);
    }
    let known: Vec<_> = config.endpoints.iter().map(ToString::to_string).collect();
    let message = format!(
        "{endpoint} is not an endpoint of profile {}, and its token goes to no other host",
        handle.name
    );
    Err(Refusal::new(Code::BadRequest, message).then(format!("it has: {}", known.join(", "))))
}

/// Shakes hands, and no more.
async fn knock(client: Client, endpoint: Endpoint) -> Result<(Endpoint, Option<PeerCertificate>), ApiError> {
    if endpoint.is_http() {
        client.connect(&endpoint).await?;
        return Ok((endpoint, None));
    }
    let seen = client.probe(&endpoint).await?;
    let reason = match &seen.verdict {
        Verdict::Trusted => return Ok((endpoint, Some(seen))),
        Verdict::Unknown { reason } => {
            format!("{reason} (certificate {}, subject {})", seen.fingerprint, seen.subject)
        }
        Verdict::PinMismatch { expected } => {
            format!("its certificate is {}, but {expected} is pinned", seen.fingerprint)
        }
    };
    Err(ApiError::Untrusted { endpoint, reason })
}

/// How another client is to know the server that has just shown this certificate.
fn server(trust: &Trust, certificate: Option<&PeerCertificate>) -> Result<Server, Refusal> {
    let Some(certificate) = certificate else { return Ok(Server::PlainHttp) };
    Ok(match trust {
        Trust::SystemRoots => Server::SystemRoots,
        Trust::CaFile(path) => Server::CaFile(path.display().to_string()),
        Trust::Fingerprint(_) => Server::PublicKey(certificate.public_key_pin().ok_or_else(|| {
            Refusal::new(Code::Failed, "the public key of the cluster's certificate cannot be read")
        })?),
    })
}
