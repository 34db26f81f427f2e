//! What is stored of a profile, so that the next daemon goes on where this one was.

use super::store::{self, EntryName, Owner, Store};
use crate::account::Account;
use crate::remembered::Remembered;
use engine::{Lease, Moment};
use secret::{AccessToken, RefreshToken};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::time::Duration;
use zeroize::Zeroizing;

/// A pair as it is stored. Times are milliseconds on CLOCK_BOOTTIME: a store does not outlive a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPair {
    /// The access token.
    pub access_token: AccessToken,
    /// The refresh token, where there is one.
    pub refresh_token: Option<RefreshToken>,
    /// `Bearer`.
    pub token_type: String,
    /// When the request that fetched it was sent.
    pub sent_at_ms: Option<u64>,
    /// How long the access token lives from then on.
    pub life_ms: Option<u64>,
}

impl StoredPair {
    /// Its lease, where one is known.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        Some(Lease {
            sent_at: Moment::from_millis(self.sent_at_ms?),
            life: Duration::from_millis(self.life_ms?),
        })
    }
}

/// One profile's state. Keys may be added with defaults; anything else needs a new [`store::VERSION`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Whose tokens.
    pub account: Account,
    /// The tokens, if there are any.
    pub pair: Option<StoredPair>,
    /// What must not be tried again.
    pub remembered: Remembered,
    /// When it was stored, in seconds since 1970: a token file that changed later holds newer tokens.
    pub stored_unix_s: i64,
    /// The pair is a tool's, which renews it on its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lent: bool,
}

impl State {
    /// The body of an entry. Infallible in practice; an empty body would be refused at reading.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// A state that was found in the store, and the entries that go once a newer one is there.
#[derive(Debug)]
pub struct Restored {
    /// The latest state.
    pub state: Option<State>,
    /// All of the profile's entries.
    pub entries: Vec<EntryName>,
}

/// Reads everything that the service manager kept. What cannot be used is removed, with one line each.
#[must_use]
pub fn restore(found: Vec<(String, OwnedFd)>, store: &Store) -> BTreeMap<Owner, Restored> {
    let mut all: BTreeMap<Owner, BTreeMap<u64, OwnedFd>> = BTreeMap::new();
    for (name, descriptor) in found {
        match EntryName::parse(&name) {
            Some(entry) => {
                all.entry(entry.owner).or_default().insert(entry.number, descriptor);
            }
            None => {
                tracing::warn!("the stored descriptor {name:?} is not ours, so it is dropped");
                store.remove_named(&name);
            }
        }
    }
    all.into_iter().map(|(owner, entries)| restore_owner(owner, entries, store)).collect()
}

/// The latest entry that can be used counts; the others go.
fn restore_owner(owner: Owner, entries: BTreeMap<u64, OwnedFd>, store: &Store) -> (Owner, Restored) {
    let mut restored = Restored { state: None, entries: Vec::new() };
    for (number, descriptor) in entries.into_iter().rev() {
        let name = EntryName { owner: owner.clone(), number };
        if restored.state.is_some() {
            restored.entries.push(name);
            continue;
        }
        let read = store::open(descriptor)
            .and_then(|body| serde_json::from_slice(&body).map_err(|_| store::EntryError::Damaged));
        match read {
            Ok(state) => {
                restored.state = Some(state);
                restored.entries.push(name);
            }
            Err(error) => {
                tracing::warn!("the stored state {name} is dropped: {error}");
                store.remove(&name);
            }
        }
    }
    (owner, restored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            account: Account {
                endpoints: vec!["https://weka01:14000".into()],
                org: Some("Root".into()),
                username: Some("alice".into()),
            },
            pair: Some(StoredPair {
                access_token: AccessToken::new("a".into()),
                refresh_token: Some(RefreshToken::new("r".into())),
                token_type: "Bearer".into(),
                sent_at_ms: Some(1000),
                life_ms: Some(300_000),
            }),
            remembered: Remembered::default(),
            stored_unix_s: 7,
            lent: false,
        }
    }

    #[test]
    fn a_state_is_read_back_and_shows_no_secret() {
        let bytes = state().to_bytes();
        assert_eq!(serde_json::from_slice::<State>(&bytes).unwrap(), state());
        assert!(!format!("{:?}", state()).contains("\"a\""));
    }

    #[test]
    fn the_form_of_version_1_is_pinned() {
        let stored = concat!(
            r#"{"account":{"endpoints":["https://weka01:14000"],"org":"Root","username":"alice"},"#,
            r#""pair":{"access_token":"a","refresh_token":"r","token_type":"Bearer","sent_at_ms":1000,"life_ms":300000},"#,
            r#""remembered":{"logged_out_at":null,"locked_until":null,"refused":null},"stored_unix_s":7}"#
        );
        assert_eq!(serde_json::from_str::<State>(stored).unwrap(), state());
    }
}
