//! What the demo prints, for a person to follow. It goes on where nobody reads that any more.

use crate::console;
use std::io::IsTerminal;

/// Where the demo prints, in colour where a terminal reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage {
    colour: bool,
}

impl Stage {
    /// Looks at standard output and `NO_COLOR`.
    pub(crate) fn new() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: std::io::stdout().is_terminal() && !plain }
    }

    fn painted(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A new act.
    pub(crate) fn act(self, title: &str) {
        console::say(&format!("\n{}", self.painted("1", &format!("== {title}"))));
    }

    /// A command, as a person would type it.
    pub(crate) fn command(self, line: &str) {
        console::say(&self.painted("36", &format!("$ {line}")));
    }

    /// What a command printed, or what can be seen.
    pub(crate) fn say(self, text: &str) {
        for line in text.lines() {
            console::say(&format!("  {line}"));
        }
    }

    /// What was just shown to hold.
    pub(crate) fn holds(self, text: &str) {
        console::say(&self.painted("32", &format!("  ok: {text}")));
    }

    /// What went wrong.
    pub(crate) fn failed(self, text: &str) {
        console::say(&self.painted("31", &format!("  FAILED: {text}")));
    }
}
