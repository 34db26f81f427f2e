//! The folder of a sink: a place where nobody else can put something of theirs under its name.
//!
//! As with ssh's StrictModes, every folder on the way is root's or ours, and nobody else may write to it. The one
//! exception is a sticky folder such as `/tmp` further up: others can neither rename nor delete what is ours in there.

use super::problem::{STICKY, SinkProblem};
use nix::fcntl::OFlag;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// How many symlinks are followed on the way, as in the kernel.
const MAX_LINKS: usize = 40;
/// The mode of folders that are made for sinks: whom a file is for is said by its own mode.
const OPEN_FOLDER: u32 = 0o755;

/// An open folder, and the name of the sink in it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: File,
    pub(super) name: OsString,
}

impl Place {
    /// Opens the folder of `path`. Folders that are missing are made below `own`, the daemon's own folder for sinks,
    /// and nowhere else. Blocks.
    pub(super) fn open(path: &Path, own: Option<&Path>) -> Result<Self, SinkProblem> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(SinkProblem::NotAFile);
        };
        let folder = match walk(parent) {
            Err(SinkProblem::NoFolder(_)) if own.is_some_and(|own| parent.starts_with(own)) => {
                make(parent, own.unwrap_or(parent))?;
                walk(parent)?
            }
            walked => walked?,
        };
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(&folder);
        let folder = opened.map_err(|error| SinkProblem::of(error, parent))?;
        Ok(Self { folder, name: name.to_owned() })
    }
}

/// The folder that a path leads to, if every step on the way is safe.
fn walk(path: &Path) -> Result<PathBuf, SinkProblem> {
    let us = nix::unistd::geteuid().as_raw();
    let is_ours = |found: &Metadata| found.uid() == 0 || found.uid() == us;
    let mut folder = PathBuf::from("/");
    let mut parts = parts_of(path);
    let mut links = 0;
    // A folder that others may add to, if its stickiness protects what comes next.
    let mut sticky: Option<u32> = None;
    check(&folder, &stat(&folder)?, is_ours)?;
    while let Some(part) = parts.pop_front() {
        if part == "/" {
            folder = PathBuf::from("/");
            continue;
        }
        if part == ".." {
            folder.pop();
            continue;
        }
        let here = folder.join(&part);
        let found = stat(&here)?;
        if let Some(mode) = sticky.take()
            && !is_ours(&found)
        {
            return Err(SinkProblem::OpenFolder { folder, mode });
        }
        if found.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(SinkProblem::Io(io::Error::from(nix::Error::ELOOP)));
            }
            let target = fs::read_link(&here).map_err(|error| SinkProblem::of(error, &here))?;
            for part in parts_of(&target).into_iter().rev() {
                parts.push_front(part);
            }
            continue;
        }
        if !found.is_dir() {
            return Err(SinkProblem::NotAFolder(here));
        }
        sticky = check(&here, &found, is_ours)?;
        folder = here;
    }
    match sticky {
        Some(mode) => Err(SinkProblem::OpenFolder { folder, mode }),
        None => Ok(folder),
    }
}

/// Whether nobody else can change what is in a folder; its mode, where only what is ours is safe in it.
fn check(
    folder: &Path,
    found: &Metadata,
    is_ours: impl Fn(&Metadata) -> bool,
) -> Result<Option<u32>, SinkProblem> {
    let mode = found.mode() & 0o7777;
    if !is_ours(found) {
        return Err(SinkProblem::ForeignFolder { folder: folder.to_owned(), owner: found.uid() });
    }
    match (mode & 0o022 != 0, mode & STICKY != 0) {
        (false, _) => Ok(None),
        (true, true) => Ok(Some(mode)),
        (true, false) => Err(SinkProblem::OpenFolder { folder: folder.to_owned(), mode }),
    }
}

fn stat(path: &Path) -> Result<Metadata, SinkProblem> {
    fs::symlink_metadata(path).map_err(|error| SinkProblem::of(error, path))
}

/// The parts of a path; `/` stands for itself.
fn parts_of(path: &Path) -> VecDeque<OsString> {
    let is_step = |part: &Component<'_>| !matches!(part, Component::CurDir | Component::Prefix(_));
    path.components().filter(is_step).map(|part| OsStr::to_owned(part.as_os_str())).collect()
}

