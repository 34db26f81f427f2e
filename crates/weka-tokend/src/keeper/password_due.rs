//! A password that the cluster wants changed, whoever has logged in with it.

use super::Keeper;
use crate::note::Note;
use crate::report::command;

const DUE: &str =
    "the cluster wants the password of this user changed, and may refuse everything else until then";

impl Keeper {
    /// What the cluster said of it when it granted a pair (WEKA 5.1 API: `password_change_required`). Only a login brings the
    /// news that nothing is due any more: nobody has promised that every renewal says it again.
    pub(super) fn heard_of_password(&mut self, is_due: bool, by_login: bool) {
        if is_due && !self.is_password_due && self.bond.is_none() {
            tracing::warn!("{}: {DUE}; {}", self.name, self.changes_password());
        }
        self.is_password_due = is_due || (self.is_password_due && !by_login);
    }

    /// For people. What the session of a sink hears of it, the profile's own hears as well.
    pub(super) fn password_due_note(&self) -> Option<Note> {
        let is_said = self.is_password_due && self.bond.is_none();
        is_said.then(|| Note::lasting("password", DUE).then(self.changes_password()))
    }

    fn changes_password(&self) -> String {
        command("passwd", self.name.as_str(), self.surroundings.default_profile().as_str())
    }
}
