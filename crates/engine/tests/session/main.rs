//! The life cycle in virtual time, one test per rule, named after the rule. The [`world`] carries out what the
//! session asks for against a model cluster, and checks at each step what must hold at all times.

mod cluster;
mod doubt;
mod ended_early;
mod failover;
mod failures;
mod files;
mod fleet;
mod generate;
mod get;
mod histories;
mod lockout;
mod logins;
mod logout;
mod refresh;
mod saves;
mod settings;
mod source;
mod trust;
mod wakes;
mod world;

pub(crate) use std::time::Duration;

/// Milliseconds.
pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Seconds.
pub(crate) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
