//! Signals that are held until they are looked at, for commands that run another program and end after it.

use nix::errno::Errno;
use nix::libc::SI_KERNEL;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFlags};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};

/// What is not ours to hold: the faults of a program itself, what stops a job or lets it go on, and what ends nobody.
const LEFT_ALONE: [Signal; 14] = [
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGSYS,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGCONT,
    Signal::SIGWINCH,
    Signal::SIGURG,
    Signal::SIGCHLD,
    // The runtime of this language ignores it; held, it would come back with each pipe whose reader has gone.
    Signal::SIGPIPE,
];
/// What a terminal sends.
const BY_TERMINAL: [Signal; 4] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGTSTP];

/// All that ends a process which is not prepared for it, real-time signals among them.
pub(crate) fn ending() -> SigSet {
    let mut all = SigSet::all();
    LEFT_ALONE.into_iter().for_each(|signal| all.remove(signal));
    all
}

/// From now on, certain signals wait until they are looked at; the end of a child shows as one of them.
#[derive(Debug)]
pub(crate) struct HeldSignals {
    before: SigSet,
    arriving: SignalFd,
}

impl HeldSignals {
    /// Holds whatever would end this process, and `more`.
    ///
    /// # Errors
    /// The kernel has no descriptors left.
    pub(crate) fn hold(more: &[Signal]) -> Result<Self, Errno> {
        let mut held = ending();
        more.iter().for_each(|signal| held.add(*signal));
        held.add(Signal::SIGCHLD);
        let before = SigSet::thread_get_mask()?;
        held.thread_block()?;
        let arriving = SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { before, arriving })
    }

    /// Those that have arrived and that a child does not know of yet, by their numbers: some have no name.
    pub(crate) fn arrived(&self) -> impl Iterator<Item = i32> {
        std::iter::from_fn(|| self.arriving.read_signal().ok().flatten()).filter_map(|arrived| {
            let number = i32::try_from(arrived.ssi_signo).ok()?;
            let named = Signal::try_from(number).ok();
            // What a terminal sends, it sends to the child, too. An alarm that was set before is for us alone.
            let by_terminal =
                arrived.ssi_code == SI_KERNEL && named.is_some_and(|signal| BY_TERMINAL.contains(&signal));
            (named != Some(Signal::SIGCHLD) && !by_terminal).then_some(number)
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
