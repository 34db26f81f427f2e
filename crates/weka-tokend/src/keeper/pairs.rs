//! The bytes behind the engine's generation numbers.

use crate::token_file::Tokens;
use engine::{Adopted, Generation, Lease};
use ring::digest::{SHA256, digest};
use secret::{AccessToken, RefreshToken};
use std::collections::{BTreeMap, VecDeque};

/// How many pairs are remembered by their digest, so that a stale copy in a file is not taken for news.
const REMEMBERED: usize = 64;

/// A token pair.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The access token; empty where a file had none.
    pub access_token: AccessToken,
    /// The refresh token; some files have none.
    pub refresh_token: Option<RefreshToken>,
    /// `Bearer`.
    pub token_type: String,
    /// Its life, where known.
    pub lease: Option<Lease>,
    /// Whether the token file holds it already.
    pub in_file: bool,
}

impl Pair {
    fn mark(&self) -> Mark {
        mark(self.access_token.expose(), self.refresh_token.as_ref().map_or("", RefreshToken::expose))
    }
}

/// Tells pairs apart without keeping them.
type Mark = [u8; 64];

fn mark(access: &str, refresh: &str) -> Mark {
    let mut mark = [0; 64];
    let (left, right) = mark.split_at_mut(32);
    left.copy_from_slice(digest(&SHA256, access.as_bytes()).as_ref());
    right.copy_from_slice(digest(&SHA256, refresh.as_bytes()).as_ref());
    mark
}

/// The digests of the pairs we hold or held.
#[derive(Debug, Clone, Default)]
pub struct Known(VecDeque<Mark>);

impl Known {
    /// Whether this is one of them.
    #[must_use]
    pub fn has(&self, pair: &Pair) -> bool {
        self.0.contains(&pair.mark())
    }

    /// Whether a file's tokens are one of them.
    #[must_use]
    pub fn has_tokens(&self, tokens: &Tokens) -> bool {
        let access = tokens.access_token.as_ref().map_or("", AccessToken::expose);
        let refresh = tokens.refresh_token.as_ref().map_or("", RefreshToken::expose);
        self.0.contains(&mark(access, refresh))
    }

    fn add(&mut self, pair: &Pair) {
        self.0.push_back(pair.mark());
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
    }
}

/// The pairs that are held, and the digests of those that were.
#[derive(Debug, Default)]
pub struct Pairs {
    held: BTreeMap<Generation, Pair>,
    known: Known,
    last: u64,
}

impl Pairs {
    /// Takes a pair over and names it.
    pub fn add(&mut self, pair: Pair) -> Generation {
        self.last += 1;
        self.known.add(&pair);
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

    /// A pair by name.
    #[must_use]
    pub fn get(&self, generation: Generation) -> Option<&Pair> {
        self.held.get(&generation)
    }

    /// Notes that the token file holds this pair.
    pub fn filed(&mut self, generation: Generation) {
        for (other, pair) in &mut self.held {
            pair.in_file = *other == generation;
        }
    }

    /// Forgets all pairs older than `generation`.
    pub fn forget_before(&mut self, generation: Generation) {
        self.held = self.held.split_off(&generation);
    }

    /// Forgets all pairs. Their digests stay.
    pub fn forget_all(&mut self) {
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(access: &str, refresh: &str) -> Pair {
        Pair {
            access_token: AccessToken::new(access.into()),
            refresh_token: Some(RefreshToken::new(refresh.into())),
            token_type: "Bearer".into(),
            lease: None,
            in_file: false,
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
    fn a_pair_with_a_new_access_token_is_news_even_where_the_refresh_token_is_the_same() {
        let mut pairs = Pairs::default();
        pairs.add(pair("a1", "r1"));
        assert!(pairs.adopt(pair("a2", "r1")).is_some());
    }
}
