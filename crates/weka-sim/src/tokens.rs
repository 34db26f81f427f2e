//! The ledger of all pairs given out: which are alive, expired, revoked or used up.

use std::collections::{BTreeSet, HashMap};

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;

use crate::clock::UnixMs;
use crate::jwt::Kind;

/// The ledger forgets what expired longest ago beyond this many pairs.
const KEPT_PAIRS: usize = 100_000;

/// What a token is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Standing {
    Alive,
    Expired,
    Revoked,
    /// A refresh token that was exchanged while refresh tokens are single-use.
    Used,
    /// Not from this cluster, or changed on the way.
    Unknown,
}

/// One pair.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) uid: String,
    pub(crate) access_until: UnixMs,
    pub(crate) refresh_until: UnixMs,
    revoked: bool,
    used: bool,
}

impl Pair {
    fn until(&self, kind: Kind) -> UnixMs {
        match kind {
            Kind::Access => self.access_until,
            Kind::Refresh => self.refresh_until,
        }
    }

    pub(crate) fn standing(&self, kind: Kind, now: UnixMs) -> Standing {
        if self.revoked {
            Standing::Revoked
        } else if now >= self.until(kind) {
            Standing::Expired
        } else if self.used && kind == Kind::Refresh {
            Standing::Used
        } else {
            Standing::Alive
        }
    }

    /// Milliseconds of life left, revoked or not.
    pub(crate) fn left_ms(&self, kind: Kind, now: UnixMs) -> u64 {
        self.until(kind).saturating_sub(now)
    }

    /// Milliseconds since its life was over, revoked or not; 0 while it lasts.
    pub(crate) fn expired_ms(&self, kind: Kind, now: UnixMs) -> u64 {
        now.saturating_sub(self.until(kind))
    }
}

/// All pairs of one cluster, by id.
#[derive(Debug)]
pub(crate) struct Ledger {
    instance: String,
    made: u64,
    pairs: HashMap<String, Pair>,
    by_end: BTreeSet<(UnixMs, String)>,
}

impl Ledger {
    /// An empty ledger; its ids differ from those of every other simulator, so that a token of another one is unknown here.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 4];
        if SystemRandom::new().fill(&mut bytes).is_err() {
            bytes = std::process::id().to_be_bytes();
        }
        let instance = data_encoding::HEXLOWER.encode(&bytes);
        Self { instance, made: 0, pairs: HashMap::new(), by_end: BTreeSet::new() }
    }

    /// Enters a new pair and returns its id.
    pub(crate) fn enter(&mut self, uid: &str, access_until: UnixMs, refresh_until: UnixMs) -> String {
        self.made += 1;
        let id = format!("{}-{}", self.instance, self.made);
        let pair = Pair { uid: uid.to_owned(), access_until, refresh_until, revoked: false, used: false };
        self.by_end.insert((access_until.max(refresh_until), id.clone()));
        self.pairs.insert(id.clone(), pair);
        if self.pairs.len() > KEPT_PAIRS
            && let Some((_, oldest)) = self.by_end.pop_first()
        {
            self.pairs.remove(&oldest);
        }
        id
    }

    pub(crate) fn pair(&self, id: &str) -> Option<&Pair> {
        self.pairs.get(id)
    }

    pub(crate) fn standing(&self, id: &str, kind: Kind, now: UnixMs) -> Standing {
        self.pairs.get(id).map_or(Standing::Unknown, |pair| pair.standing(kind, now))
    }

    pub(crate) fn use_up(&mut self, id: &str) {
        if let Some(pair) = self.pairs.get_mut(id) {
            pair.used = true;
        }
    }

    pub(crate) fn revoke(&mut self, id: &str) -> bool {
        self.pairs.get_mut(id).map(|pair| pair.revoked = true).is_some()
    }

    /// Revokes every pair whose user `chosen` picks; how many were not revoked before.
    pub(crate) fn revoke_where(&mut self, chosen: impl Fn(&Pair) -> bool) -> usize {
        let mut count = 0;
        for pair in self.pairs.values_mut().filter(|pair| !pair.revoked && chosen(pair)) {
            pair.revoked = true;
            count += 1;
        }
        count
    }

    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// How many access tokens are alive.
    pub(crate) fn live(&self, now: UnixMs) -> usize {
        self.pairs.values().filter(|pair| pair.standing(Kind::Access, now) == Standing::Alive).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_lives_until_its_dates() {
        let mut ledger = Ledger::new();
        let id = ledger.enter("u", 100, 1_000);
        assert_eq!(ledger.standing(&id, Kind::Access, 99), Standing::Alive);
        assert_eq!(ledger.standing(&id, Kind::Access, 100), Standing::Expired);
        assert_eq!(ledger.standing(&id, Kind::Refresh, 100), Standing::Alive);
        assert_eq!((ledger.live(99), ledger.live(100)), (1, 0));
        assert_eq!(ledger.standing("other-1", Kind::Access, 0), Standing::Unknown);
    }

    #[test]
    fn using_up_ends_the_refresh_token_only() {
        let mut ledger = Ledger::new();
        let id = ledger.enter("u", 100, 1_000);
        ledger.use_up(&id);
        assert_eq!(ledger.standing(&id, Kind::Refresh, 0), Standing::Used);
        assert_eq!(ledger.standing(&id, Kind::Access, 0), Standing::Alive);
    }

    #[test]
    fn revoking_a_user_ends_both_tokens_of_all_pairs() {
        let mut ledger = Ledger::new();
        let (mine, other) = (ledger.enter("u", 100, 1_000), ledger.enter("v", 100, 1_000));
        assert_eq!(ledger.revoke_where(|pair| pair.uid == "u"), 1);
        assert_eq!(ledger.standing(&mine, Kind::Access, 0), Standing::Revoked);
        assert_eq!(ledger.standing(&mine, Kind::Refresh, 0), Standing::Revoked);
        assert_eq!(ledger.standing(&other, Kind::Access, 0), Standing::Alive);
    }

    #[test]
    fn the_ledger_forgets_the_oldest() {
        let mut ledger = Ledger::new();
        let first = ledger.enter("u", 1, 1);
        for end in 0..100_000 {
            ledger.enter("u", 10 + end, 10 + end);
        }
        assert_eq!(ledger.len(), KEPT_PAIRS);
        assert_eq!(ledger.standing(&first, Kind::Access, 0), Standing::Unknown);
    }
}
