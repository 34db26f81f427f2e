//! A keeper's life: what it finds at its start, its loop, and its end.

use super::exchange;
use super::file;
use super::reports::Looked;
use super::{Keeper, order, recall};
use crate::clock;
use crate::config::ProfileConfig;
use engine::Event;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the exchange that is under way, and what follows from it, may take at a keeper's end.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(3);
/// How long all of its end may take: the daemon waits a little longer for all keepers together.
const END_LIMIT: Duration = Duration::from_secs(5);

impl Keeper {
    /// Runs until every handle is gone and nothing is under way.
    pub(super) async fn run(mut self) {
        self.begin().await;
        let surroundings = Arc::clone(&self.surroundings);
        let mut ended = pin!(surroundings.ended());
        loop {
            if self.leaving.is_some() && self.has_left().await {
                return;
            }
            tokio::select! {
                biased;
                Some(report) = self.inbox.recv() => self.on_report(report),
                Some(news) = self.sinks.news.recv() => self.on_sink_news(news),
                order = self.orders.recv() => match order {
                    Some(order) => self.on_order(order),
                    None => break,
                },
                () = &mut ended => break,
                () = self.alarm.rings() => self.feed(Event::Tick),
                () = self.file.stirred() => self.look_at_file(),
                read = recall::late(&mut self.memory.unread) => self.on_recalled(read),
            }
        }
        self.finish().await;
    }

    /// The handles are gone: the daemon ends or the profile was removed. A pair that is still coming is the
    /// only one the cluster may honour from now on, so it is waited for and saved.
    async fn finish(&mut self) {
        if !self.surroundings.is_ending() {
            self.withdraw_sinks();
        }
        self.end_own();
        let began = Instant::now();
        while self.exchange.is_some() || self.saving > 0 || self.memory.is_writing() {
            let until = (began + EXCHANGE_LIMIT).min(Instant::now() + order::FINISH_LIMIT);
            let Ok(Some(report)) = timeout_at(until, self.inbox.recv()).await else { break };
            self.on_report(report);
        }
        // Side by side: what hangs takes nobody else's time.
        let own = self.take_ending_own();
        let until = began + END_LIMIT;
        let sessions = async {
            for task in own {
                drop(task.await);
            }
        };
        let rest = async {
            tokio::join!(
                self.file.worker.drain(order::FINISH_LIMIT),
                self.finish_sinks(),
                self.memory.settle(),
                self.storing.settle(),
                sessions,
            )
        };
        drop(timeout_at(until, rest).await);
        if !self.surroundings.is_ending() {
            // The profile was removed, and its tokens with it.
            self.storing.clear();
        }
    }

    /// Looks for what outlived the last daemon, and for a token file.
    async fn begin(&mut self) {
        self.watch_file();
        self.install_sinks();
        let config = self.config();
        let stored = self.restored.take().and_then(|restored| restored.state);
        let kept = self.read_memory(stored.as_ref()).await;
        let now = clock::now();
        let mut memory = self.recall(kept, now);
        // Nobody knew of them when the session was made.
        self.session = self.new_session(&memory.lockouts, now);
        let was_forgotten = memory.logged_out && stored.as_ref().is_some_and(|state| state.pair.is_some());
        if was_forgotten {
            // The logout could not be stored.
            drop(self.store_state(None, None));
        }
        let stored = stored.filter(|_| !was_forgotten);
        if memory.logged_out {
            // In case that the last daemon was killed before they were gone.
            self.withdraw_sinks();
            self.end_own();
        }
        let recalling = self.recall_own();
        self.resume_own();
        self.sinks.restored_unix_s = stored.as_ref().map(|state| state.stored_unix_s);
        if let Some(pair) = self.stored_pair(stored.as_ref(), &config) {
            self.granted = true;
            // Everything that is needed is here: no file, and no cluster, stands between this and the first get.
            self.feed(Event::Started { pair: Some(pair), memory: Box::new(memory) });
            let stored_unix_s = stored.map(|state| state.stored_unix_s);
            tokio::spawn(recalling);
            let reports = self.reports.clone();
            file::spawn_look_since(&self.file.worker, config.token_file.path(), stored_unix_s, reports);
            return;
        }
        let found = file::look(&self.file.worker, config.token_file.path()).await;
        if let Looked::Pair { modified_unix_s, .. } = &found {
            let older = self.memory.is_logged_out_since(*modified_unix_s);
            if older {
                tracing::info!("{} is logged out, so the older token file is left alone", self.name);
            }
            memory.logged_out &= older;
        }
        recalling.await;
        let pair = self.news_of(found);
        if pair.is_some() {
            self.check_trust(&config);
        }
        self.feed(Event::Started { pair, memory: Box::new(memory) });
    }

    /// A file's pair was never used by this daemon: does the cluster show a certificate we trust? It sends
    /// nothing secret, and tells a person now rather than when the token has died.
    fn check_trust(&self, config: &ProfileConfig) {
        if let Some(endpoint) = config.endpoints.first().filter(|endpoint| !endpoint.is_http()) {
            exchange::spawn_probe(self.client.clone(), endpoint.clone(), self.reports.clone());
        }
    }
}

impl Drop for Keeper {
    /// A defect must not be taken for an end that somebody asked for. Where the service manager holds all tokens, a new
    /// daemon goes on from there; else it is for the registry to go on with what is left.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        self.board.falls();
        if self.surroundings.store.is_some() {
            tracing::error!(
                "a defect has ended the keeper of profile {}; weka-tokend ends with it, to be started anew with its tokens",
                self.name
            );
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProfileName;
    use crate::dirs::{Dirs, Environment};
    use crate::keeper::exchange::Running;
    use crate::keeper::gate::Gate;
    use crate::surroundings::Surroundings;
    use engine::ExchangeId;
    use std::sync::mpsc;

    #[tokio::test]
    async fn what_hung_at_a_keepers_end_took_its_time_one_after_the_other() {
        let dirs = Dirs::new(&Environment::default(), None, None);
        let name = ProfileName::default();
        let surroundings = Arc::new(Surroundings::new(dirs, "", name.clone()));
        let made = Keeper::new(name, ProfileConfig::default(), surroundings, None, Gate::new(), None);
        let (_handle, mut keeper) = made.unwrap();
        // A cluster and a home that do not answer, a sink's session that does not end, and reports that go on coming.
        keeper.exchange = Some(Running::new(ExchangeId(1), None, None));
        keeper.own.end_with(tokio::spawn(std::future::pending()));
        let (let_go, hung) = mpsc::channel::<()>();
        let worker = keeper.file.worker.clone();
        let hanging = tokio::spawn(async move {
            let hang = move || hung.recv().is_ok();
            worker.run(Duration::from_secs(600), hang).await.is_ok()
        });
        let reports = keeper.reports.clone();
        let telling = tokio::spawn(async move {
            while reports.send(super::super::reports::Report::ProfileSaved).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        // The service manager kills after 10 s, of which open requests may have taken 2.
        let ended = tokio::time::timeout(Duration::from_secs(8), keeper.finish()).await;
        drop(let_go);
        telling.abort();
        drop(hanging.await);
        ended.unwrap();
    }
}
