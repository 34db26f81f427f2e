//! Signals that are held until they are looked at, for commands that run another program and end after it.

use nix::errno::Errno;
use nix::libc::SI_KERNEL;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFlags};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};

/// From now on, certain signals wait until they are looked at; the end of a child shows as one of them.
#[derive(Debug)]
pub(crate) struct HeldSignals {
    before: SigSet,
    arriving: SignalFd,
}

impl HeldSignals {
    /// # Errors
    /// The kernel has no descriptors left.
    pub(crate) fn hold(signals: impl IntoIterator<Item = Signal>) -> Result<Self, Errno> {
        let mut held = SigSet::from_iter(signals);
        held.add(Signal::SIGCHLD);
        let before = SigSet::thread_get_mask()?;
        held.thread_block()?;
        let arriving = SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { before, arriving })
    }

    /// Those that have arrived and that a child does not know of yet.
    pub(crate) fn arrived(&self) -> impl Iterator<Item = Signal> {
        std::iter::from_fn(|| self.arriving.read_signal().ok().flatten()).filter_map(|arrived| {
            let signal = i32::try_from(arrived.ssi_signo).ok().and_then(|it| Signal::try_from(it).ok())?;
            // What a terminal sends, it sends to the child, too.
            let by_terminal = arrived.ssi_code == SI_KERNEL;
            (signal != Signal::SIGCHLD && !by_terminal).then_some(signal)
        })
    }

    /// How a child is to begin: with the signals as they were before.
    ///
    /// # Errors
    /// There is no memory left.
    pub(crate) fn attributes(&self) -> Result<PosixSpawnAttr, Errno> {
        let mut attributes = PosixSpawnAttr::init()?;
        attributes
            .set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)?;
        attributes.set_sigmask(&self.before)?;
        // The runtime of this language ignores it.
        attributes.set_sigdefault(&SigSet::from_iter([Signal::SIGPIPE]))?;
        Ok(attributes)
    }
}

impl AsFd for HeldSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.arriving.as_fd()
    }
}
