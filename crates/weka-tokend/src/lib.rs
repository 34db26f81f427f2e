//! The daemon: it holds the tokens of each profile in memory, renews them, and hands them out.
//!
//! From the outside in:
//! - [`run`]: arguments, reloads, the end; [`process`], [`logging`] and [`socket`] for what comes first
//! - [`server`] and [`peer`]: connections, and who is at their other end; [`access`] says what others may have,
//!   [`audit`] who had it
//! - [`registry`]: the profiles; [`requests`] is what each request comes to: `overview` is `status`,
//!   `onboarding` is `login` and `trust`, with [`file_claims`], `accounts` long-lived tokens and
//!   revocation, `password_change` passwords, `ended_tokens` what others must hear of both,
//!   `examination` is `doctor`, `errand` is what it asks the cluster for others,
//!   `profiles` which ones there are, `reload` what the file says of them now,
//!   `filesystems` with it, `following` keeps others' copies of a pair current
//! - [`account`]: users of organisations at clusters, which have tokens and get locked
//! - [`keeper`]: one task per profile, around one [`engine::Session`]; [`board`] is what it shows, [`note`] what troubles it
//! - [`token_file`], [`file_watch`], [`atomic`]: files shared with WEKA's own tools
//! - [`sink`]: files that are kept fresh for others
//! - [`password_source`], [`remembered`]: passwords without a person, and what must not be tried again
//! - [`leftovers`]: what clients that were killed left behind
//! - [`systemd`], [`service`]: the service manager, and its store, where tokens outlive the daemon without a disk
//! - [`config`], [`dirs`], [`surroundings`], [`clock`]: what all of it stands on; [`thrift`] keeps it small
//!
//! Trust boundaries: the socket (peers are known by SO_PEERCRED), the cluster (TLS, see `weka_rest`), and
//! files that other programs write. Nothing from any of them may end the process.

pub mod access;
pub mod account;
mod accounts;
pub mod atomic;
pub mod audit;
pub mod board;
mod check;
pub mod clock;
pub mod config;
mod connection;
pub mod dirs;
mod ended_tokens;
mod errand;
mod examination;
mod falls;
pub mod file_claims;
pub mod file_watch;
mod filesystems;
mod following;
pub mod keeper;
pub mod leftovers;
pub mod logging;
pub mod note;
mod onboarding;
mod overview;
pub mod pair;
mod password_change;
pub mod password_source;
pub mod peer;
pub mod process;
mod profiles;
mod reach;
pub mod registry;
mod reload;
pub mod remembered;
mod renaming;
pub mod report;
pub mod requests;
mod revival;
pub mod run;
pub mod server;
pub mod service;
pub mod sink;
pub mod socket;
pub mod surroundings;
mod sys;
pub mod systemd;
pub mod thrift;
pub mod token_file;
