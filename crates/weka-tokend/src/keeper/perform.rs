//! The engine's actions, carried out.

use super::Keeper;
use super::exchange::{self, LoginJob, RefreshJob, Running, Sent, Way};
use super::file;
use super::memory::login_of;
use super::password_memory::Seen;
use super::reports::{End, Report, Saved};
use crate::account::Account;
use crate::board::Published;
use crate::password_source::{PasswordSource, PasswordSourceError};
use engine::{Action, Event, ExchangeId, Generation, LoginBy, Moment};
use secret::Password;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a source that was read in vain is left alone: a file costs nothing, a command may ask a person.
#[must_use]
pub(super) fn source_recheck(source: &PasswordSource) -> Duration {
    match source {
        PasswordSource::Command(_) => Duration::from_secs(60),
        PasswordSource::Credential(_) | PasswordSource::File(_) => Duration::from_secs(5),
    }
}

impl Keeper {
    /// Carries one action out. What takes time goes on in a task and comes back as a report.
    pub(super) fn perform(&mut self, action: Action, now: Moment) {
        match action {
            Action::Refresh { exchange, endpoint, generation } => {
                self.refresh(Running::new(exchange, Some(generation), None), endpoint, generation);
            }
            Action::Generate { exchange, endpoint, generation, waiter } => {
                let running = Running::new(exchange, Some(generation), None);
                self.refresh(Running { generates: Some(waiter), ..running }, endpoint, generation);
            }
            Action::Login { exchange, endpoint, by } => self.log_in(exchange, endpoint, by),
            Action::ReadFile => {
                file::spawn_look_for_engine(
                    &self.file.worker,
                    self.config().token_file.path(),
                    self.sinks.looks(),
                    self.pairs.known().clone(),
                    self.reports.clone(),
                );
            }
            Action::ReadSource => self.read_source(),
            Action::Save { generation } => self.save(generation),
            Action::Publish { generation } => self.publish(generation),
            Action::Withdraw => {
                self.board.publish(None);
                self.fallback = None;
                self.withdraw_sinks();
                self.end_own();
                self.pairs.forget_all();
                drop(self.store_state(None, None));
                // A refresh that waits for the file's lock must not send what is forgotten now.
                if let Some(running) = &self.exchange {
                    running.obsolete.store(true, Ordering::Relaxed);
                }
                self.password.forget();
                self.file.worker.release();
            }
            // What must be remembered is written down before anybody hears of it: a crash comes when it wants.
            Action::Answer { waiter, answer } if self.memory.is_writing() => {
                self.held_back.push((waiter, answer))
            }
            Action::Answer { waiter, answer } => self.answer(waiter, answer, now),
            Action::Remember => self.remember(self.session.memory()),
            Action::WakeAt(at) => self.alarm.set(at),
        }
    }

    fn refresh(&mut self, running: Running, endpoint: usize, generation: Generation) {
        let config = self.config();
        let exchange = running.id;
        let pending = running.generates.and_then(|waiter| self.tokens.get(&waiter));
        let long_lived_s = pending.map(|pending| pending.timeout_s);
        let is_owed = running.generates.is_none() || long_lived_s.is_some();
        let obsolete = Arc::clone(&running.obsolete);
        self.exchange = Some(running);
        let endpoint = config.endpoints.get(endpoint).filter(|_| is_owed);
        let (Some(endpoint), Some(pair)) = (endpoint, self.pairs.get(generation)) else {
            self.misled(exchange);
            return;
        };
        let job = RefreshJob {
            exchange,
            client: self.client.clone(),
            endpoint: endpoint.clone(),
            pair: pair.clone(),
            long_lived_s,
            file: config.token_file.path().map(ToOwned::to_owned),
            sinks: self.sinks.looks(),
            known: self.pairs.known().clone(),
            obsolete,
        };
        exchange::spawn_refresh(job, self.file.worker.clone(), self.reports.clone());
    }

