#![forbid(unsafe_code)]
//! The life of a token pair as a pure state machine: events and a clock reading in, actions out.
//!
//! No I/O, no async, no token bytes: pairs are named by generation number and the driver holds them.
//!
//! - [`time`]: [`Moment`] on CLOCK_BOOTTIME, and [`Lease`], the life of an access token.
//! - [`event`]: everything that can happen to a profile.
//! - [`action`]: everything the engine can ask for.
//! - [`lockouts`]: which accounts the cluster has locked.
//! - [`caution`]: how long nothing is sent once something went wrong.
//! - [`policy`]: what the configuration decides.
//! - [`ttl`]: how much life a token must have left to be handed out.
//! - [`session`]: one profile: `session.on(event, now)`.

pub mod action;
pub mod caution;
pub mod event;
pub mod lockouts;
pub mod policy;
pub mod session;
pub mod time;
pub mod ttl;

pub use action::{Action, Answer, Condition, LoginBy, Refused};
pub use caution::Pause;
pub use event::{
    Adopted, Doubted, Event, ExchangeId, Failure, Generation, Memory, Outcome, SourceId, WaiterId,
};
pub use lockouts::{AccountId, Lockout, Lockouts};
pub use policy::Policy;
pub use session::Session;
pub use time::{Lease, Moment};
pub use ttl::{caller_limit, default_min_ttl};
