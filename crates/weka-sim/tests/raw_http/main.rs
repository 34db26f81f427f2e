//! The simulator against raw HTTP: requests are written by hand, so that no client library smooths anything over.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "all of it is test code; what fails here is a failed test")]

mod client;
mod clock;
mod control;
mod faults;
mod lockout;
mod login;
mod program;
mod refresh;
mod roles;
mod routes;
mod rpc;
mod tls;
