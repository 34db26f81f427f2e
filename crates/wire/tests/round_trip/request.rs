//! Any request.

use crate::text::{maybe, text, texts};
use proptest::option::of;
use proptest::prelude::*;
use secret::{AccessToken, Password, RefreshToken};
use wire::{ChangePassword, Login, Offer, ProfileEdit, Request, Target, TokenFileChoice, Trust};

pub(crate) fn request() -> BoxedStrategy<Request> {
    prop_oneof![
        (maybe(), any::<Option<u64>>(), any::<u32>())
            .prop_map(|(profile, min_ttl_s, timeout_ms)| Request::Get { profile, min_ttl_s, timeout_ms }),
        (maybe(), any::<Option<u64>>(), any::<u32>(), maybe()).prop_map(
            |(profile, after_revision, wait_s, after_name)| Request::Status {
                profile,
                after_revision,
                wait_s,
                after_name
            }
        ),
        maybe().prop_map(|profile| Request::Describe { profile }),
        (target(), any::<u32>()).prop_map(|(target, timeout_ms)| Request::Probe { target, timeout_ms }),
        login().prop_map(|login| Request::Login(Box::new(login))),
        (target(), any::<bool>(), any::<u32>()).prop_map(|(target, save, timeout_ms)| Request::Trust {
            target,
            save,
            timeout_ms
        }),
        (maybe(), any::<bool>(), any::<u32>()).prop_map(|(profile, revoke, timeout_ms)| Request::Logout {
            profile,
            revoke,
            timeout_ms
        }),
        (maybe(), any::<u32>()).prop_map(|(profile, timeout_ms)| Request::Refresh { profile, timeout_ms }),
        (maybe(), any::<u32>()).prop_map(|(profile, timeout_ms)| Request::Whoami { profile, timeout_ms }),
        (maybe(), any::<Option<u64>>(), any::<u32>(), any::<u32>()).prop_map(
            |(profile, after, wait_s, timeout_ms)| Request::Follow { profile, after, wait_s, timeout_ms }
        ),
        (maybe(), any::<u64>(), offer()).prop_map(|(profile, after, offer)| Request::Adopt {
            profile,
            after,
            offer
        }),
        (maybe(), of((text(), text())), any::<u32>())
            .prop_map(|(profile, after, timeout_ms)| Request::Filesystems { profile, after, timeout_ms }),
        (maybe(), text(), any::<bool>(), any::<Option<u64>>(), any::<u32>()).prop_map(
            |(profile, filesystem, read_only, expires_s, timeout_ms)| Request::MountToken {
                profile,
                filesystem,
                read_only,
                expires_s,
                timeout_ms
            }
        ),
        (maybe(), maybe(), any::<u32>()).prop_map(|(profile, endpoint, timeout_ms)| Request::Reach {
            profile,
            endpoint,
            timeout_ms
        }),
        (maybe(), any::<u64>(), any::<u32>()).prop_map(|(profile, access_token_timeout_s, timeout_ms)| {
            Request::Generate { profile, access_token_timeout_s, timeout_ms }
        }),
        (maybe(), maybe(), any::<u32>()).prop_map(|(profile, username, timeout_ms)| Request::Revoke {
            profile,
            username,
            timeout_ms
        }),
        (maybe(), text(), text(), any::<u32>()).prop_map(|(profile, old, new, timeout_ms)| {
            let (old_password, new_password) = (Password::new(old), Password::new(new));
            Request::ChangePassword(Box::new(ChangePassword {
                profile,
                old_password,
                new_password,
                timeout_ms,
            }))
        }),
        (maybe(), any::<u32>()).prop_map(|(profile, timeout_ms)| Request::Examine { profile, timeout_ms }),
        maybe().prop_map(|after_name| Request::Profiles { after_name }),
        edit().prop_map(Request::EditProfiles),
        (target(), maybe(), maybe()).prop_map(|(target, org, username)| Request::MayLogIn {
            target,
            org,
            username
        }),
    ]
    .boxed()
}

pub(crate) fn trust() -> BoxedStrategy<Trust> {
    prop_oneof![
        Just(Trust::AsConfigured),
        text().prop_map(Trust::CaFile),
        text().prop_map(Trust::Fingerprint)
    ]
    .boxed()
}

fn target() -> BoxedStrategy<Target> {
    (maybe(), texts(), trust())
        .prop_map(|(profile, endpoints, trust)| Target { profile, endpoints, trust })
        .boxed()
}

fn token_file() -> BoxedStrategy<TokenFileChoice> {
    prop_oneof![
        Just(TokenFileChoice::AsConfigured),
        Just(TokenFileChoice::Usual),
        text().prop_map(TokenFileChoice::Path)
    ]
    .boxed()
}

fn login() -> BoxedStrategy<Login> {
    (target(), maybe(), text(), text(), token_file(), any::<bool>(), any::<u32>())
        .prop_map(|(target, org, username, password, token_file, save, timeout_ms)| {
            let password = Password::new(password);
            Login { target, org, username, password, token_file, save, timeout_ms }
        })
        .boxed()
}

fn offer() -> BoxedStrategy<Offer> {
    (maybe(), text(), text())
        .prop_map(|(access_token, refresh_token, token_type)| Offer {
            access_token: access_token.map(AccessToken::new),
            refresh_token: RefreshToken::new(refresh_token),
            token_type,
        })
        .boxed()
}

fn edit() -> BoxedStrategy<ProfileEdit> {
    prop_oneof![
        text().prop_map(|name| ProfileEdit::Add { name }),
        text().prop_map(|name| ProfileEdit::Remove { name }),
        (text(), text()).prop_map(|(old, new)| ProfileEdit::Rename { old, new }),
        text().prop_map(|name| ProfileEdit::SetDefault { name }),
    ]
    .boxed()
}
