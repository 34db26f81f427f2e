//! Folders for one command's secrets: of mode 0700, on memory where there is any, and gone with the command.
//!
//! Each is locked for as long as its command lives. So whoever comes next can tell what a command that was killed
//! has left behind, and takes it away.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Uid, UnlinkatFlags, geteuid, unlinkat};
use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

const PRIVATE: Mode = Mode::S_IRWXU;
/// Whoever takes every name that is tried means no good.
const ATTEMPTS: u32 = 100;

/// Where such folders may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Below a folder that only its owner, or root, can write to; each folder of this path is made, and is private.
    Own(PathBuf, &'static [&'static str]),
    /// In a folder that is everybody's, such as `/dev/shm`, under a name that begins so.
    Shared(PathBuf, String),
}

impl Place {
    /// As a person would name it.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::Own(base, below) => below.iter().fold(base.clone(), |path, name| path.join(name)),
            Self::Shared(base, _) => base.clone(),
        }
    }

    fn prefix(&self) -> &str {
        match self {
            Self::Own(..) => "",
            Self::Shared(_, prefix) => prefix,
        }
    }

    /// The folder that holds the private ones, made where it is missing and ours to make.
    fn open(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Shared(base, _) => {
                let folder = open(base, FOLDER, Mode::empty())?;
                if !is_safe(&fstat(&folder)?, Mode::S_ISVTX) {
                    return Err(io::Error::other("others can take away what is in it"));
                }
                Ok(folder)
            }
            Self::Own(base, below) => {
                let mut folder = open(base, FOLDER, Mode::empty())?;
                if !is_safe(&fstat(&folder)?, Mode::empty()) {
                    return Err(io::Error::other(format!("others can write to {}", base.display())));
                }
                let mut path = base.clone();
                for name in *below {
                    path.push(name);
                    folder = own_folder(&folder, name, &path)?;
                }
                Ok(folder)
            }
        }
    }
}

/// What is in the place of a folder of ours, and was not made by us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// A link, a file, or whatever else is no folder.
    NoFolder(PathBuf),
    /// Somebody else's folder.
    Foreign(PathBuf, Uid),
}

impl Obstacle {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::NoFolder(path) | Self::Foreign(path, _) => path,
        }
    }

    /// The obstacle that a failure tells of, if it does.
    pub(crate) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFolder(path) => write!(formatter, "{} is a link or a file, no folder", path.display()),
            Self::Foreign(path, uid) => write!(formatter, "{} belongs to uid {uid}", path.display()),
        }
    }
}

impl Error for Obstacle {}

/// Why none of some places will do, for people.
pub(crate) fn reasons(failures: &[(PathBuf, io::Error)]) -> String {
    let reason = |(path, error): &(PathBuf, io::Error)| match Obstacle::of(error) {
        Some(obstacle) => obstacle.to_string(),
        None => format!("{}: {error}", path.display()),
    };
    failures.iter().map(reason).collect::<Vec<_>>().join("; ")
}

const FOLDER: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_RDONLY).union(OFlag::O_CLOEXEC);

/// A folder of ours in another, made where it is missing. Never follows a link.
fn own_folder(parent: &OwnedFd, name: &str, path: &Path) -> io::Result<OwnedFd> {
    match mkdirat(parent, name, PRIVATE) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let folder = match openat(parent, name, FOLDER | OFlag::O_NOFOLLOW, Mode::empty()) {
        Err(Errno::ENOTDIR | Errno::ELOOP) => {
            return Err(io::Error::other(Obstacle::NoFolder(path.to_owned())));
        }
        other => other?,
    };
    let found = fstat(&folder)?;
    let owner = Uid::from_raw(found.st_uid);
    if owner != geteuid() {
        return Err(io::Error::other(Obstacle::Foreign(path.to_owned(), owner)));
    }
    if others_may(&found, Mode::S_IRWXG | Mode::S_IRWXO) {
        fchmod(&folder, PRIVATE)?;
    }
    Ok(folder)
}

