//! The way to the next pair, and the password source on it.

use super::patience::Patience;
use crate::caution::Pause;
use crate::event::{Doubted, Memory, SourceId};
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
    /// A login that the last daemon did not live to see the end of, with whatever the source held then.
    unended: Option<Pause>,
}

/// A login whose answer was lost, so that nobody repeats it for a while.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    what: Doubted,
    /// When a caller may have the source read, in case it holds something else by now.
    look_at: Moment,
}

impl Source {
    pub(super) fn is_resting(&self, now: Moment) -> bool {
        self.rest_until.is_some_and(|until| until > now)
    }

    pub(super) fn rest(&mut self, recheck: Duration, now: Moment) {
        self.rest_until = Some(now + recheck);
    }

    /// The pause that follows a login with this content whose answer is lost now.
    pub(super) fn next_pause(&self, about: SourceId, now: Moment) -> Pause {
        let doubt = self.doubt_about(about).map(|doubt| doubt.what.pause);
        let before = doubt.into_iter().chain(self.unended).max_by_key(|pause| pause.length);
        Pause::after(before, now)
    }

    /// The answer to a login with this content was lost; `attempt` is what was written down before it was sent.
    pub(super) fn doubt(&mut self, about: SourceId, attempt: Option<Pause>, recheck: Duration, now: Moment) {
        let pause = attempt.map_or_else(|| self.next_pause(about, now), |attempt| attempt.anew(now));
        self.doubt = Some(Doubt { what: Doubted { about, pause }, look_at: now + recheck });
        self.unended = None;
    }

    /// The cluster answered: an older login has no say any more.
    pub(super) fn answered(&mut self) {
        self.unended = None;
    }

    /// What was in doubt before a restart.
    pub(super) fn recall(&mut self, memory: &Memory, now: Moment) {
        if let Some(doubt) = memory.doubt {
            let what = Doubted { pause: doubt.pause.recalled(now), ..doubt };
            self.doubt = Some(Doubt { what, look_at: now });
        }
        self.unended = memory.attempt.map(|attempt| attempt.recalled(now)).or(self.unended);
    }

    /// A login that the last daemon did not live to see the end of.
    pub(super) const fn unended(&self) -> Option<Pause> {
        self.unended
    }

    /// What of it must outlive a restart.
    pub(super) fn doubted(&self) -> Option<Doubted> {
        self.doubt.map(|doubt| doubt.what)
    }

    /// Until when this content is not sent.
    pub(super) fn doubted_until(&self, content: SourceId) -> Moment {
        let doubted = self.doubt_about(content).map(|doubt| doubt.what.pause);
        doubted.into_iter().chain(self.unended).map(|pause| pause.until).max().unwrap_or_default()
    }

    /// When a caller may have the source read again, while this content is not sent.
    pub(super) fn look_at(&self, content: SourceId) -> Moment {
        let doubt = self.doubt_about(content).map(|doubt| doubt.look_at.min(doubt.what.pause.until));
        // Whatever it holds by then would have to wait as well.
        doubt.into_iter().chain(self.unended.map(|pause| pause.until)).max().unwrap_or_default()
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

    /// Nothing is held against it any more: an account has been let in by a password.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// There is reason to look at it again, though what the cluster may have counted stays counted.
    pub(super) fn relax(&mut self) {
        (self.rest_until, self.rejected) = (None, None);
    }

    /// Other settings, perhaps for another account.
    pub(super) fn reconfigured(&mut self, is_another_account: bool) {
        if is_another_account { self.clear() } else { self.relax() }
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
