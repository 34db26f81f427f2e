//! The daemon's own listening socket: made safely, never pushing a live daemon aside.

use nix::sys::stat::{Mode, umask};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The longest path that fits in a `sockaddr_un`, in bytes.
const MAX_PATH: usize = 107;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another daemon lives there.
    #[error("another weka-tokend{} already answers on {path}", .pid.as_deref().map(|p| format!(" (pid {p})")).unwrap_or_default())]
    InUse {
        /// The socket.
        path: PathBuf,
        /// The other daemon's process id, if it wrote it down.
        pid: Option<String>,
    },
    /// Something that is not a socket stands in its place.
    #[error("{path} is in the way and is no socket; remove it, or choose another with --socket")]
    InTheWay {
        /// The path.
        path: PathBuf,
    },
    /// Others can write to the folder, so they could take the socket's place.
    #[error(
        "the folder {folder} belongs to uid {owner} with mode {mode:04o}, so others could take the socket's place; choose a folder of your own with --socket"
    )]
    UnsafeFolder {
        /// The folder.
        folder: PathBuf,
        /// Its owner.
        owner: u32,
        /// Its mode.
        mode: u32,
    },
    /// The path does not fit in a socket address.
    #[error("the socket path {path} is longer than {MAX_PATH} bytes; choose a shorter one with --socket")]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// What it was about.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
}

/// A listening socket and the lock that makes it ours.
#[derive(Debug)]
pub struct OwnSocket {
    /// The path it listens on.
    pub path: PathBuf,
    inode: u64,
    _lock: File,
}

impl OwnSocket {
    /// Binds `path` with mode 0600, in a folder made 0700 if it is not there.
    ///
    /// A lock beside the socket is held as long as this value lives. Who gets it knows that a socket found
    /// there is stale: no daemon that could own it is alive.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub fn bind(path: &Path) -> Result<(Self, UnixListener), SocketError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| SocketError::Io { path, source }
        };
        // The name that is bound is a little longer than the name that is kept.
        if path.as_os_str().len() + ".new".len() > MAX_PATH {
            return Err(SocketError::TooLong { path: path.to_owned() });
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.exists() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
        }
        check_folder(folder)?;
        let lock = take_lock(path)?;
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(SocketError::InTheWay { path: path.to_owned() });
            }
            // A service manager listens without holding our lock, and so does a daemon that it has started.
            Ok(_) if UnixStream::connect(path).is_ok() => {
                return Err(SocketError::InUse { path: path.to_owned(), pid: None });
            }
            _ => {}
        }
        // Bound under another name and renamed, so that clients always find a socket that answers.
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&fresh)(error)),
            _ => {}
        }
        let before = umask(Mode::from_bits_truncate(0o177));
        let listener = UnixListener::bind(&fresh);
        umask(before);
        let listener = listener.map_err(at(&fresh))?;
        let inode = fs::symlink_metadata(&fresh).map_err(at(&fresh))?.ino();
        fs::rename(&fresh, path).map_err(at(path))?;
        listener.set_nonblocking(true).map_err(at(path))?;
        Ok((Self { path: path.to_owned(), inode, _lock: lock }, listener))
    }
}

impl Drop for OwnSocket {
    /// Removes the socket, unless somebody has put another in its place. The lock file stays: removing it
    /// would let two daemons lock two files of the same name.
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            drop(fs::remove_file(&self.path));
        }
    }
}

fn check_folder(folder: &Path) -> Result<(), SocketError> {
    let found = fs::metadata(folder).map_err(|source| SocketError::Io { path: folder.to_owned(), source })?;
    let (owner, mode) = (found.uid(), found.mode() & 0o7777);
    let ours = owner == nix::unistd::geteuid().as_raw() || owner == 0;
    let others_write = mode & 0o022 != 0;
    let sticky = mode & 0o1000 != 0;
    if ours && (!others_write || sticky) {
        return Ok(());
    }
    Err(SocketError::UnsafeFolder { folder: folder.to_owned(), owner, mode })
}

fn take_lock(socket: &Path) -> Result<File, SocketError> {
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let io = |source| SocketError::Io { path: path.clone(), source };
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_CLOEXEC | nix::libc::O_NONBLOCK)
        .open(&path)
        .map_err(io)?;
    if lock.metadata().map_err(io)?.uid() != nix::unistd::geteuid().as_raw() {
        return Err(SocketError::Io {
            path: path.clone(),
            source: io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to somebody else"),
        });
    }
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let read = (&mut lock).take(16).read_to_string(&mut pid).is_ok();
            let pid = pid.trim();
            let pid =
                (read && !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit())).then(|| pid.to_owned());
            return Err(SocketError::InUse { path: socket.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(io(source)),
    }
    lock.set_permissions(fs::Permissions::from_mode(0o600)).map_err(io)?;
    // For a person's eyes only; the lock is what counts.
    lock.set_len(0).map_err(io)?;
    writeln!(lock, "{}", std::process::id()).map_err(io)?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_0700_and_the_socket_0600() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("weka-token/agent.sock");
        let (own, _listener) = OwnSocket::bind(&path).unwrap();
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(fs::symlink_metadata(&own.path).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_live_daemon_is_never_pushed_aside() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("agent.sock");
        let (_own, listener) = OwnSocket::bind(&path).unwrap();
        let error = OwnSocket::bind(&path).unwrap_err();
        assert!(error.to_string().contains(&format!("(pid {})", std::process::id())), "{error}");
        UnixStream::connect(&path).unwrap();
        assert!(listener.accept().is_ok());
    }

    #[test]
    fn a_stale_socket_is_replaced_and_ours_is_removed_at_the_end() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("agent.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (own, _listener) = OwnSocket::bind(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        drop(own);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_that_somebody_else_listens_on_is_left_alone_though_nobody_holds_the_lock() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("agent.sock");
        let managers = UnixListener::bind(&path).unwrap();
        assert!(matches!(OwnSocket::bind(&path), Err(SocketError::InUse { pid: None, .. })));
        UnixStream::connect(&path).unwrap();
        assert!(managers.accept().is_ok());
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("agent.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(OwnSocket::bind(&path), Err(SocketError::InTheWay { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(
            OwnSocket::bind(&temp.path().join("agent.sock")),
            Err(SocketError::UnsafeFolder { .. })
        ));
    }

    #[test]
    fn a_symlink_in_the_place_of_the_lock_is_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let precious = temp.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        std::os::unix::fs::symlink(&precious, temp.path().join("agent.sock.lock")).unwrap();
        assert!(OwnSocket::bind(&temp.path().join("agent.sock")).is_err());
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    }

    #[test]
    fn a_path_that_does_not_fit_is_named() {
        let path = Path::new("/tmp").join("x".repeat(120));
        assert!(matches!(OwnSocket::bind(&path), Err(SocketError::TooLong { .. })));
    }
}
