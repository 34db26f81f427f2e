//! Replacing a file so that no reader ever sees half of it. Everything here blocks.

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, unlinkat};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
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

impl ReplaceProblem {
    /// Whether it stays until somebody mends it: room and failing disks may come back by themselves.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self {
            Self::DiskFull | Self::QuotaExceeded => false,
            Self::Io(error) => is_denied(error),
            _ => true,
        }
    }

    fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull => Self::DiskFull,
            io::ErrorKind::QuotaExceeded => Self::QuotaExceeded,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io(error),
        }
    }
}

/// Whether somebody's mode bits, or a policy, are in the way.
pub(crate) fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

impl From<io::Error> for ReplaceProblem {
    fn from(error: io::Error) -> Self {
        Self::of(error)
    }
}

impl From<serde_json::Error> for ReplaceProblem {
    fn from(error: serde_json::Error) -> Self {
        Self::of(error.into())
    }
}

impl From<nix::Error> for ReplaceProblem {
    fn from(error: nix::Error) -> Self {
        Self::of(error.into())
    }
}

/// Puts `contents` in the place of the file at `path`: whoever reads sees the old file or the new one, whole.
///
/// Temp files that a crash left in the folder are swept along the way.
/// Where root replaces another user's file, it stays that user's. A group that cannot be kept loses its rights.
///
/// Answers what `stat` says of the new file.
///
/// # Errors
///
/// See [`ReplaceProblem`]; the old file is untouched then, and no temp file stays behind.
pub fn replace(path: &Path, contents: &[u8], manner: Manner) -> Result<Metadata, ReplaceError> {
    replace_inner(path, contents, manner).map_err(|problem| ReplaceError { path: path.to_owned(), problem })
}

fn replace_inner(path: &Path, contents: &[u8], manner: Manner) -> Result<Metadata, ReplaceProblem> {
    let (target, old) = resolve(path, manner.links)?;
    let name = target.file_name().ok_or(ReplaceProblem::NotAFile)?;
    let folder = open_folder(folder_of(&target))?;
    let mut temp = Temp::create(&folder)?;
    temp.file.write_all(contents).map_err(ReplaceProblem::of)?;
    let group_kept = temp.settle_owner(old.as_ref(), manner.group)?;
    let mode = match (manner.mode, &old) {
        (FileMode::KeepOr(_), Some(old)) => old.mode() & 0o777,
        (FileMode::KeepOr(mode) | FileMode::Exactly(mode), _) => mode,
    };
    let mode = if group_kept { mode } else { mode & !0o070 };
    temp.file.set_permissions(Permissions::from_mode(mode)).map_err(ReplaceProblem::of)?;
    temp.file.sync_all().map_err(ReplaceProblem::of)?;
    let written = temp.file.metadata().map_err(ReplaceProblem::of)?;
    temp.rename_to(name)?;
    // Some network and overlay file systems cannot do this; the rename stands all the same.
    let _synced = folder.sync_all();
    sweep_once(folder_of(&target));
    Ok(written)
}

/// Puts `contents` under a name in an open folder, with this mode and group from the first moment on; `is_wanted` has
/// the last word. What is there is replaced: of a symlink the link itself.
///
/// Answers what `stat` says of the new file; `None` where it was not wanted any more.
///
/// # Errors
///
/// See [`ReplaceProblem`]; what was there is untouched then, and no temp file stays behind.
pub fn put(
    folder: &File,
    name: &OsStr,
    contents: &[u8],
    mode: u32,
    group: Option<u32>,
    is_wanted: impl FnOnce() -> bool,
) -> Result<Option<Metadata>, ReplaceProblem> {
    let mut temp = Temp::create(folder)?;
    temp.file.write_all(contents).map_err(ReplaceProblem::of)?;
    temp.settle_owner(None, group)?;
    temp.file.set_permissions(Permissions::from_mode(mode)).map_err(ReplaceProblem::of)?;
    temp.file.sync_all().map_err(ReplaceProblem::of)?;
    let written = temp.file.metadata().map_err(ReplaceProblem::of)?;
    if !is_wanted() {
        return Ok(None);
    }
    temp.rename_to(name)?;
    // Some network and overlay file systems cannot do this; the rename stands all the same.
    let _synced = folder.sync_all();
    Ok(Some(written))
}