/// Whether only its owner, who is this user or root, can write to a folder, or it is marked with one of `marks`.
fn is_safe(found: &FileStat, marks: Mode) -> bool {
    let owner = Uid::from_raw(found.st_uid);
    let is_ours = owner == geteuid() || owner.is_root();
    is_ours && (others_may(found, marks) || !others_may(found, Mode::S_IWGRP | Mode::S_IWOTH))
}

fn others_may(found: &FileStat, what: Mode) -> bool {
    Mode::from_bits_truncate(found.st_mode).intersects(what)
}

/// A private folder; dropped, it goes with all that is in it.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    path: PathBuf,
    /// Open and locked for as long as the folder is in use.
    lock: Flock<File>,
}

impl PrivateFolder {
    /// Makes one in the first place that will do, and takes away what commands that were killed have left there.
    ///
    /// # Errors
    /// For each place, why it will not do.
    pub(crate) fn make(places: &[Place]) -> Result<Self, Vec<(PathBuf, io::Error)>> {
        let mut failures = Vec::new();
        let mut made = None;
        for place in places {
            let folder = match place.open() {
                Ok(folder) => folder,
                Err(error) => {
                    failures.push((place.path(), error));
                    continue;
                }
            };
            sweep(place, &folder);
            if made.is_some() {
                continue;
            }
            match Self::make_in(place, &folder) {
                Ok(folder) => made = Some(folder),
                Err(error) => failures.push((place.path(), error)),
            }
        }
        made.ok_or(failures)
    }

    fn make_in(place: &Place, parent: &OwnedFd) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let name = format!("{}{:016x}", place.prefix(), RandomState::new().hash_one(std::process::id()));
            match mkdirat(parent, name.as_str(), PRIVATE) {
                Ok(()) => {}
                Err(Errno::EEXIST) => continue,
                Err(error) => return Err(error.into()),
            }
            // Between the two, another's sweep may take it for a leftover: then it is made once more.
            match Self::take(parent, &name, place.path().join(&name)) {
                Ok(Some(folder)) => return Ok(folder),
                Ok(None) | Err(Errno::ENOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::Error::other("no private folder stays there"))
    }

    /// Locks a folder; `None` where its command lives, or where it has just gone.
    fn take(parent: &OwnedFd, name: &str, path: PathBuf) -> Result<Option<Self>, Errno> {
        let folder = openat(parent, name, FOLDER | OFlag::O_NOFOLLOW, Mode::empty())?;
        let found = fstat(&folder)?;
        if Uid::from_raw(found.st_uid) != geteuid() {
            return Ok(None);
        }
        let Ok(lock) = Flock::lock(File::from(folder), FlockArg::LockExclusiveNonblock) else {
            return Ok(None);
        };
        let now = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if (now.st_dev, now.st_ino) != (found.st_dev, found.st_ino) {
            return Ok(None);
        }
        fchmod(&*lock, PRIVATE)?;
        Ok(Some(Self { path, lock }))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for PrivateFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // Still locked, so nobody else is at it. What cannot be removed now is swept later.
        drop(std::fs::remove_dir_all(&self.path));
    }
}

/// Takes away what commands that were killed have left: folders of ours that nobody holds locked.
fn sweep(place: &Place, parent: &OwnedFd) {
    let Ok(entries) = std::fs::read_dir(place.path()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_one_of_ours(name, place.prefix())) else { continue };
        // Dropped, it goes.
        drop(PrivateFolder::take(parent, name, entry.path()));
    }
}

