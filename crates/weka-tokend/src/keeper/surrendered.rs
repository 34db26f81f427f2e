//! What a keeper hands over that leaves its profile to another one.

use crate::systemd::state::State;
use crate::systemd::store::EntryName;
use std::collections::BTreeMap;
use std::iter;

/// All that goes on under another name.
#[derive(Debug)]
pub struct Surrendered {
    /// What a restart would find.
    pub state: State,
    /// Where it stands in the service manager's store, under the name so far.
    pub entries: Vec<EntryName>,
    /// The same of the sessions of its sinks, by their ids.
    pub sessions: BTreeMap<String, Self>,
}

impl Surrendered {
    /// All states, each with the session of a sink that it is of, if any.
    pub(crate) fn states(&self) -> impl Iterator<Item = (Option<&str>, &State)> {
        let sessions = self.sessions.iter().map(|(id, surrendered)| (Some(id.as_str()), &surrendered.state));
        iter::once((None, &self.state)).chain(sessions)
    }

    /// Where they all stand in the store.
    pub(crate) fn all_entries(&self) -> Vec<EntryName> {
        let sessions = self.sessions.values().flat_map(|surrendered| &surrendered.entries);
        self.entries.iter().chain(sessions).cloned().collect()
    }
}
