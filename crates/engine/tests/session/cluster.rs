//! A model of a cluster: refresh tokens that live on or are single-use, one password, and faults per endpoint.

use engine::Failure;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// What an endpoint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Up,
    Fails(Failure),
    /// It does what it is asked for, or refuses it, but the answer never arrives.
    AnswerLost,
}

/// A refresh token, by number.
pub(crate) type RefreshToken = u64;

#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) life: Duration,
    pub(crate) single_use: bool,
    pub(crate) password: u64,
    /// What each endpoint does, unless a script says something else.
    pub(crate) modes: Vec<Mode>,
    /// What the next requests meet, whichever endpoint they go to.
    pub(crate) script: VecDeque<Mode>,
    living: BTreeSet<RefreshToken>,
    last: RefreshToken,
    pub(crate) refreshes: usize,
    pub(crate) logins: usize,
    /// Long-lived tokens made.
    pub(crate) long_lived: usize,
}

impl Cluster {
    pub(crate) fn new(life: Duration, endpoints: usize) -> Self {
        Self {
            life,
            single_use: true,
            password: 1,
            modes: vec![Mode::Up; endpoints],
            script: VecDeque::new(),
            living: BTreeSet::new(),
            last: 0,
            refreshes: 0,
            logins: 0,
            long_lived: 0,
        }
    }

    /// As if somebody had logged in elsewhere.
    pub(crate) fn grant(&mut self) -> RefreshToken {
        self.last += 1;
        self.living.insert(self.last);
        self.last
    }

    pub(crate) fn revoke(&mut self) {
        self.living.clear();
    }

    pub(crate) fn all(&mut self, mode: Mode) {
        self.modes.fill(mode);
    }

    pub(crate) fn refresh(&mut self, endpoint: usize, token: RefreshToken) -> Result<RefreshToken, Failure> {
        self.refreshes += 1;
        let mode = self.meets(endpoint);
        if let Mode::Fails(failure) = mode {
            return Err(failure);
        }
        let lives = self.living.contains(&token);
        if self.single_use {
            self.living.remove(&token);
        }
        self.answer(mode, lives)
    }

    pub(crate) fn login(&mut self, endpoint: usize, password: u64) -> Result<RefreshToken, Failure> {
        self.logins += 1;
        match self.meets(endpoint) {
            Mode::Fails(failure) => Err(failure),
            mode => self.answer(mode, password == self.password),
        }
    }

    fn meets(&mut self, endpoint: usize) -> Mode {
        let usual = self.modes.get(endpoint).copied().unwrap_or(Mode::Fails(Failure::Misconfigured));
        self.script.pop_front().unwrap_or(usual)
    }

    fn answer(&mut self, mode: Mode, granted: bool) -> Result<RefreshToken, Failure> {
        let answer = if granted { Ok(self.grant()) } else { Err(Failure::Unauthorized) };
        if mode == Mode::AnswerLost { Err(Failure::Unreachable { sent: true }) } else { answer }
    }
}
