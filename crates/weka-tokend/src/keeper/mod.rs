//! One task per profile: it feeds its engine session with events and carries out the actions.
//!
//! It alone holds the refresh token, and it alone (through [`exchange`]) has it sent anywhere.
//!
//! - [`order`]: what others may ask of a keeper
//! - [`exchange`]: the tasks that talk to the cluster, the files and the password source
//! - [`pairs`]: the bytes behind the engine's generation numbers
//! - [`perform`]: the engine's actions
//! - [`login`]: a person's login and what follows from it
//! - [`report`]: what people are told

pub mod exchange;
mod login;
pub mod order;
pub mod pairs;
mod password_memory;
mod perform;
pub mod report;

use crate::board::{Board, View};
use crate::clock::{self, Alarm};
use crate::config::{ProfileConfig, ProfileName};
use crate::file_watch::FileWatch;
use crate::remembered::Remembered;
use crate::surroundings::Surroundings;
use crate::token_file::FileWorker;
use engine::{
    Adopted, Answer, Condition, Event, ExchangeId, Failure, Generation, Lease, Memory, Moment, Outcome,
    Policy, Refused, Session, WaiterId,
};
use exchange::{End, Looked, Report, Saved};
use login::PendingLogin;
use order::{Handle, Order, Reply};
use pairs::Pairs;
use password_memory::PasswordMemory;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
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
    files: FileWorker,
    /// Files of the state folder, so that neither kind holds the other up.
    memory_files: FileWorker,
    /// The file may be replaced whatever it holds: a person has logged in.
    file_claimed: bool,
    /// Whether there is such a file: one that is only taken over may not exist yet.
    file_there: bool,
    /// Its mode, where others could read it.
    file_mode: Option<u32>,
    watch: Option<FileWatch>,
    waiters: HashMap<WaiterId, Reply>,
    logins: HashMap<WaiterId, PendingLogin>,
    last_waiter: u64,
    exchange: Option<exchange::Running>,
    password: PasswordMemory,
    remembered: Remembered,
    memory: Memory,
    last_error: Option<String>,
    file_problem: Option<String>,
    source_problem: Option<String>,
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
        let board = Arc::new(Board::new(surroundings.revision.clone()));
        let (order_sender, orders) = mpsc::channel(QUEUE);
        let (reports, inbox) = mpsc::channel(QUEUE);
        let policy = policy(&name, &config, &surroundings);
        let client = Client::new(config.rest_settings());
        let (settings, settings_seen) = watch::channel(Arc::new(config));
        let keeper = Self {
            surroundings,
            client,
            session: Session::new(policy),
            pairs: Pairs::default(),
            board: Arc::clone(&board),
            alarm: Alarm::new()?,
            orders,
            reports,
            inbox,
            files: FileWorker::new(),
            watch: None,
            waiters: HashMap::new(),
            logins: HashMap::new(),
            last_waiter: 0,
            exchange: None,
            password: PasswordMemory::default(),
            file_claimed: false,
            file_there: false,
            file_mode: None,
            memory_files: FileWorker::new(),
            remembered: Remembered::default(),
            memory: Memory::default(),
            last_error: None,
            file_problem: None,
            source_problem: None,
            shown: Condition::Starting,
            settings,
            name: name.clone(),
        };
        let handle = Handle { name, orders: order_sender, board, settings: settings_seen };
        Ok((handle, tokio::spawn(keeper.run())))
    }

    fn config(&self) -> Arc<ProfileConfig> {
        Arc::clone(&self.settings.borrow())
    }

    /// Runs until every handle is gone and nothing is under way.
    async fn run(mut self) {
        self.begin().await;
        loop {
            tokio::select! {
                biased;
                Some(report) = self.inbox.recv() => self.on_report(report),
                order = self.orders.recv() => match order {
                    Some(order) => self.on_order(order),
                    None => break,
                },
                () = self.alarm.rings() => self.feed(Event::Tick),
                () = stirred(&mut self.watch) => self.look_at_file(),
            }
        }
        self.finish().await;
    }

    /// The handles are gone: the daemon ends or the profile was removed. A pair that is still coming is the
    /// only one the cluster may honour from now on, so it is waited for and saved.
    async fn finish(&mut self) {
        while self.exchange.is_some() {
            let Ok(Some(report)) = tokio::time::timeout(order::FINISH_LIMIT, self.inbox.recv()).await else {
                break;
            };
            self.on_report(report);
        }
        self.files.drain(order::FINISH_LIMIT).await;
    }

    /// Looks for what outlived the last daemon, and for a token file.
    async fn begin(&mut self) {
        self.watch_file();
        let config = self.config();
        self.remembered = self.surroundings.recall(&self.name).await;
        let found = exchange::look(&self.files, config.token_file.path()).await;
        let now = clock::now();
        self.memory = self.recalled(now);
        let newer = matches!(&found, Looked::Pair { modified_unix_s, .. } if !self.is_logged_out_since(*modified_unix_s));
        if newer {
            self.memory.logged_out = false;
        } else if self.memory.logged_out && matches!(found, Looked::Pair { .. }) {
            tracing::info!(profile = %self.name, "logged out, so the older token file is left alone");
        }
        let pair = self.news_of(found);
        if pair.is_some() {
            self.check_trust(&config);
        }
        self.feed(Event::Started { pair, memory: self.memory });
    }

    /// What was remembered, in the engine's words.
    fn recalled(&mut self, now: Moment) -> Memory {
        let left = self.remembered.locked_until.map(|until| until.saturating_sub(clock::unix_now_s()));
        let left = left.and_then(|left| u64::try_from(left).ok()).filter(|left| *left > 0);
        Memory {
            refused: self.remembered.refused.is_some().then(|| self.password.refused_before()),
            locked_until: left.map(|left| now + Duration::from_secs(left)),
            logged_out: self.remembered.logged_out_at.is_some(),
        }
    }

    /// Whether a file that last changed then is older than a logout.
    fn is_logged_out_since(&self, modified_unix_s: i64) -> bool {
        self.remembered.logged_out_at.is_some_and(|at| modified_unix_s < at)
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
            Order::Logout { reply } => self.on_logout(reply),
            Order::Reconfigure(config) => self.reconfigure(*config),
        }
    }

    fn on_report(&mut self, report: Report) {
        match report {
            Report::Ended { exchange, end } => self.on_end(exchange, end),
            Report::Looked { asked_by_engine, found } => self.on_looked(asked_by_engine, found),
            Report::SourceRead(read) => self.on_source_read(read),
            Report::Saved { generation, result } => self.on_saved(generation, result),
            Report::Untrusted(reason) => {
                self.last_error = Some(reason);
                self.feed(Event::FoundUntrusted);
            }
            Report::NoSource => self.feed(Event::SourceRead { content: None }),
            Report::SourceKnown { password, refused } => self.on_source_known(password, refused),
            Report::Refused(refused) => self.on_refused(refused),
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
        self.show(now);
    }

    /// A failed exchange in the engine's words and in a person's; the new pair of one that worked.
    fn on_end(&mut self, exchange: ExchangeId, end: End) {
        let Some(running) = self.exchange.take_if(|running| running.id == exchange) else { return };
        if !matches!(end, End::Granted { .. }) {
            self.files.release();
        }
        let outcome = match end {
            End::Granted { grant, sent_at } => {
                if let Some(waiter) = running.person {
                    self.take_over(waiter, grant.password_change_required);
                }
                let renewed = running.renews.and_then(|generation| self.pairs.get(generation));
                let pair = exchange::pair_of(grant, sent_at, renewed);
                let lease = pair.lease.unwrap_or(Lease { sent_at, life: Duration::ZERO });
                self.last_error = None;
                self.file_claimed = running.person.is_some();
                Outcome::Granted { generation: self.pairs.add(pair), lease }
            }
            End::Superseded(pair) => match self.pairs.adopt(pair) {
                Some(adopted) => Outcome::Superseded(adopted),
                // It was adopted from the file meanwhile, so the next attempt will use it.
                None => Outcome::Failed(Failure::Unreachable { sent: false }),
            },
            End::Failed(error) => {
                tracing::debug!(profile = %self.name, %error, "an exchange failed");
                let failure = exchange::failure_of(&error);
                self.last_error = Some(error.to_string());
                Outcome::Failed(failure)
            }
        };
        self.feed(Event::Ended { exchange, outcome });
    }

    /// What was found, as news: a pair that we do not know yet.
    fn news_of(&mut self, found: Looked) -> Option<Adopted> {
        match found {
            Looked::Pair { pair, modified_unix_s, lax_mode } => {
                self.file_problem = None;
                self.file_there = true;
                self.file_mode = lax_mode;
                // A file left over from before a logout is not a new login.
                if self.is_logged_out_since(modified_unix_s) { None } else { self.pairs.adopt(pair) }
            }
            Looked::Nothing => {
                self.file_problem = None;
                self.file_there = false;
                None
            }
            Looked::Problem(problem) => {
                self.file_there = true;
                self.note_file_problem(problem);
                None
            }
        }
    }

    /// The token file as a person knows it: one that is there, or will be.
    fn file_shown(&self) -> Option<String> {
        let file = &self.settings.borrow().token_file;
        let kept = file.may_create() || self.file_there;
        file.path().filter(|_| kept).map(|path| path.display().to_string())
    }

    fn on_looked(&mut self, asked_by_engine: bool, found: Looked) {
        let pair = self.news_of(found);
        if asked_by_engine {
            self.feed(Event::FileRead { pair });
        } else if let Some(pair) = pair {
            tracing::info!(profile = %self.name, "another writer renewed the token file; its tokens are used from now on");
            self.feed(Event::FileChanged { pair });
        } else {
            self.show(clock::now());
        }
    }

    fn note_file_problem(&mut self, problem: String) {
        if self.file_problem.as_ref() != Some(&problem) {
            tracing::warn!(profile = %self.name, "{problem}");
        }
        self.file_problem = Some(problem);
    }

    fn on_saved(&mut self, generation: Generation, result: Result<Saved, String>) {
        self.files.release();
        let mut overtaken = None;
        let ok = match result {
            Ok(Saved::InFile) => {
                self.pairs.filed(generation);
                self.file_claimed = false;
                self.file_there = true;
                self.file_mode = None;
                self.file_problem = None;
                true
            }
            Ok(Saved::NoFile) => {
                self.file_there = false;
                true
            }
            Ok(Saved::Overtaken(found)) => {
                overtaken = Some(found);
                true
            }
            Err(problem) => {
                self.note_file_problem(problem);
                false
            }
        };
        self.feed(Event::Saved { generation, ok });
        if let Some(found) = overtaken {
            self.on_looked(false, found);
        }
    }

    fn on_logout(&mut self, reply: order::DoneReply) {
        let held = self.session.held().and_then(|generation| self.pairs.get(generation)).cloned();
        self.feed(Event::Logout);
        let path = self.config().token_file.path().map(ToOwned::to_owned);
        exchange::spawn_file_removal(self.files.clone(), path, held, reply);
    }

    fn reconfigure(&mut self, config: ProfileConfig) {
        if *self.settings.borrow().as_ref() == config {
            return;
        }
        if self.adopt_settings(config) {
            self.look_at_file();
        }
    }

    /// Takes settings over; says whether the token file is another one.
    fn adopt_settings(&mut self, config: ProfileConfig) -> bool {
        let file_moved = self.settings.borrow().token_file != config.token_file;
        self.client = Client::new(config.rest_settings());
        let policy = policy(&self.name, &config, &self.surroundings);
        self.settings.send_replace(Arc::new(config));
        if file_moved {
            self.file_problem = None;
            self.file_there = false;
            self.file_mode = None;
            self.watch_file();
        }
        self.feed(Event::Reconfigured { policy });
        file_moved
    }

    fn watch_file(&mut self) {
        self.watch = self.config().token_file.path().and_then(FileWatch::new);
    }

    /// Something happened near the token file.
    fn look_at_file(&self) {
        exchange::spawn_look(&self.files, self.config().token_file.path(), false, self.reports.clone());
    }

    /// Answers a `get` or `refresh`.
    fn answer(&mut self, waiter: WaiterId, answer: Answer, now: Moment) {
        if let Some(pending) = self.logins.get_mut(&waiter) {
            let reply = pending.reply.take();
            self.answer_login(waiter, answer, reply, now);
            return;
        }
        let Some(reply) = self.waiters.remove(&waiter) else { return };
        let result = match answer {
            Answer::Pair(_) => self.board.published().ok_or(Refused::Unreachable),
            Answer::Refused(refused) => Err(refused),
        };
        // A caller that has left is no failure.
        drop(reply.send(result.map_err(|refused| self.refusal(refused, now))));
    }

    fn refusal(&self, refused: Refused, now: Moment) -> wire::Refusal {
        let default = self.surroundings.default_profile();
        let error = self.last_error.as_deref().or(self.source_problem.as_deref());
        report::refusal(refused, self.name.as_str(), default.as_str(), &self.endpoint(), error, now)
    }

    fn endpoint(&self) -> String {
        let config = self.config();
        config.endpoints.get(self.session.endpoint()).map(ToString::to_string).unwrap_or_default()
    }

    /// Puts the state on the board, and a change of it into the log: once, not once per retry.
    fn show(&mut self, now: Moment) {
        let config = self.config();
        let condition = self.session.condition(now);
        let mut notes: Vec<String> = Vec::new();
        notes.extend(self.file_problem.clone());
        notes.extend(self.source_problem.clone());
        if let (Some(mode), Some(path)) = (self.file_mode, config.token_file.path()) {
            let path = path.display();
            notes.push(format!("{path} was readable by others (mode {mode:04o}); run: chmod 600 {path}"));
        }
        self.board.show(View {
            condition,
            endpoint: self.endpoint(),
            org: config.org.clone(),
            username: config.username.clone(),
            next_refresh: self.session.next_refresh(),
            refreshes: self.session.refreshes(),
            failures: self.session.failures(),
            last_error: self.last_error.clone(),
            locked_until: self.session.locked_until(now),
            token_file: self.file_shown(),
            notes,
        });
        if condition != self.shown {
            self.shown = condition;
            let (profile, state) = (&self.name, report::state(condition));
            match (condition, &self.last_error) {
                (Condition::Ready | Condition::LoggedOut | Condition::Starting, _) => {
                    tracing::info!(%profile, "{profile} is {state}");
                }
                (_, Some(error)) => tracing::warn!(%profile, "{profile} is {state}: {error}"),
                (_, None) => tracing::warn!(%profile, "{profile} is {state}"),
            }
        }
    }
}

async fn stirred(watch: &mut Option<FileWatch>) {
    match watch {
        Some(watch) => watch.stirred().await,
        None => std::future::pending().await,
    }
}

/// What of the configuration the engine needs to know.
fn policy(name: &ProfileName, config: &ProfileConfig, surroundings: &Surroundings) -> Policy {
    Policy {
        refresh_at: config.refresh_at,
        endpoints: config.endpoints.len().max(1),
        has_source: config.password.is_some(),
        source_recheck: config.password.as_ref().map_or(Duration::ZERO, perform::source_recheck),
        seed: surroundings.seed(name),
    }
}
