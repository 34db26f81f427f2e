//! Reading the configuration again.

use crate::config::{self, Loaded};
use crate::registry::Registry;
use std::time::Duration;

/// How long the file may take to be read.
const LOAD_LIMIT: Duration = Duration::from_secs(5);

impl Registry {
    /// Reads the configuration again. A wrong one changes nothing, and `status` says so.
    pub async fn reload(&self) {
        let _turn = self.changes.lock().await;
        let Some(loaded) = self.load().await else {
            tracing::error!("the configuration could not be read");
            return;
        };
        if self.take_over(loaded) {
            tracing::info!("the configuration was read again");
        }
    }

    /// What the configuration file says now; `None` where it cannot be read at all, or not in time: whoever changes which
    /// profiles there are holds all others up who would.
    pub(crate) async fn load(&self) -> Option<Loaded> {
        let dirs = self.surroundings.dirs.clone();
        let loading = tokio::task::spawn_blocking(move || config::load(&dirs));
        tokio::time::timeout(LOAD_LIMIT, loading).await.ok()?.ok()
    }

    /// Takes a configuration over if there is nothing wrong with it, and says so in `status` if there is.
    pub(crate) fn take_over(&self, loaded: Loaded) -> bool {
        // An editor may be between removing the file and renaming its new one, or a home may not be mounted.
        let gone = loaded.config.source.is_none() && self.had_file();
        if loaded.errors.is_empty() && !gone {
            self.apply(loaded);
            return true;
        }
        let mut mistakes: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
        if let (true, Some(file)) = (gone, &self.surroundings.dirs.config_file) {
            mistakes.push(format!("{} is gone; to do without it, restart weka-tokend", file.display()));
        }
        let mut notes = vec!["the configuration is wrong, so the one before still holds:".to_owned()];
        for mistake in mistakes {
            tracing::error!("{mistake}");
            notes.push(mistake);
        }
        tracing::error!("the configuration is wrong, so the one before still holds");
        self.note(notes);
        false
    }
}
