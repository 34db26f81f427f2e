//! Who is at the other end of a connection, and what they may do.

use crate::sys;
use std::fmt;
use tokio::net::UnixStream;

/// The other end, as the kernel saw it when it connected (SO_PEERCRED).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Process id, where the kernel can name it.
    pub pid: Option<i32>,
    /// Supplementary group ids (SO_PEERGROUPS); empty where an old kernel does not say.
    pub groups: Vec<u32>,
}

impl Peer {
    /// Asks the kernel.
    ///
    /// # Errors
    /// The kernel does not say; such a connection is to be closed.
    pub fn of(stream: &UnixStream) -> std::io::Result<Self> {
        let found = stream.peer_cred()?;
        let groups = sys::peer_groups(stream).unwrap_or_default();
        Ok(Self { uid: found.uid(), gid: found.gid(), pid: found.pid(), groups })
    }

    /// Whether it may do everything: the daemon's own user, and root.
    #[must_use]
    pub const fn is_owner(&self, own_uid: u32) -> bool {
        self.uid == own_uid || self.uid == 0
    }
}

impl Peer {
    /// Whether it is in this group.
    #[must_use]
    pub fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uid {}", self.uid)?;
        match self.pid {
            Some(pid) => write!(f, " (pid {pid})"),
            None => Ok(()),
        }
    }
}
