//! One task per profile: it feeds its engine session with events and carries out the actions.
//!
//! It alone holds the refresh token, and it alone (through [`exchange`]) has it sent anywhere.
//!
//! - [`order`]: what others may ask of a keeper; `outcome` is what comes of an exchange
//! - [`exchange`]: the tasks that talk to the cluster and the password source
//! - `file`: the tasks around the token file; `filing` is what comes of them
//! - [`pairs`]: the bytes behind the engine's generation numbers
//! - `perform`: the engine's actions
//! - `login`: a person's login and what follows from it; [`long_lived`]: tokens that live on without us
//! - `memory`: what must outlive a restart; `lockouts`: which accounts are locked
//! - `offered`: pairs that somebody else renewed from ours
//! - [`handover`]: a keeper's end, where the profile gets another name or is removed
//! - `storing`: states that outlive the daemon in the service manager's store
//! - `sinks`: the current pair into files for others; `own`: those with a login of their own
//! - `gate`: the one way for a profile's password, whichever session sends it
//! - `sharing`: whether others use up our refresh tokens
//! - `report`, `view`: what people are told

pub mod exchange;
pub mod file;
mod filing;
mod gate;
pub mod handover;
mod lockouts;
mod login;
pub mod long_lived;
mod memory;
mod offered;
pub mod order;
mod outcome;
mod own;
pub mod pairs;
mod password_memory;
mod perform;
pub mod report;
mod sharing;
mod sinks;
mod storing;
mod view;

use crate::board::Board;
use crate::clock::{self, Alarm};
use crate::config::{ProfileConfig, ProfileName};
use crate::note::Note;
use crate::surroundings::Surroundings;
use crate::systemd::state::Restored;
use engine::{AccountId, Action, Answer, Condition, Event, Lockouts, Moment, Policy, Session, WaiterId};
use exchange::Report;
use file::Looked;
use filing::FileSide;
use gate::Gate;
use handover::Leaving;
use lockouts::Accounts;
use login::PendingLogin;
use long_lived::PendingToken;
use memory::MemorySide;
use order::{Handle, Order, Reply};
use own::{Bond, OwnSide};
use pairs::{Pair, Pairs};
use password_memory::PasswordMemory;
use sharing::Sharing;
use sinks::SinkSide;
use std::collections::HashMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use storing::StoreSide;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use weka_rest::Client;

/// How many orders may queue; callers wait beyond that.
const QUEUE: usize = 1024;

/// The keeper of one profile.
#[derive(Debug)]
pub struct Keeper {
    name: ProfileName,
    surroundings: Arc<Surroundings>,
    settings: watch::Sender<Arc<ProfileConfig>>,
    client: Client,
    session: Session,
    pairs: Pairs,
    board: Arc<Board>,
    alarm: Alarm,
    orders: mpsc::Receiver<Order>,
    reports: mpsc::Sender<Report>,
    inbox: mpsc::Receiver<Report>,
    file: FileSide,
    sinks: SinkSide,
    own: OwnSide,
    gate: Arc<Gate>,
    /// What ties it to the profile's session, where it is that of a sink.
    bond: Option<Bond>,
    /// The pair that a tool renews on its own, by its number.
    lent: Option<u64>,
    sharing: Sharing,
    waiters: HashMap<WaiterId, Reply>,
    logins: HashMap<WaiterId, PendingLogin>,
    tokens: HashMap<WaiterId, PendingToken>,
    last_waiter: u64,
    exchange: Option<exchange::Running>,
    password: PasswordMemory,
    memory: MemorySide,
    accounts: Accounts,
    last_error: Option<String>,
    source_problem: Option<Note>,
    store_problem: Option<String>,
    storing: StoreSide,
    /// Token files to be deleted once a logout is written down.
    removals: Vec<file::Removal>,
    /// Answers that wait until what must be remembered is written down.
    held_back: Vec<(WaiterId, Answer)>,
    /// Pairs of others that are not yet handed out.
    offers: Vec<offered::Offered>,
    /// The good pair that another writer's took the place of, until that one has proved good.
    fallback: Option<Pair>,
    /// Whether the cluster that is configured now has granted a pair.
    granted: bool,
    /// Writes and removals of files that have not been reported yet.
    saving: usize,
    /// Changes of the configuration file that are under way.
    profile_saves: usize,
    /// What the last daemon left in the store, until the start is over.
    restored: Option<Restored>,
    /// Why this keeper is to end while the daemon goes on.
    leaving: Option<Leaving>,
    shown: Condition,
}

