//! Which accounts the cluster has locked: what the engine knows by number, by name.

use super::Keeper;
use super::reports::Report;
use crate::account::Account;
use crate::clock;
use crate::config::ProfileConfig;
use crate::note::Note;
use crate::remembered::LockedAccount;
use engine::{AccountId, Event, Lockouts, Moment};
use std::time::Duration;

/// How many accounts have a number before those that are not needed lose theirs.
const MANY: usize = 32;

/// The accounts that the engine knows by number.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    known: Vec<(AccountId, Account)>,
    last: u64,
    /// The profile's own, as the engine was told.
    own: Option<AccountId>,
}

impl Accounts {
    /// The number of an account: that of a locked one that it may be, or else of the same one.
    fn number(&mut self, account: &Account, lockouts: &Lockouts, now: Moment) -> AccountId {
        let candidates = self.known.iter().filter(|(id, known)| {
            let may_be_it = known.is_named() || lockouts.of(*id, now).is_some();
            may_be_it && known.may_be(account)
        });
        let found = candidates
            .map(|(id, _)| (lockouts.of(*id, now), *id))
            .reduce(|best, other| if other.0 > best.0 { other } else { best });
        match found {
            Some((_, id)) => {
                if let Some((_, known)) = self.known.iter_mut().find(|(known, _)| *known == id) {
                    known.join(account);
                }
                id
            }
            None => {
                self.last += 1;
                let id = AccountId(self.last);
                self.known.push((id, account.clone()));
                id
            }
        }
    }

    /// The number of the account that a profile's settings name, if they name one.
    pub(super) fn own(
        &mut self,
        config: &ProfileConfig,
        lockouts: &Lockouts,
        now: Moment,
    ) -> Option<AccountId> {
        let account = Account::of(config);
        self.own = if account.is_named() {
            Some(self.number(&account, lockouts, now))
        } else {
            // Where that one is locked, it is known by what it was then.
            if lockouts.of(AccountId::UNNAMED, now).is_none() {
                self.known.retain(|(id, _)| *id != AccountId::UNNAMED);
            }
            if !self.known.iter().any(|(id, _)| *id == AccountId::UNNAMED) {
                self.known.push((AccountId::UNNAMED, account));
            }
            None
        };
        self.own
    }

    fn account(&self, id: AccountId) -> Account {
        let found = self.known.iter().find(|(known, _)| *known == id);
        found.map_or_else(Account::anybody, |(_, account)| account.clone())
    }

    /// Forgets those that nobody needs to tell from others any more.
    fn forget(&mut self, is_needed: impl Fn(AccountId) -> bool) {
        let own = self.own;
        if self.known.len() < MANY {
            return;
        }
        self.known.retain(|(id, _)| *id == AccountId::UNNAMED || own == Some(*id) || is_needed(*id));
    }

    /// The accounts that are locked, by name; what holds for all others is last.
    fn named(&self, lockouts: &Lockouts, now: Moment) -> Vec<(Account, Moment)> {
        let each = lockouts.iter().map(|lockout| (self.account(lockout.account).bounded(), lockout.until));
        let others = lockouts.others_until().map(|until| (Account::anybody(), until));
        each.chain(others).filter(|(_, until)| *until > now).collect()
    }
}

impl Keeper {
    /// The engine's number for the account of a login.
    pub(super) fn account_id(&mut self, account: &Account, now: Moment) -> AccountId {
        let lockouts = *self.session.lockouts();
        let pending: Vec<_> = self.logins.values().map(|login| login.account_id).collect();
        self.accounts.forget(|id| lockouts.of(id, now).is_some() || pending.contains(&id));
        self.accounts.number(account, &lockouts, now)
    }

    /// The accounts that are locked, as others are shown them.
    pub(super) fn locked_accounts(&self, now: Moment) -> Vec<(Account, Moment)> {
        self.accounts.named(self.session.lockouts(), now)
    }

    /// What the engine must not forget of them, as it is kept.
    pub(super) fn kept_lockouts(&self, lockouts: &Lockouts, now: Moment, unix_s: i64) -> Vec<LockedAccount> {
        let kept = |(account, until)| LockedAccount {
            account,
            until: unix_s.saturating_add_unsigned(now.until(until).as_secs() + 1),
        };
        self.accounts.named(lockouts, now).into_iter().map(kept).collect()
    }

