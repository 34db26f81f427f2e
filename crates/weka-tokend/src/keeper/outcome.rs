//! What comes of an exchange: a new pair, a failure in words, and an answer for whoever waits.

use super::Keeper;
use super::exchange;
use super::failure::failure_of;
use super::login::{LateLogin, PendingLogin};
use super::own::Bond;
use super::reports::End;
use crate::account::Account;
use crate::clock;
use crate::report;
use engine::{Answer, Event, ExchangeId, Failure, Generation, Lease, Moment, Outcome, Refused, WaiterId};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Keeper {
    /// A failed exchange in the engine's words and in a person's; the new pair of one that worked.
    pub(super) fn on_end(&mut self, exchange: ExchangeId, end: End) {
        let Some(running) = self.exchange.take_if(|running| running.id == exchange) else { return };
        if !matches!(end, End::Granted { .. }) {
            self.file.worker.release();
        }
        let mut late = None;
        let obsolete = Arc::clone(&running.obsolete);
        let outcome = match end {
            End::Granted { grant, sent_at } => {
                late =
                    running.person.and_then(|waiter| self.take_over(waiter, grant.password_change_required));
                let by_login = running.renews.is_none();
                if by_login {
                    self.pairs.login_changed();
                }
                if !obsolete.load(Ordering::Relaxed) {
                    self.heard_of_password(grant.password_change_required, by_login);
                }
                let renewed = running.renews.and_then(|generation| self.pairs.get(generation));
                let pair = match running.generates {
                    Some(waiter) => self.split_grant(waiter, grant, sent_at, &running),
                    None => exchange::pair_of(grant, sent_at, renewed),
                };
                let lease = pair.lease.unwrap_or(Lease { sent_at, life: Duration::ZERO });
                self.last_error = None;
                if running.renews.is_some() {
                    self.sharing.renewed();
                }
                self.file.claimed_unix_s = running.person.map(|_| clock::unix_now_s());
                self.sinks.claims = running.person.is_some();
                self.lent = None;
                if running.person.is_some() {
                    self.gate.forgive(&Account::of(&self.config()));
                    self.memory.is_forgiven = true;
                    self.encourage_own(true);
                }
                Outcome::Granted { generation: self.pairs.add(pair), lease }
            }
            End::Superseded(pair) => match self.supersede(pair) {
                Some(adopted) => Outcome::Superseded(adopted),
                // It was adopted from the file meanwhile, so the next attempt will use it.
                None => Outcome::Failed(Failure::Unreachable { sent: false }),
            },
            End::Barred => {
                self.last_error = Some("no login is made for it while its profile has no token".into());
                // Where that has changed meanwhile, nobody will say so again.
                let bars = |bond: &Bond| exchange::bars(bond.main.view().1.condition);
                let is_barred = self.bond.as_ref().is_some_and(bars);
                Outcome::Failed(if is_barred {
                    Failure::Barred
                } else {
                    Failure::Unreachable { sent: false }
                })
            }
            End::Failed(error) => {
                tracing::debug!(profile = %self.name, %error, "an exchange failed");
                let failure = failure_of(&error, running.purpose());
                match running.generates {
                    Some(waiter) if failure != Failure::Unauthorized => {
                        self.note_refused_token(waiter, &error)
                    }
                    _ => self.last_error = Some(error.to_string()),
                }
                if let (Failure::Unauthorized | Failure::Rejected, Some(pair), None) = (
                    failure,
                    running.renews.and_then(|generation| self.pairs.get(generation)),
                    running.generates,
                ) {
                    let is_open = self.is_open(pair);
                    self.sharing.refused(pair, is_open, clock::now(), clock::unix_now_s());
                }
                if let Failure::Locked { wait } = failure {
                    let pending = running.person.and_then(|waiter| self.logins.get(&waiter));
                    let account = pending.map_or_else(|| Account::of(&self.config()), PendingLogin::account);
                    self.tell_locked(&account, wait);
                }
                match failure {
                    Failure::Unauthorized if running.is_by_source() => {
                        self.exchange = Some(exchange::Running { refused: true, ..running });
                        self.keep_refusal(exchange);
                        return;
                    }
                    Failure::Unreachable { sent: true } if running.is_by_source() => {
                        self.exchange = Some(running);
                        self.keep_doubt(exchange);
                        return;
                    }
                    _ => {}
                }
                Outcome::Failed(failure)
            }
        };
        let granted = match &outcome {
            Outcome::Granted { generation, .. } => Some(*generation),
            _ => None,
        };
        self.feed(Event::Ended { exchange, outcome });
        if let Some(generation) = granted {
            self.settle_granted(generation, late, obsolete.load(Ordering::Relaxed));
        }
    }

    /// What a new pair leaves to do beside the engine's actions. An `obsolete` one was forgotten before it came.
    fn settle_granted(&mut self, generation: Generation, late: Option<LateLogin>, obsolete: bool) {
        if self.session.held() == Some(generation) {
            self.granted = true;
            self.fallback = None;
            if let Some(login) = late {
                self.save_late_login(login);
            }
        } else {
            // A logout came first: nobody will use it, and nobody saves it. Or somebody has logged in elsewhere meanwhile,
            // and then it is what is left should that pair be no good: the one that it was renewed from may be used up.
            if !obsolete && self.session.held().is_some() {
                let pair = self.pairs.get(generation).filter(|pair| pair.refresh_token.is_some());
                self.fallback = pair.cloned().or_else(|| self.fallback.take());
            }
            self.pairs.forget(generation);
            self.file.claimed_unix_s = None;
            self.file.worker.release();
        }
    }

    /// Answers whoever waits.
    pub(super) fn answer(&mut self, waiter: WaiterId, answer: Answer, now: Moment) {
        if let Some(pending) = self.logins.get_mut(&waiter) {
            let reply = pending.reply.take();
            self.answer_login(waiter, answer, reply, now);
            return;
        }
        if let Some(pending) = self.tokens.remove(&waiter) {
            self.answer_token(waiter, answer, pending, now);
            return;
        }
        let Some(reply) = self.waiters.remove(&waiter) else { return };
        let result = match answer {
            Answer::Pair(_) | Answer::Generated => self.board.published().ok_or(Refused::Unreachable),
            // Its time was up while the refusal is being written down, which takes a moment.
            Answer::Refused(Refused::Unreachable) if self.is_refused() => Err(Refused::LoginRequired),
            Answer::Refused(refused) => Err(refused),
        };
        // A caller that has left is no failure.
        drop(reply.send(result.map_err(|refused| self.refusal(refused, now))));
    }

    /// Whether the cluster has refused the source's password, and the engine does not know it yet.
    fn is_refused(&self) -> bool {
        self.exchange.as_ref().is_some_and(|running| running.refused)
    }

    pub(super) fn refusal(&self, refused: Refused, now: Moment) -> wire::Refusal {
        self.refusal_at(refused, &self.endpoint(), now)
    }

    pub(super) fn refusal_at(&self, refused: Refused, endpoint: &str, now: Moment) -> wire::Refusal {
        let default = self.surroundings.default_profile();
        let source = self.source_problem.as_ref().map(|problem| problem.words.as_str());
        let error = self.last_error.as_deref().or(source);
        report::refusal(refused, self.name.as_str(), default.as_str(), endpoint, error, now)
    }

    pub(super) fn endpoint(&self) -> String {
        let config = self.config();
        config.endpoints.get(self.session.endpoint()).map(ToString::to_string).unwrap_or_default()
    }
}
