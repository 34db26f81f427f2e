//! The state that all backends of the simulated cluster share.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ring::digest::{SHA256, digest};

use crate::clock::Clock;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::jwt::Signer;
use crate::lockout::Lockouts;
use crate::options::{Options, StartError};
use crate::settings::Settings;
use crate::tls::Identity;
use crate::tokens::Ledger;
use crate::users::{UserSpec, Users};

/// One cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) signer: Signer,
    /// Present where the backends speak TLS.
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) verbose: bool,
    backends: OnceLock<Vec<SocketAddr>>,
    first_settings: Settings,
    first_users: Vec<UserSpec>,
    state: Mutex<State>,
}

/// The login banner.
#[derive(Debug, Clone, Default)]
pub(crate) struct Banner {
    pub(crate) text: String,
    pub(crate) enabled: bool,
}

/// What requests change.
pub(crate) struct State {
    pub(crate) users: Users,
    pub(crate) settings: Settings,
    pub(crate) ledger: Ledger,
    pub(crate) lockouts: Lockouts,
    pub(crate) banner: Banner,
    /// Digests of all passwords tried, so that the log can number them.
    passwords_tried: Vec<Vec<u8>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

impl State {
    fn new(settings: Settings, users: &[UserSpec]) -> Self {
        Self {
            users: Users::new(users),
            settings,
            ledger: Ledger::new(),
            lockouts: Lockouts::default(),
            banner: Banner::default(),
            passwords_tried: Vec::new(),
        }
    }

    /// Number of a password in order of first use, from 1.
    pub(crate) fn password_no(&mut self, password: &str) -> usize {
        let mark = digest(&SHA256, password.as_bytes()).as_ref().to_vec();
        if let Some(place) = self.passwords_tried.iter().position(|tried| *tried == mark) {
            return place + 1;
        }
        self.passwords_tried.push(mark);
        self.passwords_tried.len()
    }
}

impl Cluster {
    pub(crate) fn new(
        options: &Options,
        users: Vec<UserSpec>,
        identity: Option<Arc<Identity>>,
    ) -> Result<Self, StartError> {
        let settings = Settings::new(options);
        Ok(Self {
            name: options.name.clone(),
            clock: Clock::new(),
            faults: Faults::new(),
            journal: Journal::new(),
            signer: Signer::new()?,
            identity,
            verbose: options.verbose,
            backends: OnceLock::new(),
            first_settings: settings,
            state: Mutex::new(State::new(settings, &users)),
            first_users: users,
        })
    }

    /// The state, for a few lines at a time: never held across an `.await`.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where the backends listen; called once, when all are bound.
    pub(crate) fn set_backends(&self, addresses: Vec<SocketAddr>) {
        self.backends.get_or_init(|| addresses);
    }

    pub(crate) fn backends(&self) -> &[SocketAddr] {
        self.backends.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.identity.is_some() { "https" } else { "http" }
    }

    pub(crate) fn url(&self, backend: usize) -> String {
        self.backends()
            .get(backend)
            .map_or_else(String::new, |address| format!("{}://{address}", self.scheme()))
    }

    /// Back to how it started: users, settings, tokens, lockouts, faults, clock, log. The certificate stays.
    pub(crate) fn reset(&self) {
        *self.state() = State::new(self.first_settings, &self.first_users);
        self.faults.clear();
        self.clock.reset();
        self.journal.clear();
        self.journal.clear_counters();
    }
}
