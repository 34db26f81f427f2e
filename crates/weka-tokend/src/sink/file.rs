//! The file of a sink: kept, looked at, removed. All of it blocks.

use super::content::{Held, recognize, render};
use super::group::own_group;
use super::place::Place;
use super::problem::SinkProblem;
use crate::atomic;
use crate::clock;
use crate::config::{SinkConfig, SinkContent};
use crate::dirs::Service;
use crate::pair::{Known, Pair};
use crate::token_file::{Tokens, is_fresh};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The largest file that is looked at, in bytes: no sink is nearly as large.
const MAX_SIZE: u64 = 256 * 1024;

/// Where a sink is, and how it is to be.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) config: SinkConfig,
    /// The daemon's own folder for sinks.
    pub(super) own: Option<PathBuf>,
    pub(super) service: Service,
}

/// A pair for a sink.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// It.
    pub(crate) pair: Pair,
    /// The pairs that may be written over; another one is a tool's.
    pub(crate) known: Arc<Known>,
    /// A person has logged in: whatever is there may be written over.
    pub(crate) claims: bool,
}

/// Another's pair in a sink.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) tokens: Tokens,
    pub(super) changed_unix_s: i64,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Kept {
    /// It is as it should be, and was before.
    Already,
    /// It is as it should be now.
    Done,
    /// A tool has put a pair of its own there, which was left alone.
    Overtaken(Found),
    /// Something newer is wanted by now.
    Outdated,
}

/// What is under the name.
enum There {
    Nothing,
    Link,
    File { bytes: Zeroizing<Vec<u8>>, metadata: Metadata },
}

impl There {
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::File { bytes, .. } => Some(bytes.as_slice()),
            Self::Nothing | Self::Link => None,
        }
    }
}

impl Target {
    fn place(&self) -> Result<Place, SinkProblem> {
        Place::open(&self.config.path, self.own.as_deref())
    }

    /// Puts a pair into the file, unless it is there. `may_write` is false where that was done too often in vain.
    pub(super) fn keep(
        &self,
        offer: &Offer,
        may_write: bool,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Kept, SinkProblem> {
        let group = self.config.group.as_deref().map(|group| own_group(group, self.service)).transpose()?;
        let place = self.place()?;
        let there = there(&place)?;
        let content = self.config.content;
        let bytes =
            render(content, &offer.pair, there.bytes()).map_err(|error| SinkProblem::Io(error.into()))?;
        if let There::File { bytes: found, metadata } = &there {
            if **found == *bytes && self.is_right(metadata, group) {
                return Ok(Kept::Already);
            }
            let may_be_half_written = content == SinkContent::Pair && is_fresh(metadata) && !offer.claims;
            match recognize(found) {
                Held::Foreign | Held::Broken(_) if may_be_half_written => {
                    return Err(SinkProblem::BeingWritten);
                }
                Held::Foreign => return Err(SinkProblem::Foreign),
                Held::Pair(tokens)
                    if content == SinkContent::Pair && !offer.claims && !offer.known.has_tokens(&tokens) =>
                {
                    return Ok(Kept::Overtaken(Found { tokens, changed_unix_s: metadata.mtime() }));
                }
                Held::Pair(_) | Held::Broken(_) | Held::Access(_) => {}
            }
        }
        if !may_write {
            return Err(SinkProblem::Contested);
        }
        let folder = self.config.path.parent().unwrap_or(&self.config.path);
        let lives = || offer.pair.lease.is_some_and(|lease| engine::ttl::is_alive(&lease, clock::now()));
        let put = atomic::put(&place.folder, &place.name, &bytes, self.config.mode, group, || {
            is_wanted() && lives()
        })
        .map_err(|problem| SinkProblem::of_writing(problem, folder))?;
        atomic::sweep_once(folder);
        match put {
            Some(_) => Ok(Kept::Done),
            None if is_wanted() => Err(SinkProblem::TooLate),
            None => Ok(Kept::Outdated),
        }
    }

    fn is_right(&self, found: &Metadata, group: Option<u32>) -> bool {
        found.mode() & 0o7777 == self.config.mode
            && group.is_none_or(|group| found.gid() == group)
            && found.uid() == nix::unistd::geteuid().as_raw()
            && found.nlink() == 1
    }

    /// Removes the file. A pair that is none of the `known` ones is left alone, where that is asked for.
    pub(super) fn remove(
        &self,
        known: Option<&Known>,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Kept, SinkProblem> {
        let place = match self.place() {
            Ok(place) => place,
            Err(SinkProblem::NoFolder(_) | SinkProblem::NotAFolder(_)) => return Ok(Kept::Already),
            Err(problem) => return Err(problem),
        };
        match there(&place) {
            Ok(There::Nothing) => return Ok(Kept::Already),
            Ok(There::Link) => {}
            Ok(There::File { bytes, metadata }) => match (recognize(&bytes), known) {
                // It never was ours.
                (Held::Foreign, _) => return Ok(Kept::Already),
                (Held::Broken(problem), Some(_)) if problem.may_be_half_written() && is_fresh(&metadata) => {
                    return Err(SinkProblem::BeingWritten);
                }
                (Held::Pair(tokens), Some(known))
                    if self.config.content == SinkContent::Pair && !known.has_tokens(&tokens) =>
                {
                    return Ok(Kept::Overtaken(Found { tokens, changed_unix_s: metadata.mtime() }));
                }
                _ => {}
            },
            Err(SinkProblem::NotAFile | SinkProblem::TooLarge) => return Ok(Kept::Already),
            Err(problem) => return Err(problem),
        }
        if !is_wanted() {
            return Ok(Kept::Outdated);
        }
        let folder = self.config.path.parent().unwrap_or(&self.config.path);
        match unlinkat(&place.folder, place.name.as_os_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(Kept::Done),
            Err(nix::Error::ENOENT) => Ok(Kept::Already),
            Err(error) => Err(SinkProblem::of(error.into(), folder)),
        }
    }

    /// What is in the file, if it is one of ours or a tool's.
    pub(super) fn look(&self) -> Result<Option<(Held, i64)>, SinkProblem> {
        let place = match self.place() {
            Ok(place) => place,
            Err(SinkProblem::NoFolder(_)) => return Ok(None),
            Err(problem) => return Err(problem),
        };
        Ok(match there(&place)? {
            There::File { bytes, metadata } => Some((recognize(&bytes), metadata.mtime())),
            There::Nothing | There::Link => None,
        })
    }
}

/// Looks without following a link, and without waiting, should it be a fifo.
fn there(place: &Place) -> Result<There, SinkProblem> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = match openat(&place.folder, place.name.as_os_str(), flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(nix::Error::ENOENT) => return Ok(There::Nothing),
        Err(nix::Error::ELOOP) => return Ok(There::Link),
        Err(nix::Error::ENXIO | nix::Error::ENODEV) => return Err(SinkProblem::NotAFile),
        Err(error) => return Err(SinkProblem::Unreadable(error.into())),
    };
    let metadata = file.metadata().map_err(SinkProblem::Unreadable)?;
    if !metadata.is_file() {
        return Err(SinkProblem::NotAFile);
    }
    if metadata.size() > MAX_SIZE {
        return Err(SinkProblem::TooLarge);
    }
    let size = usize::try_from(metadata.size()).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 64));
    read_all(file, &mut bytes).map_err(SinkProblem::Unreadable)?;
    Ok(There::File { bytes, metadata })
}

fn read_all(file: File, bytes: &mut Vec<u8>) -> io::Result<()> {
    file.take(MAX_SIZE).read_to_end(bytes).map(drop)
}

#[cfg(test)]
mod tests;
