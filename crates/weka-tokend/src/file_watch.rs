//! Notices that somebody has changed a file, without polling.
//!
//! inotify watches the folder the file is in, not the file, so that a rename into its place is seen. Where a part of
//! the path is a symlink or is not there yet, the folder that part is (or will be) in is watched too.

use crate::sys;
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

/// How many symlinks are followed, as in the kernel.
const MAX_LINKS: usize = 40;
/// How often the places are looked for while they keep changing.
const MAX_ROUNDS: usize = 16;

/// What happens to the folder itself.
const FOLDER: AddWatchFlags = AddWatchFlags::IN_DELETE_SELF.union(AddWatchFlags::IN_MOVE_SELF);
/// A name comes, goes, or changes hands.
const NAMES: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_DELETE);
/// A file is whole again, or its mode or owner has changed. `IN_MODIFY` is left out: what is being written is not
/// looked at before it is closed.
const CONTENT: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE.union(AddWatchFlags::IN_ATTRIB);
/// The watch on a folder is over, or events were lost: start over.
const LOST: AddWatchFlags = FOLDER
    .union(AddWatchFlags::IN_IGNORED)
    .union(AddWatchFlags::IN_UNMOUNT)
    .union(AddWatchFlags::IN_Q_OVERFLOW);

/// Two names in one folder share a watch (IN_MASK_ADD).
const ADD: AddWatchFlags = AddWatchFlags::from_bits_retain(nix::libc::IN_MASK_ADD);

/// The least time between two calls for a look, so that a storm of writes costs little.
const PAUSE: Duration = Duration::from_millis(100);

/// Watches one path. Dropping it ends that.
#[derive(Debug)]
pub struct FileWatch {
    path: PathBuf,
    events: Arc<Source>,
    places: Places,
    /// Finding out the places touches file systems that may hang: it goes on elsewhere.
    placing: Option<(Cause, JoinHandle<Placed>)>,
    /// A look has to be called for.
    owed: bool,
    quiet_until: Option<Instant>,
    warned: bool,
}

/// The names that matter, by the watch on their folder.
type Places = HashMap<WatchDescriptor, Vec<Place>>;

/// One name in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    folder: PathBuf,
    name: OsString,
    /// Whether it is the file itself, and not a part of the way to it.
    is_last: bool,
}

/// Why the places are looked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// A file of the right name was made: it is looked at when it is closed.
    Created,
    /// Anything else.
    Changed,
}

/// The places as they were found, with their watches.
#[derive(Debug, Default)]
struct Placed {
    places: Places,
    /// Whether the file is there and was not made by opening it for writing: nobody will close it.
    is_complete: bool,
    problem: Option<Errno>,
}

/// What events amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happened {
    Nothing,
    Created,
    Content,
    Structure,
}

impl Happened {
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Created, Self::Created) => Self::Created,
            (Self::Content, Self::Content) => Self::Content,
            _ => Self::Structure,
        }
    }
}

/// The inotify instance, in the form that tokio can wait for.
#[derive(Debug)]
struct Source {
    inotify: Inotify,
    ready: AsyncFd<OwnedFd>,
}

impl Source {
    fn open() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let ready = sys::readable(inotify.as_fd().try_clone_to_owned()?)?;
        Ok(Self { inotify, ready })
    }
}

impl FileWatch {
    /// Starts watching; needs a runtime with I/O and time. `None`, with a warning, where the kernel refuses (its limit
    /// on inotify instances): the daemon then sees changes only when it looks at the file for other reasons.
    #[must_use]
    pub fn new(path: &Path) -> Option<Self> {
        match Source::open() {
            Ok(source) => Some(Self {
                path: path.to_owned(),
                events: Arc::new(source),
                places: Places::new(),
                placing: None,
                owed: false,
                quiet_until: None,
                warned: false,
            }),
            Err(error) => {
                warn(path, &error);
                None
            }
        }
    }

    /// Returns when the file should be looked at: it was closed after writing, replaced, removed, made readable, or
    /// it cannot be said what happened. May be dropped and called again without losing anything.
    ///
    /// The first call returns once the watch is in place, so that nothing is missed before it.
    pub async fn stirred(&mut self) {
        loop {
            if self.placing.is_some() || self.places.is_empty() {
                self.place().await;
            }
            if self.owed {
                if let Some(quiet_until) = self.quiet_until {
                    sleep_until(quiet_until).await;
                }
                self.owed = false;
                self.quiet_until = Some(Instant::now() + PAUSE);
                return;
            }
            match self.happened().await {
                Happened::Nothing => {}
                Happened::Content => self.owed = true,
                Happened::Created => self.start_placing(Cause::Created),
                Happened::Structure => self.start_placing(Cause::Changed),
            }
        }
    }

    fn start_placing(&mut self, cause: Cause) {
        let (path, events) = (self.path.clone(), Arc::clone(&self.events));
        let before: Vec<WatchDescriptor> = self.places.keys().copied().collect();
        let task = spawn_blocking(move || place_watches(&path, &events.inotify, &before));
        self.placing = Some((cause, task));
    }

