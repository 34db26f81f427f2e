//! The way to the next pair, and the password source on it.

use super::patience::Patience;
use crate::event::{Doubted, SourceId};
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
    /// By that password too, but not yet: it may have been counted as a wrong one. The source is read before, as
    /// it may hold another by then.
    Doubt(SourceId),
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
    doubt: Option<Doubt>,
}

/// A login whose answer was lost. It may count as a failed one, and a few of those (five, by WEKA's default) lock
/// the account; so nobody repeats it for a while.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    what: Doubted,
    /// When a caller may have the source read, in case it holds something else by now.
    look_at: Moment,
}

/// The pause after a login whose answer was lost; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

impl Source {
    pub(super) fn is_resting(&self, now: Moment) -> bool {
        self.rest_until.is_some_and(|until| until > now)
    }

    pub(super) fn rest(&mut self, recheck: Duration, now: Moment) {
        self.rest_until = Some(now + recheck);
    }

    /// The answer to a login with this content was lost.
    pub(super) fn doubt(&mut self, about: SourceId, recheck: Duration, now: Moment) {
        let pause = match self.doubt_about(about) {
            Some(before) => (before.what.pause * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        let what = Doubted { about, until: now + pause, pause };
        self.doubt = Some(Doubt { what, look_at: now + recheck });
    }

    /// A doubt from before a restart.
    pub(super) fn recall(&mut self, doubt: Option<Doubted>, now: Moment) {
        self.doubt = doubt.map(|doubt| {
            let pause = doubt.pause.clamp(FIRST_PAUSE, LONGEST_PAUSE);
            let what = Doubted { about: doubt.about, until: doubt.until.min(now + pause), pause };
            Doubt { what, look_at: now }
        });
    }

    /// What of it must outlive a restart.
    pub(super) fn doubted(&self) -> Option<Doubted> {
        self.doubt.map(|doubt| doubt.what)
    }

    /// Until when this content is not sent.
    pub(super) fn doubted_until(&self, content: SourceId) -> Moment {
        self.doubt_about(content).map(|doubt| doubt.what.until).unwrap_or_default()
    }

    /// When a caller may have the source read again, while this content is not sent.
    pub(super) fn look_at(&self, content: SourceId) -> Moment {
        self.doubt_about(content).map(|doubt| doubt.look_at.min(doubt.what.until)).unwrap_or_default()
    }

    /// A look in between brought nothing new.
    pub(super) fn look_later(&mut self, recheck: Duration, now: Moment) {
        if let Some(doubt) = &mut self.doubt {
            doubt.look_at = now + recheck;
        }
    }

    fn doubt_about(&self, content: SourceId) -> Option<Doubt> {
        self.doubt.filter(|doubt| doubt.what.about == content)
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
