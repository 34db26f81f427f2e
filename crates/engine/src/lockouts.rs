//! Which accounts the cluster has locked, and until when. WEKA locks an account, not a profile: another one may log
//! in meanwhile, and what is known of the first must not be forgotten over it.

use crate::time::Moment;

/// Names an account (user, organisation, cluster). The driver gives the numbers out: the same number for whatever
/// may be the same account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u64);

impl AccountId {
    /// Whoever a profile's tokens belong to as long as nobody has said it.
    pub const UNNAMED: Self = Self(0);
}

/// How many lockouts are told apart at a time. Beyond that, all other accounts count as locked until the last of
/// those that were given up is over: nothing is forgotten, though a few may wait that need not.
const MOST: usize = 8;

/// One account's lockout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// Whose.
    pub account: AccountId,
    /// Until when.
    pub until: Moment,
}

/// The accounts that are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lockouts {
    known: [Option<Lockout>; MOST],
    others_until: Option<Moment>,
}

impl Lockouts {
    /// Each account that is locked.
    pub fn iter(&self) -> impl Iterator<Item = Lockout> + '_ {
        self.known.iter().flatten().copied()
    }

    /// Until when all accounts that are not listed count as locked.
    #[must_use]
    pub const fn others_until(&self) -> Option<Moment> {
        self.others_until
    }

    /// Until when this account is locked, if it is.
    #[must_use]
    pub fn of(&self, account: AccountId, now: Moment) -> Option<Moment> {
        self.listed(account, now).into_iter().chain(self.others_until).filter(|until| *until > now).max()
    }

    /// Until when it is locked by what is known of itself.
    pub(crate) fn listed(&self, account: AccountId, now: Moment) -> Option<Moment> {
        let known = self.iter().find(|known| known.account == account).map(|known| known.until);
        known.filter(|until| *until > now)
    }

    /// The end of the longest lockout there is.
    #[must_use]
    pub fn longest(&self, now: Moment) -> Option<Moment> {
        self.ends().filter(|until| *until > now).max()
    }

    /// The end of the shortest.
    pub(crate) fn next_end(&self, now: Moment) -> Option<Moment> {
        self.ends().filter(|until| *until > now).min()
    }

    fn ends(&self) -> impl Iterator<Item = Moment> + '_ {
        self.iter().map(|known| known.until).chain(self.others_until)
    }

    /// An account is locked until then. `keep` is the one whose lockout is never given up for want of room.
    #[must_use]
    pub fn with(mut self, account: AccountId, until: Moment, keep: Option<AccountId>) -> Self {
        let is_same = |slot: &Option<Lockout>| slot.is_some_and(|known| known.account == account);
        let place =
            self.known.iter().position(is_same).or_else(|| self.known.iter().position(Option::is_none));
        let place = place.or_else(|| {
            let soonest = self
                .known
                .iter()
                .enumerate()
                .filter_map(|(place, slot)| slot.map(|known| (place, known)))
                .filter(|(_, known)| Some(known.account) != keep)
                .min_by_key(|(_, known)| known.until);
            let (place, given_up) = soonest?;
            self = self.with_others(given_up.until);
            Some(place)
        });
        if let Some(slot) = place.and_then(|place| self.known.get_mut(place)) {
            *slot = Some(Lockout { account, until });
        }
        self
    }

    /// All accounts that are not listed count as locked until then.
    #[must_use]
    pub fn with_others(mut self, until: Moment) -> Self {
        self.others_until = self.others_until.max(Some(until));
        self
    }

    /// What else is known of them, by whoever knows it too: the longer of two lockouts counts.
    pub(crate) fn join(mut self, other: &Self, now: Moment, keep: Option<AccountId>) -> Self {
        for Lockout { account, until } in other.iter() {
            let until = self.listed(account, now).map_or(until, |known| known.max(until));
            self = self.with(account, until, keep);
        }
        other.others_until.map_or(self, |until| self.with_others(until))
    }

    /// The cluster has let this account in.
    pub(crate) fn end(&mut self, account: AccountId) {
        for slot in &mut self.known {
            slot.take_if(|known| known.account == account);
        }
    }

    /// Forgets what is over.
    pub(crate) fn expire(&mut self, now: Moment) {
        for slot in &mut self.known {
            slot.take_if(|known| known.until <= now);
        }
        self.others_until.take_if(|until| *until <= now);
    }

    /// None lasts longer than until then.
    pub(crate) fn clamp(&mut self, latest: Moment) {
        for known in self.known.iter_mut().flatten() {
            known.until = known.until.min(latest);
        }
        self.others_until = self.others_until.map(|until| until.min(latest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn full() -> Lockouts {
        (1..=8).fold(Lockouts::default(), |all, n| all.with(AccountId(n), at(100 + n), None))
    }

    #[test]
    fn each_account_has_a_lockout_of_its_own() {
        let mut lockouts =
            Lockouts::default().with(AccountId(1), at(60), None).with(AccountId(2), at(90), None);
        assert_eq!(lockouts.of(AccountId(1), at(59)), Some(at(60)));
        assert_eq!(lockouts.of(AccountId(1), at(60)), None);
        assert_eq!(lockouts.of(AccountId(3), at(0)), None);
        assert_eq!((lockouts.next_end(at(0)), lockouts.longest(at(0))), (Some(at(60)), Some(at(90))));
        lockouts = lockouts.with(AccountId(1), at(70), None);
        assert_eq!(lockouts.iter().count(), 2);
        lockouts.end(AccountId(1));
        assert_eq!(lockouts.of(AccountId(1), at(0)), None);
        lockouts.expire(at(90));
        assert_eq!(lockouts, Lockouts::default());
    }

    #[test]
    fn with_more_of_them_than_fit_nothing_is_forgotten() {
        let lockouts = full().with(AccountId(9), at(300), Some(AccountId(1)));
        assert_eq!(lockouts.iter().count(), 8);
        for n in 1..=9 {
            assert!(lockouts.of(AccountId(n), at(101)).is_some(), "{n}");
        }
        assert_eq!(lockouts.of(AccountId(2), at(0)), Some(at(102)), "it was given up for another");
        assert_eq!(
            lockouts.of(AccountId(77), at(0)),
            Some(at(102)),
            "so nobody else is let through until then"
        );
        assert_eq!(lockouts.of(AccountId(77), at(102)), None);
        assert!(
            lockouts.iter().any(|known| known.account == AccountId(1)),
            "the profile's own is never given up"
        );
    }

    #[test]
    fn none_lasts_longer_than_is_believed() {
        let mut lockouts = full().with_others(at(9000));
        lockouts.clamp(at(105));
        assert_eq!(lockouts.longest(at(0)), Some(at(105)));
    }
}
