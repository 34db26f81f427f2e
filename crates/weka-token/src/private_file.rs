//! A token file for one command: private, replaced as a whole, and watched for what the command itself makes of it.
//!
//! WEKA's own tools renew the pair in a token file by themselves, and write it back in place or by rename. Such a
//! pair is newer than ours and must not be lost, so a replacement swaps the two files, looks at what it took out,
//! and swaps them back if that is news.

use crate::private_folder::{Place, PrivateFolder, remove};
use crate::token_json::{self, FileTokens, LONGEST};
use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::{Mode, fchmod};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The usual name, since some tools look at it.
const NAME: &str = "auth-token.json";
/// A new one in the making; afterwards, for a moment, the old one.
const OTHER: &str = ".auth-token.json.other";

/// What came of a replacement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// The file holds what was given.
    Done,
    /// The file holds a pair that somebody else put there, and keeps it.
    Found(FileTokens),
}

/// The file and the folder it alone is in; dropped, both go.
#[derive(Debug)]
pub(crate) struct PrivateFile {
    folder: PrivateFolder,
    path: PathBuf,
    /// What the file held when it was last looked at.
    known: Zeroizing<Vec<u8>>,
    /// What the one before it held when it was replaced: it stays within reach until the next replacement, since
    /// somebody may have opened it and be about to write.
    before: Option<Zeroizing<Vec<u8>>>,
}

