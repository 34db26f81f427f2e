//! What all keepers share: where things are kept, and what makes this machine unlike the next.

use crate::board::Revision;
use crate::config::ProfileName;
use crate::dirs::Dirs;
use crate::remembered::Remembered;
use ring::digest::{SHA256, digest};
use std::sync::{Mutex, PoisonError};

/// What all keepers share.
#[derive(Debug)]
pub struct Surroundings {
    /// Where things are.
    pub dirs: Dirs,
    /// Moves with every change of state.
    pub revision: Revision,
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
            machine: format!("{}:{uid}", machine_id.trim()).into_bytes(),
            default_profile: Mutex::new(default_profile),
        }
    }

    /// The seed of a profile's phase and jitter.
    #[must_use]
    pub fn seed(&self, profile: &ProfileName) -> u64 {
        let mut text = self.machine.clone();
        text.push(b':');
        text.extend_from_slice(profile.as_str().as_bytes());
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

    /// Reads what outlived the last daemon; nothing where that cannot be read in time.
    pub async fn recall(&self, profile: &ProfileName) -> Remembered {
        let Some(path) = self.dirs.remembered_file(profile) else { return Remembered::default() };
        let read = tokio::task::spawn_blocking(move || Remembered::read(&path));
        match tokio::time::timeout(std::time::Duration::from_secs(2), read).await {
            Ok(Ok(remembered)) => remembered,
            _ => Remembered::default(),
        }
    }
}
