//! sd_notify(3): datagrams to the socket that `NOTIFY_SOCKET` names.

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// The way to the service manager; without one, everything is said in vain.
#[derive(Debug)]
pub struct Notifier {
    socket: Option<(UnixDatagram, UnixAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// By the values of `NOTIFY_SOCKET` and `WATCHDOG_USEC`.
    ///
    /// # Errors
    /// The address makes no sense, or the kernel gives no socket.
    pub fn new(address: Option<&OsStr>, watchdog_usec: Option<&str>) -> io::Result<Self> {
        let Some(address) = address.filter(|address| !address.is_empty()) else {
            return Ok(Self { socket: None, watchdog: None });
        };
        let address = match address.as_bytes() {
            [b'@', name @ ..] => UnixAddr::new_abstract(name)?,
            path => UnixAddr::new(path)?,
        };
        let watchdog = watchdog_usec.and_then(|usec| usec.parse().ok()).map(Duration::from_micros);
        Ok(Self { socket: Some((UnixDatagram::unbound()?, address)), watchdog })
    }

    /// Whether there is a service manager.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// How often the watchdog wants to be fed, if there is one: twice in its time.
    #[must_use]
    pub fn feeding(&self) -> Option<Duration> {
        self.watchdog.map(|time| time / 2).filter(|time| !time.is_zero())
    }

    /// Says something, such as `READY=1`; lines are separated by newlines.
    pub fn say(&self, message: &str) {
        if let Err(error) = self.send(message, &[]) {
            tracing::warn!(%error, "the service manager cannot be told anything");
        }
    }

    /// Says something and hands descriptors over.
    ///
    /// # Errors
    /// The manager's socket does not take it.
    pub fn send(&self, message: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let Some((socket, address)) = &self.socket else { return Ok(()) };
        let raw: Vec<_> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let control = if raw.is_empty() { &rights[..0] } else { &rights[..] };
        loop {
            let sent = sendmsg(
                socket.as_raw_fd(),
                &[IoSlice::new(message.as_bytes())],
                control,
                MsgFlags::MSG_NOSIGNAL,
                Some(address),
            );
            match sent {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What the environment says about the service manager.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manager {
    /// `NOTIFY_SOCKET`.
    pub notify_socket: Option<OsString>,
    /// `WATCHDOG_USEC`.
    pub watchdog_usec: Option<String>,
    /// `LISTEN_PID`: whom the descriptors are for.
    pub listen_pid: Option<u32>,
    /// `LISTEN_FDS`: how many there are, from 3 on.
    pub listen_fds: Option<usize>,
    /// `LISTEN_FDNAMES`: their names, separated by colons.
    pub listen_names: Option<String>,
    /// `FDSTORE`: how many descriptors may be stored (systemd 254 and later).
    pub fd_store: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn messages_and_descriptors_arrive() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(Some(path.as_os_str()), Some("3000000")).unwrap();
        notifier.say("READY=1\nSTATUS=ok");
        let mut buffer = [0; 100];
        let length = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1\nSTATUS=ok");
        let file = tempfile::tempfile().unwrap();
        notifier.send("FDSTORE=1\nFDNAME=x", &[file.as_fd()]).unwrap();
        let length = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"FDSTORE=1\nFDNAME=x");
        assert_eq!(notifier.feeding(), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn without_a_manager_nothing_is_said_and_nothing_fails() {
        let notifier = Notifier::new(None, None).unwrap();
        notifier.say("READY=1");
        assert!(!notifier.is_there() && notifier.feeding().is_none());
    }
}
