//! The lock beside a token file, by which one of many hosts refreshes and the others follow.

use crate::atomic::{Links, resolve};
use crate::dirs::PRIVATE_FILE;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// A lock that is held until this goes away. Closing a file can hang on a network file system, so on a runtime
/// that is left to a thread of its own.
#[derive(Debug)]
pub struct FileLock(Option<File>);

/// There can be no lock here: go on without one.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be locked: {source}", .path.display())]
pub struct LockError {
    /// The lock file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl FileLock {
    /// Gives it back before going on. Blocks.
    pub fn release(mut self) {
        drop(self.0.take());
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        let Some(file) = self.0.take() else { return };
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn_blocking(move || drop(file)));
        }
    }
}

/// Locks `PATH.lock` beside a token file (beside its target, if it is a symlink); `None` if another has the lock.
/// Blocks, but never for the lock.
///
/// The lock belongs to the open file (`F_OFD_SETLK`), so it also keeps out others in this process, and ends with
/// the process. On NFS it reaches the other hosts.
///
/// # Errors
///
/// See [`LockError`].
pub fn try_lock(path: &Path) -> Result<Option<FileLock>, LockError> {
    let (target, owner) = match resolve(path, Links::Follow) {
        Ok((target, found)) => (target, found.map(|found| (found.uid(), found.gid()))),
        Err(_) => (path.to_owned(), None),
    };
    let mut name = OsString::from(&target);
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let unavailable = |source: io::Error| LockError { path: lock_path.clone(), source };
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE_FILE)
        .custom_flags(flags.bits())
        .open(&lock_path)
        .map_err(unavailable)?;
    let metadata = file.metadata().map_err(unavailable)?;
    if !metadata.is_file() {
        return Err(unavailable(io::Error::other("it is not a regular file")));
    }
    // Root's daemon must not keep the file's owner out of the lock.
    if let Some((uid, gid)) = owner
        && metadata.uid() != uid
        && nix::unistd::geteuid().is_root()
    {
        check_ours(&metadata).map_err(unavailable)?;
        fchown(&file, Some(uid), Some(gid)).map_err(unavailable)?;
    }
    loop {
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())) {
            Ok(_) => return Ok(Some(FileLock(Some(file)))),
            Err(nix::Error::EAGAIN | nix::Error::EACCES) => return Ok(None),
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(unavailable(error.into())),
        }
    }
}

/// Whether root made this file just now, or at another time: whoever may write to the folder may have put a file of root's
/// there by another name, and must not be given it.
fn check_ours(found: &Metadata) -> io::Result<()> {
    let problem = if found.nlink() != 1 {
        "it has other names, too (hard links)"
    } else if !nix::unistd::Uid::from_raw(found.uid()).is_root() {
        "it belongs neither to root nor to the owner of the token file"
    } else if found.size() > 0 {
        "there is something in it, which locks do not have"
    } else {
        return Ok(());
    };
    Err(io::Error::other(problem))
}

/// A write lock on all of a file.
fn whole_file() -> libc::flock {
    #[expect(clippy::cast_possible_truncation, reason = "the constants are small, and the fields are shorts")]
    let (kind, whence) = (libc::F_WRLCK as libc::c_short, libc::SEEK_SET as libc::c_short);
    libc::flock { l_type: kind, l_whence: whence, l_start: 0, l_len: 0, l_pid: 0 }
}
