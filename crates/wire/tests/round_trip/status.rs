//! Any status, and any state.

use crate::text::{maybe, text, texts};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::{DaemonStatus, ProfileStatus, State, Status};

pub(crate) fn status() -> BoxedStrategy<Status> {
    let daemon = (text(), any::<u32>(), any::<u64>(), text(), text(), texts()).prop_map(
        |(version, pid, uptime_s, socket, default_profile, notes)| DaemonStatus {
            version,
            pid,
            uptime_s,
            socket,
            default_profile,
            notes,
        },
    );
    (any::<u64>(), daemon, vec(profile_status(), 0..4), any::<bool>())
        .prop_map(|(revision, daemon, profiles, more)| Status { revision, daemon, profiles, more })
        .boxed()
}

pub(crate) fn state() -> BoxedStrategy<State> {
    prop::sample::select(vec![
        State::Starting,
        State::Ready,
        State::Degraded,
        State::Unreachable,
        State::Untrusted,
        State::LoginRequired,
        State::LockedOut,
        State::LoggedOut,
    ])
    .boxed()
}

fn profile_status() -> BoxedStrategy<ProfileStatus> {
    let words = (text(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe(), texts());
    let numbers = (any::<[Option<u64>; 4]>(), any::<[u64; 3]>());
    (words, numbers, state())
        .prop_map(|(words, (optional, totals), state)| {
            let (name, username, org, endpoint, last_error, token_file, next_step, notes) = words;
            let [access_expires_in_s, access_life_s, next_refresh_in_s, locked_for_s] = optional;
            let [refreshes_total, refresh_failures_total, gets_total] = totals;
            ProfileStatus {
                name,
                state,
                username,
                org,
                endpoint,
                access_expires_in_s,
                access_life_s,
                next_refresh_in_s,
                refreshes_total,
                refresh_failures_total,
                gets_total,
                last_error,
                locked_for_s,
                token_file,
                next_step,
                notes,
            }
        })
        .boxed()
}
