//! A keeper's states in the service manager's descriptor store.

use super::Keeper;
use super::reports::Looked;
use super::reports::Report;
use crate::account::Account;
use crate::clock;
use crate::config::ProfileConfig;
use crate::pair::Pair;
use crate::systemd::state::{Restored, State, StoredPair};
use crate::systemd::store::{EntryName, Owner, Store};
use crate::token_file::FileWorker;
use engine::{Adopted, Generation};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long storing may hold up the publication of a new pair.
const STORE_LIMIT: Duration = Duration::from_secs(1);
/// When a state without a pair that could not be stored is stored again; it doubles with each attempt. (A pair that could
/// not be is the engine's business.)
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LAST_RETRY: Duration = Duration::from_secs(600);

/// A keeper's part of the store.
#[derive(Debug)]
pub(super) struct StoreSide {
    store: Option<Store>,
    /// One put after the other.
    worker: FileWorker,
    next: u64,
    retry: Duration,
    /// The entries that are in the store as far as we know.
    entries: Arc<Mutex<Vec<EntryName>>>,
}

impl StoreSide {
    /// Goes on from what was restored.
    pub(super) fn new(store: Option<Store>, restored: Option<&Restored>) -> Self {
        let entries = restored.map(|restored| restored.entries.clone()).unwrap_or_default();
        let next = entries.iter().map(|entry| entry.number).max().map_or(1, |last| last.saturating_add(1));
        let entries = Arc::new(Mutex::new(entries));
        Self { store, worker: FileWorker::new(), next, retry: FIRST_RETRY, entries }
    }

    /// Whether there is a store.
    pub(super) const fn is_there(&self) -> bool {
        self.store.is_some()
    }

    /// Takes all entries out: the profile is gone.
    pub(super) fn clear(&self) {
        if let Some(store) = &self.store {
            for entry in self.entries.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                store.remove(&entry);
            }
        }
    }

    /// Takes entries out that nobody goes on from.
    pub(super) fn drop_entries(&self, entries: &[EntryName]) {
        if let Some(store) = &self.store {
            entries.iter().for_each(|entry| store.remove(entry));
        }
    }

    /// The entries that are in the store as far as we know.
    pub(super) fn entries(&self) -> Vec<EntryName> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a put under way.
    pub(super) async fn settle(&self) {
        self.worker.drain(STORE_LIMIT).await;
    }
}

impl Keeper {
    /// Stores a pair and the memory, and reports it as saved if `generation` is given.
    pub(super) fn store_state(
        &mut self,
        pair: Option<&Pair>,
        generation: Option<Generation>,
    ) -> Option<JoinHandle<()>> {
        let store = self.storing.store.clone()?;
        let owner = Owner { profile: self.name.clone(), session: self.session_id().map(ToOwned::to_owned) };
        let name = EntryName { owner, number: self.storing.next };
        self.storing.next = self.storing.next.saturating_add(1);
        let state = self.state(pair);
        let (worker, entries) = (self.storing.worker.clone(), Arc::clone(&self.storing.entries));
        let reports = self.reports.clone();
        Some(tokio::spawn(async move {
            let put = worker.run(STORE_LIMIT, move || put(&store, name, &state, &entries)).await;
            let result = match put {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(format!("the service manager's store: {error}")),
                Err(gave_up) => Err(format!("the service manager's store: {gave_up}")),
            };
            drop(reports.send(Report::Stored { generation, result }).await);
        }))
    }

    /// All that a restart would find of this profile.
    pub(super) fn state(&self, pair: Option<&Pair>) -> State {
        State {
            account: Account::of(&self.config()),
            pair: pair.map(stored),
            remembered: self.memory.kept().clone(),
            stored_unix_s: clock::unix_now_s(),
            lent: pair.is_some_and(|pair| self.lent == Some(pair.id())),
        }
    }

    /// A state was stored, or not.
    pub(super) fn on_stored(&mut self, generation: Option<Generation>, result: Result<(), String>) {
        let ok = result.is_ok();
        self.note_store_problem(result.err());
        let Some(generation) = generation else {
            self.store_later(ok);
            return;
        };
        if ok {
            tracing::debug!(profile = %self.name, "the pair is in the service manager's store");
            self.pairs.stored(generation);
        }
        // A repeated attempt waits for the file as well, so that its failures space out.
        if self.board.generation() != Some(generation) {
            self.feed(engine::Event::Saved { generation, ok });
        }
        self.write_file(generation);
    }

    /// A state that was for no new pair is stored, or it is tried again after a while.
    fn store_later(&mut self, is_stored: bool) {
        if is_stored {
            self.storing.retry = FIRST_RETRY;
            return;
        }
        let (next, pause, reports) = (self.storing.next, self.storing.retry, self.reports.clone());
        self.storing.retry = (pause * 2).min(LAST_RETRY);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            drop(reports.send(Report::StoreAgain { next }).await);
        });
    }

    /// What could not be stored is stored, unless something newer was meanwhile.
    pub(super) fn store_again(&mut self, next: u64) {
        if next == self.storing.next {
            let held = self.session.held().and_then(|generation| self.pairs.get(generation)).cloned();
            drop(self.store_state(held.as_ref(), None));
        }
    }

    /// Why a restart would not know what must be remembered, if neither the store nor the state folder has taken it.
    pub(super) fn unremembered(&self) -> Option<String> {
        let problem = self.memory.problem()?;
        let is_stored = self.storing.is_there() && self.store_problem.is_none();
        (!is_stored).then(|| format!("a restart will not know of it: {problem}"))
    }

    fn note_store_problem(&mut self, problem: Option<String>) {
        if let Some(problem) = problem.as_ref().filter(|_| self.store_problem != problem) {
            tracing::warn!("{}: a restart would lose its tokens: {problem}", self.name);
        }
        self.store_problem = problem;
    }
}

