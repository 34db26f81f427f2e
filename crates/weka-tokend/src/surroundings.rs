//! What all keepers share: where things are kept, and what makes this machine unlike the next.

use crate::board::Revision;
use crate::config::ProfileName;
use crate::dirs::Dirs;
use crate::systemd::state::Restored;
use crate::systemd::store::{Owner, Store};
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// What all keepers share.
#[derive(Debug)]
pub struct Surroundings {
    /// Where things are.
    pub dirs: Dirs,
    /// Moves with every change of state.
    pub revision: Revision,
    /// The service manager's descriptor store, where there is one.
    pub store: Option<Store>,
    restored: Mutex<BTreeMap<Owner, Restored>>,
    ending: watch::Sender<bool>,
    /// Makes phases differ from machine to machine and from user to user.
    machine: Vec<u8>,
    default_profile: Mutex<ProfileName>,
}

impl Surroundings {
    /// Puts them together; `machine_id` is the text of `/etc/machine-id`, or whatever else tells hosts apart.
    #[must_use]
    pub fn new(dirs: Dirs, machine_id: &str, default_profile: ProfileName) -> Self {
        let uid = nix::unistd::geteuid();
        Self {
            dirs,
            revision: Revision::default(),
            store: None,
            restored: Mutex::default(),
            ending: watch::Sender::new(false),
            machine: format!("{}:{uid}", machine_id.trim()).into_bytes(),
            default_profile: Mutex::new(default_profile),
        }
    }

    /// With a store, and what was found in it.
    #[must_use]
    pub fn with_store(mut self, store: Option<Store>, restored: BTreeMap<Owner, Restored>) -> Self {
        self.store = store;
        self.restored = Mutex::new(restored);
        self
    }

    /// What the last daemon left of a profile; it is given out once.
    #[must_use]
    pub fn take_restored(&self, profile: &ProfileName) -> Option<Restored> {
        let owner = Owner { profile: profile.clone(), session: None };
        self.restored.lock().unwrap_or_else(PoisonError::into_inner).remove(&owner)
    }

    /// What the last daemon left of the sessions of a profile's sinks; it is given out once.
    #[must_use]
    pub fn take_restored_sessions(&self, profile: &ProfileName) -> BTreeMap<String, Restored> {
        let mut restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = restored.extract_if(.., |owner, _| owner.profile == *profile && owner.session.is_some());
        taken.filter_map(|(owner, restored)| Some((owner.session?, restored))).collect()
    }

    /// Leaves a state for the next keeper of this name.
    pub fn put_restored(&self, owner: Owner, restored: Restored) {
        self.restored.lock().unwrap_or_else(PoisonError::into_inner).insert(owner, restored);
    }

    /// Drops what was left of profiles that no longer exist.
    pub fn drop_restored(&self) {
        let left = std::mem::take(&mut *self.restored.lock().unwrap_or_else(PoisonError::into_inner));
        for (Owner { profile, .. }, restored) in left {
            tracing::info!("there is no profile {profile} any more, so its stored tokens are dropped");
            for entry in &restored.entries {
                if let Some(store) = &self.store {
                    store.remove(entry);
                }
            }
        }
    }

    /// From now on keepers end because the daemon does, not because their profiles were removed, and whoever still has
    /// a handle on one.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Whether the daemon is ending.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    /// Returns once the daemon is ending.
    pub async fn ended(&self) {
        // The sender is ours, so the wait ends in no other way.
        drop(self.ending.subscribe().wait_for(|ending| *ending).await);
    }

    /// The seed of a profile's phase and jitter.
    #[must_use]
    pub fn seed(&self, profile: &ProfileName, session: Option<&str>) -> u64 {
        let mut text = self.machine.clone();
        text.push(b':');
        text.extend_from_slice(profile.as_str().as_bytes());
        if let Some(session) = session {
            text.push(b'.');
            text.extend_from_slice(session.as_bytes());
        }
        let digest = digest(&SHA256, &text);
        digest.as_ref().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// The profile that requests without a name mean.
    #[must_use]
    pub fn default_profile(&self) -> ProfileName {
        self.default_profile.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another default profile, after a reload.
    pub fn set_default_profile(&self, name: ProfileName) {
        *self.default_profile.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}
