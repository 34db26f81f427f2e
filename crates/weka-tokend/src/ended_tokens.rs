//! Tokens that the cluster has ended on behalf of one profile: whether it still takes one, and who else must hear of it.

use crate::account::Account;
use crate::clock;
use crate::errand::{Repeat, try_each};
use crate::keeper::order::{Handle, Order};
use crate::registry::Registry;
use crate::report::command;
use engine::Moment;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use weka_rest::{ApiError, Client, Endpoint};

/// The least time for a look at what has become of tokens.
const LEAST_LOOK: Duration = Duration::from_secs(1);

impl Registry {
    /// All tokens of an account are ended, and `done` has seen to its own profile. Other profiles of that account hear of it
    /// before they hand out dead ones. Answers with what is to be done about each.
    pub(crate) async fn tell_others(
        &self,
        done: &Handle,
        account: &Account,
        why: &'static str,
        end: Moment,
    ) -> Vec<String> {
        let mut looking = JoinSet::new();
        for (name, entry) in self.list() {
            let Ok(handle) = entry else { continue };
            let theirs = Account::of(&handle.settings.borrow());
            if name == done.name || !theirs.may_be(account) || handle.board.published().is_none() {
                continue;
            }
            let is_it = theirs.is_named() && account.is_named();
            looking.spawn(async move {
                // Names that differ by case, or are not known, may be somebody else's.
                let has_ended = match is_honoured(&handle, end).await {
                    Some(honoured) => !honoured,
                    None => is_it,
                };
                if !has_ended {
                    return None;
                }
                // A profile that has gone meanwhile hands nothing out.
                drop(handle.ask(|reply| Order::Revoked { why, reply }).await);
                Some(handle)
            });
        }
        let mut told: Vec<Arc<Handle>> = looking.join_all().await.into_iter().flatten().collect();
        told.sort_by(|one, other| one.name.cmp(&other.name));
        told.iter().map(|handle| self.after_the_end(handle)).collect()
    }

    /// What becomes of a profile whose tokens are ended.
    pub(crate) fn after_the_end(&self, handle: &Handle) -> String {
        let name = handle.name.as_str();
        let source = handle.settings.borrow().password.clone();
        match source {
            Some(source) => format!("profile {name} logs in again with the password from {source}"),
            None => {
                let default = self.surroundings.default_profile();
                format!("profile {name} needs a login now; {}", command("login", name, default.as_str()))
            }
        }
    }
}

/// Whether the cluster still takes the token that a profile hands out; `None` where it hands none out, or the cluster does
/// not say.
pub(crate) async fn is_honoured(handle: &Handle, end: Moment) -> Option<bool> {
    let held = handle.board.published()?;
    let end = end.max(clock::now() + LEAST_LOOK);
    let ask = |client: Client, endpoint: Endpoint| {
        let token = held.access_token.clone();
        async move { client.whoami(&endpoint, &token).await }
    };
    match try_each(handle, end, Repeat::Freely, ask).await {
        // A user who may not ask that is told so only with a token that lives.
        Ok(_) | Err(ApiError::Forbidden { .. }) => Some(true),
        Err(ApiError::Unauthorized { .. }) => Some(false),
        Err(_) => None,
    }
}
