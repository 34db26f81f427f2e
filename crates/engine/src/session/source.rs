//! The way to the next pair, and the password source on it.

use super::patience::Patience;
use crate::event::SourceId;
use crate::time::Moment;
use std::time::Duration;

/// How the next pair is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// By the refresh token of the pair held.
    Refresh,
    /// That one is refused: somebody may have put another pair into the token file.
    File,
    /// The password source has to be read.
    Source,
    /// By the password that was read.
    Login(SourceId),
    /// A person has to log in.
    Person,
}

/// What is known of the password source, besides what outlives a restart.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    /// It led nowhere, and is left alone until then.
    rest_until: Option<Moment>,
    /// The cluster calls a login with this content malformed; no use repeating it.
    pub(super) rejected: Option<SourceId>,
}

impl Source {
    pub(super) fn is_resting(&self, now: Moment) -> bool {
        self.rest_until.is_some_and(|until| until > now)
    }

    pub(super) fn rest(&mut self, recheck: Duration, now: Moment) {
        self.rest_until = Some(now + recheck);
    }

    /// Nothing is held against it any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What was asked for and has not been answered: give up then, and go on without.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) file: Option<Patience>,
    pub(super) source: Option<Patience>,
}

impl Reading {
    /// A token file may lie on a file system that hangs.
    pub(super) fn file(&mut self, now: Moment) {
        self.file = Some(Patience::new(Duration::from_secs(5), now));
    }

    /// A password source may be a command that asks a person.
    pub(super) fn source(&mut self, now: Moment) {
        self.source = Some(Patience::new(Duration::from_secs(120), now));
    }
}
