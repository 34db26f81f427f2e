//! Descriptors that the service manager passed at the start: sd_listen_fds(3).

use super::notify::Manager;
use crate::sys;
use nix::sys::socket::{SockType, getsockopt, sockopt};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

/// What came with the start.
#[derive(Debug, Default)]
pub struct Inherited {
    /// The listening socket.
    pub listener: Option<UnixListener>,
    /// Everything else, by name: stored states, if the names are ours.
    pub others: Vec<(String, OwnedFd)>,
}

/// Takes over what was passed to this process. To be called once, before anything else opens descriptors.
///
/// # Errors
/// The socket cannot be used.
pub fn take(manager: &Manager) -> io::Result<Inherited> {
    let mut inherited = Inherited::default();
    if manager.listen_pid != Some(std::process::id()) {
        return Ok(inherited);
    }
    let names = manager.listen_names.as_deref().unwrap_or_default();
    let mut names = names.split(':').map(str::to_owned);
    for descriptor in sys::passed(manager.listen_fds.unwrap_or_default()) {
        let name = names.next().unwrap_or_default();
        if inherited.listener.is_none() && is_listening(&descriptor) {
            let listener = UnixListener::from(descriptor);
            listener.set_nonblocking(true)?;
            inherited.listener = Some(listener);
        } else {
            inherited.others.push((name, descriptor));
        }
    }
    Ok(inherited)
}

fn is_listening(descriptor: &OwnedFd) -> bool {
    getsockopt(descriptor, sockopt::AcceptConn).unwrap_or(false)
        && getsockopt(descriptor, sockopt::SockType).is_ok_and(|kind| kind == SockType::Stream)
}
