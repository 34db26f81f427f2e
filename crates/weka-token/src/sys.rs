//! The unsafe calls of the client: how large a terminal is, and signals by number, as the real-time ones have no name.
#![expect(
    unsafe_code,
    reason = "no safe wrapper of TIOCGWINSZ and of real-time signals in the libraries used here"
)]

use nix::errno::Errno;
use nix::libc::{
    self, WEXITSTATUS, WIFEXITED, WIFSIGNALED, WIFSTOPPED, WNOHANG, WSTOPSIG, WTERMSIG, WUNTRACED,
};
use nix::pty::Winsize;
use nix::unistd::Pid;
use std::os::fd::{AsFd, AsRawFd};

nix::ioctl_read_bad!(window_size, nix::libc::TIOCGWINSZ, Winsize);

/// The rows and columns of a terminal, where it tells. One that tells of no columns is taken to be wide.
pub(crate) fn size(terminal: impl AsFd) -> Option<(usize, usize)> {
    let mut size = Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open while it is borrowed, and the kernel writes one `winsize` through the pointer.
    unsafe { window_size(terminal.as_fd().as_raw_fd(), &raw mut size) }.ok()?;
    let columns = if size.ws_col > 0 { usize::from(size.ws_col) } else { usize::MAX };
    (size.ws_row > 0).then(|| (usize::from(size.ws_row), columns))
}

/// The columns of a terminal, where it tells.
pub(crate) fn columns(terminal: impl AsFd) -> Option<usize> {
    size(terminal).map(|(_, columns)| columns)
}

/// What has become of a child since it was last asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// It has ended with this status.
    Exited(i32),
    /// The signal of this number has ended it.
    Signaled(i32),
    /// The signal of this number has stopped it.
    Stopped(i32),
}

/// Asks, without waiting. The library's own would lose the end of a child by a real-time signal.
///
/// # Errors
/// There is no such child, or a signal came in between.
pub(crate) fn change_of(child: Pid) -> Result<Change, Errno> {
    let mut status = 0;
    // SAFETY: the kernel writes one `int` through the pointer.
    let changed = unsafe { libc::waitpid(child.as_raw(), &raw mut status, WNOHANG | WUNTRACED) };
    Ok(match Errno::result(changed)? {
        0 => Change::None,
        _ if WIFEXITED(status) => Change::Exited(WEXITSTATUS(status)),
        _ if WIFSIGNALED(status) => Change::Signaled(WTERMSIG(status)),
        _ if WIFSTOPPED(status) => Change::Stopped(WSTOPSIG(status)),
        _ => Change::None,
    })
}

/// Sends a child the signal of this number. It may have ended by itself, which is no failure.
pub(crate) fn send(child: Pid, signal: i32) {
    // SAFETY: it has numbers for arguments, and touches no memory of this process.
    unsafe { libc::kill(child.as_raw(), signal) };
}
