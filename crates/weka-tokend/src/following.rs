//! Pairs for whoever keeps a copy of them: the current one, or the next.

use crate::audit;
use crate::clock;
use crate::keeper::order::{Handle, Order};
use crate::peer::Peer;
use crate::registry::{Registry, deadline};
use std::time::Duration;
use tokio::sync::watch;
use wire::{Pair, Refusal, Response};

/// The longest a long poll is held, in seconds.
pub(crate) const LONGEST_POLL_S: u32 = 60;

/// What a follower is willing to wait for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    /// The pair it has.
    pub(crate) after: Option<u64>,
    /// The longest wait for another one, in seconds.
    pub(crate) wait_s: u32,
    /// How long it waits after that where no token is live, in milliseconds.
    pub(crate) timeout_ms: u32,
}

impl Registry {
    /// The pair of a profile, the refresh token for its owner only. `stop` cuts the wait for another one short.
    pub(crate) async fn follow(
        &self,
        handle: &Handle,
        wait: Wait,
        peer: &Peer,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Response, Refusal> {
        self.another(handle, wait, stop).await;
        let end = deadline(wait.timeout_ms);
        loop {
            let published = handle.get(None, end).await?;
            let generation = published.generation;
            let refresh_token = if peer.is_owner(self.own_uid) {
                handle.ask(|reply| Order::RefreshToken { generation, reply }).await?
            } else {
                None
            };
            // Two tokens of different pairs are worth nothing together.
            if handle.board.generation() != Some(generation) {
                continue;
            }
            let id = published.id;
            let token = handle.board.hand_out(handle.name.as_str(), published, clock::now());
            audit::handed_out(peer, &token.profile, token.expires_in_s);
            return Ok(Response::Pair(Pair { id, token, refresh_token }));
        }
    }

    /// Returns once the board shows a live pair other than the one that the caller has, or the wait is over, or the profile
    /// has gone, perhaps to another name.
    async fn another(&self, handle: &Handle, wait: Wait, stop: &mut watch::Receiver<bool>) {
        let Some(after) = wait.after else { return };
        let revision = &self.surroundings.revision;
        let published = async {
            loop {
                let seen = revision.current();
                let now = clock::now();
                let published = handle.board.published();
                if published.is_some_and(|it| it.lease.remaining(now) > Duration::ZERO && it.id != after)
                    || handle.orders.is_closed()
                {
                    return;
                }
                revision.past(seen).await;
            }
        };
        tokio::select! {
            () = published => {}
            () = tokio::time::sleep(Duration::from_secs(u64::from(wait.wait_s.min(LONGEST_POLL_S)))) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}
