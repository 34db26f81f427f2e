//! A compressed tar archive, the same for the same files.

use crate::pieces::compress;
use crate::problem::Problem;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// A file of an archive or a package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// Its path there; a slash at its start counts for nothing.
    pub(crate) path: &'a Path,
    pub(crate) mode: u32,
    pub(crate) bytes: &'a [u8],
    /// Where it leads, if it is a link; then it holds nothing.
    pub(crate) link: Option<&'a Path>,
}

/// What an entry of an archive is.
enum Kind<'a> {
    Folder,
    File(&'a [u8]),
    Link(&'a Path),
}

/// Writes entries, each after the folders that it is in, all of them root's.
///
/// # Errors
/// A path is too long for an archive that everything can read.
pub(crate) fn write(entries: &[Entry<'_>], modified: u32) -> Result<Vec<u8>, Problem> {
    let mut archive = Builder::new(Vec::new());
    let mut folders = BTreeSet::new();
    for entry in entries {
        let path = relative(entry.path);
        let mut above: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
        above.reverse();
        for folder in above {
            if folders.insert(folder.clone()) {
                append(&mut archive, &folder, &Kind::Folder, 0o755, modified)?;
            }
        }
        let kind = entry.link.map_or(Kind::File(entry.bytes), Kind::Link);
        append(&mut archive, &path, &kind, entry.mode, modified)?;
    }
    compress(&archive.into_inner().map_err(|error| Problem::new(format!("an archive: {error}")))?)
}

fn relative(path: &Path) -> PathBuf {
    path.strip_prefix("/").unwrap_or(path).to_owned()
}

fn append(
    archive: &mut Builder<Vec<u8>>,
    path: &Path,
    kind: &Kind<'_>,
    mode: u32,
    modified: u32,
) -> Result<(), Problem> {
    let mut header = Header::new_gnu();
    let (entry_type, bytes, target) = match kind {
        Kind::Folder => (EntryType::Directory, &[][..], None),
        Kind::File(bytes) => (EntryType::Regular, *bytes, None),
        Kind::Link(target) => (EntryType::Symlink, &[][..], Some(target)),
    };
    let slash = if entry_type == EntryType::Directory && path != Path::new("") { "/" } else { "" };
    // With `./` in front, as Debian's tools have it; `set_path` would take it away.
    let name = format!("./{}{slash}", path.display());
    let field = header.as_old_mut().name.get_mut(..name.len());
    field.ok_or_else(|| Problem::at(path, "too long for an archive"))?.copy_from_slice(name.as_bytes());
    header.set_entry_type(entry_type);
    if let Some(target) = target {
        header.set_link_name(target).map_err(|error| Problem::at(path, error))?;
    }
    header.set_mode(mode);
    header.set_mtime(u64::from(modified));
    header.set_size(u64::try_from(bytes.len()).map_err(|error| Problem::at(path, error))?);
    header.set_uid(0);
    header.set_gid(0);
    let named = header.set_username("root").and_then(|()| header.set_groupname("root"));
    header.set_cksum();
    named.and_then(|()| archive.append(&header, bytes)).map_err(|error| Problem::at(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn each_folder_comes_once_and_before_what_is_in_it() {
        let entry = |path| Entry { path: Path::new(path), mode: 0o755, bytes: b"x", link: None };
        let link = Entry { bytes: b"", link: Some(Path::new("usr/bin/a")), ..entry("c") };
        let entries = [entry("/usr/bin/a"), entry("usr/bin/b"), link];
        let archive = write(&entries, 1).unwrap();
        assert_eq!(archive, write(&entries, 1).unwrap());
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(archive.as_slice()).read_to_end(&mut plain).unwrap();
        let mut archive = tar::Archive::new(plain.as_slice());
        let entries: Vec<_> = archive.entries().unwrap().map(Result::unwrap).collect();
        let last = entries.last().unwrap().header();
        assert_eq!(
            (last.entry_type(), last.link_name().unwrap().unwrap().to_str()),
            (EntryType::Symlink, Some("usr/bin/a"))
        );
        let text = |bytes: std::borrow::Cow<'_, [u8]>| String::from_utf8(bytes.into_owned()).unwrap();
        let names: Vec<_> = entries.iter().map(|entry| text(entry.path_bytes())).collect();
        assert_eq!(names, ["./", "./usr/", "./usr/bin/", "./usr/bin/a", "./usr/bin/b", "./c"]);
    }

    #[test]
    fn a_path_that_does_not_fit_is_named() {
        let long = format!("/{}", "a".repeat(100));
        let problem =
            write(&[Entry { path: Path::new(&long), mode: 0, bytes: &[], link: None }], 1).unwrap_err();
        assert!(problem.message.contains("aaa: too long"), "{problem:?}");
    }
}