    /// What was kept of them, in the engine's words.
    pub(super) fn recalled_lockouts(&mut self, kept: &[LockedAccount], now: Moment) -> Lockouts {
        let mut lockouts = Lockouts::default();
        for LockedAccount { account, until } in kept {
            let left = u64::try_from(until.saturating_sub(clock::unix_now_s())).unwrap_or(0);
            if left == 0 {
                continue;
            }
            let wait = Duration::from_secs(left);
            self.gate.lock(account, Some(wait));
            let until = now + wait;
            if account.endpoints.is_empty() {
                lockouts = lockouts.with_others(until);
                continue;
            }
            let id = if account.is_named() {
                self.accounts.number(account, &lockouts, now)
            } else {
                self.accounts.known.retain(|(id, _)| *id != AccountId::UNNAMED);
                self.accounts.known.push((AccountId::UNNAMED, account.clone()));
                AccountId::UNNAMED
            };
            lockouts = lockouts.with(id, until, None);
        }
        lockouts
    }

    /// The cluster said, to a request that was not the engine's, that an account is locked.
    pub(super) fn found_locked(&mut self, account: &Account, wait: Option<Duration>) {
        self.lock_own(account, wait);
        let account = self.account_id(account, clock::now());
        self.feed(Event::FoundLocked { account, wait });
    }

    /// An account is locked, which is the business of everybody who might log in to it.
    pub(super) fn tell_locked(&self, account: &Account, wait: Option<Duration>) {
        self.lock_own(account, wait);
        if let Some(bond) = &self.bond {
            let (tell, account) = (bond.tell.clone(), account.clone());
            tokio::spawn(async move { tell.send(Report::OwnLocked { account, wait }).await });
        }
    }

    /// The lockouts of other accounts than the profile's, for people.
    pub(super) fn lockout_notes(&self, now: Moment) -> Vec<Note> {
        let config = self.config();
        let own = Account::of(&config);
        let others = self.locked_accounts(now).into_iter().filter(|(account, _)| account.is_named());
        others
            .filter(|(account, _)| !own.may_be(account))
            .map(|(account, until)| {
                let left = now.until(until).as_secs();
                let at = crate::report::local_time(clock::unix_now_s().saturating_add_unsigned(left));
                Note::passing("lockout", format!("account {account} is locked out until {at}"))
                    .then("no password is sent for it meanwhile")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(endpoint: &str, username: Option<&str>) -> Account {
        Account { endpoints: vec![endpoint.into()], org: None, username: username.map(ToOwned::to_owned) }
    }

    #[test]
    fn equal_accounts_have_equal_numbers_and_what_may_be_a_locked_one_has_its() {
        let (mut accounts, none, now) = (Accounts::default(), Lockouts::default(), Moment::from_millis(0));
        let alice = accounts.number(&account("https://a", Some("alice")), &none, now);
        assert_eq!(accounts.number(&account("https://a", Some("Alice")), &none, now), alice);
        let both =
            Account { endpoints: vec!["https://a".into(), "https://b".into()], ..account("", Some("alice")) };
        assert_eq!(accounts.number(&both, &none, now), alice);
        assert_eq!(accounts.number(&account("https://b", Some("alice")), &none, now), alice, "one cluster");
        assert_ne!(accounts.number(&account("https://a", Some("admin")), &none, now), alice);
        assert_ne!(accounts.number(&account("https://c", Some("alice")), &none, now), alice);
    }

    #[test]
    fn an_account_without_a_name_holds_others_back_only_while_it_is_locked() {
        let (mut accounts, none, now) = (Accounts::default(), Lockouts::default(), Moment::from_millis(0));
        let config = ProfileConfig { endpoints: vec!["a".parse().unwrap()], ..ProfileConfig::default() };
        assert_eq!(accounts.own(&config, &none, now), None);
        let alice = Account { username: Some("alice".into()), ..Account::of(&config) };
        let locked = none.with(AccountId::UNNAMED, now + Duration::from_secs(60), None);
        assert_eq!(accounts.number(&alice, &locked, now), AccountId::UNNAMED);
        assert_ne!(accounts.number(&alice, &none, now), AccountId::UNNAMED);
    }
}
