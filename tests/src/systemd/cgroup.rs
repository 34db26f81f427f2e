//! Control groups for a manager and all that it starts.
//!
//! A manager takes the group it is started in for its own: it moves every process in there into a group
//! below. So it must not be started in anybody else's.

use nix::unistd::{Uid, chown};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// Where the hierarchies are.
const ROOT: &str = "/sys/fs/cgroup";
/// Followed by the process id of the test and a number.
const NAME: &str = "weka-token-test-";
/// Tells the groups of one process apart.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// An empty group in each hierarchy, below our own; removed at the end.
#[derive(Debug)]
pub struct Cgroup {
    folders: Vec<PathBuf>,
    views: Vec<String>,
}

impl Cgroup {
    /// Makes the groups; with an owner, those that an unprivileged manager needs, for it to do with as it likes.
    ///
    /// # Panics
    /// The kernel's control groups are not there, or not ours to change.
    #[must_use]
    pub fn new(owner: Option<Uid>) -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").expect("the kernel has control groups");
        let name = format!("{NAME}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let (mut folders, mut views) = (Vec::new(), Vec::new());
        let managers = lines(&own).find_map(|(_, name, path)| (name == "name=systemd").then_some(path));
        for (id, controllers, path) in lines(&own) {
            // Version 2 has number 0; another one without controllers is about to go.
            if controllers.is_empty() && id != "0" {
                continue;
            }
            // A cpuset takes no process before it has been given processors.
            let unwanted =
                controllers == "cpuset" || (owner.is_some() && !["", "name=systemd"].contains(&controllers));
            let Some(hierarchy) = hierarchy(controllers).filter(|_| !unwanted) else { continue };
            let parent = hierarchy.join(path.trim_start_matches('/'));
            sweep(&parent);
            let folder = parent.join(&name);
            fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            if let Some(owner) = owner {
                for file in ["", "cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control"] {
                    let path = folder.join(file);
                    if path.exists() {
                        chown(&path, Some(owner), None).expect("it can be given away");
                    }
                }
            }
            folders.push(folder);
            if let Some(managers) = managers.filter(|managers| *managers != path && id != "0") {
                let seen = hierarchy.join(managers.trim_start_matches('/'));
                views.push(format!("{}={}", parent.display(), seen.display()));
            }
        }
        assert!(!folders.is_empty(), "no control groups in {own}");
        Self { folders, views }
    }

    /// `FOLDER=SEEN` for each hierarchy that has our own group elsewhere than the manager's hierarchy has: the manager looks
    /// for its group at the same place in all of them, and goes without the controller where there is none. With `FOLDER`
    /// mounted on `SEEN` there is one.
    #[must_use]
    pub fn views(&self) -> &[String] {
        &self.views
    }

    /// The groups, in the file system.
    #[must_use]
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
}

impl Drop for Cgroup {
    /// All that was in them has been killed; the kernel may need a moment to notice.
    fn drop(&mut self) {
        for folder in &self.folders {
            for _ in 0..200 {
                remove(folder);
                if !folder.exists() {
                    break;
                }
                sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Hierarchy, controllers and group in each line of a `/proc/PID/cgroup`.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        Some((fields.next()?, fields.next()?, fields.next()?))
    })
}

/// The limit in bytes on the memory of the groups in a `/proc/PID/cgroup`, where there is one that is in force.
pub(super) fn memory_limit(groups: &str) -> Option<u64> {
    let swaps = fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() > 1);
    lines(groups).find_map(|(_, controllers, group)| {
        let unified = controllers.is_empty();
        if !unified && !controllers.split(',').any(|name| name == "memory") {
            return None;
        }
        let folder = hierarchy(controllers)?.join(group.trim_start_matches('/'));
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        let limit = read(if unified { "memory.max" } else { "memory.limit_in_bytes" })?;
        let stays = !swaps || (unified && read("memory.swap.max") == Some(0));
        stays.then_some(limit)
    })
}

/// Where the hierarchy of these controllers is mounted.
fn hierarchy(controllers: &str) -> Option<PathBuf> {
    let root = Path::new(ROOT);
    let folder = match controllers {
        "" if root.join("cgroup.controllers").exists() => return Some(root.to_owned()),
        "" => root.join("unified"),
        named => root.join(named.trim_start_matches("name=")),
    };
    folder.join("cgroup.procs").exists().then_some(folder)
}

/// Removes what tests left behind that were killed. A group with a process in it cannot be removed.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let of = name.to_str().and_then(|name| name.strip_prefix(NAME)?.split('-').next());
        if of.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove(&entry.path());
        }
    }
}

/// Removes a group and all below it that are empty.
fn remove(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    drop(fs::remove_dir(folder));
}
