//! Sinks with a login of their own: each is a keeper of its own, with that sink and nothing else.
//!
//! They live with the profile's own session: the first login is made once that one has a token, none is made while a
//! person is needed, and a logout ends them all. All passwords go through one gate.

use super::order::{FINISH_LIMIT, Handle, Order};
use super::past::Past;
use super::recall;
use super::surrendered::Surrendered;
use super::{Keeper, Report};
use crate::account::Account;
use crate::board::Board;
use crate::clock;
use crate::config::{ProfileConfig, SinkConfig, SinkSession, TokenFile};
use crate::note::Note;
use crate::remembered::Remembered;
use crate::report;
use crate::systemd::state::Restored;
use engine::{Condition, Event, Moment};
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// How long they may hold up another name of the profile.
const SURRENDER_LIMIT: Duration = Duration::from_secs(10);

/// The least time from the beginning of one that a defect has ended to the next.
const SECOND_LIFE: Duration = Duration::from_secs(60);

/// What ties the session of a sink to the profile's.
#[derive(Debug)]
pub(super) struct Bond {
    /// Names it in the store and in the state folder.
    pub(super) id: String,
    /// Where the profile's session shows its state.
    pub(super) main: Arc<Board>,
    /// Where the profile's keeper hears of a change.
    pub(super) tell: mpsc::Sender<Report>,
}

/// A profile's sessions for sinks.
#[derive(Debug, Default)]
pub(super) struct OwnSide {
    sessions: BTreeMap<PathBuf, Own>,
    /// What the last daemon left of each, by its id.
    pub(super) restored: BTreeMap<String, Restored>,
    /// Of those that have been ended.
    ending: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Own {
    handle: Handle,
    task: JoinHandle<()>,
    began: Moment,
}

impl Own {
    /// Whether a defect has ended it, and long enough ago that another may take its place.
    fn is_over(&self) -> bool {
        self.task.is_finished() && clock::now().since(self.began) >= SECOND_LIFE
    }

    /// Ends it and has it forget everything; answers the task in which it does.
    fn removed(self) -> JoinHandle<()> {
        let (reply, _) = tokio::sync::oneshot::channel();
        send(&self.handle, Order::Remove { reply });
        self.task
    }
}

/// The id of a sink's session.
pub(super) fn id_of(path: &Path) -> String {
    let mut text = data_encoding::HEXLOWER.encode(digest(&SHA256, path.as_os_str().as_bytes()).as_ref());
    text.truncate(16);
    text
}

/// The settings of the session of one sink.
fn settings(config: &ProfileConfig, sink: &SinkConfig) -> ProfileConfig {
    let sink = SinkConfig { session: SinkSession::Shared, ..sink.clone() };
    ProfileConfig { token_file: TokenFile::None, allow: Vec::new(), sinks: vec![sink], ..config.clone() }
}

impl OwnSide {
    /// Whether all sessions that are wanted are there.
    fn is_complete(&self, config: &ProfileConfig) -> bool {
        let mut wanted = config.sinks.iter().filter(|sink| sink.session == SinkSession::Own);
        let count = wanted.clone().count();
        count == self.sessions.len()
            && wanted.all(|sink| self.sessions.get(&sink.path).is_some_and(|own| !own.is_over()))
    }

    /// One more that is to be waited for.
    #[cfg(test)]
    pub(super) fn end_with(&mut self, task: JoinHandle<()>) {
        self.ending.push(task);
    }

    /// What a person should know of them.
    pub(super) fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        for (path, own) in &self.sessions {
            let (_, view) = own.handle.board.view();
            if !matches!(view.condition, Condition::Ready | Condition::Starting) {
                let error = view.last_error.map(|error| format!(": {error}")).unwrap_or_default();
                let state = report::state(view.condition);
                let words = format!("sink {} with a session of its own is {state}{error}", path.display());
                notes.push(Note { needs_person: state.needs_a_person(), ..Note::passing("sink", words) });
            }
            notes.extend(view.notes);
        }
        notes
    }
}

impl Keeper {
    /// What the sessions knew of the profile's password holds for all, before any of them is there: the profile's own is the
    /// first that would send it.
    pub(super) fn recall_own(&self) -> impl Future<Output = ()> + Send + use<> {
        let config = self.config();
        let own = config.sinks.iter().filter(|sink| sink.session == SinkSession::Own);
        let ids: Vec<_> = own.filter(|_| config.password.is_some()).map(|sink| id_of(&sink.path)).collect();
        let (gate, dirs) = (Arc::clone(&self.gate), &self.surroundings.dirs);
        let is_stored = |id: &String| self.own.restored.get(id).is_some_and(|it| it.state.is_some());
        // A session that goes on from a stored state tells the gate by itself.
        let files: Vec<_> = ids
            .iter()
            .filter(|id| !is_stored(id))
            .filter_map(|id| dirs.remembered_file(&self.name, Some(id)))
            .collect();
        gate.expect(files.len());
        let reading = tokio::spawn(async move {
            for file in files {
                let read = tokio::task::spawn_blocking(move || Remembered::read(&file)).await;
                gate.recall_expected(&Past::of(&read.unwrap_or_default(), clock::now()));
            }
        });
        async move { drop(timeout(recall::READ_LIMIT, reading).await) }
    }

    /// Starts the sessions that can go on from a stored state, before anything else is known.
    pub(super) fn resume_own(&mut self) {
        let config = self.config();
        for sink in config.sinks.iter().filter(|sink| sink.session == SinkSession::Own) {
            if self.own.restored.contains_key(&id_of(&sink.path)) {
                self.start_own(&config, sink);
            }
        }
        self.drop_restored_own();
    }

