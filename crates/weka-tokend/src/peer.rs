//! Who is at the other end of a connection, and what they may do.

use crate::sys;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, io};
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
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let found = stream.peer_cred()?;
        let groups = sys::peer_groups(stream).unwrap_or_else(|error| {
            if let Some(words) = unsaid(&error, &TOLD) {
                tracing::warn!("{words}");
            }
            Vec::new()
        });
        Ok(Self { uid: found.uid(), gid: found.gid(), pid: found.pid(), groups })
    }

    /// Whether it may do everything: the daemon's own user, and root.
    #[must_use]
    pub const fn is_owner(&self, own_uid: u32) -> bool {
        self.uid == own_uid || self.uid == 0
    }
}

/// Whether it was said that this kernel names no groups.
static TOLD: AtomicBool = AtomicBool::new(false);

/// What is said, once, where the kernel does not name a peer's groups.
fn unsaid(error: &io::Error, told: &AtomicBool) -> Option<String> {
    (!told.swap(true, Ordering::Relaxed)).then(|| {
        format!(
            "the kernel does not name the groups of a peer (SO_PEERGROUPS: {error}), so `allow = [\"group:...\"]` holds for \
             primary groups only"
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_names_no_groups_was_nothing_to_speak_of() {
        let told = AtomicBool::new(false);
        let unknown = || io::Error::from_raw_os_error(nix::libc::ENOPROTOOPT);
        let words = unsaid(&unknown(), &told).unwrap();
        assert!(words.contains("SO_PEERGROUPS") && words.contains("primary groups only"), "{words}");
        assert_eq!(unsaid(&unknown(), &told), None, "once is enough");
    }
}
