//! Name lookup by the system's resolver, with an error that can be told from others.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::SocketAddr;

/// A host name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name {name} was not found ({reason})")]
pub(crate) struct LookupFailed {
    name: String,
    reason: String,
}

/// getaddrinfo on tokio's blocking threads, as the daemon's host is set up (NSS, /etc/hosts).
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = addresses(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// All addresses of a name or an IP address.
pub(crate) async fn addresses(name: &str, port: u16) -> Result<Vec<SocketAddr>, LookupFailed> {
    let failed = |problem: Option<io::Error>| LookupFailed {
        name: crate::visible::visible(name, 260),
        reason: match problem {
            Some(problem) => {
                let text = problem.to_string();
                text.rsplit(": ").next().unwrap_or_default().to_owned()
            }
            None => "it has no address".into(),
        },
    };
    let found: Vec<_> = tokio::net::lookup_host((name, port)).await.map_err(|p| failed(Some(p)))?.collect();
    if found.is_empty() { Err(failed(None)) } else { Ok(found) }
}
