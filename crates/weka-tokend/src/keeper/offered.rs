//! Pairs that somebody else renewed from ours: a mount helper, or a program that was given a copy of the pair.

use super::Keeper;
use super::file;
use super::pairs::Renewed;
use crate::token_file::Tokens;
use engine::{Condition, Event};
use wire::{Code, Offer, Refusal};

impl Keeper {
    /// Uses the pair from now on, where it is newer than ours; says what became of it.
    ///
    /// # Errors
    /// It was not renewed from a pair of this login.
    pub(super) fn on_offer(&mut self, after: u64, offer: Offer) -> Result<Vec<String>, Refusal> {
        let name = self.name.clone();
        if self.shown == Condition::LoggedOut || !self.pairs.had(after) {
            let message = format!("the pair offered to profile {name} does not come from its present login");
            return Err(Refusal::new(Code::Failed, message).then("it is left unused"));
        }
        let pair = file::pair_of(Tokens {
            access_token: offer.access_token,
            refresh_token: Some(offer.refresh_token),
            token_type: Some(offer.token_type),
            expires_in_s: None,
        });
        let held = self.session.held().and_then(|held| self.pairs.get(held));
        let renews_ours = held.is_some_and(|held| self.pairs.are_renewed(held, after));
        let renewed = Renewed { from: after, to: pair.id() };
        // Ours was renewed as well meanwhile, and works: only one of the two can go on.
        if !renews_ours && matches!(self.shown, Condition::Ready | Condition::Degraded) {
            self.pairs.note_stale(&pair);
            return Ok(vec![format!(
                "profile {name} has renewed its pair meanwhile, and goes on with its own"
            )]);
        }
        let Some(pair) = self.supersede(pair) else {
            return Ok(vec![format!("profile {name} has this pair already")]);
        };
        self.pairs.note_renewed(renewed);
        tracing::info!("a pair of {name} was renewed elsewhere; it is used from now on");
        self.feed(Event::FileChanged { pair });
        Ok(vec![format!("profile {name} goes on with the renewed pair")])
    }
}
