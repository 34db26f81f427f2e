#![forbid(unsafe_code)]
//! The terminal UI of weka-token: what `weka-token status` shows, as it changes, and what the commands do, by
//! keys. It speaks the same protocol as `weka-token` and may do no more.
//!
//! - `model`: the state of the screen, which changes by messages alone
//! - `view`: the state as a picture
//! - [`args`]: the command line
//! - `run`: the loop between the two; `inputs` (with `decoder`) and `follower` feed it, `worker` carries out
//!   what it asks for
//! - [`screen`]: the terminal, taken over and given back whatever happens

pub mod args;
mod decoder;
mod follower;
mod inputs;
mod model;
#[cfg(test)]
mod person;
mod run;
#[cfg(test)]
mod samples;
pub mod screen;
mod view;
mod worker;

pub use run::run;
