//! Callers that wait for an answer.

use super::endpoints::Tour;
use crate::event::{ExchangeId, WaiterId};
use crate::lockouts::AccountId;
use crate::time::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) enum Wish {
    Get { min_ttl: Option<Duration> },
    Renew,
    Login { account: AccountId, endpoints: usize, tour: Tour, granted: bool },
    Generate { tour: Tour, granted: bool },
}

#[derive(Debug, Clone)]
pub(super) struct Waiter {
    pub(super) wish: Wish,
    pub(super) deadline: Moment,
    pub(super) came: Moment,
    /// The first exchange that can begin after it came.
    pub(super) since: ExchangeId,
    order: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Waiters {
    waiting: BTreeMap<WaiterId, Waiter>,
    /// Persons whose login has not been granted, in the order in which they came.
    logins: BTreeMap<u64, WaiterId>,
    /// The same of long-lived tokens.
    generations: BTreeMap<u64, WaiterId>,
    next_order: u64,
}

impl Waiters {
    pub(super) fn make(&mut self, wish: Wish, deadline: Moment, came: Moment, since: ExchangeId) -> Waiter {
        self.next_order += 1;
        Waiter { wish, deadline, came, since, order: self.next_order }
    }

    /// A name that is used again stands for the new caller.
    pub(super) fn add(&mut self, id: WaiterId, waiter: Waiter) {
        self.remove(id);
        match waiter.wish {
            Wish::Login { .. } => drop(self.logins.insert(waiter.order, id)),
            Wish::Generate { .. } => drop(self.generations.insert(waiter.order, id)),
            Wish::Get { .. } | Wish::Renew => {}
        }
        self.waiting.insert(id, waiter);
    }

    pub(super) fn remove(&mut self, id: WaiterId) {
        if let Some(waiter) = self.waiting.remove(&id) {
            self.logins.remove(&waiter.order);
            self.generations.remove(&waiter.order);
        }
    }

    /// What this person wants goes on at the next endpoint.
    pub(super) fn go_on(&mut self, id: WaiterId, on: Tour) {
        let wish = self.waiting.get_mut(&id).map(|waiter| &mut waiter.wish);
        if let Some(Wish::Login { tour, .. } | Wish::Generate { tour, .. }) = wish {
            *tour = on;
        }
    }

    /// What this person wants has come; only the new pair's way into the store is left to wait for.
    pub(super) fn grant(&mut self, id: WaiterId) {
        let Some(Waiter { wish, order, .. }) = self.waiting.get_mut(&id) else { return };
        if let Wish::Login { granted, .. } | Wish::Generate { granted, .. } = wish {
            *granted = true;
            self.logins.remove(order);
            self.generations.remove(order);
        }
    }

    pub(super) fn get(&self, id: WaiterId) -> Option<&Waiter> {
        self.waiting.get(&id)
    }

    pub(super) fn contains(&self, id: WaiterId) -> bool {
        self.waiting.contains_key(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (WaiterId, &Waiter)> {
        self.waiting.iter().map(|(id, waiter)| (*id, waiter))
    }

    pub(super) fn earliest_deadline(&self) -> Option<Moment> {
        self.waiting.values().map(|waiter| waiter.deadline).min()
    }

    /// Everybody, and nobody is left.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = WaiterId> + use<> {
        self.logins.clear();
        self.generations.clear();
        std::mem::take(&mut self.waiting).into_keys()
    }

    /// The person whose login is next.
    pub(super) fn next_login(&self) -> Option<WaiterId> {
        self.logins.first_key_value().map(|(_, id)| *id)
    }

    /// The person whose long-lived token is next.
    pub(super) fn next_generation(&self) -> Option<WaiterId> {
        self.generations.first_key_value().map(|(_, id)| *id)
    }
}