    /// Starts what is missing, now that the profile has a token, and ends what is not wanted any more.
    pub(super) fn tend_own(&mut self) {
        let config = self.config();
        if self.bond.is_some() || self.own.is_complete(&config) {
            return;
        }
        let wanted: BTreeMap<_, _> = config
            .sinks
            .iter()
            .filter(|sink| sink.session == SinkSession::Own)
            .map(|sink| (&sink.path, sink))
            .collect();
        let gone: Vec<_> = self.own.sessions.extract_if(.., |path, _| !wanted.contains_key(path)).collect();
        self.own.ending.extend(gone.into_iter().map(|(_, own)| own.removed()));
        self.own.sessions.retain(|_, own| !own.is_over());
        if !matches!(self.shown, Condition::Ready | Condition::Degraded) {
            return;
        }
        for (path, sink) in wanted {
            if !self.own.sessions.contains_key(path) {
                self.start_own(&config, sink);
            }
        }
    }

    fn start_own(&mut self, config: &ProfileConfig, sink: &SinkConfig) {
        let id = id_of(&sink.path);
        let restored = self.own.restored.remove(&id);
        let bond = Bond { id, main: Arc::clone(&self.board), tell: self.reports.clone() };
        let started = Self::start(
            self.name.clone(),
            settings(config, sink),
            Arc::clone(&self.surroundings),
            restored,
            Arc::clone(&self.gate),
            Some(bond),
        );
        match started {
            Ok((handle, task)) => {
                self.own.sessions.insert(sink.path.clone(), Own { handle, task, began: clock::now() });
            }
            Err(error) => tracing::error!(profile = %self.name, "sink {}: {error}", sink.path.display()),
        }
    }

    /// The settings have changed.
    pub(super) fn reconfigure_own(&mut self) {
        let config = self.config();
        self.tend_own();
        for sink in config.sinks.iter().filter(|sink| sink.session == SinkSession::Own) {
            if let Some(own) = self.own.sessions.get(&sink.path) {
                let order = Order::Reconfigure(Box::new(settings(&config, sink)));
                send(&own.handle, order);
            }
        }
    }

    /// Another look at the source for those that need a login: the profile's session has just had an answer. A person's
    /// login (`forgive`) gives a password that was refused another chance.
    pub(super) fn encourage_own(&self, forgive: bool) {
        for own in self.own.sessions.values() {
            if forgive || own.handle.board.view().1.condition == Condition::LoginRequired {
                send(&own.handle, Order::Encourage { forgive });
            }
        }
    }

    /// Looks at the password source again, though nobody has asked for a token.
    pub(super) fn on_encouragement(&mut self, forgive: bool) {
        if forgive {
            self.password.forget();
            self.memory.is_forgiven = true;
            self.feed(Event::Forgiven);
        }
        self.feed_policy();
    }

    /// An account is locked: none of them sends anything for it.
    pub(super) fn lock_own(&self, account: &Account, wait: Option<Duration>) {
        self.gate.lock(account, wait);
        for own in self.own.sessions.values() {
            let (reply, _) = tokio::sync::oneshot::channel();
            send(&own.handle, Order::LockedOut { account: account.clone(), wait, reply });
        }
    }

    /// Ends them all, and what they hold with them.
    pub(super) fn end_own(&mut self) {
        self.drop_restored_own();
        self.own.ending.retain(|task| !task.is_finished());
        let ended = std::mem::take(&mut self.own.sessions);
        self.own.ending.extend(ended.into_values().map(|own| own.task));
    }

    /// Ends them all, and forgets what is remembered of them: the profile is gone for good.
    pub(super) fn remove_own(&mut self) {
        self.drop_restored_own();
        let removed = std::mem::take(&mut self.own.sessions);
        self.own.ending.extend(removed.into_values().map(Own::removed));
    }

    /// Has them all hand over what a restart would find of them, as the profile goes on under another name. One that is
    /// in the middle of something for too long is only ended: its sink then needs a login.
    pub(super) async fn surrender_own(&mut self) -> BTreeMap<String, Surrendered> {
        let until = Instant::now() + SURRENDER_LIMIT;
        let mut asked = Vec::new();
        for (path, own) in std::mem::take(&mut self.own.sessions) {
            let answer = own.handle.order(|reply| Order::Surrender { reply }).await;
            // Without a handle it would end by itself.
            asked.push((id_of(&path), own.handle, answer));
            self.own.ending.push(own.task);
        }
        let mut surrendered = BTreeMap::new();
        for (id, _handle, answer) in asked {
            if let Ok(Ok(Ok(state))) = timeout_at(until, answer).await {
                surrendered.insert(id, state);
            }
        }
        surrendered
    }

    /// The tasks of those that have been ended.
    pub(super) fn take_ending_own(&mut self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.own.ending)
    }

    /// Waits for those that have been ended.
    pub(super) async fn finish_own(&mut self) {
        let until = Instant::now() + 2 * FINISH_LIMIT;
        for task in self.take_ending_own() {
            drop(timeout_at(until, task).await);
        }
    }

    fn drop_restored_own(&mut self) {
        for (_, restored) in std::mem::take(&mut self.own.restored) {
            self.storing.drop_entries(&restored.entries);
        }
    }
}

/// An order without an answer.
fn send(handle: &Handle, order: Order) {
    let orders = handle.orders.clone();
    tokio::spawn(async move { orders.send(order).await });
}
