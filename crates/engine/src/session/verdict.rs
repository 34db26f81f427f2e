//! What each caller is told, and whether it needs an exchange.

use super::Session;
use super::pairs::{Origin, Pair};
use super::round::Trouble;
use super::source::Path;
use super::waiters::{Waiter, Wish};
use crate::action::{Action, Answer, Refused};
use crate::lockouts::AccountId;
use crate::time::{Lease, Moment};
use crate::ttl::serves;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Answer(Answer),
    /// Something under way may help.
    Wait,
    /// An exchange would help, and none is under way.
    Want,
}

impl Session {
    /// Answers whoever can be answered. Tells whether anybody wants an exchange.
    pub(super) fn answer(&mut self, now: Moment, out: &mut Vec<Action>) -> bool {
        let mut wanted = false;
        let mut answered = Vec::new();
        for (id, waiter) in self.waiters.iter() {
            match self.verdict(waiter, now) {
                Verdict::Answer(answer) => answered.push((id, answer)),
                Verdict::Want => wanted = true,
                Verdict::Wait => {}
            }
        }
        for (waiter, answer) in answered {
            self.waiters.remove(waiter);
            out.push(Action::Answer { waiter, answer });
        }
        wanted
    }

    pub(super) fn verdict(&self, waiter: &Waiter, now: Moment) -> Verdict {
        let verdict = match &waiter.wish {
            Wish::Get { min_ttl } => self.get_verdict(waiter, *min_ttl, now),
            Wish::Renew => self.renew_verdict(waiter, now),
            Wish::Login { account, granted, .. } => self.login_verdict(*account, *granted, now),
            Wish::Generate { granted, .. } => self.generate_verdict(*granted, now),
        };
        if waiter.deadline <= now && !matches!(verdict, Verdict::Answer(_)) {
            return match waiter.wish {
                Wish::Login { .. } => refuse(Refused::Unreachable),
                Wish::Get { .. } | Wish::Renew | Wish::Generate { .. } => match self.pace(now) {
                    Some(next) if verdict == Verdict::Want => refuse(Refused::TooSoon { next }),
                    _ => refuse(self.reason()),
                },
            };
        }
        verdict
    }

    fn get_verdict(&self, waiter: &Waiter, min_ttl: Option<Duration>, now: Moment) -> Verdict {
        if let Some((pair, lease)) = self.pairs.live(now) {
            let enough = match min_ttl {
                Some(_) => serves(&lease, min_ttl, now),
                None => {
                    serves(&lease, None, now)
                        || self.is_hampered(now)
                        || waiter.deadline <= now
                        || is_granted_since(pair, waiter)
                }
            };
            if enough {
                return Verdict::Answer(Answer::Pair(pair.generation));
            }
        }
        if let (Some(min_ttl), Some((pair, lease))) = (min_ttl, self.last_lease())
            && (min_ttl > lease.life || is_granted_since(pair, waiter))
        {
            return refuse(Refused::MinTtlTooLong { life: lease.life });
        }
        self.prospect(waiter, now)
    }

    fn renew_verdict(&self, waiter: &Waiter, now: Moment) -> Verdict {
        if let Some((pair, lease)) = self.pairs.live(now) {
            let is_new = match pair.origin {
                Origin::Granted(exchange) => exchange >= waiter.since,
                Origin::Adopted | Origin::Rotated => lease.sent_at >= waiter.came,
            };
            if is_new {
                return Verdict::Answer(Answer::Pair(pair.generation));
            }
        }
        self.prospect(waiter, now)
    }

    fn login_verdict(&self, account: AccountId, granted: bool, now: Moment) -> Verdict {
        if granted {
            if self.pairs.is_storing() {
                return Verdict::Wait;
            }
            return match self.pairs.live(now) {
                Some((pair, _)) => Verdict::Answer(Answer::Pair(pair.generation)),
                None => refuse(Refused::Unreachable),
            };
        }
        if let Some(until) = self.memory.lockouts.of(account, now) {
            return refuse(Refused::LockedOut { until });
        }
        Verdict::Wait
    }

    fn generate_verdict(&self, granted: bool, now: Moment) -> Verdict {
        if granted {
            let is_saved = !self.pairs.is_storing();
            return if is_saved { Verdict::Answer(Answer::Generated) } else { Verdict::Wait };
        }
        if self.memory.logged_out {
            return refuse(Refused::LoggedOut);
        }
        if let Some(until) = self.locked_until(now) {
            return refuse(Refused::LockedOut { until });
        }
        if self.path == Path::Person && !self.is_busy() {
            return refuse(Refused::LoginRequired);
        }
        Verdict::Wait
    }

    /// What can be hoped for by somebody for whom the published pair does not do.
    fn prospect(&self, waiter: &Waiter, now: Moment) -> Verdict {
        if self.memory.logged_out {
            return refuse(Refused::LoggedOut);
        }
        if let Some(until) = self.locked_until(now) {
            return refuse(Refused::LockedOut { until });
        }
        if self.is_busy() {
            return Verdict::Wait;
        }
        if self.path == Path::Person {
            let hope = self.policy.has_source && !self.source.is_resting(now);
            return if hope { Verdict::Want } else { refuse(Refused::LoginRequired) };
        }
        if matches!(self.round.trouble(), Some(Trouble::Untrusted | Trouble::Misconfigured)) {
            let tried = self.round.failed_since(waiter.since);
            let may_try = self.called_attempt(now).is_some_and(|at| at <= now);
            if tried || !may_try {
                return refuse(self.reason());
            }
        }
        Verdict::Want
    }

    /// When the next renewal can begin for a caller, where nothing is wrong, and nothing but the limit that they share stands
    /// in its way.
    fn pace(&self, now: Moment) -> Option<Moment> {
        let is_well = self.path == Path::Refresh && self.round.trouble().is_none();
        self.pairs.live(now).filter(|_| is_well)?;
        self.called_attempt(now).filter(|next| *next > now)
    }

    /// Why nothing came in time.
    fn reason(&self) -> Refused {
        match self.round.trouble() {
            _ if self.memory.logged_out => Refused::LoggedOut,
            _ if self.started && self.path == Path::Person => Refused::LoginRequired,
            Some(Trouble::Untrusted) => Refused::Untrusted,
            Some(Trouble::Misconfigured) => Refused::Rejected,
            Some(Trouble::Unreachable) | None => Refused::Unreachable,
        }
    }

    /// Whether the default least remaining life gives way: the last attempt failed, with no success since.
    fn is_hampered(&self, now: Moment) -> bool {
        self.round.trouble().is_some()
            || self.round.is_open()
            || self.path != Path::Refresh
            || self.locked_until(now).is_some()
    }

    /// Whether something is under way that may bring a pair.
    fn is_busy(&self) -> bool {
        !self.started
            || self.exchange.is_some()
            || self.pairs.is_storing()
            || self.round.is_open()
            || self.reading_now().is_some()
            || self.waiters.next_login().is_some()
    }

    fn last_lease(&self) -> Option<(&Pair, Lease)> {
        let pair = self.pairs.published()?;
        pair.lease.map(|lease| (pair, lease))
    }
}

fn is_granted_since(pair: &Pair, waiter: &Waiter) -> bool {
    matches!(pair.origin, Origin::Granted(exchange) if exchange >= waiter.since)
}

const fn refuse(refused: Refused) -> Verdict {
    Verdict::Answer(Answer::Refused(refused))
}
