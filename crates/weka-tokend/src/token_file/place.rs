//! Whether a token file can be where a person wants it.

use super::{TokenFileError, TokenFileProblem, read};
use crate::atomic::{self, Links};
use crate::dirs::PRIVATE_FOLDER;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Looks whether a token file could be put there: nothing of somebody else's is in the way, and its folder is there or can
/// be made, and takes new files. What passes by itself, such as a full disk, does not count. Nothing stays changed. Blocks.
///
/// # Errors
///
/// See [`TokenFileProblem`].
pub fn try_place(path: &Path) -> Result<(), TokenFileError> {
    let failed = |problem| TokenFileError { path: path.to_owned(), problem };
    match read(path) {
        Ok(_) => {}
        Err(error) if error.problem.may_be_written_over() => {}
        Err(error) => return Err(error),
    }
    let (target, _) =
        atomic::resolve(path, Links::Follow).map_err(|problem| failed(TokenFileProblem::Write(problem)))?;
    let folder = target.parent().unwrap_or_else(|| Path::new("/"));
    let there = folder.ancestors().find(|folder| fs::symlink_metadata(folder).is_ok()).unwrap_or(folder);
    let probe = there.join(format!(".weka-token-{}", std::process::id()));
    match DirBuilder::new().mode(PRIVATE_FOLDER).create(&probe) {
        Ok(()) => {
            // Somebody may be quicker, and take it for what a crash left behind.
            drop(fs::remove_dir(&probe));
            Ok(())
        }
        Err(error) => match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Ok(())
            }
            _ if there == folder => Err(failed(TokenFileProblem::Write(error.into()))),
            _ => Err(failed(TokenFileProblem::NoFolder(error))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_can_hold_no_token_file_is_found_out_and_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("notes.txt"), "shopping: milk\n").unwrap();
        fs::write(at("empty.json"), "").unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling.json")).unwrap();
        for (path, words) in [
            (at("folder"), "it is a folder"),
            (at("notes.txt"), "it is not JSON"),
            (at("dangling.json"), "it is a symlink"),
            (at("notes.txt/below.json"), "Not a directory"),
            ("/dev/null".into(), "it is not a regular file"),
            ("/proc/none/tokens.json".into(), "its folder cannot be made"),
        ] {
            let problem = try_place(&path).unwrap_err().to_string();
            assert!(problem.contains(words) && problem.contains(path.to_str().unwrap()), "{problem}");
        }
        for path in [at("new.json"), at("empty.json"), at("a/b/new.json")] {
            try_place(&path).unwrap();
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 4, "nothing stays behind");
    }
}
