//! The bytes behind the engine's generation numbers.

use crate::token_file::Tokens;
use engine::{Adopted, Generation, Lease};
use ring::digest::{Context, SHA256};
use secret::{AccessToken, RefreshToken};
use std::collections::{BTreeMap, VecDeque};

/// How many pairs are remembered by their digest, so that a stale copy in a file is not taken for news: some
/// days' worth with tokens of five minutes.
const REMEMBERED: usize = 1024;

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
    /// Whether the service manager's store holds it already.
    pub in_store: bool,
}

impl Pair {
    /// A number for it: the same pair has the same one, also after a restart.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.mark().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    fn mark(&self) -> Mark {
        mark(self.access_token.expose(), self.refresh_token.as_ref().map_or("", RefreshToken::expose))
    }
}

/// That somebody else renewed a pair, by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// The pair it was.
    pub from: u64,
    /// The pair it became.
    pub to: u64,
}

/// Tells pairs apart without keeping them: half a SHA-256 is plenty for that.
type Mark = [u8; 16];

fn mark(access: &str, refresh: &str) -> Mark {
    let mut context = Context::new(&SHA256);
    context.update(access.as_bytes());
    // No token holds a NUL, so no two pairs run into the same text.
    context.update(b"\0");
    context.update(refresh.as_bytes());
    context.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

/// The digests of the pairs we hold or held.
#[derive(Debug, Clone, Default)]
pub struct Known {
    marks: VecDeque<Mark>,
    /// What the token file was last seen to hold: it is never news again, however long it stays there.
    in_file: Option<Mark>,
}

impl Known {
    /// Whether this is one of them.
    #[must_use]
    pub fn has(&self, pair: &Pair) -> bool {
        self.has_mark(&pair.mark())
    }

    /// Whether a file's tokens are one of them.
    #[must_use]
    pub fn has_tokens(&self, tokens: &Tokens) -> bool {
        let access = tokens.access_token.as_ref().map_or("", AccessToken::expose);
        let refresh = tokens.refresh_token.as_ref().map_or("", RefreshToken::expose);
        self.has_mark(&mark(access, refresh))
    }

    fn has_mark(&self, mark: &Mark) -> bool {
        self.in_file.as_ref() == Some(mark) || self.marks.contains(mark)
    }

    /// Takes note of a file's tokens.
    pub fn note(&mut self, tokens: &Tokens) {
        let access = tokens.access_token.as_ref().map_or("", AccessToken::expose);
        let refresh = tokens.refresh_token.as_ref().map_or("", RefreshToken::expose);
        self.push(mark(access, refresh));
    }

    fn add(&mut self, pair: &Pair) {
        self.push(pair.mark());
    }

    fn push(&mut self, mark: Mark) {
        self.marks.push_back(mark);
        if self.marks.len() > REMEMBERED {
            self.marks.pop_front();
        }
    }
}

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
                self.known.in_file = Some(pair.mark());
            }
        }
    }

    /// Notes what the token file was seen to hold.
    pub fn seen_in_file(&mut self, pair: &Pair) {
        self.known.in_file = Some(pair.mark());
    }

    /// Whether the token file held this pair once, and was last seen to hold another.
    #[must_use]
    pub fn is_stale_in_file(&self, pair: &Pair) -> bool {
        pair.in_file && self.known.in_file.is_some_and(|found| found != pair.mark())
    }

    /// Another token file is meant from now on.
    pub fn file_moved(&mut self) {
        self.known.in_file = None;
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
