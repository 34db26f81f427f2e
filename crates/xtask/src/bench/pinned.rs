//! Which processor who runs on: chance would decide otherwise, and it decides a lot.

use crate::bench::proc;
use crate::problem::Problem;
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Servers on one processor and this process on another, until this is dropped.
#[derive(Debug)]
pub(crate) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// Puts servers and this process apart; `None` where there is one processor only.
    pub(crate) fn apart(servers: &[u32]) -> Result<Option<Self>, Problem> {
        let me = Pid::from_raw(0);
        let failed = |error| Problem::new(format!("processors cannot be chosen: {error}"));
        let before = sched_getaffinity(me).map_err(failed)?;
        let mut usable = (0..CpuSet::count()).filter(|number| before.is_set(*number).unwrap_or(false));
        let (Some(first), Some(second)) = (usable.next(), usable.next()) else { return Ok(None) };
        let only = |number| {
            let mut set = CpuSet::new();
            set.set(number).map(|()| set).map_err(failed)
        };
        for server in servers {
            for task in proc::tasks(*server)? {
                let id = task.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
                let id = id.ok_or_else(|| Problem::at(&task, "not a thread"))?;
                match sched_setaffinity(Pid::from_raw(id), &only(second)?) {
                    // A thread that has ended since is on no processor at all.
                    Err(Errno::ESRCH) => {}
                    outcome => outcome.map_err(failed)?,
                }
            }
        }
        sched_setaffinity(me, &only(first)?).map_err(failed)?;
        Ok(Some(Self { before }))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Where it fails, what follows is measured on one processor, and slower for all.
        let _restored = sched_setaffinity(Pid::from_raw(0), &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_thread_is_put_on_one_processor_and_back() {
        let processors = || {
            let set = sched_getaffinity(Pid::from_raw(0)).unwrap();
            (0..CpuSet::count()).filter(|number| set.is_set(*number).unwrap()).count()
        };
        let before = processors();
        if let Some(pinned) = Pinned::apart(&[]).unwrap() {
            assert_eq!(processors(), 1);
            drop(pinned);
        }
        assert_eq!(processors(), before);
    }
}
