//! Anything that is known of a profile.

use crate::request::trust;
use crate::status::state;
use crate::text::{maybe, text, texts};
use proptest::option::of;
use proptest::prelude::*;
use wire::{ProfileEntry, ProfileSettings};

pub(crate) fn settings() -> BoxedStrategy<ProfileSettings> {
    let words = (text(), texts(), maybe(), maybe(), maybe(), maybe());
    (words, any::<bool>(), trust(), state(), any::<Option<u64>>())
        .prop_map(|(words, exists, trust, state, locked_for_s)| {
            let (name, endpoints, org, username, token_file, saved_to) = words;
            ProfileSettings {
                name,
                exists,
                endpoints,
                org,
                username,
                trust,
                token_file,
                saved_to,
                state,
                locked_for_s,
            }
        })
        .boxed()
}

pub(crate) fn profile_entry() -> BoxedStrategy<ProfileEntry> {
    (text(), any::<bool>(), texts(), maybe(), maybe(), of(state()))
        .prop_map(|(name, is_default, endpoints, org, username, state)| ProfileEntry {
            name,
            is_default,
            endpoints,
            org,
            username,
            state,
        })
        .boxed()
}
