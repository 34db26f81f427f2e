//! Accounts: a user of an organisation at a cluster. Tokens belong to one, and the cluster locks one.

use crate::config::ProfileConfig;
use serde::{Deserialize, Serialize};

/// The organisation that WEKA means when none is named (WEKA 5.1 API: POST /login).
pub(crate) const ROOT_ORG: &str = "Root";
/// How long the endpoints by which a locked account is known again may be in all, in bytes: some hundred of them.
/// With more, it counts as one of every cluster.
const LONGEST_ENDPOINTS: usize = 4096;
/// The longest name by which it is, in bytes; a longer one counts as everybody's.
const LONGEST_NAME: usize = 256;

/// A user of an organisation at a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The cluster, by its endpoints.
    pub endpoints: Vec<String>,
    /// Organisation.
    pub org: Option<String>,
    /// WEKA user name.
    pub username: Option<String>,
}

impl Account {
    /// The account that a profile's settings name.
    #[must_use]
    pub fn of(config: &ProfileConfig) -> Self {
        Self {
            endpoints: config.endpoints.iter().map(ToString::to_string).collect(),
            org: config.org.clone(),
            username: config.username.clone(),
        }
    }

    /// Whoever else there may be.
    #[must_use]
    pub const fn anybody() -> Self {
        Self { endpoints: Vec::new(), org: None, username: None }
    }

    /// Whether tokens of this account may be used with these settings.
    #[must_use]
    pub fn fits(&self, config: &ProfileConfig) -> bool {
        let stored = ProfileConfig {
            endpoints: self.endpoints.iter().filter_map(|text| text.parse().ok()).collect(),
            org: self.org.clone(),
            username: self.username.clone(),
            ..ProfileConfig::default()
        };
        stored.is_same_account(config, false)
    }

    /// Whether the two may be one account: what is not known of one of them may be as in the other, and directories
    /// (LDAP) do not tell upper from lower case. Wrong here, a password would go to an account that is locked.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        if self.endpoints.is_empty() || other.endpoints.is_empty() {
            return true;
        }
        let org = |account: &Self| account.org.as_deref().unwrap_or(ROOT_ORG).to_lowercase();
        let same_user = match (&self.username, &other.username) {
            (Some(one), Some(other)) => one.to_lowercase() == other.to_lowercase(),
            _ => true,
        };
        let same_cluster = self.endpoints.iter().any(|endpoint| other.endpoints.contains(endpoint));
        same_cluster && same_user && org(self) == org(other)
    }

    /// Whether it is said which account it is.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.username.is_some() && !self.endpoints.is_empty()
    }

    /// What is kept of a locked one: bounded, and never less than it was.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let is_long = |text: &str| text.len() > LONGEST_NAME;
        if length(&self.endpoints) > LONGEST_ENDPOINTS || self.org.as_deref().is_some_and(is_long) {
            self = Self::anybody();
        }
        self.username.take_if(|name| is_long(name));
        self
    }

    /// It is known by the endpoints of the other one, too, as far as there is room for them.
    pub fn join(&mut self, other: &Self) {
        for endpoint in &other.endpoints {
            let has_room = length(&self.endpoints) + endpoint.len() <= LONGEST_ENDPOINTS;
            if !self.endpoints.is_empty() && has_room && !self.endpoints.contains(endpoint) {
                self.endpoints.push(endpoint.clone());
            }
        }
    }
}

fn length(endpoints: &[String]) -> usize {
    endpoints.iter().map(String::len).sum()
}

impl std::fmt::Display for Account {
    /// For people: `alice (organization Root)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let org = self.org.as_deref().unwrap_or(ROOT_ORG);
        let shown =
            |text: &str| text.chars().filter(|letter| !letter.is_control()).take(64).collect::<String>();
        match &self.username {
            Some(username) => write!(f, "{} (organization {})", shown(username), shown(org)),
            None => f.write_str("of an unknown user"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(endpoints: &[&str], org: Option<&str>, username: Option<&str>) -> Account {
        Account {
            endpoints: endpoints.iter().map(|text| (*text).to_owned()).collect(),
            org: org.map(ToOwned::to_owned),
            username: username.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn tokens_fit_their_own_account_only() {
        let account = account(&["https://weka01:14000"], Some("Root"), Some("alice"));
        let config = |endpoint: &str, username: &str| ProfileConfig {
            endpoints: vec![endpoint.parse().unwrap()],
            username: Some(username.into()),
            ..ProfileConfig::default()
        };
        assert!(account.fits(&config("weka01", "alice")));
        assert!(!account.fits(&config("weka02", "alice")));
        assert!(!account.fits(&config("weka01", "bob")));
    }

    #[test]
    fn what_may_be_the_locked_account_counts_as_it() {
        let alice = account(&["https://a", "https://b"], Some("Root"), Some("alice"));
        for same in [
            account(&["https://b"], None, Some("ALICE")),
            account(&["https://b", "https://c"], Some("root"), Some("alice")),
            account(&["https://a"], None, None),
            Account::anybody(),
        ] {
            assert!(alice.may_be(&same) && same.may_be(&alice), "{same:?}");
        }
        for other in [
            account(&["https://c"], None, Some("alice")),
            account(&["https://a"], Some("research"), Some("alice")),
            account(&["https://a"], None, Some("admin")),
        ] {
            assert!(!alice.may_be(&other) && !other.may_be(&alice), "{other:?}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_still_matches() {
        let endpoints: Vec<_> = (0..300).map(|number| format!("https://host{number}")).collect();
        let endpoints: Vec<_> = endpoints.iter().map(String::as_str).collect();
        let many = account(&endpoints, None, Some("alice"));
        assert!(many.clone().bounded().endpoints.is_empty() && many.clone().bounded().may_be(&many));
        let mut joined = account(&["https://host0"], None, Some("alice"));
        joined.join(&many);
        assert!(joined.endpoints.len() > 100 && joined.clone().bounded() == joined);
        let long = "x".repeat(300);
        let named = account(&["https://a"], None, Some(&long));
        assert!(named.clone().bounded().username.is_none() && named.clone().bounded().may_be(&named));
    }
}