    fn log_in(&mut self, exchange: ExchangeId, endpoint: usize, by: LoginBy) {
        let job = match by {
            LoginBy::Person(waiter) => {
                self.exchange = Some(Running::new(exchange, None, Some(waiter)));
                self.logins.get(&waiter).and_then(|pending| pending.job(exchange, endpoint))
            }
            LoginBy::Source(content) => {
                let config = self.config();
                let password = self.password.of(content);
                let sent = password.as_ref().map(|password| Sent {
                    content,
                    account: Account::of(&config),
                    login: login_of(&config, password),
                });
                self.exchange = Some(Running { sent: sent.clone(), ..Running::new(exchange, None, None) });
                match (config.endpoints.get(endpoint), config.username.clone(), password.zip(sent)) {
                    (Some(endpoint), Some(username), Some((password, sent))) => Some(LoginJob {
                        exchange,
                        client: self.client.clone(),
                        endpoint: endpoint.clone(),
                        org: config.org.clone().unwrap_or_else(|| crate::account::ROOT_ORG.into()),
                        username,
                        way: Some(Way {
                            gate: Arc::clone(&self.gate),
                            account: sent.account,
                            login: sent.login,
                            main: self.bond.as_ref().map(|bond| Arc::clone(&bond.main)),
                        }),
                        password,
                    }),
                    _ => None,
                }
            }
        };
        match job {
            Some(job) => exchange::spawn_login(job, self.reports.clone()),
            None => self.misled(exchange),
        }
    }

    /// The engine named something we do not have. That is a defect of ours, and no reason to stop.
    fn misled(&mut self, exchange: ExchangeId) {
        tracing::error!(profile = %self.name, "an exchange was asked for with what is not there");
        let reason = "the daemon has lost what it would have sent".to_owned();
        let end = End::Failed(weka_rest::ApiError::Misconfigured { reason });
        self.report_later(Report::Ended { exchange, end });
    }

    /// A report without a task, after the actions at hand.
    pub(super) fn report_later(&self, report: Report) {
        let reports = self.reports.clone();
        tokio::spawn(async move { reports.send(report).await });
    }

    /// Into the service manager's store, and then into the file; without a store the file is all there is.
    fn save(&mut self, generation: Generation) {
        self.saving += 1;
        match self.pairs.get(generation) {
            Some(pair) if self.storing.is_there() && !pair.in_store => {
                let pair = pair.clone();
                drop(self.store_state(Some(&pair), Some(generation)));
            }
            Some(_) if self.storing.is_there() => {
                self.report_later(Report::Stored { generation: Some(generation), result: Ok(()) });
            }
            _ => self.write_file(generation),
        }
    }

    /// The pair into the token file; answered by [`Report::Saved`].
    pub(super) fn write_file(&self, generation: Generation) {
        match self.pairs.get(generation) {
            Some(pair) if !pair.in_file => {
                let config = self.config();
                let known = self.file.claimed_unix_s.is_none().then(|| self.pairs.known().clone());
                file::spawn_save(
                    self.file.worker.clone(),
                    generation,
                    pair,
                    &config.token_file,
                    known,
                    self.reports.clone(),
                );
            }
            Some(_) => self.report_later(Report::Saved { generation, result: Ok(Saved::InFile) }),
            None => self.report_later(Report::Saved { generation, result: Ok(Saved::NoFile) }),
        }
    }

    fn publish(&mut self, generation: Generation) {
        let published = self.pairs.get(generation).and_then(|pair| {
            Some(Published {
                generation,
                id: pair.id(),
                access_token: pair.access_token.clone(),
                token_type: pair.token_type.clone(),
                lease: pair.lease?,
            })
        });
        self.board.publish(published);
        self.pairs.forget_before(generation);
        self.fill_sinks();
        self.encourage_own(false);
        // A pair in hand is worth more than a password in memory.
        if self.exchange.is_none() {
            self.password.forget();
        }
    }

    /// The password source was read; is it what the cluster refused?
    pub(super) fn on_source_read(&mut self, read: Result<Password, PasswordSourceError>) {
        match read {
            Ok(password) => {
                self.source_problem = None;
                match self.memory.judge() {
                    None => self.on_source_known(password, Seen::New),
                    Some(judge) => {
                        let reports = self.reports.clone();
                        let login = login_of(&self.config(), &password);
                        // Deliberately slow to compute.
                        tokio::task::spawn_blocking(move || {
                            let seen = judge.judge(&login);
                            drop(reports.blocking_send(Report::SourceKnown { password, seen }));
                        });
                    }
                }
            }
            Err(error) => {
                let problem = error.note();
                if self.source_problem.as_ref() != Some(&problem) {
                    tracing::warn!(profile = %self.name, "{problem}");
                }
                self.source_problem = Some(problem);
                self.feed(Event::SourceRead { content: None });
            }
        }
    }

    pub(super) fn on_source_known(&mut self, password: Password, seen: Seen) {
        if seen == Seen::Doubted && self.last_error.is_none() {
            self.last_error = self.memory.why_doubted();
        }
        let content = self.password.keep(password, seen);
        self.feed(Event::SourceRead { content: Some(content) });
    }
}
