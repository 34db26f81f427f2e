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
