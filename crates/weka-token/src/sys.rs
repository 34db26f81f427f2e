//! The one unsafe call of the client: how large a terminal is.
#![expect(unsafe_code, reason = "no safe wrapper of TIOCGWINSZ in the libraries used here")]

use nix::pty::Winsize;
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
