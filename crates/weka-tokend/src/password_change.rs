//! Another password for a profile's user, and the login with it.

use crate::account::Account;
use crate::clock;
use crate::ended_tokens::is_honoured;
use crate::keeper::order::{Handle, Order};
use crate::registry::{Registry, deadline};
use crate::report::{self, command};
use engine::Moment;
use secret::Password;
use std::sync::Arc;
use weka_rest::{ApiError, Client};
use wire::{Code, Refusal, Response};

/// A change of password.
struct Change<'a> {
    username: &'a str,
    old: &'a Password,
    new: &'a Password,
}

impl Registry {
    /// Changes the password and logs in with the new one.
    pub(crate) async fn change_password(
        self: &Arc<Self>,
        change: wire::ChangePassword,
    ) -> Result<Response, Refusal> {
        let wire::ChangePassword { profile, old_password, new_password, timeout_ms } = change;
        let handle = self.find(profile.as_deref())?;
        let end = deadline(timeout_ms);
        self.not_locked_out(&handle)?;
        let username = self.username_of(&handle, end).await?;
        let change = Change { username: &username, old: &old_password, new: &new_password };
        self.put_password(&handle, &change, end).await?;
        drop(old_password);
        let mut notes = vec![format!("the password of {username} is changed")];
        let source = handle.settings.borrow().password.clone();
        let reminder = source
            .map(|source| format!("{source} has to give the new one from now on: change it there, too"));
        notes.extend(reminder.clone());
        let login = wire::Login {
            target: wire::Target { profile, endpoints: Vec::new(), trust: wire::Trust::AsConfigured },
            org: None,
            username: username.clone(),
            password: new_password,
            token_file: wire::TokenFileChoice::AsConfigured,
            save: false,
            timeout_ms: u32::try_from(clock::now().until(end).as_millis()).unwrap_or(u32::MAX).max(1000),
        };
        let login = self.login(login).await;
        let account = Account { username: Some(username), ..Account::of(&handle.settings.borrow()) };
        // At the same time: a cluster that does not answer has been waited for already.
        let (others, is_honoured) = tokio::join!(
            self.tell_others(&handle, &account, "the user's password was changed", end),
            async { if login.is_err() { is_honoured(&handle, end).await } else { None } }
        );
        match login {
            Ok(_) => notes.push(format!("profile {} is logged in with it", handle.name)),
            Err(refusal) => {
                let done = notes.first().map(String::as_str).unwrap_or_default();
                let steps = reminder.into_iter().chain(others).collect();
                return Err(self
                    .changed_without_login(&handle, done, steps, refusal, is_honoured == Some(true))
                    .await);
            }
        }
        notes.extend(others);
        Ok(Response::Done { notes })
    }

    /// The password is changed, and the login with it did not work, which nobody tries again by itself. The cluster may
    /// have ended the tokens of before, so they are given up unless it still honours them.
    async fn changed_without_login(
        &self,
        handle: &Handle,
        done: &str,
        mut steps: Vec<String>,
        refusal: Refusal,
        is_honoured: bool,
    ) -> Refusal {
        if !is_honoured {
            let why = "the password was changed, and the login with the new one did not work";
            // A profile that has gone meanwhile hands nothing out.
            drop(handle.ask(|reply| Order::Revoked { why, reply }).await);
        }
        let message = format!("{done}, but the login with it did not work: {}", refusal.message);
        let needs_a_person = refusal.code.exit_status() == Code::LoginRequired.exit_status();
        let (code, step) = if needs_a_person {
            (refusal.code, refusal.next_step)
        } else {
            let default = self.surroundings.default_profile();
            (Code::LoginRequired, Some(command("login", handle.name.as_str(), default.as_str())))
        };
        steps.extend(step);
        Refusal::new(code, message).then(steps.join("; "))
    }

    /// The name that the cluster knows the profile's user by.
    async fn username_of(&self, handle: &Handle, end: Moment) -> Result<String, Refusal> {
        if let Some(username) = handle.settings.borrow().username.clone() {
            return Ok(username);
        }
        let identity = self.identity(handle, end).await?;
        identity.username.ok_or_else(|| {
            let message = format!("nobody has said who the user of profile {} is", handle.name);
            let default = self.surroundings.default_profile();
            Refusal::new(Code::Failed, message).then(command(
                "login --user USER",
                handle.name.as_str(),
                default.as_str(),
            ))
        })
    }

    /// One attempt. It goes on at the next endpoint only where nothing was sent: a wrong password that is sent twice
    /// counts twice.
    async fn put_password(&self, handle: &Handle, change: &Change<'_>, end: Moment) -> Result<(), Refusal> {
        let token = handle.get(None, end).await?.access_token;
        let config = Arc::clone(&handle.settings.borrow());
        let client = Client::new(config.rest_settings());
        let mut last = None;
        for endpoint in &config.endpoints {
            let Change { username, old, new } = change;
            let put = client.change_password(endpoint, &token, username, old, new);
            let error = match tokio::time::timeout(clock::now().until(end), put).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => {
                    let reason = "it did not answer in time".into();
                    ApiError::Unreachable { endpoint: endpoint.clone(), reason, sent: true }
                }
            };
            let unsent =
                matches!(error, ApiError::Unreachable { sent: false, .. } | ApiError::Untrusted { .. });
            last = Some(error);
            if !unsent {
                break;
            }
        }
        let name = &handle.name;
        Err(match last {
            Some(ApiError::Unauthorized { message }) => {
                let message = format!("profile {name}: the old password was refused ({message})");
                Refusal::new(Code::WrongPassword, message)
                    .then("nothing was changed; each wrong attempt may count towards a lockout")
            }
            Some(error @ ApiError::LockedOut { wait, .. }) => {
                let account = Account {
                    username: Some(change.username.to_owned()),
                    ..Account::of(&handle.settings.borrow())
                };
                handle.ask(|reply| Order::LockedOut { account, wait, reply }).await?;
                self.not_locked_out(handle)?;
                self.api_refusal(handle, &error)
            }
            Some(error) if error.leaves_open() => {
                let refusal = self.api_refusal(handle, &error);
                let default = self.surroundings.default_profile();
                let login = command("login", name.as_str(), default.as_str());
                let login = login.trim_start_matches("run: ");
                Refusal::new(refusal.code, refusal.message)
                    .then(format!("it may have been changed all the same: try the new one with {login}"))
            }
            Some(error) => {
                let refusal = self.api_refusal(handle, &error);
                let step = refusal.next_step.map(|step| format!("; {step}")).unwrap_or_default();
                Refusal::new(refusal.code, refusal.message).then(format!("nothing was changed{step}"))
            }
            None => Refusal::new(Code::Failed, format!("profile {name} has no endpoint")),
        })
    }

    /// A password is not sent while the account is locked: each attempt would prolong that.
    fn not_locked_out(&self, handle: &Handle) -> Result<(), Refusal> {
        let now = clock::now();
        let until = handle.board.view().1.locked_until.filter(|until| *until > now);
        let Some(until) = until else { return Ok(()) };
        let default = self.surroundings.default_profile();
        let refused = engine::Refused::LockedOut { until };
        let name = handle.name.as_str();
        Err(report::refusal(refused, name, default.as_str(), "", None, now))
    }
}
