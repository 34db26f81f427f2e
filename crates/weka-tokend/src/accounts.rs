//! Long-lived tokens and revocation: what a person does to an account.

use crate::account::Account;
use crate::audit;
use crate::clock;
use crate::ended_tokens::is_honoured;
use crate::errand::{Repeat, with_token};
use crate::keeper::long_lived::OnItsWay;
use crate::keeper::order::{Handle, Order};
use crate::peer::Peer;
use crate::registry::{Registry, deadline};
use crate::report::span;
use engine::Moment;
use secret::AccessToken;
use std::time::Duration;
use weka_rest::{Client, Endpoint};
use wire::{Code, LongLived, Refusal, Response, Token};

/// The least life that a token can be asked for.
const LEAST_LIFE_S: u64 = 1;
/// The most that is spent on finding out why the cluster refused.
const EXPLAIN_LIMIT: Duration = Duration::from_secs(5);
/// A cluster that grants nearly what was asked for has granted it.
const SLACK_S: u64 = 2;
/// What is told of a profile whose tokens were revoked.
const REVOKED: &str = "the user's tokens were revoked";

impl Registry {
    /// A long-lived token, handed to the caller and to nobody else.
    pub(crate) async fn generate(
        &self,
        profile: Option<&str>,
        asked_s: u64,
        timeout_ms: u32,
        peer: &Peer,
    ) -> Result<Response, Refusal> {
        let handle = self.find(profile)?;
        if asked_s < LEAST_LIFE_S {
            return Err(Refusal::new(Code::BadRequest, "a token that lives no second is no use"));
        }
        let end = deadline(timeout_ms);
        let made = handle.ask(|reply| Order::Generate { timeout_s: asked_s, deadline: end, reply }).await;
        let made = match made {
            Ok(made) => made,
            Err(refusal) if matches!(refusal.code, Code::Failed | Code::NotPermitted) => {
                let reasons = self.reasons(&handle, asked_s, end).await;
                return Err(if reasons.is_empty() { refusal } else { refusal.then(reasons.join("; ")) });
            }
            Err(refusal) => return Err(refusal),
        };
        let default = self.surroundings.default_profile();
        let on_its_way = OnItsWay::of(handle.name.as_str(), default.as_str());
        let view = handle.board.view().1;
        let granted_s = made.lease.life.as_secs();
        let mut notes = Vec::new();
        if granted_s.saturating_add(SLACK_S) < asked_s {
            notes.push(format!(
                "the cluster granted {}, not the {} asked for",
                span(granted_s),
                span(asked_s)
            ));
            notes.extend(self.reasons(&handle, asked_s, end).await);
        }
        let token = Token {
            access_token: made.access_token,
            token_type: made.token_type,
            expires_in_s: made.lease.remaining(clock::now()).as_secs(),
            profile: handle.name.to_string(),
            endpoint: view.endpoint,
            org: view.org,
            username: view.username,
        };
        on_its_way.arrives();
        audit::long_lived_handed_out(peer, &token.profile, token.expires_in_s);
        Ok(Response::LongLived(LongLived { token, asked_s, notes }))
    }

    /// What may be behind a refusal, or behind less than was asked for: the longest life that the cluster grants, the
    /// user's role, a user who is not the cluster's own.
    async fn reasons(&self, handle: &Handle, asked_s: u64, end: Moment) -> Vec<String> {
        let end = end.min(clock::now() + EXPLAIN_LIMIT).max(clock::now() + Duration::from_secs(1));
        let mut reasons = Vec::new();
        if let Some(most_s) = self.longest_life_s(handle, end).await
            && most_s < asked_s
        {
            reasons.push(format!("access tokens of this cluster may live {} at most", span(most_s)));
        }
        if let Ok(identity) = self.identity(handle, end).await {
            let source = identity.source.unwrap_or_default();
            if !source.is_empty() && !source.eq_ignore_ascii_case("internal") {
                reasons.push(format!(
                    "only the cluster's own users can have one, and this is a user of {source}"
                ));
            } else if let (true, Some(role)) = (reasons.is_empty(), identity.role) {
                reasons.push(format!("the user's role is {role}; a cluster admin can say whether that may"));
            }
        }
        reasons
    }

