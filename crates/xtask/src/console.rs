//! What chores say: what they did on standard output, what went wrong on standard error.

use crate::problem::Problem;
use std::io::Write;

/// Says what was done. If nobody reads it, it was done all the same.
pub(crate) fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// Says what goes on, to whoever waits for it.
pub(crate) fn progress(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Says what a person may do next: a title, then commands to copy.
pub(crate) fn suggest(title: &str, commands: &[String]) {
    if commands.is_empty() {
        return;
    }
    say(&format!("\n{title}"));
    for command in commands {
        say(&format!("  {command}"));
    }
}

/// Says what went wrong.
pub(crate) fn complain(problem: &Problem) {
    let mut stderr = std::io::stderr();
    drop(writeln!(stderr, "xtask: {}", problem.message));
    for step in &problem.next_steps {
        drop(writeln!(stderr, "  {step}"));
    }
}