/// Makes the folder for a sink. What is missing above `own` is for our own eyes.
fn make(folder: &Path, own: &Path) -> Result<(), SinkProblem> {
    let missing: Vec<_> =
        folder.ancestors().take_while(|folder| fs::symlink_metadata(folder).is_err()).collect();
    for folder in missing.into_iter().rev() {
        let mode = if folder.starts_with(own) { OPEN_FOLDER } else { crate::dirs::PRIVATE_FOLDER };
        match DirBuilder::new().mode(mode).create(folder) {
            // The service's umask takes from the mode.
            Ok(()) => fs::set_permissions(folder, Permissions::from_mode(mode)),
            // Another sink was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
        .map_err(|error| SinkProblem::of(error, folder))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_folder_of_ours_is_taken_also_behind_a_link_of_ours() {
        let base = folder();
        let real = base.path().join("real");
        fs::create_dir(&real).unwrap();
        symlink("real", base.path().join("link")).unwrap();
        for parent in ["real", "link", "real/../real"] {
            let place = Place::open(&base.path().join(parent).join("sink"), None).unwrap();
            assert_eq!(place.name, "sink");
            assert_eq!(place.folder.metadata().unwrap().ino(), fs::metadata(&real).unwrap().ino());
        }
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused_wherever_it_is_on_the_way() {
        let base = folder();
        let (outer, inner) = (base.path().join("outer"), base.path().join("outer/inner"));
        fs::create_dir_all(&inner).unwrap();
        for (folder, modes) in [(&inner, &[0o777, 0o1777, 0o775, 0o1770][..]), (&outer, &[0o777, 0o770])] {
            for bad in modes {
                set_mode(folder, *bad);
                let refused = Place::open(&inner.join("sink"), None).unwrap_err();
                let SinkProblem::OpenFolder { folder: named, mode } = &refused else { panic!("{refused:?}") };
                assert_eq!((named, mode), (folder, bad));
                assert!(refused.to_string().contains("others can write to"), "{refused}");
                set_mode(folder, 0o755);
            }
        }
        // In a sticky one nobody else can rename or remove a folder of ours.
        set_mode(&outer, 0o1777);
        Place::open(&inner.join("sink"), None).unwrap();
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let base = folder();
        let theirs = base.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        std::os::unix::fs::chown(&theirs, Some(12345), None).unwrap();
        let refused = Place::open(&theirs.join("sink"), None).unwrap_err();
        assert!(matches!(refused, SinkProblem::ForeignFolder { owner: 12345, .. }), "{refused:?}");
        set_mode(base.path(), 0o1777);
        let refused = Place::open(&theirs.join("sink"), None).unwrap_err();
        assert!(matches!(refused, SinkProblem::OpenFolder { .. }), "{refused:?}");
        set_mode(base.path(), 0o700);
        let link = base.path().join("link");
        symlink(&theirs, &link).unwrap();
        let refused = Place::open(&link.join("sink"), None).unwrap_err();
        assert!(matches!(refused, SinkProblem::ForeignFolder { owner: 12345, .. }), "{refused:?}");
    }

    #[test]
    fn what_is_missing_is_made_below_our_own_folder_and_nowhere_else() {
        let base = folder();
        let own = base.path().join("weka-token/sinks");
        Place::open(&own.join("deep/sink"), Some(&own)).unwrap();
        assert_eq!(mode(&base.path().join("weka-token")), 0o700);
        assert_eq!((mode(&own), mode(&own.join("deep"))), (0o755, 0o755));
        let elsewhere = base.path().join("weka-token/other");
        let refused = Place::open(&elsewhere.join("sink"), Some(&own)).unwrap_err();
        let SinkProblem::NoFolder(named) = &refused else { panic!("{refused:?}") };
        assert_eq!(*named, elsewhere);
        assert!(!elsewhere.exists());
    }

    #[test]
    fn links_in_a_circle_and_files_in_the_way_are_named() {
        let base = folder();
        symlink("b", base.path().join("a")).unwrap();
        symlink("a", base.path().join("b")).unwrap();
        assert!(matches!(Place::open(&base.path().join("a/sink"), None), Err(SinkProblem::Io(_))));
        fs::write(base.path().join("file"), "").unwrap();
        let refused = Place::open(&base.path().join("file/sink"), None).unwrap_err();
        assert!(matches!(refused, SinkProblem::NotAFolder(_)), "{refused:?}");
    }
}
