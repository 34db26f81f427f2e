//! What can be wrong with a token file, in words that never quote it.

use crate::atomic::{ReplaceError, ReplaceProblem, is_denied};
use crate::note::Note;
use std::io;
use std::path::PathBuf;

/// A token file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("token file {}: {problem}", .path.display())]
pub struct TokenFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: TokenFileProblem,
}

/// What is wrong with a token file.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileProblem {
    /// No bytes, or white space only: as while somebody is writing it.
    #[error("it is empty")]
    Empty,
    /// It breaks off, as while somebody is writing it.
    #[error("it breaks off at line {line}, column {column}")]
    Truncated {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// It breaks off, and was changed a moment ago: written over, the writer's tokens would be lost.
    #[error("somebody is writing it; it is left alone until they are done")]
    BeingWritten,
    /// Something else than JSON.
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON, but not `{...}`.
    #[error("it is JSON, but not an object with access_token and refresh_token")]
    NotAnObject,
    /// Neither token is in it.
    #[error("it has neither access_token nor refresh_token")]
    NoTokens,
    /// A token is a number, a list, or the like.
    #[error("its {0} is not a string")]
    NotAString(&'static str),
    /// A token with white space or control characters: no token, and harmful in a header.
    #[error("its {0} holds characters that no token has")]
    NotAToken(&'static str),
    /// More than a mebibyte.
    #[error("it is larger than 1 MiB")]
    TooLarge,
    /// A folder.
    #[error("it is a folder")]
    IsAFolder,
    /// A device, fifo or socket.
    #[error("it is not a regular file")]
    NotAFile,
    /// A symlink to nowhere.
    #[error("it is a symlink to {}, which does not exist", .0.display())]
    Dangling(PathBuf),
    /// Symlinks that lead back to themselves.
    #[error("its symlinks lead in a circle")]
    LinkLoop,
    /// Its mode or owner keep us out.
    #[error("it cannot be read: it has mode {mode:04o} and belongs to uid {owner}, and this is uid {reader}")]
    Unreadable {
        /// Its mode.
        mode: u32,
        /// Its owner.
        owner: u32,
        /// The daemon's effective uid.
        reader: u32,
    },
    /// A folder on the way to it cannot be made.
    #[error("its folder cannot be made: {0}")]
    NoFolder(#[source] io::Error),
    /// It cannot be written.
    #[error("it cannot be written: {0}")]
    Write(#[source] ReplaceProblem),
    /// Anything else.
    #[error("it cannot be read: {0}")]
    Io(#[source] io::Error),
}

impl TokenFileError {
    /// The same, for people.
    #[must_use]
    pub fn note(&self) -> Note {
        Note { needs_person: self.problem.needs_person(), ..Note::passing("token-file", self.to_string()) }
    }
}

impl TokenFileProblem {
    /// Whether it stays until somebody mends it. What may be written over goes with the next pair.
    fn needs_person(&self) -> bool {
        match self {
            Self::BeingWritten => false,
            Self::NoFolder(error) | Self::Io(error) => is_denied(error),
            Self::Write(problem) => problem.needs_person(),
            other => !other.may_be_written_over(),
        }
    }

    /// Whether it may just be that somebody is in the middle of writing the file.
    #[must_use]
    pub const fn may_be_half_written(&self) -> bool {
        matches!(self, Self::Empty | Self::Truncated { .. } | Self::NotJson { .. })
    }
}

impl TokenFileProblem {
    /// Whether the file may be written over: it holds nothing, or the better part of a token file. Anything else
    /// may be somebody's work, at a path that was mistyped.
    pub(crate) const fn may_be_written_over(&self) -> bool {
        matches!(
            self,
            Self::Empty | Self::Truncated { .. } | Self::NoTokens | Self::NotAString(_) | Self::NotAToken(_)
        )
    }
}

impl From<ReplaceError> for TokenFileError {
    fn from(error: ReplaceError) -> Self {
        let problem = match error.problem {
            ReplaceProblem::Dangling(target) => TokenFileProblem::Dangling(target),
            ReplaceProblem::LinkLoop => TokenFileProblem::LinkLoop,
            ReplaceProblem::NotAFile => TokenFileProblem::NotAFile,
            other => TokenFileProblem::Write(other),
        };
        Self { path: error.path, problem }
    }
}
