//! The bytes behind the engine's generation numbers.

use crate::pair::{Known, Pair, REMEMBERED, Renewed};
use engine::{Adopted, Generation};
use std::collections::{BTreeMap, VecDeque};

/// The pairs that are held, and the digests of those that were.
#[derive(Debug, Default)]
pub struct Pairs {
    held: BTreeMap<Generation, Pair>,
    known: Known,
    /// The numbers of the pairs of this login, by [`Pair::id`].
    ids: VecDeque<u64>,
    /// The last pair that somebody else renewed from one of ours, and the one it was renewed from.
    renewed: Option<Renewed>,
    last: u64,
}

impl Pairs {
    /// Takes a pair over and names it.
    pub fn add(&mut self, pair: Pair) -> Generation {
        self.last += 1;
        self.known.add(&pair);
        self.ids.push_back(pair.id());
        if self.ids.len() > REMEMBERED {
            self.ids.pop_front();
        }
        let generation = Generation(self.last);
        self.held.insert(generation, pair);
        generation
    }

    /// Takes over a pair from a file or a store, unless it is, or was, one of ours.
    pub fn adopt(&mut self, pair: Pair) -> Option<Adopted> {
        if self.known.has(&pair) {
            return None;
        }
        let (lease, renewable) = (pair.lease, pair.refresh_token.is_some());
        Some(Adopted { generation: self.add(pair), lease, renewable })
    }

    /// The digests of all pairs we hold or held.
    #[must_use]
    pub const fn known(&self) -> &Known {
        &self.known
    }

    /// Whether a pair of this number was held since the last login.
    #[must_use]
    pub fn had(&self, id: u64) -> bool {
        self.ids.contains(&id)
    }

    /// Somebody else has renewed a pair of ours.
    pub fn note_renewed(&mut self, renewed: Renewed) {
        self.renewed = Some(renewed);
    }

    /// Whether a pair that somebody else renewed from `from` can only be newer than this one: it was renewed from this
    /// one, or from one that the same renewed before, whose number nobody has told them yet.
    #[must_use]
    pub fn are_renewed(&self, held: &Pair, from: u64) -> bool {
        let held = held.id();
        held == from || self.renewed == Some(Renewed { from, to: held })
    }

    /// Another login begins: what was renewed from the pairs before it is no business of ours any more.
    pub fn login_changed(&mut self) {
        self.ids.clear();
        self.renewed = None;
    }

    /// A pair by name.
    #[must_use]
    pub fn get(&self, generation: Generation) -> Option<&Pair> {
        self.held.get(&generation)
    }

    /// Notes that the token file holds this pair.
    pub fn filed(&mut self, generation: Generation) {
        for (other, pair) in &mut self.held {
            pair.in_file = *other == generation;
            if pair.in_file {
                self.known.file_holds(Some(pair));
            }
        }
    }

    /// Notes what the token file was seen to hold.
    pub fn seen_in_file(&mut self, pair: &Pair) {
        self.known.file_holds(Some(pair));
    }

    /// Whether the token file held this pair once, and was last seen to hold another.
    #[must_use]
    pub fn is_stale_in_file(&self, pair: &Pair) -> bool {
        pair.in_file && self.known.file_holds_another(pair)
    }

    /// Another token file is meant from now on.
    pub fn file_moved(&mut self) {
        self.known.file_holds(None);
        self.not_filed();
    }

    /// The token file holds none of the pairs that are held.
    pub fn not_filed(&mut self) {
        for pair in self.held.values_mut() {
            pair.in_file = false;
        }
    }

    /// Notes that the store holds this pair.
    pub fn stored(&mut self, generation: Generation) {
        for (other, pair) in &mut self.held {
            pair.in_store = *other == generation;
        }
    }

    /// Takes note of a pair that is older than ours, so that it is never news.
    pub fn note_stale(&mut self, pair: &Pair) {
        if !self.known.has(pair) {
            self.known.add(pair);
        }
    }

    /// Forgets all pairs older than `generation`.
    pub fn forget_before(&mut self, generation: Generation) {
        self.held = self.held.split_off(&generation);
    }

    /// Forgets one pair.
    pub fn forget(&mut self, generation: Generation) {
        self.held.remove(&generation);
    }

    /// Forgets all pairs. Their digests stay.
    pub fn forget_all(&mut self) {
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secret::{AccessToken, RefreshToken};

    fn pair(access: &str, refresh: &str) -> Pair {
        Pair {
            access_token: AccessToken::new(access.into()),
            refresh_token: Some(RefreshToken::new(refresh.into())),
            token_type: "Bearer".into(),
            lease: None,
            in_file: false,
            in_store: false,
        }
    }

    #[test]
    fn a_stale_copy_of_an_own_pair_is_no_news() {
        let mut pairs = Pairs::default();
        let first = pairs.add(pair("a1", "r1"));
        let second = pairs.add(pair("a2", "r2"));
        pairs.forget_before(second);
        assert!(pairs.get(first).is_none());
        assert!(pairs.adopt(pair("a1", "r1")).is_none());
        assert!(pairs.adopt(pair("a2", "r2")).is_none());
        assert!(pairs.adopt(pair("a3", "r3")).is_some());
    }

    #[test]
    fn what_the_file_was_seen_to_hold_is_no_news_after_any_number_of_renewals() {
        let mut pairs = Pairs::default();
        let first = pair("a0", "r0");
        pairs.add(first.clone());
        pairs.seen_in_file(&first);
        for number in 1..=2 * REMEMBERED {
            let generation = pairs.add(pair(&format!("a{number}"), &format!("r{number}")));
            pairs.forget_before(generation);
        }
        assert!(pairs.adopt(first).is_none());
    }

    #[test]
    fn a_pair_with_a_new_access_token_is_news_even_where_the_refresh_token_is_the_same() {
        let mut pairs = Pairs::default();
        pairs.add(pair("a1", "r1"));
        assert!(pairs.adopt(pair("a2", "r1")).is_some());
    }
}
