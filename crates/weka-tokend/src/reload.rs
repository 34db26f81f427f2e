//! Reading the configuration again.

use crate::config::{self, Loaded};
use crate::registry::Registry;

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

    /// What the configuration file says now; `None` where it cannot be read at all.
    pub(crate) async fn load(&self) -> Option<Loaded> {
        let dirs = self.surroundings.dirs.clone();
        tokio::task::spawn_blocking(move || config::load(&dirs)).await.ok()
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
