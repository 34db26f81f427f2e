//! WEKA's own mount helper, which does the mount.

use super::failed::{SYSTEM, not_mounted};
use crate::child::{Child, End};
use crate::failure::Failure;
use crate::held_signals::HeldSignals;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::spawn::{PosixSpawnFileActions, posix_spawn};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use std::ffi::{CString, OsString};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// WEKA's own; where it is does not depend on anybody's environment.
pub(super) const PROGRAM: &str = "/sbin/mount.wekafs";
/// All that it sees of an environment.
const ENVIRONMENT: [&str; 1] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

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

/// From now on, what would end this process waits until it is looked at.
///
/// # Errors
/// The kernel has no descriptors left.
pub(super) fn hold_signals() -> Result<HeldSignals, Failure> {
    let failed = |error: Errno| Failure::new(SYSTEM, format!("signals cannot be held: {}", error.desc()));
    HeldSignals::hold(&[]).map_err(failed)
}

/// Starts it. `lock` stays open in it, so that what it reads is not swept away under it, should this process be killed.
///
/// # Errors
/// It cannot be started.
pub(super) fn start(
    signals: &HeldSignals,
    arguments: Vec<OsString>,
    lock: Option<BorrowedFd<'_>>,
) -> Result<Child, Failure> {
    let failed = |error: Errno| not_mounted(format!("{PROGRAM} cannot be run: {}", error.desc()));
    let text = |text: Vec<u8>| CString::new(text).map_err(|_| failed(Errno::EINVAL));
    let mut words = vec![text(PROGRAM.into())?];
    for argument in arguments {
        words.push(text(argument.into_vec())?);
    }
    let environment =
        ENVIRONMENT.map(|entry| text(entry.into())).into_iter().collect::<Result<Vec<_>, _>>()?;
    let inherited = lock.map(|lock| lock.try_clone_to_owned()).transpose();
    let inherited =
        inherited.map_err(|error| failed(Errno::from_raw(error.raw_os_error().unwrap_or_default())))?;
    let spawn = || {
        if let Some(inherited) = &inherited {
            fcntl(inherited, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        let mut actions = PosixSpawnFileActions::init()?;
        // There is nobody to ask: a prompt for a password reads its end at once.
        actions.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
        posix_spawn(PROGRAM, &actions, &signals.attributes()?, &words, &environment)
    };
    spawn().map(Child::new).map_err(failed)
}

/// Its exit status.
///
/// # Errors
/// A signal has ended it.
pub(super) fn status(end: End) -> Result<u8, Failure> {
    match end {
        End::Status(status) => Ok(status),
        End::Signal(signal) => {
            let name =
                Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |it| it.to_string());
            Err(not_mounted(format!("{PROGRAM} was ended by {name}")))
        }
    }
}
