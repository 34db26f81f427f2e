//! A person's login and a person's decision about trust, and what follows from them.

use super::Keeper;
use super::exchange::LoginJob;
use super::order::{Candidate, LoginOrder, LoginReply, TrustOrder};
use super::reports::Report;
use crate::account::Account;
use crate::clock;
use crate::config::ProfileName;
use crate::config::filing::{self, Filing};
use crate::dirs::{Dirs, Service};
use crate::file_claims::FileClaim;
use crate::report;
use crate::systemd::linger;
use engine::{AccountId, Answer, Event, ExchangeId, Moment, Refused, WaiterId};
use secret::Password;
use std::time::Duration;
use tokio::sync::oneshot;
use weka_rest::Client;
use wire::{Code, LoggedIn, Refusal};

/// How long the advice about lingering may hold up the answer to a login.
const ADVICE_LIMIT: Duration = Duration::from_secs(1);
/// How long saving the configuration may hold up the answer to a login.
const SAVE_LIMIT: Duration = Duration::from_secs(3);

/// A login that is queued or under way.
#[derive(Debug)]
pub(super) struct PendingLogin {
    /// Where the answer goes; gone once answered.
    pub(super) reply: Option<LoginReply>,
    client: Client,
    candidate: Candidate,
    claim: Option<FileClaim>,
    /// Who wants to know that it worked.
    worked: Option<oneshot::Sender<bool>>,
    /// Its pair was granted and its settings hold.
    is_taken_over: bool,
    /// The engine's number for whose login it is.
    pub(super) account_id: AccountId,
    username: String,
    org: String,
    password: Password,
    password_change_required: bool,
    /// A logout came after it: whatever comes of it counts for nothing.
    pub(super) void: bool,
}

/// What is left to do for a login whose answer came after its caller's time was up.
#[derive(Debug)]
pub(super) struct LateLogin {
    username: String,
    filing: Option<Filing>,
    worked: Option<oneshot::Sender<bool>>,
}

impl PendingLogin {
    /// Where it was, or would be, sent first.
    fn endpoint(&self) -> String {
        self.candidate.config.endpoints.first().map(ToString::to_string).unwrap_or_default()
    }

    /// What is left to do once it has worked, but not in time.
    fn late(&mut self) -> LateLogin {
        LateLogin {
            username: self.username.clone(),
            filing: self.candidate.to_save(),
            worked: self.worked.take(),
        }
    }

    /// Whose login it is.
    pub(super) fn account(&self) -> Account {
        Account {
            org: Some(self.org.clone()),
            username: Some(self.username.clone()),
            ..Account::of(&self.candidate.config)
        }
    }

    /// The refusal of a login whose answer has not come in time.
    fn overdue(&self, profile: &str) -> Refusal {
        let message = format!("{} has not answered the login of profile {profile} in time", self.endpoint());
        Refusal::new(Code::Unreachable, message).then("the answer may still come; see: weka-token status")
    }

    /// What is to be sent to that endpoint.
    pub(super) fn job(&self, exchange: ExchangeId, endpoint: usize) -> Option<LoginJob> {
        Some(LoginJob {
            exchange,
            client: self.client.clone(),
            endpoint: self.candidate.config.endpoints.get(endpoint)?.clone(),
            org: self.org.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            way: None,
        })
    }
}

impl Keeper {
    pub(super) fn on_login(&mut self, order: LoginOrder) {
        let LoginOrder { candidate, claim, username, org, password, deadline, reply, worked } = order;
        self.last_waiter += 1;
        let waiter = WaiterId(self.last_waiter);
        let endpoints = candidate.config.endpoints.len();
        let pending = PendingLogin {
            reply: Some(reply),
            client: Client::new(candidate.config.rest_settings()),
            candidate,
            claim,
            worked: Some(worked),
            is_taken_over: false,
            account_id: AccountId::UNNAMED,
            username,
            org,
            password,
            password_change_required: false,
            void: false,
        };
        let account = self.account_id(&pending.account(), clock::now());
        self.logins.insert(waiter, PendingLogin { account_id: account, ..pending });
        self.feed(Event::Login { waiter, account, endpoints, deadline });
    }

