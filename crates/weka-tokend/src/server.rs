//! Connections: accepted, within limits, and each request on them answered.

use crate::connection::{Beat, Connection, ConnectionError, Pulse};
use crate::peer::Peer;
use crate::registry::Registry;
use crate::requests::Answer;
use crate::sys;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use wire::{Code, Refusal, Response};

/// A connection ends that has said nothing between two beats of the pulse.
const PULSE: Duration = Duration::from_secs(600);
/// How long open requests may take once the daemon has been asked to end.
const GRACE: Duration = Duration::from_secs(2);
/// So many connections at once leave memory behind that is worth giving back.
const CROWD: usize = 64;
/// The pause after a failed accept, for descriptors to come free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many connections may be open.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In all.
    pub total: usize,
    /// From one user.
    pub per_uid: usize,
}

/// Serves connections until `stop` turns true, then lets open requests end (at most 2 s).
pub async fn serve(
    listener: UnixListener,
    registry: Arc<Registry>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let seats = Arc::new(Seats { limits, taken: Mutex::default() });
    let mut connections = JoinSet::new();
    let (pulse, beats) = watch::channel(Beat::Goes);
    let mut next_beat = pin!(sleep(PULSE));
    let (mut crowded, mut refused) = (false, false);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => {
                if crowded && connections.is_empty() {
                    crowded = false;
                    sys::give_memory_back();
                }
                continue;
            }
            () = &mut next_beat, if !connections.is_empty() => {
                pulse.send_replace(Beat::Goes);
                next_beat.as_mut().reset(Instant::now() + PULSE);
                continue;
            }
        };
        crowded |= connections.len() >= CROWD;
        match accepted {
            Ok((stream, _)) => {
                refused = false;
                let (registry, seats) = (Arc::clone(&registry), Arc::clone(&seats));
                connections.spawn(admit(stream, registry, seats, Pulse::of(beats.clone()), stop.clone()));
            }
            Err(error) => {
                // Out of descriptors, or the peer is gone already: neither ends the daemon.
                if !refused {
                    tracing::warn!(%error, "connections cannot be accepted for now");
                }
                refused = true;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    pulse.send_replace(Beat::Last);
    let drained = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(open = connections.len(), "ended before every request was answered");
    }
}

/// Who sits where: connections in all and by user.
#[derive(Debug)]
struct Seats {
    limits: Limits,
    taken: Mutex<HashMap<u32, usize>>,
}

/// One connection's seat, given back on drop.
#[derive(Debug)]
struct Seat {
    seats: Arc<Seats>,
    uid: u32,
}

impl Seat {
    fn take(seats: &Arc<Seats>, uid: u32) -> Option<Self> {
        let mut taken = seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = taken.values().sum();
        let own = taken.get(&uid).copied().unwrap_or(0);
        if total >= seats.limits.total || own >= seats.limits.per_uid {
            return None;
        }
        taken.insert(uid, own + 1);
        Some(Self { seats: Arc::clone(seats), uid })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.uid);
            }
        }
    }
}

async fn admit(
    stream: UnixStream,
    registry: Arc<Registry>,
    seats: Arc<Seats>,
    pulse: Pulse,
    stop: watch::Receiver<bool>,
) {
    let peer = match Peer::of(&stream) {
        Ok(peer) => peer,
        Err(error) => {
            tracing::warn!(%error, "a connection without credentials was closed");
            return;
        }
    };
    let Some(_seat) = Seat::take(&seats, peer.uid) else {
        tracing::debug!(%peer, "too many connections");
        let refusal = Refusal::new(Code::Busy, "the daemon has too many connections open").then("try again");
        let mut connection = Connection::new(stream, pulse);
        drop(connection.send(&Response::Refused(refusal)).await);
        return;
    };
    let mut connection = Connection::new(stream, pulse);
    if let Err(error) = converse(&mut connection, &peer, &registry, stop).await {
        tracing::debug!(%peer, %error, "a connection was closed");
    }
}

async fn converse(
    connection: &mut Connection,
    peer: &Peer,
    registry: &Arc<Registry>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    loop {
        let request = match connection.request().await {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(ConnectionError::Frame(error)) => {
                connection.refuse(&error).await?;
                return Err(ConnectionError::Frame(error));
            }
            Err(error) => return Err(error),
        };
        if let Some(framed) = registry.at_once(&request, peer) {
            connection.write(framed.bytes()).await?;
            continue;
        }
        let answer = tokio::select! {
            biased;
            answer = registry.answer(request, peer, &mut stop) => answer,
            () = connection.hung_up() => return Ok(()),
        };
        match answer {
            Answer::Framed(framed) => connection.write(framed.bytes()).await?,
            Answer::Message(response) => connection.send(&response).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_who_were_refused_a_seat_stayed_on_the_list_for_ever() {
        let limits = Limits { total: 2, per_uid: 1 };
        let seats = Arc::new(Seats { limits, taken: Mutex::default() });
        let taken = || seats.taken.lock().unwrap().clone();
        let first = Seat::take(&seats, 1).unwrap();
        assert!(Seat::take(&seats, 1).is_none(), "one each");
        let second = Seat::take(&seats, 2).unwrap();
        for uid in 3..100 {
            assert!(Seat::take(&seats, uid).is_none(), "two in all");
        }
        assert_eq!(taken(), HashMap::from([(1, 1), (2, 1)]));
        drop((first, second));
        assert_eq!(taken(), HashMap::new());
    }
}
