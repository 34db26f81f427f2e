//! What the cluster makes of the source's password, written down so that no restart has it sent once too often.

use super::Keeper;
use super::exchange::{Running, Sent};
use super::reports::Report;
use crate::remembered::RefusedPassword;
use engine::{Event, ExchangeId, Failure, Outcome, SourceId};
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

impl Keeper {
    /// A login's connection stands, and its password leaves once that is written down: a daemon that is killed before the
    /// answer must not send another one at its next start, as if nothing had been. It does not leave if `go` is dropped.
    pub(super) fn on_sending(&mut self, exchange: ExchangeId, go: oneshot::Sender<()>) {
        let running = self.exchange.as_ref().filter(|running| running.id == exchange);
        let Some(Sent { account, .. }) = running.and_then(|running| running.sent.as_ref()) else { return };
        if running.is_none_or(|running| running.obsolete.load(Ordering::Relaxed)) {
            return;
        }
        tracing::debug!(profile = %self.name, "a login is written down before it is sent");
        self.memory.attempted = Some(account.clone().bounded());
        self.feed(Event::Sending { exchange });
        self.memory.clear(go);
    }

    /// The cluster refused the source's password. That is written down before anybody hears of it: a daemon
    /// that was killed in between would send it again at its next start.
    pub(super) fn keep_refusal(&self, exchange: ExchangeId) {
        self.recognize(exchange, move |refused| Report::Refused { exchange, refused });
    }

    /// What recognizes it is known.
    pub(super) fn on_refused(&mut self, exchange: ExchangeId, refused: Option<RefusedPassword>) {
        if self.exchange.as_ref().is_none_or(|running| running.id != exchange) {
            return;
        }
        // A logout may have been written down while that was computed: this joins it.
        self.memory.kept.refused.clone_from(&refused);
        let (written, reports) = (self.put_down(false), self.reports.clone());
        tokio::spawn(async move {
            written.await;
            drop(reports.send(Report::RefusalKept { exchange, refused }).await);
        });
    }

    /// The refusal is written down; now the engine may hear of it.
    pub(super) fn on_refusal_kept(&mut self, exchange: ExchangeId, refused: Option<RefusedPassword>) {
        if self.exchange.take_if(|running| running.id == exchange).is_none() {
            return;
        }
        // What is kept recognizes it from now on.
        let forgettable = refused.is_some();
        self.memory.kept.refused = refused;
        self.feed(Event::Ended { exchange, outcome: Outcome::Failed(Failure::Unauthorized) });
        if forgettable && self.exchange.is_none() {
            self.password.forget();
        }
    }

    /// The answer to a login with the source's password was lost, so the cluster may have counted it as a wrong one. What
    /// recognizes that password is computed before the engine hears of it, so that it can be kept.
    pub(super) fn keep_doubt(&mut self, exchange: ExchangeId) {
        let content = self.exchange.as_ref().and_then(Running::content);
        if content
            .is_none_or(|content| self.memory.doubted.as_ref().is_some_and(|(known, _)| *known == content))
        {
            self.on_doubted(exchange, None);
            return;
        }
        self.recognize(exchange, move |recognized| Report::Doubted {
            exchange,
            recognized: content.zip(recognized),
        });
    }

    /// The password in doubt would be recognized; now the engine may hear of it.
    pub(super) fn on_doubted(
        &mut self,
        exchange: ExchangeId,
        recognized: Option<(SourceId, RefusedPassword)>,
    ) {
        if self.exchange.take_if(|running| running.id == exchange).is_none() {
            return;
        }
        if recognized.is_some() {
            self.memory.doubted = recognized;
        }
        let outcome = Outcome::Failed(Failure::Unreachable { sent: true });
        self.feed(Event::Ended { exchange, outcome });
    }

    /// Computes what recognizes the password that a login has sent, and reports it.
    fn recognize(
        &self,
        exchange: ExchangeId,
        report: impl FnOnce(Option<RefusedPassword>) -> Report + Send + 'static,
    ) {
        let running = self.exchange.as_ref().filter(|running| running.id == exchange);
        let login = running.and_then(|running| running.sent.as_ref()).map(|sent| sent.login.clone());
        let (reports, name) = (self.reports.clone(), self.name.clone());
        // Deliberately slow to compute.
        tokio::task::spawn_blocking(move || {
            let recognized = login.and_then(|login| {
                RefusedPassword::of(&login)
                    .inspect_err(|error| {
                        tracing::warn!(%error, "a restart would forget what became of a password of {name}");
                    })
                    .ok()
            });
            drop(reports.blocking_send(report(recognized)));
        });
    }
}
