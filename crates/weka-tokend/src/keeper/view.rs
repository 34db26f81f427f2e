//! What a keeper shows on its board, and says in the log.

use super::reports::Report;
use super::{Keeper, exchange};
use crate::board::View;
use crate::note::Note;
use crate::report;
use engine::{Condition, Moment};

impl Keeper {
    /// Puts the state on the board, and a change of it into the log.
    pub(super) fn show(&mut self, now: Moment) {
        let config = self.config();
        let condition = match self.session.condition(now) {
            // A pair on its way from one state to the next is no state of its own.
            Condition::Starting => self.shown,
            condition => condition,
        };
        let mut notes = self.lockout_notes(now);
        notes.extend(self.password_due_note());
        notes.extend(self.file.problem.clone());
        if let Some(problem) = &self.file.save_problem {
            notes.push(problem.clone().then("it is not up to date, and tried again"));
        }
        notes.extend(self.sharing_note());
        notes.extend(self.source_problem.clone());
        notes.extend(self.store_problem.clone().map(|problem| Note::passing("store", problem)));
        if let (true, Some(source)) = (self.memory.has_refused(), &config.password) {
            let words = format!("the password from {source} was refused");
            let remedy = "it is not tried again until it changes or somebody logs in";
            notes.push(Note::lasting("password", words).then(remedy));
        }
        if let (Some(mode), Some(path)) = (self.file.lax_mode, config.token_file.path()) {
            let path = path.display();
            let words = format!("{path} was readable by others (mode {mode:04o})");
            notes.push(Note::passing("token-file", words).then(format!("run: chmod 600 {path}")));
        }
        notes.extend(self.sinks.notes());
        notes.extend(self.own.notes());
        let changed = self.board.show(View {
            condition,
            endpoint: self.endpoint(),
            org: config.org.clone(),
            username: config.username.clone(),
            next_refresh: self.session.next_refresh(),
            refreshes: self.session.refreshes(),
            failures: self.session.failures(),
            last_error: self.last_error.clone(),
            locked_until: self.session.locked_until(now),
            locked_accounts: self.locked_accounts(now),
            token_file: self.file_shown(),
            notes,
        });
        self.report_change(condition);
        match &self.bond {
            // A full queue means that the profile's keeper is about to look anyway.
            Some(bond) if changed => drop(bond.tell.try_send(Report::Own)),
            Some(_) => {}
            None => self.tend_own(),
        }
    }

    /// Logs a change of state: once, not once per retry.
    fn report_change(&mut self, condition: Condition) {
        if condition == self.shown {
            return;
        }
        let was_barring = exchange::bars(std::mem::replace(&mut self.shown, condition));
        if self.bond.is_none() && was_barring && !exchange::bars(condition) {
            self.encourage_own(false);
        }
        let profile = match (&self.bond, self.config().sinks.first()) {
            (Some(_), Some(sink)) => format!("{} (the session of {})", self.name, sink.path.display()),
            _ => self.name.to_string(),
        };
        let state = report::state(condition);
        match (condition, &self.last_error) {
            (Condition::Ready | Condition::LoggedOut, _) => tracing::info!("{profile} is {state}"),
            (_, Some(error)) => tracing::warn!("{profile} is {state}: {error}"),
            (_, None) => tracing::warn!("{profile} is {state}"),
        }
    }
}
