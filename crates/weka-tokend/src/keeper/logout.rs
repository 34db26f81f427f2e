//! A person's logout: what is deleted, written down, and said.

use super::Keeper;
use super::file::Removal;
use super::order::DoneReply;
use super::reports::{Removed, Report};
use super::sharing::Sharing;
use crate::report;
use engine::Event;
use std::path::PathBuf;
use wire::{Code, Refusal};

impl Keeper {
    pub(super) fn on_logout(&mut self, reply: DoneReply) {
        let held = self.session.held().and_then(|generation| self.pairs.get(generation)).cloned();
        for pending in self.logins.values_mut() {
            pending.void = true;
        }
        self.pairs.login_changed();
        self.is_password_due = false;
        self.sharing = Sharing::default();
        self.feed(Event::Logout);
        let path = self.config().token_file.path().map(ToOwned::to_owned);
        let (sinks, own) = (self.sinks.work(), self.take_ending_own());
        let removal = Removal { path, pair: held, known: self.pairs.known().clone(), sinks, own, reply };
        self.saving += 1;
        // Said only once the logout would survive a crash.
        if self.memory.is_writing() {
            self.removals.push(removal);
        } else {
            removal.start(&self.file.worker, &self.reports);
        }
    }

    /// The token file is gone, or is to stay: the last that a logout waits for.
    pub(super) fn on_file_removed(&mut self, removed: Removed) {
        if self.unremembered().is_some() && !removed.is_last_word {
            // What was deleted may have made room.
            let (written, reports) = (self.put_down(false), self.reports.clone());
            let removed = Removed { is_last_word: true, ..removed };
            tokio::spawn(async move {
                written.await;
                drop(reports.send(Report::FileRemoved(removed)).await);
            });
            return;
        }
        self.saving = self.saving.saturating_sub(1);
        let Removed { notes, left, reply, .. } = removed;
        if left.is_some() {
            // What is there is not kept up to date any more, which says enough.
            self.file.save_problem = None;
        }
        let told = match (left, self.unremembered()) {
            (None, None) => {
                let said = "logged out; the tokens are forgotten".to_owned();
                Ok(std::iter::once(said).chain(notes).collect())
            }
            (left, unremembered) => Err(self.half_logged_out(notes, left, unremembered)),
        };
        // Who asked has left: that is no failure.
        drop(reply.send(told));
    }

    /// The daemon has forgotten the tokens, and something on a disk has not.
    fn half_logged_out(
        &self,
        notes: Vec<String>,
        left: Option<(PathBuf, String)>,
        unremembered: Option<String>,
    ) -> Refusal {
        let mut said = vec![format!("the tokens of profile {} are forgotten, but", self.name)];
        let mut remedies = Vec::new();
        if let Some((path, problem)) = left {
            said.push(format!("a file that may hold tokens of this login is still there: {problem}"));
            remedies.push(format!("delete {}", path.display()));
        }
        if let Some(problem) = unremembered {
            said.extend((said.len() > 1).then(|| "and".to_owned()));
            said.push(problem);
            if let Some(source) = &self.config().password {
                said.push(format!("(it would log in again with the password from {source})"));
            }
            remedies.push("make it possible to write there".to_owned());
        }
        let mut message = said.join(" ");
        for note in notes {
            message.push_str("; ");
            message.push_str(&note);
        }
        let default = self.surroundings.default_profile();
        let again = report::command("logout", self.name.as_str(), default.as_str());
        let again = again.trim_start_matches("run: ");
        Refusal::new(Code::Failed, message)
            .then(format!("{}, then run again: {again}", remedies.join(" and ")))
    }
}