impl PrivateFile {
    /// Makes one in the first place that will do; the failures are those of [`PrivateFolder::make`].
    ///
    /// # Errors
    /// For each place, why it will not do.
    pub(crate) fn make(places: &[Place], tokens: &FileTokens) -> Result<Self, Vec<(PathBuf, io::Error)>> {
        let folder = PrivateFolder::make(places)?;
        let path = folder.path().join(NAME);
        let known = token_json::write(tokens);
        let written = create(&folder, &known).and_then(|()| Ok(renameat(&folder, OTHER, &folder, NAME)?));
        written.map_err(|error| vec![(path.clone(), error)])?;
        Ok(Self { folder, path, known, before: None })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// As long as it is open anywhere, file and folder are not swept as what a command that was killed left behind.
    pub(crate) fn lock(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// The folder that nothing else is in, to be watched for files that are closed after writing or moved in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts other tokens into it, unless somebody else has put some there since it was last looked at.
    ///
    /// # Errors
    /// The folder cannot be written to; the file stays as it is.
    pub(crate) fn replace(&mut self, tokens: &FileTokens) -> io::Result<Replaced> {
        if let Some(found) = self.news() {
            return Ok(Replaced::Found(found));
        }
        if token_json::read(&self.known).as_ref() == Some(tokens) {
            return Ok(Replaced::Done);
        }
        let bytes = token_json::write(tokens);
        remove(&self.folder, OsStr::new(OTHER))?;
        create(&self.folder, &bytes)?;
        match renameat2(&self.folder, OTHER, &self.folder, NAME, RenameFlags::RENAME_EXCHANGE) {
            Ok(()) => {}
            // The command took the file away, or this file system cannot swap.
            Err(Errno::ENOENT | Errno::EINVAL | Errno::ENOSYS) => {
                renameat(&self.folder, OTHER, &self.folder, NAME)?;
                (self.known, self.before) = (bytes, None);
                return Ok(Replaced::Done);
            }
            Err(error) => return Err(error.into()),
        }
        let taken_out = self.read(OTHER).unwrap_or_default();
        if let Some(found) = differs(&self.known, &taken_out) {
            renameat2(&self.folder, OTHER, &self.folder, NAME, RenameFlags::RENAME_EXCHANGE)?;
            remove(&self.folder, OsStr::new(OTHER))?;
            (self.known, self.before) = (taken_out, None);
            return Ok(Replaced::Found(found));
        }
        (self.known, self.before) = (bytes, Some(taken_out));
        Ok(Replaced::Done)
    }

    /// The tokens that somebody else has put there since the last look, each once. What is being written still, or
    /// is no token file, is left alone.
    pub(crate) fn news(&mut self) -> Option<FileTokens> {
        let now = self.read(NAME).unwrap_or_default();
        if let Some(found) = differs(&self.known, &now) {
            self.known = now;
            return Some(found);
        }
        let late = self.read(OTHER).unwrap_or_default();
        let found = self.before.as_ref().and_then(|before| differs(before, &late))?;
        self.before = Some(late);
        Some(found)
    }

    fn read(&self, name: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        // Not blocking: the command may have put a pipe there.
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let file = File::from(openat(&self.folder, name, flags, Mode::empty())?);
        // One more than may be, so that the buffer never moves and what is too long shows.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        if file.metadata()?.is_file() {
            file.take(LONGEST as u64).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }
}

/// The tokens in `now`, where they are others than those in `then`.
fn differs(then: &[u8], now: &[u8]) -> Option<FileTokens> {
    if then == now {
        return None;
    }
    let found = token_json::read(now)?;
    (token_json::read(then).as_ref() != Some(&found)).then_some(found)
}

fn create(folder: &PrivateFolder, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let mut file = File::from(openat(folder, OTHER, flags, mode)?);
    // Whatever the umask.
    fchmod(&file, mode)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secret::{AccessToken, RefreshToken};
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn tokens(number: u32) -> FileTokens {
        FileTokens {
            access_token: Some(AccessToken::new(format!("access-{number}"))),
            refresh_token: Some(RefreshToken::new(format!("refresh-{number}"))),
            token_type: "Bearer".into(),
        }
    }

    fn text(number: u32) -> String {
        format!("{{\"access_token\":\"access-{number}\",\"refresh_token\":\"refresh-{number}\",\"x\":1}}")
    }

    fn made() -> (tempfile::TempDir, PrivateFile) {
        let base = tempfile::tempdir().unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let file = PrivateFile::make(&[Place::Own(base.path().to_owned(), &["exec"])], &tokens(1)).unwrap();
        (base, file)
    }

    fn held(file: &PrivateFile) -> FileTokens {
        token_json::read(&fs::read(file.path()).unwrap()).unwrap()
    }

    #[test]
    fn it_is_private_and_goes_with_its_folder() {
        let (_base, mut file) = made();
        assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(held(&file), tokens(1));
        assert_eq!(file.replace(&tokens(2)).unwrap(), Replaced::Done);
        assert_eq!(held(&file), tokens(2));
        assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o7777, 0o600);
        let folder = file.folder().to_owned();
        drop(file);
        assert!(!folder.exists());
    }

    #[test]
    fn a_pair_put_there_by_rename_or_in_place_is_news_once_and_is_not_overwritten() {
        let (base, mut file) = made();
        assert_eq!(file.news(), None);
        fs::write(base.path().join("new"), text(2)).unwrap();
        fs::rename(base.path().join("new"), file.path()).unwrap();
        assert_eq!(file.replace(&tokens(9)).unwrap(), Replaced::Found(tokens(2)));
        assert_eq!(held(&file), tokens(2));
        assert_eq!(file.news(), None);
        fs::write(file.path(), text(3)).unwrap();
        assert_eq!(file.news(), Some(tokens(3)));
        assert_eq!(file.news(), None);
        assert_eq!(file.replace(&tokens(4)).unwrap(), Replaced::Done);
        assert_eq!(held(&file), tokens(4));
    }

    #[test]
    fn another_way_of_writing_the_same_is_no_news() {
        let (_base, mut file) = made();
        fs::write(file.path(), text(1)).unwrap();
        assert_eq!(file.news(), None);
        assert_eq!(file.replace(&tokens(1)).unwrap(), Replaced::Done);
        assert_eq!(
            fs::read_to_string(file.path()).unwrap(),
            text(1),
            "a file that holds the pair stays as it is"
        );
        assert_eq!(file.replace(&tokens(2)).unwrap(), Replaced::Done);
    }

    #[test]
    fn what_is_half_written_is_left_alone() {
        let (_base, mut file) = made();
        let whole = text(2);
        for end in 0..whole.len() {
            fs::write(file.path(), &whole[..end]).unwrap();
            assert_eq!(file.news(), None);
        }
        fs::write(file.path(), whole).unwrap();
        assert_eq!(file.news(), Some(tokens(2)));
    }

    #[test]
    fn whoever_had_it_open_when_it_was_replaced_is_heard_too() {
        let (_base, mut file) = made();
        let mut late = fs::File::options().write(true).truncate(false).open(file.path()).unwrap();
        assert_eq!(file.replace(&tokens(5)).unwrap(), Replaced::Done);
        late.set_len(0).unwrap();
        assert_eq!(file.news(), None);
        late.write_all(text(2).as_bytes()).unwrap();
        assert_eq!(file.news(), Some(tokens(2)));
        assert_eq!(file.news(), None);
        assert_eq!(held(&file), tokens(5));
    }

    #[test]
    fn a_file_that_is_gone_is_put_back_with_the_next_pair() {
        let (_base, mut file) = made();
        fs::remove_file(file.path()).unwrap();
        assert_eq!(file.news(), None);
        assert_eq!(file.replace(&tokens(2)).unwrap(), Replaced::Done);
        assert_eq!(held(&file), tokens(2));
    }

    #[test]
    fn a_link_or_a_pipe_in_its_place_is_replaced_and_never_followed() {
        let (base, mut file) = made();
        let target = base.path().join("target");
        fs::write(&target, text(7)).unwrap();
        fs::remove_file(file.path()).unwrap();
        std::os::unix::fs::symlink(&target, file.path()).unwrap();
        assert_eq!(file.news(), None);
        assert_eq!(file.replace(&tokens(2)).unwrap(), Replaced::Done);
        assert_eq!((held(&file), fs::read_to_string(&target).unwrap()), (tokens(2), text(7)));
        fs::remove_file(file.path()).unwrap();
        nix::unistd::mkfifo(file.path(), Mode::S_IRWXU).unwrap();
        assert_eq!(file.news(), None);
        assert_eq!(file.replace(&tokens(3)).unwrap(), Replaced::Done);
        assert_eq!(held(&file), tokens(3));
    }
}