impl Keeper {
    /// The stored pair, if it belongs to the account that the configuration names.
    pub(super) fn stored_pair(&mut self, stored: Option<&State>, config: &ProfileConfig) -> Option<Adopted> {
        let state = stored?;
        let pair = state.pair.clone()?;
        if !state.account.fits(config) {
            tracing::info!("{} is another account than before, so its stored tokens are dropped", self.name);
            return None;
        }
        // Under another name it is not there yet.
        let in_store = self.storing.entries().iter().any(|entry| entry.owner.profile == self.name);
        let pair = Pair { in_store, ..restored(pair) };
        let id = pair.id();
        let adopted = self.pairs.adopt(pair)?;
        if state.lent {
            self.lent = Some(id);
        }
        Some(Adopted { renewable: adopted.renewable && !state.lent, ..adopted })
    }

    /// A token file that was written after the state was stored holds newer tokens; an older one is stale.
    pub(super) fn since_stored(&mut self, found: Looked, stored_unix_s: i64) {
        if let Looked::Pair { pair, modified_unix_s, .. } = &found
            && *modified_unix_s < stored_unix_s
        {
            self.pairs.note_stale(pair);
        }
        self.on_looked(false, found);
    }
}

fn put(
    store: &Store,
    name: EntryName,
    state: &State,
    entries: &Mutex<Vec<EntryName>>,
) -> std::io::Result<()> {
    let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
    let result = store.put(&name, &state.to_bytes(), &entries);
    match &result {
        Ok(()) => entries.clear(),
        // Tokens that are forgotten here must not be found by a restart, whether or not it finds the rest.
        Err(_) if state.pair.is_none() => entries.retain(|old| store.remove_now(old).is_err()),
        Err(_) => {}
    }
    // Unconfirmed, it may be there all the same.
    entries.push(name);
    result
}

fn stored(pair: &Pair) -> StoredPair {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    StoredPair {
        access_token: pair.access_token.clone(),
        refresh_token: pair.refresh_token.clone(),
        token_type: pair.token_type.clone(),
        sent_at_ms: pair.lease.map(|lease| lease.sent_at.as_millis()),
        life_ms: pair.lease.map(|lease| millis(lease.life)),
    }
}

/// A stored pair as one of ours.
pub(super) fn restored(pair: StoredPair) -> Pair {
    Pair {
        lease: pair.lease(),
        access_token: pair.access_token,
        refresh_token: pair.refresh_token,
        token_type: pair.token_type,
        in_file: false,
        in_store: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProfileName;
    use crate::systemd::notify::Notifier;
    use secret::{AccessToken, RefreshToken};
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn a_logout_that_could_not_be_stored_left_the_tokens_there() {
        let folder = tempfile::tempdir().unwrap();
        let manager = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        manager.set_nonblocking(true).unwrap();
        let said = || {
            let mut buffer = [0; 200];
            let length = manager.recv(&mut buffer).ok()?;
            Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
        };
        let notifier = Notifier::new(Some(folder.path().join("notify").as_os_str()), None).unwrap();
        let store = Store::new(&Arc::new(notifier), None, 1).unwrap();
        let name =
            |number| EntryName { owner: Owner { profile: ProfileName::default(), session: None }, number };
        // Too long to be stored: no descriptor is made, as where there is none left.
        let account = Account { endpoints: vec!["x".repeat(300 * 1024)], org: None, username: None };
        let pair = Pair {
            access_token: AccessToken::new("a".into()),
            refresh_token: Some(RefreshToken::new("r".into())),
            token_type: "Bearer".into(),
            lease: None,
            in_file: false,
            in_store: false,
        };
        let mut state = State {
            account,
            pair: Some(stored(&pair)),
            remembered: crate::remembered::Remembered::default(),
            stored_unix_s: 0,
            lent: false,
        };
        let entries = Mutex::new(vec![name(1), name(2)]);
        put(&store, name(3), &state, &entries).unwrap_err();
        assert_eq!(said(), None, "an older pair is better than none");
        assert_eq!(*entries.lock().unwrap(), [name(1), name(2), name(3)]);
        state.pair = None;
        put(&store, name(4), &state, &entries).unwrap_err();
        for number in 1..=3 {
            assert_eq!(said(), Some(format!("FDSTOREREMOVE=1\nFDNAME=state.default.{number}")));
        }
        assert_eq!(*entries.lock().unwrap(), [name(4)]);
        // Those of which the manager cannot be told are not lost from sight.
        drop(manager);
        put(&store, name(5), &state, &entries).unwrap_err();
        assert_eq!(*entries.lock().unwrap(), [name(4), name(5)]);
    }
}
