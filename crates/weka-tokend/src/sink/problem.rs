//! What can be wrong with a sink, in words that name the next step.

use crate::atomic::{ReplaceProblem, is_denied};
use crate::note::Note;
use std::io;
use std::path::{Path, PathBuf};

/// Files in such a folder are renamed and deleted by their owners alone.
pub(super) const STICKY: u32 = 0o1000;

/// What can be wrong with a sink.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkProblem {
    /// Others could put something of theirs in its place.
    #[error("others can write to {} (mode {mode:04o})", .folder.display())]
    OpenFolder { folder: PathBuf, mode: u32 },
    /// The same, by its owner.
    #[error("{} belongs to uid {owner}, who could replace what is in it", .folder.display())]
    ForeignFolder { folder: PathBuf, owner: u32 },
    /// A folder is missing, where none is made.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// Something else is in the place of a folder.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// A folder, device, fifo or socket is in the sink's place.
    #[error("something that is not a regular file is in its place")]
    NotAFile,
    /// A file that no daemon of ours has written.
    #[error("a file that holds no token is in its place")]
    Foreign,
    /// The same, and of a size that no token has.
    #[error("a file that is too large to hold a token is in its place")]
    TooLarge,
    /// The tool that reads it is writing it.
    #[error("somebody is writing it; it is left alone until they are done")]
    BeingWritten,
    /// Somebody puts an old pair, or something else, back each time.
    #[error("another program keeps changing it; it is left alone until the next token")]
    Contested,
    /// No such group.
    #[error("there is no group {0} on this host")]
    NoSuchGroup(String),
    /// The daemon is not in the group, so it cannot give it a file.
    #[error("the daemon is not in group {group}")]
    NotInGroup { group: String, remedy: String },
    /// The file system is mounted read-only, or the service may not write there.
    #[error("the file system is read-only here for the service")]
    ReadOnly(PathBuf),
    /// The token died on the way.
    #[error("the token has expired before it could be written")]
    TooLate,
    /// It hangs.
    #[error("{0}")]
    Hangs(#[from] crate::token_file::GaveUp),
    /// It cannot be written.
    #[error("it cannot be written: {0}")]
    Write(ReplaceProblem),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// Anything else.
    #[error("it cannot be written: {0}")]
    Io(io::Error),
}

impl SinkProblem {
    /// What went wrong at `path`.
    pub(super) fn of(error: io::Error, path: &Path) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoFolder(path.to_owned()),
            io::ErrorKind::NotADirectory => Self::NotAFolder(path.to_owned()),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(path.to_owned()),
            io::ErrorKind::PermissionDenied => {
                let words = format!("{}: {error}", path.display());
                Self::Io(io::Error::new(error.kind(), words))
            }
            _ => Self::Io(error),
        }
    }

    /// What went wrong with writing into `folder`.
    pub(super) fn of_writing(problem: ReplaceProblem, folder: &Path) -> Self {
        match problem {
            ReplaceProblem::ReadOnly => Self::ReadOnly(folder.to_owned()),
            problem => Self::Write(problem),
        }
    }

    /// The same, for people.
    pub(super) fn at(&self, sink: &Path) -> Note {
        Note {
            check: "sink",
            words: format!("sink {}: {self}", sink.display()),
            remedy: self.remedy(),
            needs_person: self.needs_person(),
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            // A sticky folder is one for everybody by intent: `/tmp` without it would be broken.
            Self::OpenFolder { mode, .. } if mode & STICKY != 0 => {
                "choose a folder that nobody else can write to".into()
            }
            Self::OpenFolder { folder, .. } => {
                format!("run: chmod go-w {}, or choose another folder", folder.display())
            }
            Self::ForeignFolder { .. } => "choose a folder of the daemon's own".into(),
            Self::NoFolder(folder) => {
                format!("make it, as the daemon's user or root: mkdir {}", folder.display())
            }
            Self::NotAFile | Self::Foreign | Self::TooLarge | Self::NotAFolder(_) => {
                "move it away, or choose another path".into()
            }
            Self::NoSuchGroup(group) => format!("run: groupadd {group}, or choose another group"),
            Self::NotInGroup { remedy, .. } => remedy.clone(),
            Self::ReadOnly(folder) => format!(
                "run: systemctl edit weka-tokend.service, and add to [Service]: ReadWritePaths={}",
                folder.display()
            ),
            Self::Io(error) | Self::Unreadable(error) | Self::Write(ReplaceProblem::Io(error))
                if is_denied(error) =>
            {
                "let the daemon's user read and write there, or choose another path".into()
            }
            Self::Write(ReplaceProblem::DiskFull | ReplaceProblem::QuotaExceeded) => {
                "it is tried again by itself once there is room".into()
            }
            _ => return None,
        })
    }

    /// Whether nothing but a person's deed mends it. What room, time or another program's end mends is tried again.
    fn needs_person(&self) -> bool {
        match self {
            Self::OpenFolder { .. }
            | Self::ForeignFolder { .. }
            | Self::NoFolder(_)
            | Self::NotAFolder(_)
            | Self::NotAFile
            | Self::Foreign
            | Self::TooLarge
            | Self::NoSuchGroup(_)
            | Self::NotInGroup { .. }
            | Self::ReadOnly(_) => true,
            Self::BeingWritten | Self::Contested | Self::TooLate | Self::Hangs(_) => false,
            Self::Unreadable(error) | Self::Io(error) => {
                is_denied(error) || error.raw_os_error() == Some(nix::libc::ELOOP)
            }
            Self::Write(problem) => problem.needs_person(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_was_told_to_close_the_folder_of_all_temporary_files() {
        let words = |mode| {
            let trouble = SinkProblem::OpenFolder { folder: "/tmp".into(), mode }.at(Path::new("/tmp/s"));
            assert!(trouble.needs_person);
            trouble.to_string()
        };
        assert!(
            !words(0o1777).contains("chmod") && words(0o1777).contains("choose a folder"),
            "{}",
            words(0o1777)
        );
        assert!(words(0o777).contains("chmod go-w /tmp"), "{}", words(0o777));
    }

    #[test]
    fn what_room_time_or_another_program_mends_needs_nobody() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let trouble = |problem: SinkProblem| problem.at(Path::new("/srv/sink"));
        for problem in [
            SinkProblem::Write(ReplaceProblem::DiskFull),
            SinkProblem::Write(ReplaceProblem::QuotaExceeded),
            SinkProblem::BeingWritten,
            SinkProblem::Contested,
            SinkProblem::TooLate,
            SinkProblem::Hangs(crate::token_file::GaveUp::Unfinished),
            SinkProblem::Io(io::Error::other("EIO")),
        ] {
            assert!(!trouble(problem).needs_person);
        }
        for problem in [
            SinkProblem::Io(denied()),
            SinkProblem::Unreadable(denied()),
            SinkProblem::Write(ReplaceProblem::Io(denied())),
            SinkProblem::Foreign,
            SinkProblem::NoSuchGroup("hpc".into()),
        ] {
            let trouble = trouble(problem);
            assert!(trouble.needs_person && trouble.remedy.is_some(), "{trouble:?}");
        }
    }
}
