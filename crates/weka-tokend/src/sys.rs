//! The only unsafe code of the daemon.
#![allow(unsafe_code, reason = "what has no safe call in std, nix or tokio; each block says why it holds")]

use std::io;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Lets the event loop tell when a descriptor can be read.
///
/// # Errors
/// It cannot be polled, or there is no runtime.
pub(crate) fn readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open file from its creation to its drop, and nobody else closes it.
    let registered = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
    registered.map_err(|error| error.into_parts().1)
}