    /// A login worked: its settings become the profile's. Says what is left to do where its caller has been told already
    /// that it takes too long.
    pub(super) fn take_over(
        &mut self,
        waiter: WaiterId,
        password_change_required: bool,
    ) -> Option<LateLogin> {
        let before = self.config();
        let pending = self.logins.get_mut(&waiter).filter(|pending| !pending.void)?;
        pending.password_change_required = password_change_required;
        let config = pending.candidate.after_login(before.as_ref().clone());
        let claim = pending.claim.take();
        pending.is_taken_over = true;
        let late = pending.reply.is_none().then(|| pending.late());
        if !before.is_same_account(&config, false) {
            self.password.forget();
        }
        // The login's own pair takes the place of whatever there was.
        self.install(config);
        if let Some(claim) = claim {
            claim.keep();
        }
        self.file.owed = false;
        self.feed_policy();
        self.reconfigure_own();
        late
    }

    /// Answers a login, once the profile is saved.
    pub(super) fn answer_login(
        &mut self,
        waiter: WaiterId,
        answer: Answer,
        reply: Option<LoginReply>,
        now: Moment,
    ) {
        let refused = match answer {
            Answer::Pair(_) | Answer::Generated => None,
            Answer::Refused(refused) => Some(refused),
        };
        let Some(reply) = reply else { return };
        if let Some(refused) = refused {
            let under_way = self.exchange.as_ref().is_some_and(|running| running.person == Some(waiter));
            let refusal = match (refused, self.logins.get(&waiter)) {
                (Refused::Unreachable, Some(pending)) if under_way => pending.overdue(self.name.as_str()),
                (Refused::LockedOut { until }, Some(pending)) => {
                    let default = self.surroundings.default_profile();
                    let account = pending.account();
                    report::locked_account(&account, until, self.name.as_str(), default.as_str(), now)
                }
                (Refused::WrongPassword, Some(pending)) => {
                    let (account, endpoint) = (pending.account(), pending.endpoint());
                    report::refused_login(&account, self.name.as_str(), &endpoint, self.last_error.as_deref())
                }
                (_, Some(pending)) => self.refusal_at(refused, &pending.endpoint(), now),
                (_, None) => self.refusal(refused, now),
            };
            // A caller that has left is no failure.
            drop(reply.send(Err(refusal)));
            // Only the new pair's way into the store took too long: it counts.
            let late = self.logins.get_mut(&waiter).filter(|pending| pending.is_taken_over);
            if let Some(late) = late.map(PendingLogin::late) {
                self.save_late_login(late);
            }
            return;
        }
        let Some(pending) = self.logins.get_mut(&waiter) else { return };
        let (filing, worked) = (pending.candidate.to_save(), pending.worked.take());
        let mut logged_in = LoggedIn {
            profile: self.name.to_string(),
            endpoint: String::new(),
            org: pending.org.clone(),
            username: pending.username.clone(),
            expires_in_s: 0,
            saved_to: None,
            token_file: None,
            password_change_required: pending.password_change_required,
            notes: Vec::new(),
        };
        logged_in.token_file = self.file_shown();
        logged_in.endpoint = self.endpoint();
        logged_in.expires_in_s = self.board.published().map_or(0, |published| published.lease.life.as_secs());
        let problem = self.file.save_problem.as_ref().or(self.file.problem.as_ref());
        logged_in.notes.extend(problem.map(ToString::to_string));
        let (name, dirs) = (self.name.clone(), self.surroundings.dirs.clone());
        let of_a_user = self.storing.is_there() && dirs.service == Service::User;
        let reports = self.reports.clone();
        self.profile_saves += 1;
        tokio::spawn(async move {
            if of_a_user {
                // A name service that hangs costs the advice, and nothing else.
                let advice = tokio::task::spawn_blocking(linger::advice);
                let advice = tokio::time::timeout(ADVICE_LIMIT, advice).await;
                logged_in.notes.extend(advice.ok().and_then(Result::ok).flatten());
            }
            match save(name, dirs, filing).await {
                Ok(saved_to) => logged_in.saved_to = saved_to,
                Err(problem) => logged_in.notes.push(format!("the profile is not saved: {problem}")),
            }
            tell(worked, logged_in.saved_to.is_some());
            drop(reports.send(Report::ProfileSaved).await);
            drop(reply.send(Ok(logged_in)));
        });
    }

