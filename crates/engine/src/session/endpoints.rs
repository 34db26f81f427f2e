//! The endpoints of a cluster: which is in use, which asked for peace, which were tried.

use crate::time::Moment;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Default)]
pub(super) struct Endpoints {
    in_use: usize,
    /// Until when an endpoint wants to be left alone.
    benches: BTreeMap<usize, Moment>,
}

impl Endpoints {
    /// The one that worked last, as far as a list of this length has it.
    pub(super) const fn in_use(&self, count: usize) -> usize {
        if self.in_use < count { self.in_use } else { 0 }
    }

    pub(super) fn worked(&mut self, endpoint: usize) {
        self.in_use = endpoint;
        self.benches.remove(&endpoint);
    }

    pub(super) fn bench(&mut self, endpoint: usize, until: Moment) {
        self.benches.insert(endpoint, until);
    }

    /// The indexes may now stand for other hosts.
    pub(super) fn renumber(&mut self, count: usize) {
        self.in_use = self.in_use(count);
        self.benches.clear();
    }

    /// The next one to try, beginning with the one in use.
    pub(super) fn pick(&self, count: usize, tour: &Tour, benched: Benched, now: Moment) -> Option<usize> {
        let first = self.in_use(count);
        (first..count.max(1)).chain(0..first).find(|endpoint| {
            let is_benched =
                benched == Benched::LeftAlone && self.benches.get(endpoint).is_some_and(|until| *until > now);
            !tour.tried.contains(endpoint) && !is_benched
        })
    }

    /// The earliest moment at which any may be used; the past, if one may be used now.
    pub(super) fn free_at(&self, count: usize) -> Moment {
        let count = count.max(1);
        if self.benches.len() < count {
            return Moment::default();
        }
        (0..count).filter_map(|endpoint| self.benches.get(&endpoint).copied()).min().unwrap_or_default()
    }
}

/// What becomes of endpoints that asked for peace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Benched {
    LeftAlone,
    /// A person comes on purpose; and where a list is another one than the policy's, its indexes stand for others.
    Included,
}

/// Once through the endpoints, each at most once.
#[derive(Debug, Clone, Default)]
pub(super) struct Tour {
    tried: BTreeSet<usize>,
    pub(super) untrusted: bool,
    pub(super) misconfigured: bool,
    pub(super) unreachable: bool,
}

impl Tour {
    pub(super) fn tried(&mut self, endpoint: usize) {
        self.tried.insert(endpoint);
    }
}
