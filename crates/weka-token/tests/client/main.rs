//! The real binary against a small daemon in this process: what a person, a script and a pipe see.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::panic, reason = "a test that cannot go on has failed")]

mod command_line;
mod daemon;
mod failures;
mod get;
mod login;
mod program;
mod prompts;
mod status;
mod terminal;
mod watch;