    /// It worked all the same: it counts, so it is saved.
    pub(super) fn save_late_login(&mut self, login: LateLogin) {
        let LateLogin { username, filing, worked } = login;
        tracing::info!("the answer to an overdue login came: {} is logged in as {username}", self.name);
        let (name, dirs) = (self.name.clone(), self.surroundings.dirs.clone());
        let reports = self.reports.clone();
        self.profile_saves += 1;
        tokio::spawn(async move {
            let saved = save(name.clone(), dirs, filing).await;
            if let Err(problem) = &saved {
                tracing::warn!("profile {name} is not saved: {problem}");
            }
            tell(worked, matches!(saved, Ok(Some(_))));
            drop(reports.send(Report::ProfileSaved).await);
        });
    }

    /// Wipes the passwords of logins that are over.
    pub(super) fn drop_idle_logins(&mut self) {
        let (session, held_back) = (&self.session, &self.held_back);
        let running = self.exchange.as_ref().and_then(|running| running.person);
        self.logins.retain(|waiter, _| {
            let is_owed = held_back.iter().any(|(owed, _)| owed == waiter);
            session.is_waiting(*waiter) || running == Some(*waiter) || is_owed
        });
    }

    pub(super) fn on_trust(&mut self, order: TrustOrder) {
        let TrustOrder { mut candidate, reply } = order;
        let Some(config) = candidate.after_trust(self.config().as_ref().clone()) else {
            let message = format!("other endpoints were configured for profile {} meanwhile", self.name);
            let refusal = Refusal::new(Code::Failed, message).then("look at their certificate: run it again");
            drop(reply.send(Err(refusal)));
            return;
        };
        let filing = candidate.to_save();
        self.last_error = None;
        self.reconfigure(config);
        self.feed(Event::Trusted);
        let (name, dirs) = (self.name.clone(), self.surroundings.dirs.clone());
        let reports = self.reports.clone();
        self.profile_saves += 1;
        tokio::spawn(async move {
            let answer = match save(name, dirs, filing).await {
                Ok(Some(path)) => (true, format!("saved to {path}")),
                Ok(None) => (false, "not saved: it holds until weka-tokend ends".to_owned()),
                Err(problem) => (false, format!("not saved: {problem}; it holds until weka-tokend ends")),
            };
            drop(reports.send(Report::ProfileSaved).await);
            drop(reply.send(Ok(answer)));
        });
    }
}

fn tell(worked: Option<oneshot::Sender<bool>>, is_saved: bool) {
    if let Some(worked) = worked {
        // Nobody asks any more where the answer came in time.
        let _was_asked = worked.send(is_saved);
    }
}

/// Saves a profile, off the loop and bounded; says where to.
async fn save(name: ProfileName, dirs: Dirs, filing: Option<Filing>) -> Result<Option<String>, String> {
    let Some(filing) = filing else { return Ok(None) };
    let path = dirs.config_file.as_ref().ok_or("there is no home folder for a configuration")?;
    let shown = path.display().to_string();
    let saving = tokio::task::spawn_blocking(move || filing::file(&dirs, &name, &filing));
    match tokio::time::timeout(SAVE_LIMIT, saving).await {
        Ok(Ok(Ok(()))) => Ok(Some(shown)),
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(_)) | Err(_) => Err(format!("{shown} does not answer")),
    }
}
