//! What this process does about itself: no core dump, no tracer, enough descriptors.

use crate::server::Limits;
use crate::sys;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// How many descriptors are wanted: a few thousand clients.
const DESCRIPTORS: u64 = 8192;
/// Descriptors for everything that is no client: files, the cluster, timers, logs.
const RESERVED: u64 = 64;

/// Keeps memory from being read by others, from being swapped out where secrets are, and from being written to a
/// core file; raises the limit on descriptors. Each refusal is logged and survived.
pub fn harden() {
    secret::guard_with(sys::lock_pages);
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        tracing::warn!(%error, "this process stays open to debuggers of the same user");
    }
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core dumps stay possible");
    }
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let wanted = DESCRIPTORS.min(hard);
        if soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_err() {
            tracing::warn!(soft, "the limit on open files stays low");
        }
    }
}

/// Whether others of the same user, or a core dump, get at this process's memory, as far as the kernel says.
pub(crate) fn is_dumpable() -> bool {
    nix::sys::prctl::get_dumpable().unwrap_or(true)
}

/// The ways by which secrets may leave memory, in words.
pub(crate) fn weak_spots() -> Vec<String> {
    let mut weak = Vec::new();
    if !sys::is_all_locked() {
        let limit = getrlimit(Resource::RLIMIT_MEMLOCK)
            .map(|(soft, _)| format!(" (the limit is {} KiB)", soft / 1024));
        let limit = limit.unwrap_or_default();
        weak.push(format!(
            "not every page with secrets could be locked in memory{limit}, so they may be swapped out"
        ));
    }
    if is_dumpable() {
        weak.push("debuggers of the same user and core dumps get at what is in memory".into());
    }
    weak
}

/// How many clients fit, and how many of them one user may have, so that no user starves another.
#[must_use]
pub fn client_limits(many_users: bool) -> Limits {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft).min(DESCRIPTORS);
    let total = usize::try_from(soft.saturating_sub(RESERVED).max(16)).unwrap_or(16);
    Limits { total, per_uid: if many_users { total / 4 } else { total } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_of_many_gets_a_quarter_at_most() {
        let limits = client_limits(true);
        assert!(limits.per_uid * 4 <= limits.total);
        assert_eq!(client_limits(false).per_uid, limits.total);
    }
}