    /// Ends all tokens of a user. Where it is the profile's own, those that are held here are dead with them, and
    /// the profile is told before it notices by itself.
    pub(crate) async fn revoke_tokens(
        &self,
        profile: Option<&str>,
        username: Option<&str>,
        timeout_ms: u32,
    ) -> Result<Response, Refusal> {
        let handle = self.find(profile)?;
        let end = deadline(timeout_ms);
        let (uid, who, is_own) = match username {
            None => {
                let (uid, who) = self.own_uid(&handle, end).await?;
                (uid, who, true)
            }
            Some(username) => self.uid_of(&handle, username, end).await?,
        };
        self.end_sessions(&handle, &uid, is_own, end).await?;
        let mut notes = vec![format!("revoked all tokens of {who}")];
        if is_own {
            handle.ask(|reply| Order::Revoked { why: REVOKED, reply }).await?;
            notes.push(self.after_the_end(&handle));
        }
        notes.extend(self.tell_others(&handle, &account_of(&handle, who), REVOKED, end).await);
        Ok(Response::Done { notes })
    }

    /// Ends all sessions of the profile's user at the cluster; answers with what was done, and what that means for other
    /// profiles.
    pub(crate) async fn revoke(&self, handle: &Handle, end: Moment) -> Result<Vec<String>, Refusal> {
        let (uid, who) = self.own_uid(handle, end).await?;
        self.end_sessions(handle, &uid, true, end).await?;
        let mut notes = vec![format!("revoked all tokens of {who}")];
        notes.extend(self.tell_others(handle, &account_of(handle, who), REVOKED, end).await);
        Ok(notes)
    }

    async fn end_sessions(
        &self,
        handle: &Handle,
        uid: &str,
        is_own: bool,
        end: Moment,
    ) -> Result<(), Refusal> {
        // Revoking twice is as good as once, so the next endpoint may be asked too.
        let revoke = |client: Client, endpoint: Endpoint, token: AccessToken| {
            let uid = uid.to_owned();
            async move { client.revoke_user(&endpoint, &token, &uid).await }
        };
        let Err(error) = with_token(handle, end, Repeat::Freely, revoke).await? else { return Ok(()) };
        let refusal = self.api_refusal(handle, &error);
        if !error.leaves_open() {
            return Err(refusal);
        }
        // A token that lives by the clock is handed out, so a dead one has to be noticed now.
        if is_own && is_honoured(handle, end).await == Some(false) {
            return Ok(());
        }
        Err(Refusal::new(refusal.code, refusal.message)
            .then("they may have ended all the same; to be sure, run it again"))
    }

    /// The id and the name of the profile's own user.
    async fn own_uid(&self, handle: &Handle, end: Moment) -> Result<(String, String), Refusal> {
        let identity = self.identity(handle, end).await?;
        let uid = identity.uid.ok_or_else(|| {
            Refusal::new(Code::Failed, "the cluster did not say this user's uid; nothing was revoked")
        })?;
        let who = identity.username.unwrap_or_else(|| uid.clone());
        Ok((uid, who))
    }

    /// The id and the name of another user, and whether it is the profile's own after all.
    async fn uid_of(
        &self,
        handle: &Handle,
        username: &str,
        end: Moment,
    ) -> Result<(String, String, bool), Refusal> {
        let (own, _) = self.own_uid(handle, end).await?;
        let list = |client: Client, endpoint: Endpoint, token: AccessToken| async move {
            client.users(&endpoint, &token).await
        };
        let users = with_token(handle, end, Repeat::Freely, list)
            .await?
            .map_err(|error| self.api_refusal(handle, &error))?;
        let mut found = users.into_iter().filter(|user| user.username == username);
        let Some(user) = found.next() else {
            let message = format!("profile {}: the cluster shows no user {username}", handle.name);
            return Err(Refusal::new(Code::Failed, message)
                .then("nothing was revoked; users of another organization need a profile there"));
        };
        if found.next().is_some() {
            let message = format!("profile {}: the cluster shows several users {username}", handle.name);
            return Err(Refusal::new(Code::Failed, message).then("nothing was revoked"));
        }
        let is_own = user.uid == own;
        Ok((user.uid, user.username, is_own))
    }

    /// The longest life of an access token at this cluster, where it tells.
    async fn longest_life_s(&self, handle: &Handle, end: Moment) -> Option<u64> {
        let ask = |client: Client, endpoint: Endpoint, token: AccessToken| async move {
            client.longest_access_life_s(&endpoint, &token).await
        };
        with_token(handle, end, Repeat::Freely, ask).await.ok()?.ok()?
    }
}

/// The account of that user where a profile is.
fn account_of(handle: &Handle, username: String) -> Account {
    Account { username: Some(username), ..Account::of(&handle.settings.borrow()) }
}
