//! Long-lived tokens: made by an exchange of their own, handed to whoever asked, and forgotten.

use super::Keeper;
use super::exchange::{Running, life_by_jwt};
use super::order::{Made, MadeReply};
use crate::pair::Pair;
use crate::report::command;
use crate::token_file::BEARER;
use engine::{Answer, Event, Lease, Moment, Refused, WaiterId};
use secret::AccessToken;
use std::time::Duration;
use weka_rest::{ApiError, Grant};
use wire::{Code, Refusal};

/// One that somebody waits for.
#[derive(Debug)]
pub(super) struct PendingToken {
    /// How long it is to live, in seconds.
    pub(super) timeout_s: u64,
    reply: MadeReply,
    made: Option<Made>,
    /// Why the cluster refused it.
    refused: Option<(Code, String)>,
    /// The cluster may have made it all the same.
    is_open: bool,
}

impl Keeper {
    pub(super) fn on_generate(&mut self, timeout_s: u64, deadline: Moment, reply: MadeReply) {
        self.last_waiter += 1;
        let waiter = WaiterId(self.last_waiter);
        self.tokens
            .insert(waiter, PendingToken { timeout_s, reply, made: None, refused: None, is_open: false });
        self.feed(Event::Generate { waiter, deadline });
    }

    /// What the cluster granted is two things: the token for whoever waits, and the refresh token for us. Answers
    /// with our pair.
    pub(super) fn split_grant(
        &mut self,
        waiter: WaiterId,
        grant: Grant,
        sent_at: Moment,
        running: &Running,
    ) -> Pair {
        let renewed = running.renews.and_then(|generation| self.pairs.get(generation)).cloned();
        let life = grant.expires_in_s.map(Duration::from_secs).or_else(|| life_by_jwt(&grant.access_token));
        match self.tokens.get_mut(&waiter) {
            Some(pending) => {
                let life = life.unwrap_or_else(|| Duration::from_secs(pending.timeout_s));
                let (access_token, token_type) = (grant.access_token, grant.token_type);
                pending.made = Some(Made { access_token, token_type, lease: Lease { sent_at, life } });
            }
            None => nobody_has_it(self.name.as_str(), &self.ends_it()),
        }
        match renewed {
            Some(before) => Pair {
                refresh_token: grant.refresh_token.or(before.refresh_token),
                in_file: false,
                in_store: false,
                ..before
            },
            // Another writer's pair took its place meanwhile: this one is good for its refresh token.
            None => Pair {
                access_token: AccessToken::new(String::new()),
                refresh_token: grant.refresh_token,
                token_type: BEARER.into(),
                lease: None,
                in_file: false,
                in_store: false,
            },
        }
    }

    /// Notes why the cluster refused a long-lived token: that says nothing about the profile.
    pub(super) fn note_refused_token(&mut self, waiter: WaiterId, error: &ApiError) {
        if let Some(pending) = self.tokens.get_mut(&waiter) {
            let is_forbidden = matches!(error, ApiError::Forbidden { .. });
            let code = if is_forbidden { Code::NotPermitted } else { Code::Failed };
            pending.refused = Some((code, error.to_string()));
            pending.is_open |= error.leaves_open();
        }
    }

    /// Answers whoever waits for a long-lived token.
    pub(super) fn answer_token(
        &mut self,
        waiter: WaiterId,
        answer: Answer,
        pending: PendingToken,
        now: Moment,
    ) {
        let PendingToken { reply, made, refused: why, is_open, .. } = pending;
        let result = match (answer, made) {
            (Answer::Generated, Some(made)) => Ok(made),
            (Answer::Refused(refused), _) => {
                let under_way =
                    self.exchange.as_ref().is_some_and(|running| running.generates == Some(waiter));
                let refusal = self.token_refusal(refused, why, under_way, now);
                Err(if is_open {
                    refusal.then(format!("it may have been made all the same; {}", self.ends_it()))
                } else {
                    refusal
                })
            }
            (Answer::Generated | Answer::Pair(_), _) => {
                Err(Refusal::new(Code::Failed, "the daemon has lost the token that was made")
                    .then(self.ends_it()))
            }
        };
        if let Err(Ok(_)) = reply.send(result) {
            nobody_has_it(self.name.as_str(), &self.ends_it());
        }
    }

    fn ends_it(&self) -> String {
        ends_it(self.name.as_str(), self.surroundings.default_profile().as_str())
    }

    fn token_refusal(
        &self,
        refused: Refused,
        why: Option<(Code, String)>,
        under_way: bool,
        now: Moment,
    ) -> Refusal {
        let name = &self.name;
        match (refused, why) {
            (Refused::Rejected, Some((code, why))) => {
                let refusal = Refusal::new(code, format!("no long-lived token for profile {name}: {why}"));
                match code {
                    Code::NotPermitted => {
                        refusal.then("the user's role does not allow it; ask a cluster admin")
                    }
                    _ => refusal,
                }
            }
            (Refused::Unreachable, Some((_, why))) => {
                Refusal::new(Code::Unreachable, format!("no long-lived token for profile {name}: {why}"))
                    .then("try again later; see: weka-token status")
            }
            (Refused::Unreachable, None) if under_way => {
                let message = format!("{} has not answered in time", self.endpoint());
                Refusal::new(Code::Unreachable, message)
                    .then(format!("a token may be made all the same; {}", self.ends_it()))
            }
            (refused, _) => self.refusal(refused, now),
        }
    }
}

/// A token on its way to whoever asked for it. Dropped on the way, as they are gone, it says that nobody has it.
#[derive(Debug)]
pub(crate) struct OnItsWay<'a> {
    profile: &'a str,
    default_profile: &'a str,
    arrived: bool,
}

impl<'a> OnItsWay<'a> {
    /// One of this profile.
    pub(crate) const fn of(profile: &'a str, default_profile: &'a str) -> Self {
        Self { profile, default_profile, arrived: false }
    }

    /// It is handed over.
    pub(crate) fn arrives(mut self) {
        self.arrived = true;
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        if !self.arrived {
            nobody_has_it(self.profile, &ends_it(self.profile, self.default_profile));
        }
    }
}

/// What ends a token that nobody has.
fn ends_it(profile: &str, default_profile: &str) -> String {
    let revoke = command("revoke-tokens", profile, default_profile);
    format!("{} ends all tokens of the user", revoke.trim_start_matches("run: "))
}

/// The worst that can become of one, so an administrator may want to know.
fn nobody_has_it(profile: &str, ends_it: &str) {
    tracing::warn!(
        "a long-lived token of profile {profile} was made, but whoever asked for it is gone: nobody has it; {ends_it}"
    );
}
