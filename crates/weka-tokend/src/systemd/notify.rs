//! sd_notify(3): datagrams to the socket that `NOTIFY_SOCKET` names.

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A manager that reads nothing for so long is given up on; what it was to be told is lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many messages wait for a manager that does not read; a new one then takes the place of an old one.
const MOST_WAITING: usize = 32;

/// The way to the service manager; without one, everything is said in vain.
#[derive(Debug)]
pub struct Notifier {
    socket: Option<Arc<Line>>,
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
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let line = Line { socket, address, waiting: Mutex::default() };
        Ok(Self { socket: Some(Arc::new(line)), watchdog })
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

    /// Says something, such as `READY=1`; lines are separated by newlines. It never blocks: what a manager does not take
    /// at once is said by a thread, in order.
    pub fn say(&self, message: &str) {
        let Some(line) = &self.socket else { return };
        let mut waiting = line.waiting();
        if !waiting.is_empty() {
            if waiting.len() >= MOST_WAITING {
                // What is said of the state is soon out of date; anything else counts.
                let old = waiting.iter().skip(1).position(|message| message.starts_with("STATUS="));
                waiting.remove(old.map_or(1, |old| old + 1));
            }
            waiting.push_back(message.to_owned());
            return;
        }
        match line.send(message, &[], MsgFlags::MSG_DONTWAIT) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                waiting.push_back(message.to_owned());
                let line = Arc::clone(line);
                std::thread::spawn(move || line.say_what_waits());
            }
            Err(error) => complain(&error),
        }
    }

    /// Says something and hands descriptors over. It blocks while the manager does not read, for some seconds at most.
    ///
    /// # Errors
    /// The manager's socket does not take it.
    pub fn send(&self, message: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let Some(line) = &self.socket else { return Ok(()) };
        line.send(message, descriptors, MsgFlags::empty())
    }
}

fn complain(error: &io::Error) {
    tracing::warn!(%error, "the service manager cannot be told anything");
}

/// The socket, and what is still to be said on it.
#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    address: UnixAddr,
    /// The first one is being said.
    waiting: Mutex<VecDeque<String>>,
}

impl Line {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say_what_waits(&self) {
        loop {
            let Some(message) = self.waiting().front().cloned() else { return };
            let said = self.send(&message, &[], MsgFlags::empty());
            let mut waiting = self.waiting();
            waiting.pop_front();
            if let Err(error) = said {
                complain(&error);
                // Its patience was for all of them.
                waiting.clear();
            }
            if waiting.is_empty() {
                return;
            }
        }
    }

    fn send(&self, message: &str, descriptors: &[BorrowedFd<'_>], how: MsgFlags) -> io::Result<()> {
        let raw: Vec<_> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let control = if raw.is_empty() { &rights[..0] } else { &rights[..] };
        loop {
            let sent = sendmsg(
                self.socket.as_raw_fd(),
                &[IoSlice::new(message.as_bytes())],
                control,
                MsgFlags::MSG_NOSIGNAL | how,
                Some(&self.address),
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
    fn a_manager_that_did_not_read_stopped_the_event_loop() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(Some(path.as_os_str()), None).unwrap();
        // Far more than any queue of datagrams takes (net.unix.max_dgram_qlen).
        let said: Vec<_> = (0..20_000).map(|number| format!("STATUS={number}")).collect();
        said.iter().for_each(|message| notifier.say(message));
        // In order, and with the last one among them.
        let mut buffer = [0; 100];
        let mut before = None;
        loop {
            let length = manager.recv(&mut buffer).unwrap();
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            let number: usize = text.strip_prefix("STATUS=").unwrap().parse().unwrap();
            assert!(before.is_none_or(|before| before < number), "{number} after {before:?}");
            before = Some(number);
            if number == said.len() - 1 {
                break;
            }
        }
    }

    #[test]
    fn without_a_manager_nothing_is_said_and_nothing_fails() {
        let notifier = Notifier::new(None, None).unwrap();
        notifier.say("READY=1");
        assert!(!notifier.is_there() && notifier.feeding().is_none());
    }
}
