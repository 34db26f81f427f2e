//! Writing and removing.

use super::document::Document;
use super::{Identity, TokenFile, TokenFileError, TokenFileProblem, Tokens, read};
use crate::atomic::{self, FileMode, Links, Manner, ReplaceError};
use crate::dirs::{PRIVATE_FILE, make_missing_folder};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The mode that some of WEKA's tools ask for: not even the owner writes in place.
const READ_ONLY_FILE: u32 = 0o400;

/// How long a file that breaks off is left to whoever is writing it, from its last change on.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);

/// What came of writing.
#[derive(Debug)]
pub enum Written {
    /// The file holds the pair now, and this is its state.
    Done(Identity),
    /// There is no file, and none was to be made.
    Absent,
    /// Somebody else has put these tokens there meanwhile; they were left alone.
    Overtaken(Box<TokenFile>),
}

/// Puts tokens into a token file. Other keys stay, in their order; the file becomes 0600, unless it was 0400. Blocks.
///
/// `may_create`: a file that is not there is made, and a missing folder with it (0700). `known` says whether
/// tokens found in the file may be replaced: they are left alone where somebody else has put them there since
/// the daemon looked, or is about to. A person's login passes `None`: all may. What is no token file at all is
/// never written over.
///
/// # Errors
///
/// See [`TokenFileProblem`]; the file is untouched then.
pub fn write(
    path: &Path,
    tokens: &Tokens,
    may_create: bool,
    known: Option<&dyn Fn(&Tokens) -> bool>,
) -> Result<Written, TokenFileError> {
    let failed = |problem| TokenFileError { path: path.to_owned(), problem };
    let (mut document, mode) = match read::open(path).map_err(failed)? {
        None if !may_create => return Ok(Written::Absent),
        None => {
            if let Some(folder) = path.parent() {
                make_missing_folder(folder).map_err(|error| failed(TokenFileProblem::NoFolder(error)))?;
            }
            (Document::empty(), PRIVATE_FILE)
        }
        Some(mut file) => {
            let metadata = file.metadata().map_err(|error| failed(TokenFileProblem::Io(error)))?;
            let is_read_only = metadata.mode() & 0o777 == READ_ONLY_FILE;
            let mode = if is_read_only { READ_ONLY_FILE } else { PRIVATE_FILE };
            let document = match read::document(&mut file, &metadata) {
                Ok(document) => document,
                Err(problem) if known.is_some() && problem.may_be_half_written() && is_fresh(&metadata) => {
                    return Err(failed(TokenFileProblem::BeingWritten));
                }
                Err(problem) if problem.may_be_written_over() => Document::empty(),
                Err(problem) => return Err(failed(problem)),
            };
            match read::file_with(&document, &metadata) {
                Ok(found)
                    if known.is_some_and(|known| !known(&found.tokens)) && !found.identity.holds(tokens) =>
                {
                    return Ok(Written::Overtaken(Box::new(found)));
                }
                Ok(_) => {}
                Err(problem) if problem.may_be_written_over() => {}
                Err(problem) => return Err(failed(problem)),
            }
            (document, mode)
        }
    };
    document.set(tokens);
    let bytes = document.to_bytes().map_err(|error| failed(TokenFileProblem::Write(error.into())))?;
    let manner = Manner { mode: FileMode::Exactly(mode), links: Links::Follow, group: None };
    let metadata = atomic::replace(path, &bytes, manner)?;
    Ok(Written::Done(Identity::new(&metadata, tokens)))
}

/// Whether a file was changed so lately that its writer may not be done.
pub(crate) fn is_fresh(metadata: &fs::Metadata) -> bool {
    let age = metadata.modified().ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
    age.is_some_and(|age| age < WRITER_PATIENCE)
}

/// Removes a token file whose tokens are `ours`: its target, and a symlink that would lead nowhere. Blocks.
///
/// Answers whether it did; another's tokens, or what is no token file, are left alone.
///
/// # Errors
///
/// The file cannot be removed.
pub fn remove_if(path: &Path, ours: impl Fn(&Tokens) -> bool) -> Result<bool, TokenFileError> {
    match read::read(path) {
        Ok(Some(found)) if ours(&found.tokens) => {}
        // What it holds may be ours.
        Err(error) if matches!(error.problem, TokenFileProblem::Io(_)) => return Err(error),
        _ => return Ok(false),
    }
    let failed = |problem| TokenFileError::from(ReplaceError { path: path.to_owned(), problem });
    let (target, _) = atomic::resolve(path, Links::Follow).map_err(failed)?;
    for file in [target.as_path(), path] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error.into())),
            _ => {}
        }
    }
    Ok(true)
}