    /// Waits until the places are known and watched.
    async fn place(&mut self) {
        if self.placing.is_none() {
            self.start_placing(Cause::Changed);
        }
        let Some((cause, task)) = self.placing.as_mut() else { return };
        let (cause, placed) = (*cause, task.await.unwrap_or_default());
        self.placing = None;
        self.places = placed.places;
        if let Some(problem) = placed.problem
            && !self.warned
        {
            self.warned = true;
            warn(&self.path, &problem.into());
        }
        if self.places.is_empty() {
            // Nothing on the way to the file can be watched, or the runtime is ending.
            std::future::pending::<()>().await;
        }
        self.owed |= cause == Cause::Changed || placed.is_complete;
    }

    /// Waits for events, and says what all that have come amount to.
    async fn happened(&self) -> Happened {
        let Ok(mut ready) = self.events.ready.readable().await else { return std::future::pending().await };
        let mut sum = Happened::Nothing;
        loop {
            match self.events.inotify.read_events() {
                Ok(events) => {
                    sum = events.iter().map(|event| self.judge(event)).fold(sum, Happened::and);
                }
                Err(Errno::EAGAIN) => {
                    ready.clear_ready();
                    return sum;
                }
                Err(Errno::EINTR) => {}
                Err(_) => return Happened::Structure,
            }
        }
    }

    fn judge(&self, event: &InotifyEvent) -> Happened {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            return Happened::Structure;
        }
        // Unknown: a watch that was taken away before this event was read.
        let Some(places) = self.places.get(&event.wd) else { return Happened::Nothing };
        if event.mask.intersects(LOST) {
            return Happened::Structure;
        }
        let concerned = places.iter().filter(|place| event.name.as_ref() == Some(&place.name));
        concerned.map(|place| judge_at(place, event.mask)).fold(Happened::Nothing, Happened::and)
    }
}

/// What an event at one of the names amounts to.
fn judge_at(place: &Place, mask: AddWatchFlags) -> Happened {
    if place.is_last && mask.intersects(CONTENT) {
        Happened::Content
    } else if place.is_last && mask.contains(AddWatchFlags::IN_CREATE) {
        Happened::Created
    } else if mask.intersects(NAMES) {
        Happened::Structure
    } else {
        Happened::Nothing
    }
}

/// Finds the places, watches them, and takes the watches away that are not needed any more. Blocks.
fn place_watches(path: &Path, inotify: &Inotify, before: &[WatchDescriptor]) -> Placed {
    let mut placed = Placed::default();
    let mut wanted = places_of(path);
    // What changed between the look and the watch would be missed: look again until nothing has.
    for _ in 0..MAX_ROUNDS {
        placed = Placed::default();
        for place in &wanted {
            let content = if place.is_last { CONTENT } else { AddWatchFlags::empty() };
            let flags = AddWatchFlags::IN_ONLYDIR | ADD | FOLDER | NAMES | content;
            match inotify.add_watch(&place.folder, flags) {
                Ok(watch) => placed.places.entry(watch).or_default().push(place.clone()),
                // It has gone again: the next round sees that.
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(problem) => placed.problem = Some(problem),
            }
        }
        let now = places_of(path);
        if now == wanted {
            break;
        }
        wanted = now;
    }
    for watch in before.iter().filter(|watch| !placed.places.contains_key(watch)) {
        // Its folder may be gone, and the watch with it.
        let _removed = inotify.rm_watch(*watch);
    }
    placed.is_complete = fs::symlink_metadata(path).is_ok_and(|found| !found.is_file() || found.nlink() > 1);
    placed
}

/// The names on which it depends what is found at `path`: symlinks, the first missing part, and the file itself.
fn places_of(path: &Path) -> Vec<Place> {
    let mut places = Vec::new();
    let mut folder = PathBuf::from("/");
    let mut parts: VecDeque<OsString> = parts_of(path);
    let mut links = 0;
    while let Some(part) = parts.pop_front() {
        if part == "/" {
            folder = PathBuf::from("/");
            continue;
        }
        if part == ".." {
            folder.pop();
            continue;
        }
        let is_last = parts.is_empty();
        let here = folder.join(&part);
        let place = Place { folder: folder.clone(), name: part, is_last };
        match fs::symlink_metadata(&here) {
            Ok(found) if found.is_symlink() && links < MAX_LINKS => {
                links += 1;
                places.push(Place { is_last: false, ..place });
                let Ok(target) = fs::read_link(&here) else { break };
                for part in parts_of(&target).into_iter().rev() {
                    parts.push_front(part);
                }
            }
            Ok(found) if found.is_dir() && !is_last => folder = here,
            _ => {
                places.push(place);
                break;
            }
        }
    }
    places
}

/// The parts of a path; `/` stands for itself, and `.` is left out.
fn parts_of(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir | Component::Prefix(_)))
        .map(|part| part.as_os_str().to_owned())
        .collect()
}

fn warn(path: &Path, error: &io::Error) {
    let path = path.display();
    tracing::warn!("{path} cannot be watched for changes: {error}; it is looked at before each refresh only");
}

#[cfg(test)]
mod tests;
