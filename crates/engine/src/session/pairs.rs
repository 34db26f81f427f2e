//! The pairs: held, being saved, published.

use super::patience::Patience;
use crate::action::Action;
use crate::event::{ExchangeId, Generation};
use crate::time::{Lease, Moment};
use crate::ttl::is_alive;
use std::time::Duration;

/// How long `Saved` is waited for before a pair is published without it.
const PATIENCE: Duration = Duration::from_secs(3);
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// Where a pair came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Granted(ExchangeId),
    /// Its access token is the one from before: only the refresh token is new.
    Rotated,
    Adopted,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) generation: Generation,
    pub(super) lease: Option<Lease>,
    /// Whether its refresh token may still work.
    pub(super) renewable: bool,
    pub(super) origin: Origin,
}

impl Pair {
    pub(super) fn is_alive(&self, now: Moment) -> bool {
        self.lease.is_some_and(|lease| is_alive(&lease, now))
    }
}

#[derive(Debug, Clone)]
struct Saving {
    generation: Generation,
    /// The pair, where it is to be published after this save; `None` when a save is only repeated.
    publish: Option<Pair>,
    patience: Patience,
}

#[derive(Debug, Clone)]
struct Unsaved {
    generation: Generation,
    retry_at: Moment,
    delay: Duration,
}

/// What the session has in its hands.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairs {
    held: Option<Pair>,
    published: Option<Pair>,
    saving: Option<Saving>,
    unsaved: Option<Unsaved>,
}

impl Pairs {
    pub(super) const fn held(&self) -> Option<&Pair> {
        self.held.as_ref()
    }

    pub(super) const fn published(&self) -> Option<&Pair> {
        self.published.as_ref()
    }

    pub(super) fn is_held(&self, generation: Generation) -> bool {
        self.held.is_some_and(|pair| pair.generation == generation)
    }

    /// The published pair and its lease, if it can be handed out.
    pub(super) fn live(&self, now: Moment) -> Option<(&Pair, Lease)> {
        let pair = self.published.as_ref().filter(|pair| pair.is_alive(now))?;
        pair.lease.map(|lease| (pair, lease))
    }

    /// The life that tokens have nowadays.
    pub(super) fn life(&self) -> Option<Duration> {
        let lease = |pair: &Option<Pair>| pair.as_ref().and_then(|pair| pair.lease);
        lease(&self.held).or_else(|| lease(&self.published)).map(|lease| lease.life)
    }

    /// Whether a new pair is on its way into the store: no exchange may begin before it is there.
    pub(super) fn is_storing(&self) -> bool {
        self.saving.as_ref().is_some_and(|saving| saving.publish.is_some())
    }

    /// Whether the last save failed.
    pub(super) const fn is_unsaved(&self) -> bool {
        self.unsaved.is_some()
    }

    /// Takes a new pair in place of the one held. The published one stays until the new one is saved; a pair
    /// that can't be handed out before its renewal is not even saved (`save` is false).
    pub(super) fn take(&mut self, pair: Pair, save: bool, now: Moment, out: &mut Vec<Action>) {
        self.held = Some(pair);
        if save {
            self.save(pair.generation, Some(pair), now, out);
        }
    }

    /// The refresh token of the pair held turned out to be worth nothing.
    pub(super) const fn wither(&mut self) {
        if let Some(pair) = self.held.as_mut() {
            pair.renewable = false;
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    fn save(&mut self, generation: Generation, publish: Option<Pair>, now: Moment, out: &mut Vec<Action>) {
        self.saving = Some(Saving { generation, publish, patience: Patience::new(PATIENCE, now) });
        out.push(Action::Save { generation });
    }

    pub(super) fn saved(&mut self, generation: Generation, ok: bool, now: Moment, out: &mut Vec<Action>) {
        if let Some(saving) = self.saving.take_if(|saving| saving.generation == generation) {
            if let Some(pair) = saving.publish {
                self.published = Some(pair);
                out.push(Action::Publish { generation });
            }
            let delay = self.unsaved.take().map_or(FIRST_RETRY, |before| (before.delay * 2).min(LAST_RETRY));
            if !ok {
                self.unsaved = Some(Unsaved { generation, retry_at: now + delay, delay });
            }
        } else if ok {
            self.unsaved = self.unsaved.take().filter(|unsaved| unsaved.generation != generation);
        } else if self.unsaved.is_none() && self.is_held(generation) {
            // Saved well enough to be published, but not everywhere it should be.
            self.unsaved = Some(Unsaved { generation, retry_at: now + FIRST_RETRY, delay: FIRST_RETRY });
        }
    }

    /// Gives up on a save that takes too long, and repeats one that failed.
    pub(super) fn attend(&mut self, now: Moment, out: &mut Vec<Action>) {
        if let Some(saving) = &mut self.saving {
            if saving.patience.is_over(now) {
                let generation = saving.generation;
                self.saved(generation, false, now, out);
            }
        } else if let Some(unsaved) = self.unsaved.as_ref().filter(|unsaved| unsaved.retry_at <= now) {
            self.save(unsaved.generation, None, now, out);
        }
    }

    /// When [`Self::attend`] has something to do.
    pub(super) fn next(&self) -> Option<Moment> {
        match &self.saving {
            Some(saving) => Some(saving.patience.until()),
            None => self.unsaved.as_ref().map(|unsaved| unsaved.retry_at),
        }
    }
}
