//! A program that was started, and runs under our eyes: what would end us is passed on to it, and we end after it.

use crate::held_signals::HeldSignals;
use crate::sys::{self, Change};
use nix::errno::Errno;
use nix::libc::{SIGTSTP, SIGTTIN, SIGTTOU};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, raise};
use nix::unistd::Pid;
use std::os::fd::AsFd;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, with this exit status.
    Status(u8),
    /// By the signal of this number.
    Signal(i32),
}

impl End {
    /// As a shell has it: 128 and N after signal N.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Status(status) => status,
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

/// How a program fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Running,
    /// Its terminal has stopped it, as Ctrl-Z does.
    Stopped,
    Ended(End),
}

/// A program that was started.
#[derive(Debug)]
pub(crate) struct Child(Pid);

impl Child {
    /// One that has been started just now.
    pub(crate) const fn new(pid: Pid) -> Self {
        Self(pid)
    }

    /// Waits for its end.
    pub(crate) fn wait(&self, signals: &HeldSignals) -> End {
        loop {
            if let Some(end) = self.look() {
                return end;
            }
            // Whatever comes of it, the next look tells.
            let _ready = poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE);
            self.pass_on(signals);
        }
    }

    /// Sends it the signals that have arrived for us.
    pub(crate) fn pass_on(&self, signals: &HeldSignals) {
        for signal in signals.arrived() {
            sys::send(self.0, signal);
        }
    }

    /// Its end, if it has ended. As a job of a shell, the two of us are stopped and go on together.
    pub(crate) fn look(&self) -> Option<End> {
        loop {
            match self.standing() {
                Standing::Running => return None,
                Standing::Ended(end) => return Some(end),
                Standing::Stopped => {
                    // Returns when somebody lets this process go on. It cannot fail to stop the process that raises it.
                    let _stopped = raise(Signal::SIGSTOP);
                }
            }
        }
    }

    fn standing(&self) -> Standing {
        loop {
            return match sys::change_of(self.0) {
                Ok(Change::Exited(status)) => {
                    Standing::Ended(End::Status(u8::try_from(status & 0xff).unwrap_or(u8::MAX)))
                }
                Ok(Change::Signaled(signal)) => Standing::Ended(End::Signal(signal)),
                Ok(Change::Stopped(SIGTSTP | SIGTTIN | SIGTTOU)) => Standing::Stopped,
                Err(Errno::EINTR) => continue,
                // Somebody has waited for it in our place.
                Err(_) => Standing::Ended(End::Status(u8::MAX)),
                Ok(Change::Stopped(_) | Change::None) => Standing::Running,
            };
        }
    }
}
