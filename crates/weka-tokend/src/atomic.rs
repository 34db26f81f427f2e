//! Replacing a file so that no reader ever sees half of it. Everything here blocks.

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, unlinkat};
use ring::rand::{SecureRandom, SystemRandom};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many symlinks are followed before it is called a loop, as in the kernel.
const MAX_LINKS: usize = 40;
/// Marks our temp files.
const MARK: &str = ".weka-token-";
/// The age from which a temp file of ours was left by a crash. Other hosts may share the folder, so it is no lock.
const STALE: Duration = Duration::from_secs(3600);

/// What to do where the path is a symlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Replace its target, and leave the link.
    Follow,
    /// Fail: whoever planted it does not choose what is written.
    Refuse,
}

/// The mode of the new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMode {
    /// This one.
    Exactly(u32),
    /// That of the file that is replaced, or this one where there is none.
    KeepOr(u32),
}

/// How to replace a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// The mode of the new file.
    pub mode: FileMode,
    /// What to do where the path is a symlink.
    pub links: Links,
    /// The group of the new file, by number; `None` leaves it to the folder.
    pub group: Option<u32>,
}

/// A file could not be replaced; the old one, if any, is untouched.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written: {problem}", .path.display())]
pub struct ReplaceError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub problem: ReplaceProblem,
}

/// Why a file could not be replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceProblem {
    /// No space is left on the device.
    #[error("the disk is full")]
    DiskFull,
    /// The user's quota is used up.
    #[error("the disk quota is used up")]
    QuotaExceeded,
    /// The file system is mounted read-only, or the service may not write there.
    #[error("the file system is read-only here")]
    ReadOnly,
    /// The folder is missing.
    #[error("its folder does not exist")]
    NoFolder,
    /// A symlink to nowhere.
    #[error("it is a symlink to {}, which does not exist", .0.display())]
    Dangling(PathBuf),
    /// A symlink where none is followed, or a loop of them.
    #[error("it is a symlink")]
    Link,
    /// Symlinks that lead back to themselves.
    #[error("its symlinks lead in a circle")]
    LinkLoop,
    /// A folder, device, fifo or socket.
    #[error("it is not a regular file")]
    NotAFile,
    /// Anything else.
    #[error("{0}")]
    Io(#[source] io::Error),
}
