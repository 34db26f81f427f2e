//! A profile's settings, and what another set of them means for what is held.

use super::sharing::Sharing;
use super::{Keeper, perform};
use crate::clock;
use crate::config::{ProfileConfig, ProfileName};
use crate::surroundings::Surroundings;
use engine::{AccountId, Event, Lockouts, Moment, Policy, Session};
use std::sync::Arc;
use std::time::Duration;
use weka_rest::Client;

impl Keeper {
    /// Settings from the configuration file, or from a person's decision about trust.
    pub(super) fn reconfigure(&mut self, config: ProfileConfig) {
        let before = self.config();
        if *before == config {
            return;
        }
        // Whoever it was may have been given a file of its own by this.
        self.sharing = Sharing::default();
        // A pair from a file that no cluster has renewed yet belongs to whichever the configuration names.
        let named_now = !self.granted;
        let elsewhere = !before.is_same_account(&config, named_now);
        let file_moved = self.install(config);
        if elsewhere {
            // Tokens go to the cluster that gave them, and to no other.
            tracing::info!(
                "{} is another account now, so the tokens of the one before are forgotten",
                self.name
            );
            self.last_error = None;
            self.password.forget();
            self.granted = false;
            self.is_password_due = false;
            self.fallback = None;
            self.pairs.login_changed();
            self.feed(Event::Revoked);
        }
        self.feed_policy();
        self.reconfigure_own();
        if file_moved {
            self.look_at_file();
        }
    }

    /// Takes settings over; says whether the token file is another one.
    pub(super) fn install(&mut self, config: ProfileConfig) -> bool {
        let file_moved = self.settings.borrow().token_file != config.token_file;
        self.client = Client::new(config.rest_settings());
        self.settings.send_replace(Arc::new(config));
        if file_moved {
            self.file.moved();
            self.pairs.file_moved();
            self.watch_file();
        }
        self.install_sinks();
        file_moved
    }

    pub(super) fn feed_policy(&mut self) {
        let lockouts = *self.session.lockouts();
        let policy = self.policy(&lockouts, clock::now());
        self.feed(Event::Reconfigured { policy });
    }

    /// A session that waits for its first event.
    pub(super) fn new_session(&mut self, lockouts: &Lockouts, now: Moment) -> Session {
        Session::new(self.policy(lockouts, now))
    }

    /// What of the configuration the engine needs to know.
    pub(super) fn policy(&mut self, lockouts: &Lockouts, now: Moment) -> Policy {
        let config = self.config();
        let account = self.accounts.own(&config, lockouts, now);
        policy(&self.name, self.session_id(), &config, &self.surroundings, account)
    }
}

/// What of the configuration the engine needs to know.
pub(super) fn policy(
    name: &ProfileName,
    session: Option<&str>,
    config: &ProfileConfig,
    surroundings: &Surroundings,
    account: Option<AccountId>,
) -> Policy {
    Policy {
        refresh_at: config.refresh_at,
        endpoints: config.endpoints.len().max(1),
        has_source: config.password.is_some(),
        source_recheck: config.password.as_ref().map_or(Duration::ZERO, perform::source_recheck),
        account,
        seed: surroundings.seed(name, session),
    }
}
