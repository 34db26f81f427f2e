//! One task per profile: it feeds its engine session with events and carries out the actions.
//!
//! It alone holds the refresh token, and it alone (through [`exchange`]) has it sent anywhere.
//!
//! - [`order`]: what others may ask of a keeper; `outcome` is what comes of an exchange
//! - [`exchange`]: the tasks that talk to the cluster and the password source
//! - `failure`: what their failures mean to the engine
//! - `file`: the tasks around the token file; `filing` is what comes of them
//! - [`reports`]: what all these tasks tell the keeper
//! - [`pairs`]: the bytes behind the engine's generation numbers
//! - `life`: its start, loop and end; `settings`: what another configuration means
//! - `perform`: the engine's actions
//! - `login`, `logout`: a person's, and what follows from them; [`long_lived`]: tokens that live on without us
//! - `memory`: what must outlive a restart; `record`: its file; `recall` and `past`: what the last daemon knew
//! - `verdicts`: what the cluster makes of the source's password; `lockouts`: which accounts are locked
//! - `password_due`: a password that the cluster wants changed
//! - `offered`: pairs that somebody else renewed from ours
//! - [`handover`]: a keeper's end, where the profile gets another name or is removed
//! - [`surrendered`]: what it leaves to another one
//! - `storing`: states that outlive the daemon in the service manager's store
//! - `sinks`: the current pair into files for others; `own`: those with a login of their own
//! - `gate`: the one way for a profile's password, whichever session sends it
//! - `sharing`: whether others use up our refresh tokens
//! - `view`: what people are told

pub mod exchange;
mod failure;
pub mod file;
mod filing;
mod gate;
pub mod handover;
mod life;
mod lockouts;
mod login;
mod logout;
pub mod long_lived;
mod memory;
mod offered;
pub mod order;
mod outcome;
mod own;
pub mod pairs;
mod password_due;
mod password_memory;
mod past;
mod perform;
mod recall;
mod record;
pub mod reports;
mod settings;
mod sharing;
mod sinks;
mod storing;
pub mod surrendered;
mod verdicts;
mod view;

use crate::board::Board;
use crate::clock::{self, Alarm};
use crate::config::{ProfileConfig, ProfileName};
use crate::note::Note;
use crate::pair::Pair;
use crate::surroundings::Surroundings;
use crate::systemd::state::Restored;
use engine::{Answer, Condition, Event, Lockouts, Session, WaiterId};
use filing::FileSide;
use gate::Gate;
use handover::Leaving;
use lockouts::Accounts;
use login::PendingLogin;
use long_lived::PendingToken;
use memory::MemorySide;
use order::{Handle, Order, Reply};
use own::{Bond, OwnSide};
use pairs::Pairs;
use password_memory::PasswordMemory;
use reports::Report;
use sharing::Sharing;
use sinks::SinkSide;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
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
    /// The cluster wants another password for the user.
    is_password_due: bool,
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
        let (handle, keeper) = Self::new(name, config, surroundings, restored, gate, bond)?;
        Ok((handle, tokio::spawn(keeper.run())))
    }

    fn new(
        name: ProfileName,
        config: ProfileConfig,
        surroundings: Arc<Surroundings>,
        restored: Option<Restored>,
        gate: Arc<Gate>,
        bond: Option<Bond>,
    ) -> io::Result<(Handle, Self)> {
        let mut own = OwnSide::default();
        if bond.is_none() {
            own.restored = surroundings.take_restored_sessions(&name);
        }
        let board = Arc::new(Board::new(surroundings.revision.clone()));
        let (order_sender, orders) = mpsc::channel(QUEUE);
        let (reports, inbox) = mpsc::channel(QUEUE);
        let session_id = bond.as_ref().map(|bond| bond.id.as_str());
        let memory = MemorySide::new(surroundings.dirs.remembered_file(&name, session_id), name.to_string());
        let mut accounts = Accounts::default();
        let account = accounts.own(&config, &Lockouts::default(), clock::now());
        let policy = settings::policy(&name, session_id, &config, &surroundings, account);
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
            sinks: SinkSide::new(),
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
            memory,
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
            is_password_due: false,
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
        Ok((handle, keeper))
    }

    /// Names the session, where it is that of a sink.
    fn session_id(&self) -> Option<&str> {
        self.bond.as_ref().map(|bond| bond.id.as_str())
    }

    fn config(&self) -> Arc<ProfileConfig> {
        Arc::clone(&self.settings.borrow())
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
            Order::Revoked { why, reply } => {
                self.last_error = Some(why.into());
                self.fallback = None;
                self.is_password_due = false;
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
            #[cfg(test)]
            Order::Fall => panic!("as a test has asked for"),
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
            Report::StoreAgain { next } => self.store_again(next),
            Report::MemoryWritten => self.on_memory_written(),
            Report::Own => self.show(clock::now()),
            Report::OwnLocked { account, wait } => self.found_locked(&account, wait),
            Report::FileRemoved(removed) => self.on_file_removed(removed),
            Report::ProfileSaved => self.profile_saves = self.profile_saves.saturating_sub(1),
            Report::Untrusted(reason) => {
                self.last_error = Some(reason);
                self.feed(Event::FoundUntrusted);
            }
            Report::NoSource => self.feed(Event::SourceRead { content: None }),
            Report::SourceKnown { password, seen } => self.on_source_known(password, seen),
            Report::Sending { exchange, go } => self.on_sending(exchange, go),
            Report::Refused { exchange, refused } => self.on_refused(exchange, refused),
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
        for action in self.session.on(event, now) {
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
}
