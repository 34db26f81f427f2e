//! A simulated WEKA cluster for tests and demonstrations, written from the published API alone.
//!
//! Program: `weka-sim` (see `weka-sim --help`). In process: [`start`] with [`Options`].
//!
//! | module | what it is |
//! | --- | --- |
//! | `options` | the command line, and why a start can fail |
//! | `simulator` | everything that runs, and its end |
//! | `server`, `tls`, `connection`, `origin` | listeners that can refuse, the certificate, one connection with its ways to break |
//! | `exchange`, `call`, `fields`, `reply`, `finish`, `stream` | one request: what was sent, and answers in WEKA's shapes |
//! | `routes` | REST API v2 and JSON-RPC v1 |
//! | `cluster` | the state that all backends share |
//! | `users`, `sessions`, `jwt`, `tokens`, `lockout`, `settings` | accounts, logins, signed tokens, their ledger and rules |
//! | `faults`, `effects` | scripted faults, and how they are carried out |
//! | `clock`, `duration`, `journal` | virtual time, and the request log |
//! | `control` | the control channel, documented in `control/help.txt` |

#![forbid(unsafe_code)]

mod call;
mod clock;
mod cluster;
mod connection;
mod control;
mod duration;
mod effects;
mod exchange;
mod faults;
mod fields;
mod finish;
mod journal;
mod jwt;
mod lockout;
mod options;
mod origin;
mod reply;
mod routes;
mod server;
mod sessions;
mod settings;
mod simulator;
mod stream;
mod tls;
mod tokens;
mod users;

pub use options::{Options, StartError};
pub use simulator::{Simulator, start};