/// The file that a path leads to, through symlinks if they may be followed, and what is there now.
///
/// # Errors
///
/// [`ReplaceProblem::Dangling`] and the other words on links, or that it is no regular file.
pub fn resolve(path: &Path, links: Links) -> Result<(PathBuf, Option<Metadata>), ReplaceProblem> {
    let mut target = path.to_owned();
    for hop in 0..MAX_LINKS {
        let found = match fs::symlink_metadata(&target) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return if hop == 0 { Ok((target, None)) } else { Err(ReplaceProblem::Dangling(target)) };
            }
            Err(error) => return Err(ReplaceProblem::of(error)),
        };
        if found.is_file() {
            return Ok((target, Some(found)));
        }
        if !found.is_symlink() {
            return Err(ReplaceProblem::NotAFile);
        }
        if links == Links::Refuse {
            return Err(ReplaceProblem::Link);
        }
        let next = fs::read_link(&target).map_err(ReplaceProblem::of)?;
        target = folder_of(&target).join(next);
    }
    Err(ReplaceProblem::LinkLoop)
}

/// The folders that were looked through for left-over temp files since this process began.
static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Removes temp files of ours that a crash left in a folder more than an hour ago, once per process.
pub(crate) fn sweep_once(folder: &Path) {
    if SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned()) {
        sweep(folder);
    }
}

fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let uid = nix::unistd::geteuid().as_raw();
    let is_left_over = |found: &Metadata| {
        let age = found.modified().ok().and_then(|time| time.elapsed().ok());
        found.is_file() && found.uid() == uid && age.is_some_and(|age| age >= STALE)
    };
    for entry in entries.filter_map(Result::ok) {
        if is_temp_name(&entry.file_name()) && entry.metadata().is_ok_and(|found| is_left_over(&found)) {
            // Another host with the same folder may have been faster.
            let _removed = fs::remove_file(entry.path());
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn open_folder(path: &Path) -> Result<File, ReplaceProblem> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            ReplaceProblem::NoFolder
        } else {
            ReplaceProblem::of(error)
        }
    })
}

fn is_temp_name(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(MARK.as_bytes()) && name.ends_with(b".tmp")
}

fn temp_name() -> Result<OsString, ReplaceProblem> {
    let mut random = [0; 8];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| ReplaceProblem::Io(io::Error::other("the kernel gave no random bytes")))?;
    Ok(format!("{MARK}{}.tmp", data_encoding::HEXLOWER.encode(&random)).into())
}

/// A file on its way to its place; it goes away with this value unless it got there.
struct Temp<'f> {
    folder: &'f File,
    name: OsString,
    file: File,
    in_place: bool,
}

impl<'f> Temp<'f> {
    fn create(folder: &'f File) -> Result<Self, ReplaceProblem> {
        let name = temp_name()?;
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let file = File::from(openat(folder, name.as_os_str(), flags, mode)?);
        Ok(Self { folder, name, file, in_place: false })
    }

    /// Gives the file its owner and group; answers whether its group is the one that its mode is meant for.
    fn settle_owner(&self, old: Option<&Metadata>, group: Option<u32>) -> Result<bool, ReplaceProblem> {
        let ours = self.file.metadata().map_err(ReplaceProblem::of)?;
        if let Some(old) = old
            && old.uid() != ours.uid()
            && nix::unistd::geteuid().is_root()
        {
            fchown(&self.file, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())))?;
        }
        if let Some(group) = group {
            fchown(&self.file, None, Some(Gid::from_raw(group)))?;
            return Ok(true);
        }
        match old {
            Some(old) if old.gid() != ours.gid() => {
                Ok(fchown(&self.file, None, Some(Gid::from_raw(old.gid()))).is_ok())
            }
            _ => Ok(true),
        }
    }

    fn rename_to(mut self, name: &OsStr) -> Result<(), ReplaceProblem> {
        renameat(self.folder, self.name.as_os_str(), self.folder, name)?;
        self.in_place = true;
        Ok(())
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if !self.in_place {
            // It may be gone already; there is nobody left to tell.
            let _removed = unlinkat(self.folder, self.name.as_os_str(), UnlinkatFlags::NoRemoveDir);
        }
    }
}

#[cfg(test)]
mod tests;
