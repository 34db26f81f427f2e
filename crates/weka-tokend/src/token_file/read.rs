//! Reading.

use super::document::Document;
use super::{Identity, TokenFile, TokenFileError, TokenFileProblem};
use nix::fcntl::OFlag;
use nix::sys::statfs::{
    BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, FsType, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC, fstatfs,
};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// The largest token file that is read, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// Reads a token file; `None` if there is none. Blocks.
///
/// # Errors
///
/// See [`TokenFileProblem`]; the words name the file and never quote it.
pub fn read(path: &Path) -> Result<Option<TokenFile>, TokenFileError> {
    let opened = open(path).and_then(|file| match file {
        Some(file) => found(file).map(Some),
        None => Ok(None),
    });
    opened.map_err(|problem| TokenFileError { path: path.to_owned(), problem })
}

/// The object in an open file, whether there are tokens in it or not.
pub(super) fn document(file: &mut File, metadata: &Metadata) -> Result<Document, TokenFileProblem> {
    Document::parse(&contents(file, metadata)?)
}

/// The tokens of an open file.
fn found(mut file: File) -> Result<TokenFile, TokenFileProblem> {
    let metadata = file.metadata().map_err(TokenFileProblem::Io)?;
    let document = document(&mut file, &metadata)?;
    Ok(TokenFile { has_our_clock: is_local(&file), ..file_with(&document, &metadata)? })
}

/// Whether a file lies on a file system of this host, with its clock. Of those that hosts may share, and of those that are
/// not known, it is not said.
fn is_local(file: &File) -> bool {
    const LOCAL: [FsType; 6] = [
        EXT4_SUPER_MAGIC,
        XFS_SUPER_MAGIC,
        BTRFS_SUPER_MAGIC,
        TMPFS_MAGIC,
        OVERLAYFS_SUPER_MAGIC,
        // f2fs and zfs have no name there.
        FsType(0xF2F5_2010),
    ];
    fstatfs(file).is_ok_and(|found| LOCAL.contains(&found.filesystem_type()))
}

/// The tokens in a document, and what is known of the file it came from.
pub(super) fn file_with(document: &Document, metadata: &Metadata) -> Result<TokenFile, TokenFileProblem> {
    let tokens = document.tokens()?;
    let mode = metadata.mode() & 0o777;
    Ok(TokenFile {
        identity: Identity::new(metadata, &tokens),
        tokens,
        lax_mode: (mode & 0o077 != 0).then_some(mode),
        changed_unix_s: metadata.mtime(),
        has_our_clock: false,
    })
}

/// Opens a file without waiting, should it be a fifo; `None` if there is none.
pub(super) fn open(path: &Path) -> Result<Option<File>, TokenFileProblem> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        Err(error) => return explain(path, error).map(|()| None),
    };
    let metadata = file.metadata().map_err(TokenFileProblem::Io)?;
    if metadata.is_dir() {
        return Err(TokenFileProblem::IsAFolder);
    }
    if !metadata.is_file() {
        return Err(TokenFileProblem::NotAFile);
    }
    Ok(Some(file))
}

fn contents(file: &mut File, metadata: &Metadata) -> Result<Zeroizing<Vec<u8>>, TokenFileProblem> {
    if metadata.size() > MAX_SIZE {
        return Err(TokenFileProblem::TooLarge);
    }
    // One more than its size: then the buffer need not grow to find the end, and leave a copy behind.
    let size = usize::try_from(metadata.size()).map_err(|_| TokenFileProblem::TooLarge)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 64));
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(TokenFileProblem::Io)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_SIZE) {
        Ok(bytes)
    } else {
        Err(TokenFileProblem::TooLarge)
    }
}

/// Why a file could not be opened; nothing if there simply is none.
fn explain(path: &Path, error: io::Error) -> Result<(), TokenFileProblem> {
    match error.raw_os_error().map(nix::Error::from_raw) {
        Some(nix::Error::ENOENT) => match fs::read_link(path) {
            Ok(target) => Err(TokenFileProblem::Dangling(target)),
            Err(_) => Ok(()),
        },
        Some(nix::Error::ELOOP) => Err(TokenFileProblem::LinkLoop),
        // A socket, or a device without a driver.
        Some(nix::Error::ENXIO | nix::Error::ENODEV) => Err(TokenFileProblem::NotAFile),
        Some(nix::Error::EACCES | nix::Error::EPERM) => match fs::metadata(path) {
            Ok(metadata) => Err(TokenFileProblem::Unreadable {
                mode: metadata.mode() & 0o7777,
                owner: metadata.uid(),
                reader: nix::unistd::geteuid().as_raw(),
            }),
            Err(_) => Err(TokenFileProblem::Io(error)),
        },
        _ => Err(TokenFileProblem::Io(error)),
    }
}
