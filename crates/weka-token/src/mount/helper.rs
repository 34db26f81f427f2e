//! mount.wekafs, run under our eyes: whatever ends us is passed on to it, and we end after it.

use super::failed::{SYSTEM, not_mounted};
use crate::failure::Failure;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::libc::SI_KERNEL;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ffi::{CString, OsString};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// WEKA's own; where it is does not depend on anybody's environment.
pub(super) const PROGRAM: &str = "/sbin/mount.wekafs";
/// All that it sees of an environment.
const ENVIRONMENT: [&str; 1] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
/// What asks us to end.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// Whether there is such a program.
///
/// # Errors
/// There is not, or it cannot be run.
pub(super) fn check() -> Result<(), Failure> {
    let found = std::fs::metadata(Path::new(PROGRAM));
    let reason = match found {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => return Ok(()),
        Ok(_) => "it is not a program".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(not_mounted(format!("{PROGRAM}: {reason}")).then("install the WEKA client: it comes with its agent"))
}

/// From now on, what asks this process to end waits until it is looked at.
#[derive(Debug)]
pub(super) struct Signals {
    before: SigSet,
    arriving: SignalFd,
}

impl Signals {
    /// # Errors
    /// The kernel has no descriptors left.
    pub(super) fn hold() -> Result<Self, Failure> {
        let failed = |error: Errno| Failure::new(SYSTEM, format!("signals cannot be held: {}", error.desc()));
        let mut held = SigSet::from_iter(ENDING);
        held.add(Signal::SIGCHLD);
        let before = SigSet::thread_get_mask().map_err(failed)?;
        held.thread_block().map_err(failed)?;
        let arriving = SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC).map_err(failed)?;
        Ok(Self { before, arriving })
    }

    /// Runs mount.wekafs to its end and gives its exit status. `lock` stays open in it, so that what it reads is not
    /// swept away under it, should this process be killed.
    ///
    /// # Errors
    /// It cannot be started, or a signal ended it.
    pub(super) fn run(&self, arguments: Vec<OsString>, lock: Option<BorrowedFd<'_>>) -> Result<u8, Failure> {
        let pid = self.spawn(arguments, lock)?;
        loop {
            match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, status)) => return Ok(u8::try_from(status & 0xff).unwrap_or(SYSTEM)),
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    return Err(not_mounted(format!("{PROGRAM} was ended by {signal}")));
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => {
                    return Err(Failure::new(
                        SYSTEM,
                        format!("{PROGRAM} cannot be waited for: {}", error.desc()),
                    ));
                }
            }
            let Ok(Some(arrived)) = self.arriving.read_signal() else { continue };
            let signal =
                i32::try_from(arrived.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
            // What a terminal sends, it sends to both.
            let by_terminal = arrived.ssi_code == SI_KERNEL;
            if let Some(signal) = signal.filter(|signal| *signal != Signal::SIGCHLD && !by_terminal) {
                // It may have ended by itself.
                let _ended = kill(pid, signal);
            }
        }
    }

    fn spawn(&self, arguments: Vec<OsString>, lock: Option<BorrowedFd<'_>>) -> Result<Pid, Failure> {
        let failed = |error: Errno| not_mounted(format!("{PROGRAM} cannot be run: {}", error.desc()));
        let text = |text: Vec<u8>| CString::new(text).map_err(|_| failed(Errno::EINVAL));
        let mut words = vec![text(PROGRAM.into())?];
        for argument in arguments {
            words.push(text(argument.into_vec())?);
        }
        let environment =
            ENVIRONMENT.map(|entry| text(entry.into())).into_iter().collect::<Result<Vec<_>, _>>()?;
        let prepare = || {
            let mut actions = PosixSpawnFileActions::init()?;
            // There is nobody to ask: a prompt for a password reads its end at once.
            actions.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
            let mut attributes = PosixSpawnAttr::init()?;
            attributes.set_flags(
                PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF,
            )?;
            attributes.set_sigmask(&self.before)?;
            // The runtime of this language ignores it.
            attributes.set_sigdefault(&SigSet::from_iter([Signal::SIGPIPE]))?;
            Ok((actions, attributes))
        };
        let (actions, attributes) = prepare().map_err(failed)?;
        let inherited = lock.map(|lock| lock.try_clone_to_owned()).transpose();
        let inherited =
            inherited.map_err(|error| failed(Errno::from_raw(error.raw_os_error().unwrap_or_default())))?;
        if let Some(inherited) = &inherited {
            fcntl(inherited, FcntlArg::F_SETFD(FdFlag::empty())).map_err(failed)?;
        }
        posix_spawn(PROGRAM, &actions, &attributes, &words, &environment).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_callers_environment_is_in_it() {
        assert!(ENVIRONMENT.iter().all(|entry| !entry.contains("WEKA") && !entry.starts_with("HOME=")));
    }
}
