//! What went wrong, what to do next, and the exit status that says so.

use wire::Refusal;

/// It failed in a way no other status names.
pub const FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// Nobody listens.
pub const NO_DAEMON: u8 = 3;
/// A person has to do something.
pub const PERSON_NEEDED: u8 = 4;
/// No live token, and the cluster cannot be reached.
pub const NO_TOKEN: u8 = 5;
/// The caller may not do this.
pub const NOT_PERMITTED: u8 = 6;

/// It failed before the program that was to be run, as with env(1).
pub const BEFORE_START: u8 = 125;
/// A program to hand over to is there, and cannot be run.
pub const NOT_EXECUTABLE: u8 = 126;
/// A program to hand over to is not there.
pub const NOT_FOUND: u8 = 127;

/// A failure as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Exit status.
    pub status: u8,
    /// What is wrong, without a full stop; empty when there is nothing to say.
    pub message: String,
    /// What to do next, one line each.
    pub next_steps: Vec<String>,
}

impl Failure {
    /// A failure without a next step.
    pub fn new(status: u8, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), next_steps: Vec::new() }
    }

    /// The same, before another program was to be run whose exit status would be passed on.
    #[must_use]
    pub(crate) fn before_start(self) -> Self {
        Self { status: BEFORE_START, ..self }
    }

    /// Ends the program without a word, as Ctrl-C does.
    #[must_use]
    pub fn silent(status: u8) -> Self {
        Self::new(status, "")
    }

    /// Adds a next step.
    #[must_use]
    pub fn then(mut self, next_step: impl Into<String>) -> Self {
        self.next_steps.push(next_step.into());
        self
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let failure = Self::new(refusal.code.exit_status(), refusal.message);
        match refusal.next_step {
            Some(step) => failure.then(step),
            None => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Code;

    #[test]
    fn a_refusal_keeps_its_code_and_its_next_step() {
        let refusal = Refusal::new(Code::LoginRequired, "profile prod needs a login");
        let failure = Failure::from(refusal.clone().then("run: weka-token login -p prod"));
        assert_eq!(failure.status, PERSON_NEEDED);
        assert_eq!(failure.next_steps, ["run: weka-token login -p prod"]);
        assert!(Failure::from(refusal).next_steps.is_empty());
    }
}
