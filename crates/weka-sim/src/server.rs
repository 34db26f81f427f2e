//! The listeners: one per backend, closed while a fault has connections refused.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::cluster::Cluster;
use crate::connection;

/// Connections that may wait for `accept`.
const BACKLOG: u32 = 1_024;

/// Pause after an error of `accept` (usually too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A reserved port. The socket is bound and never listens, so that the port stays ours, and refuses, while the
/// listener is closed.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    _reserved: TcpSocket,
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

impl Port {
    /// Reserves an address; port 0 picks a free one.
    pub(crate) fn reserve(wanted: SocketAddr) -> io::Result<Self> {
        if wanted.port() != 0 {
            // Sharing a port with another simulator would go unnoticed below; so ask once without.
            let alone = socket(wanted)?;
            alone.set_reuseaddr(true)?;
            alone.bind(wanted)?;
            alone.listen(1)?;
        }
        let reserved = socket(wanted)?;
        reserved.set_reuseaddr(true)?;
        reserved.set_reuseport(true)?;
        reserved.bind(wanted)?;
        Ok(Self { address: reserved.local_addr()?, _reserved: reserved })
    }

    fn listen(&self) -> io::Result<TcpListener> {
        let listener = socket(self.address)?;
        listener.set_reuseaddr(true)?;
        listener.set_reuseport(true)?;
        listener.bind(self.address)?;
        listener.listen(BACKLOG)
    }
}

/// One backend before it runs.
pub(crate) struct Backend {
    number: usize,
    port: Port,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    open: watch::Sender<bool>,
}

impl Backend {
    /// Starts to listen; connections queue until `run`. The receiver says whether the listener is open.
    pub(crate) fn new(
        number: usize,
        port: Port,
        tls: Option<TlsAcceptor>,
    ) -> io::Result<(Self, watch::Receiver<bool>)> {
        let listener = port.listen()?;
        let (open, is_open) = watch::channel(true);
        Ok((Self { number, port, listener, tls, open }, is_open))
    }

    /// Serves until the task is dropped, and all its connections with it.
    pub(crate) async fn run(mut self, cluster: Arc<Cluster>) {
        let mut faults = cluster.faults.watch();
        let mut clock = cluster.clock.watch();
        loop {
            self.accept_until_refused(&cluster, &mut faults).await;
            drop(self.listener);
            self.open.send_replace(false);
            wait_until_open(self.number, &cluster, &mut faults, &mut clock).await;
            self.listener = loop {
                match self.port.listen() {
                    Ok(listener) => break listener,
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                }
            };
            self.open.send_replace(true);
        }
    }

    /// Returns once a fault says refuse; open connections are cut then.
    async fn accept_until_refused(&self, cluster: &Arc<Cluster>, faults: &mut watch::Receiver<u64>) {
        let mut connections = JoinSet::new();
        while !cluster.faults.refuses(self.number, cluster.clock.now_ms()) {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, peer)) => {
                        let tls = self.tls.clone();
                        connections.spawn(connection::serve(Arc::clone(cluster), self.number, peer, socket, tls));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                _ = faults.changed() => {}
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
        connections.shutdown().await;
    }
}

async fn wait_until_open(
    number: usize,
    cluster: &Cluster,
    faults: &mut watch::Receiver<u64>,
    clock: &mut watch::Receiver<u64>,
) {
    loop {
        let now = cluster.clock.now_ms();
        if !cluster.faults.refuses(number, now) {
            return;
        }
        let end = cluster.faults.refusal_ends(number, now).filter(|_| !cluster.clock.is_frozen());
        let ended = async {
            match end {
                Some(end) => tokio::time::sleep(Duration::from_millis(end.saturating_sub(now).max(1))).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = ended => {}
            _ = faults.changed() => {}
            _ = clock.changed() => {}
        }
    }
}