impl Keeper {
    /// Starts the keeper of a profile in a task of its own, which ends after the last handle is gone.
    ///
    /// # Errors
    /// The kernel has no descriptor left for its alarm.
    pub fn spawn(
        name: ProfileName,
        config: ProfileConfig,
        surroundings: Arc<Surroundings>,
    ) -> io::Result<(Handle, JoinHandle<()>)> {
        let restored = surroundings.take_restored(&name);
        Self::start(name, config, surroundings, restored, Gate::new(), None)
    }

    fn start(
        name: ProfileName,
        config: ProfileConfig,
        surroundings: Arc<Surroundings>,
        restored: Option<Restored>,
        gate: Arc<Gate>,
        bond: Option<Bond>,
    ) -> io::Result<(Handle, JoinHandle<()>)> {
        let mut own = OwnSide::default();
        if bond.is_none() {
            own.restored = surroundings.take_restored_sessions(&name);
        }
        let board = Arc::new(Board::new(surroundings.revision.clone()));
        let (order_sender, orders) = mpsc::channel(QUEUE);
        let (reports, inbox) = mpsc::channel(QUEUE);
        let session_id = bond.as_ref().map(|bond| bond.id.as_str());
        let mut accounts = Accounts::default();
        let account = accounts.own(&config, &Lockouts::default(), clock::now());
        let policy = policy(&name, session_id, &config, &surroundings, account);
        let client = Client::new(config.rest_settings());
        let (settings, settings_seen) = watch::channel(Arc::new(config));
        let keeper = Self {
            client,
            session: Session::new(policy),
            pairs: Pairs::default(),
            board: Arc::clone(&board),
            alarm: Alarm::new()?,
            orders,
            reports,
            inbox,
            file: FileSide::new(),
            sinks: SinkSide::default(),
            own,
            gate,
            bond,
            lent: None,
            sharing: Sharing::default(),
            waiters: HashMap::new(),
            logins: HashMap::new(),
            tokens: HashMap::new(),
            last_waiter: 0,
            exchange: None,
            password: PasswordMemory::default(),
            memory: MemorySide::default(),
            accounts,
            last_error: None,
            source_problem: None,
            store_problem: None,
            storing: StoreSide::new(surroundings.store.clone(), restored.as_ref()),
            removals: Vec::new(),
            held_back: Vec::new(),
            offers: Vec::new(),
            fallback: None,
            granted: false,
            saving: 0,
            profile_saves: 0,
            restored,
            leaving: None,
            shown: Condition::Starting,
            settings,
            name: name.clone(),
            surroundings,
        };
        let handle = Handle { name, orders: order_sender, board, settings: settings_seen };
        Ok((handle, tokio::spawn(keeper.run())))
    }

    /// Names the session, where it is that of a sink.
    fn session_id(&self) -> Option<&str> {
        self.bond.as_ref().map(|bond| bond.id.as_str())
    }

    fn config(&self) -> Arc<ProfileConfig> {
        Arc::clone(&self.settings.borrow())
    }

