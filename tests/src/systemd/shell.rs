//! What a user and a host have in common: commands to run, and units to look at.

use crate::home::{Ran, finish};
use crate::until::until;
use std::process::Command;

/// Somebody who runs commands inside.
pub trait Shell {
    /// A command of theirs, not yet started.
    #[must_use]
    fn command(&self, words: &[&str]) -> Command;

    /// Runs a command of theirs to its end.
    #[must_use]
    fn run(&self, words: &[&str]) -> Ran {
        finish(&mut self.command(words), "")
    }

    /// Runs `weka-token` to its end.
    #[must_use]
    fn weka_token(&self, arguments: &[&str]) -> Ran {
        self.weka_token_with(arguments, "")
    }

    /// Runs `weka-token` with this standard input.
    #[must_use]
    fn weka_token_with(&self, arguments: &[&str], input: &str) -> Ran {
        finish(&mut self.command(&[&["weka-token"], arguments].concat()), input)
    }
}

/// A manager and its units.
pub trait Units {
    /// Runs `systemctl`, for this manager.
    #[must_use]
    fn systemctl(&self, arguments: &[&str]) -> Ran;

    /// A property of a unit.
    #[must_use]
    fn show(&self, unit: &str, property: &str) -> String {
        self.systemctl(&["show", "--property", property, "--value", unit]).ok()
    }

    /// Waits until a property of a unit is as wanted.
    ///
    /// # Panics
    /// It never is.
    #[track_caller]
    fn until(&self, unit: &str, property: &str, wanted: impl Fn(&str) -> bool) -> String {
        until(&format!("{property} of {unit}"), || {
            Some(self.show(unit, property)).filter(|value| wanted(value))
        })
    }
}