fn is_one_of_ours(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Removes a file in a folder; one that is not there is no failure.
pub(crate) fn remove(folder: impl AsFd, name: &OsStr) -> Result<(), Errno> {
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn base() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    fn own(base: &Path) -> Place {
        Place::Own(base.to_owned(), &["weka-token", "exec"])
    }

    fn shared(base: &Path) -> Place {
        Place::Shared(base.to_owned(), "weka-token-7-".into())
    }

    fn entries(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn it_is_private_and_goes_with_all_that_is_in_it() {
        let base = base();
        for place in [own(base.path()), shared(base.path())] {
            let folder = PrivateFolder::make(std::slice::from_ref(&place)).unwrap();
            let path = folder.path().to_owned();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
            assert!(path.starts_with(place.path()), "{path:?}");
            fs::create_dir(path.join("sub")).unwrap();
            fs::write(path.join("sub/file"), "x").unwrap();
            drop(folder);
            assert!(!path.exists());
        }
        assert_eq!(fs::metadata(base.path().join("weka-token/exec")).unwrap().mode() & 0o7777, 0o700);
    }

    #[test]
    fn what_was_left_behind_is_swept_and_what_lives_is_not() {
        let base = base();
        for place in [own(base.path()), shared(base.path())] {
            let alive = PrivateFolder::make(std::slice::from_ref(&place)).unwrap();
            let left = place.path().join(format!("{}{:016x}", place.prefix(), 7));
            fs::create_dir(&left).unwrap();
            fs::write(left.join("auth-token.json"), "x").unwrap();
            let foreign = place.path().join("weka-token-8-0000000000000007");
            fs::create_dir(&foreign).unwrap();
            let another = PrivateFolder::make(std::slice::from_ref(&place)).unwrap();
            assert!(!left.exists() && alive.path().exists() && another.path().exists() && foreign.exists());
        }
    }

    #[test]
    fn a_link_in_its_way_is_never_followed() {
        let (base, elsewhere) = (base(), base());
        fs::create_dir(base.path().join("weka-token")).unwrap();
        symlink(elsewhere.path(), base.path().join("weka-token/exec")).unwrap();
        let failures = PrivateFolder::make(&[own(base.path())]).unwrap_err();
        assert_eq!(failures.len(), 1);
        let obstacle = Obstacle::NoFolder(base.path().join("weka-token/exec"));
        assert_eq!(Obstacle::of(&failures[0].1), Some(&obstacle));
        // A name in a shared folder that leads elsewhere is neither swept nor used.
        fs::write(elsewhere.path().join("file"), "x").unwrap();
        symlink(elsewhere.path(), base.path().join("weka-token-7-0000000000000007")).unwrap();
        let folder = PrivateFolder::make(&[shared(base.path())]).unwrap();
        assert_eq!(entries(elsewhere.path()), ["file"]);
        drop(folder);
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_passed_over() {
        let (open, closed) = (base(), base());
        let shared_but_not_sticky = [shared(open.path())];
        fs::set_permissions(open.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let missing = Place::Own(open.path().join("missing"), &["exec"]);
        let folder = PrivateFolder::make(&[missing.clone(), own(open.path()), own(closed.path())]).unwrap();
        assert!(folder.path().starts_with(closed.path()));
        let failures = PrivateFolder::make(&[missing, own(open.path())]).unwrap_err();
        assert_eq!(failures.len(), 2, "{failures:?}");
        let expected = format!("others can write to {}", open.path().display());
        assert_eq!(failures[1].1.to_string(), expected);
        let failures = PrivateFolder::make(&shared_but_not_sticky).unwrap_err();
        assert_eq!(failures[0].1.to_string(), "others can take away what is in it");
        fs::set_permissions(open.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(PrivateFolder::make(&shared_but_not_sticky).is_ok());
    }

    #[test]
    fn two_at_once_never_sweep_each_other() {
        let base = base();
        let place = [own(base.path())];
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let folder = PrivateFolder::make(&place).unwrap();
                        fs::write(folder.path().join("file"), "x").unwrap();
                        assert_eq!(entries(folder.path()), ["file"]);
                    }
                });
            }
        });
        assert!(entries(&place[0].path()).is_empty());
    }
}
