//! Pairs that somebody else renewed from ours: a mount helper, or a program that was given a copy of the pair.

use super::Keeper;
use super::order::DoneReply;
use crate::pair::{Renewed, pair_of};
use crate::token_file::Tokens;
use engine::{Condition, Event, Generation};
use wire::{Code, Offer, Refusal};

/// Whoever gave us a pair, and waits until it is handed out: its own copy may go then.
#[derive(Debug)]
pub(super) struct Offered {
    generation: Generation,
    notes: Vec<String>,
    reply: DoneReply,
}

impl Keeper {
    /// Uses the pair from now on, where it is newer than ours, and says what became of it.
    pub(super) fn on_offer(&mut self, after: u64, offer: Offer, reply: DoneReply) {
        match self.take_offer(after, offer) {
            Ok((Some(generation), notes)) => {
                self.offers.push(Offered { generation, notes, reply });
                self.answer_offers();
            }
            Ok((None, notes)) => drop(reply.send(Ok(notes))),
            Err(refusal) => drop(reply.send(Err(refusal))),
        }
    }

    /// Answers those whose pair is handed out by now, and all where nothing more comes of it.
    pub(super) fn answer_offers(&mut self) {
        let (settled, published) = (self.saving == 0, self.board.generation());
        let is_over = |it: &mut Offered| settled || published.is_some_and(|at| at >= it.generation);
        for offered in self.offers.extract_if(.., is_over) {
            drop(offered.reply.send(Ok(offered.notes)));
        }
    }

    /// Takes a pair over, and names it where it is yet to be saved and handed out.
    ///
    /// # Errors
    /// It was not renewed from a pair of this login.
    fn take_offer(&mut self, after: u64, offer: Offer) -> Result<(Option<Generation>, Vec<String>), Refusal> {
        let name = self.name.clone();
        if self.shown == Condition::LoggedOut || !self.pairs.had(after) {
            let message = format!("the pair offered to profile {name} does not come from its present login");
            return Err(Refusal::new(Code::Failed, message).then("it is left unused"));
        }
        let tokens = Tokens {
            access_token: offer.access_token,
            refresh_token: Some(offer.refresh_token),
            token_type: Some(offer.token_type),
            expires_in_s: None,
        };
        let pair = pair_of(tokens, None);
        let held = self.session.held().and_then(|held| self.pairs.get(held));
        let renews_ours = held.is_some_and(|held| self.pairs.are_renewed(held, after));
        let renewed = Renewed { from: after, to: pair.id() };
        // Ours was renewed as well meanwhile, and works: only one of the two can go on.
        if !renews_ours && matches!(self.shown, Condition::Ready | Condition::Degraded) {
            self.pairs.note_stale(&pair);
            let note = format!("profile {name} has renewed its pair meanwhile, and goes on with its own");
            return Ok((None, vec![note]));
        }
        let Some(pair) = self.supersede(pair) else {
            // Whoever offers it again may have left before the answer to the first time.
            let pending = self.offers.last().map(|offered| offered.generation);
            return Ok((pending, vec![format!("profile {name} has this pair already")]));
        };
        let generation = pair.generation;
        self.pairs.note_renewed(renewed);
        tracing::info!("a pair of {name} was renewed elsewhere; it is used from now on");
        self.feed(Event::FileChanged { pair });
        Ok((Some(generation), vec![format!("profile {name} goes on with the renewed pair")]))
    }
}