    /// Runs until every handle is gone and nothing is under way.
    async fn run(mut self) {
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
                order = self.orders.recv() => match order {
                    Some(order) => self.on_order(order),
                    None => break,
                },
                () = &mut ended => break,
                () = self.alarm.rings() => self.feed(Event::Tick),
                () = self.file.stirred() => self.look_at_file(),
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
        while self.exchange.is_some() || self.saving > 0 || self.memory.is_writing() {
            let Ok(Some(report)) = tokio::time::timeout(order::FINISH_LIMIT, self.inbox.recv()).await else {
                break;
            };
            self.on_report(report);
        }
        self.file.worker.drain(order::FINISH_LIMIT).await;
        self.finish_sinks().await;
        self.memory.settle().await;
        self.finish_own().await;
        self.storing.settle().await;
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
        let kept = match &stored {
            Some(state) => state.remembered.clone(),
            None => self.surroundings.recall(self.remembered_file()).await,
        };
        let mut memory = self.recall(kept, clock::now());
        if memory.logged_out {
            // In case that the last daemon was killed before they were gone.
            self.withdraw_sinks();
            self.end_own();
        }
        self.resume_own();
        self.sinks.restored_unix_s = stored.as_ref().map(|state| state.stored_unix_s);
        if let Some(pair) = self.stored_pair(stored.as_ref(), &config) {
            self.granted = true;
            // Everything that is needed is here: no file, and no cluster, stands between this and the first get.
            self.feed(Event::Started { pair: Some(pair), memory: Box::new(memory) });
            let stored_unix_s = stored.map(|state| state.stored_unix_s);
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

    fn on_order(&mut self, order: Order) {
        match order {
            Order::Get { min_ttl, deadline, reply } => {
                let waiter = self.enroll(reply);
                self.feed(Event::Get { waiter, min_ttl, deadline });
            }
            Order::Renew { deadline, reply } => {
                let waiter = self.enroll(reply);
                self.feed(Event::Renew { waiter, deadline });
            }
            Order::Login(order) => self.on_login(*order),
            Order::Trust(order) => self.on_trust(*order),
            Order::Generate { timeout_s, deadline, reply } => self.on_generate(timeout_s, deadline, reply),
            Order::Revoked { reply } => {
                self.last_error = Some("the user's tokens were revoked".into());
                self.fallback = None;
                self.pairs.login_changed();
                self.feed(Event::Revoked);
                drop(reply.send(Ok(())));
            }
            Order::Encourage { forgive } => self.on_encouragement(forgive),
            Order::LockedOut { account, wait, reply } => {
                self.found_locked(&account, wait);
                drop(reply.send(Ok(())));
            }
            Order::RefreshToken { generation, reply } => {
                let pair = self.pairs.get(generation);
                // Who asked has left: that is no failure.
                drop(reply.send(Ok(pair.and_then(|pair| pair.refresh_token.clone()))));
            }
            Order::Adopt { after, offer, reply } => self.on_offer(after, offer, reply),
            Order::Logout { reply } => self.on_logout(reply),
            Order::Reconfigure(config) => {
                let config = self.without_given_file(*config);
                self.reconfigure(config);
            }
            // Who asked has left: then the file is given back.
            Order::GiveWay { path, reply } => drop(reply.send(Ok(self.give_way(&path)))),
            Order::TakeBack { path } => self.take_back(path),
            Order::Surrender { reply } => self.leaving = Some(Leaving::Renamed(reply)),
            Order::Remove { reply } => self.leaving = Some(Leaving::Removed(reply)),
        }
    }

    fn on_report(&mut self, report: Report) {
        match report {
            Report::Ended { exchange, end } => self.on_end(exchange, end),
            Report::LookedSince { found, stored_unix_s } => self.since_stored(found, stored_unix_s),
            Report::Looked { asked_by_engine, found } => self.on_looked(asked_by_engine, found),
            Report::SourceRead(read) => self.on_source_read(read),
            Report::Saved { generation, result } => self.on_saved(generation, result),
            Report::Stored { generation, result } => self.on_stored(generation, result),
            Report::MemoryWritten => self.on_memory_written(),
            Report::Sink(news) => self.on_sink_news(news),
            Report::Own => self.show(clock::now()),
            Report::OwnLocked { account, wait } => self.found_locked(&account, wait),
            Report::FileRemoved => self.saving = self.saving.saturating_sub(1),
            Report::ProfileSaved => self.profile_saves = self.profile_saves.saturating_sub(1),
            Report::Untrusted(reason) => {
                self.last_error = Some(reason);
                self.feed(Event::FoundUntrusted);
            }
            Report::NoSource => self.feed(Event::SourceRead { content: None }),
            Report::SourceKnown { password, seen } => self.on_source_known(password, seen),
            Report::Doubted { exchange, recognized } => self.on_doubted(exchange, recognized),
            Report::RefusalKept { exchange, refused } => self.on_refusal_kept(exchange, refused),
        }
    }

    fn enroll(&mut self, reply: Reply) -> WaiterId {
        self.last_waiter += 1;
        let waiter = WaiterId(self.last_waiter);
        self.waiters.insert(waiter, reply);
        waiter
    }

    /// One event into the engine, its actions out of it, and the new state onto the board.
    fn feed(&mut self, event: Event) {
        let now = clock::now();
        let actions = self.session.on(event, now);
        // First what must outlive a crash: the answers in the same batch wait for it.
        let (memories, others): (Vec<_>, Vec<_>) =
            actions.into_iter().partition(|action| matches!(action, Action::Remember));
        for action in memories.into_iter().chain(others) {
            self.perform(action, now);
        }
        self.drop_idle_logins();
        self.answer_offers();
        self.show(now);
    }

    fn on_memory_written(&mut self) {
        self.memory.written();
        if self.memory.is_writing() {
            return;
        }
        let now = clock::now();
        for (waiter, answer) in std::mem::take(&mut self.held_back) {
            self.answer(waiter, answer, now);
        }
        self.drop_idle_logins();
        for removal in std::mem::take(&mut self.removals) {
            removal.start(&self.file.worker, &self.reports);
        }
    }

    fn on_logout(&mut self, reply: order::DoneReply) {
        let held = self.session.held().and_then(|generation| self.pairs.get(generation)).cloned();
        for pending in self.logins.values_mut() {
            pending.void = true;
        }
        self.pairs.login_changed();
        self.sharing = Sharing::default();
        self.feed(Event::Logout);
        let path = self.config().token_file.path().map(ToOwned::to_owned);
        let (sinks, own) = (self.sinks.work(), self.take_ending_own());
        let removal = file::Removal { path, pair: held, sinks, own, reply };
        self.saving += 1;
        // Said only once the logout would survive a crash.
        if self.memory.is_writing() {
            self.removals.push(removal);
        } else {
            removal.start(&self.file.worker, &self.reports);
        }
    }

    /// Settings from the configuration file, or from a person's decision about trust.
    fn reconfigure(&mut self, config: ProfileConfig) {
        let before = self.config();
        if *before == config {
            return;
        }
        // Whoever it was may have been given a file of its own by this.
        self.sharing = Sharing::default();
        // A pair from a file that no cluster has renewed yet belongs to whichever the configuration names.
        let named_now = !self.granted;
        let elsewhere = !before.is_same_account(&config, named_now);
        let file_moved = self.install(config);
        if elsewhere {
            // Tokens go to the cluster that gave them, and to no other.
            tracing::info!(
                "{} is another account now, so the tokens of the one before are forgotten",
                self.name
            );
            self.last_error = None;
            self.password.forget();
            self.granted = false;
            self.fallback = None;
            self.pairs.login_changed();
            self.feed(Event::Revoked);
        }
        self.feed_policy();
        self.reconfigure_own();
        if file_moved {
            self.look_at_file();
        }
    }

    /// Takes settings over; says whether the token file is another one.
    fn install(&mut self, config: ProfileConfig) -> bool {
        let file_moved = self.settings.borrow().token_file != config.token_file;
        self.client = Client::new(config.rest_settings());
        self.settings.send_replace(Arc::new(config));
        if file_moved {
            self.file.moved();
            self.pairs.file_moved();
            self.watch_file();
        }
        self.install_sinks();
        file_moved
    }

    fn feed_policy(&mut self) {
        let lockouts = *self.session.lockouts();
        let policy = self.policy(&lockouts, clock::now());
        self.feed(Event::Reconfigured { policy });
    }

    /// A session that waits for its first event.
    fn new_session(&mut self, lockouts: &Lockouts, now: Moment) -> Session {
        Session::new(self.policy(lockouts, now))
    }

    /// What of the configuration the engine needs to know.
    fn policy(&mut self, lockouts: &Lockouts, now: Moment) -> Policy {
        let config = self.config();
        let account = self.accounts.own(&config, lockouts, now);
        policy(&self.name, self.session_id(), &config, &self.surroundings, account)
    }
}

/// What of the configuration the engine needs to know.
fn policy(
    name: &ProfileName,
    session: Option<&str>,
    config: &ProfileConfig,
    surroundings: &Surroundings,
    account: Option<AccountId>,
) -> Policy {
    Policy {
        refresh_at: config.refresh_at,
        endpoints: config.endpoints.len().max(1),
        has_source: config.password.is_some(),
        source_recheck: config.password.as_ref().map_or(Duration::ZERO, perform::source_recheck),
        account,
        seed: surroundings.seed(name, session),
    }
}
