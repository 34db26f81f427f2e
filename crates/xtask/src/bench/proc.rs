//! What the kernel says of a process: proc_pid_status(5), proc_pid_smaps(5), proc_pid_schedstat in the kernel's
//! documentation of schedstats.

use crate::problem::Problem;
use nix::errno::Errno;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Resident memory, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    /// What of it no file holds.
    pub(crate) anonymous: u64,
}

impl Memory {
    /// The kernel counts what it shows in `smaps_rollup`; the sums in `status` are near enough where that is closed.
    pub(crate) fn of(pid: u32) -> Result<Self, Problem> {
        let folder = folder(pid);
        if let Ok(text) = fs::read_to_string(folder.join("smaps_rollup"))
            && let (Some(resident), Some(anonymous)) = (field(&text, "Rss:"), field(&text, "Anonymous:"))
        {
            return Ok(Self { resident, anonymous });
        }
        let path = folder.join("status");
        let text = read(&path)?;
        let missing = || Problem::at(&path, "no VmRSS or RssAnon");
        let resident = field(&text, "VmRSS:").ok_or_else(missing)?;
        Ok(Self { resident, anonymous: field(&text, "RssAnon:").ok_or_else(missing)? })
    }
}

/// How often the threads of a process have gone to sleep or were put aside since they began.
pub(crate) fn switches(pid: u32) -> Result<u64, Problem> {
    let mut sum = 0;
    for task in tasks(pid)? {
        let path = task.join("status");
        // A thread may have ended since its name was read.
        let Some(text) = read_of_a_thread(&path)? else { continue };
        let names = ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"];
        let counts = names.map(|name| field(&text, name));
        let missing = || Problem::at(&path, "no count of context switches");
        sum += counts.into_iter().sum::<Option<u64>>().ok_or_else(missing)?;
    }
    Ok(sum)
}

/// How long the threads of a process have run; `None` where this kernel does not count that.
pub(crate) fn time_on_processors(pid: u32) -> Result<Option<Duration>, Problem> {
    let mut sum = Duration::ZERO;
    for task in tasks(pid)? {
        let Ok(text) = read_of_a_thread(&task.join("schedstat")) else { return Ok(None) };
        let Some(text) = text else { continue };
        let Some(ran) = text.split_whitespace().next().and_then(|first| first.parse().ok()) else {
            return Ok(None);
        };
        sum += Duration::from_nanos(ran);
    }
    Ok(Some(sum))
}

/// The folders of a process's threads.
pub(crate) fn tasks(pid: u32) -> Result<Vec<PathBuf>, Problem> {
    let path = folder(pid).join("task");
    let entries = fs::read_dir(&path).map_err(|error| Problem::at(&path, error))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(|error| Problem::at(&path, error))).collect()
}

fn folder(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

fn read(path: &Path) -> Result<String, Problem> {
    fs::read_to_string(path).map_err(|error| Problem::at(path, error))
}

/// `None` if the thread, and with it its folder, is gone; `ESRCH` is how the kernel says that of a
/// file which was opened in time.
fn read_of_a_thread(path: &Path) -> Result<Option<String>, Problem> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => Ok(None),
        Err(error)
            if error.kind() == ErrorKind::NotFound && path.parent().is_none_or(|task| !task.exists()) =>
        {
            Ok(None)
        }
        Err(error) => Err(Problem::at(path, error)),
    }
}

/// The number after a name at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "VmRSS:\t    2560 kB\nRssAnon:\t     560 kB\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t2\n";
        assert_eq!(field(text, "VmRSS:"), Some(2560));
        assert_eq!(field(text, "voluntary_ctxt_switches:"), Some(7));
        assert_eq!(field(text, "Rss:"), None);
    }

    #[test]
    fn this_process_has_memory_threads_and_a_past() {
        let pid = std::process::id();
        let memory = Memory::of(pid).unwrap();
        assert!(memory.resident > memory.anonymous && memory.anonymous > 0, "{memory:?}");
        assert!(!tasks(pid).unwrap().is_empty());
        assert!(switches(pid).unwrap() > 0);
        // Not every kernel counts this.
        assert_ne!(time_on_processors(pid).unwrap(), Some(Duration::ZERO));
    }

    #[test]
    fn threads_that_end_while_they_are_counted_were_an_error() {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let brief: Vec<_> = (0..8).map(|_| thread::spawn(|| ())).collect();
                    brief.into_iter().for_each(|thread| thread.join().unwrap());
                }
            });
            let pid = std::process::id();
            let counted: Vec<_> =
                (0..500).map(|_| switches(pid).and_then(|_| time_on_processors(pid))).collect();
            over.store(true, Ordering::Relaxed);
            for one in counted {
                one.unwrap();
            }
        });
    }

    #[test]
    fn a_process_that_is_gone_is_a_problem() {
        let problem = switches(u32::MAX).unwrap_err();
        assert!(problem.message.starts_with("/proc/4294967295/task: "), "{problem:?}");
    }
}
