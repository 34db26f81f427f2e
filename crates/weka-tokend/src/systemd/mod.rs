//! The service manager: what it passed on, what it is told, and what it keeps for us.
//!
//! - [`inherited`]: descriptors that came with the start: the listening socket, and stored states
//! - [`linger`]: whether a user's daemon outlives the user's last session
//! - [`notify`]: readiness, state in words, the watchdog
//! - [`state`]: what is stored of a profile
//! - [`store`]: the descriptor store, where states outlive the daemon and never touch a disk

pub mod inherited;
pub mod linger;
pub mod notify;
pub mod state;
pub mod store;
