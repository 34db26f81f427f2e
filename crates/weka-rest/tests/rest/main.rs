//! The client against hand-written servers: raw HTTP and TLS over std sockets, sharing nothing with it.
#![expect(clippy::unwrap_used, reason = "what the tests build on fails with them")]

mod accounts;
mod answers;
mod bodies;
mod certs;
mod clearance;
mod filesystems;
mod probe;
mod redirects;
mod refusals;
mod requests;
mod secrets;
mod server;
mod timeouts;
mod trust;
