//! Any message comes back as it was sent, and any bytes at all are survived.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "sample/codes.rs"]
mod codes;

use codes::CODES;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use secret::{AccessToken, MountToken, Password, RefreshToken};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use wire::frame::{self, FrameError, HEADER_LEN, Header};
use wire::{
    Certificate, ChangePassword, Code, DaemonStatus, Filesystem, Filesystems, Finding, Level, LoggedIn,
    Login, LongLived, MountGrant, Offer, Pair, ProfileEdit, ProfileEntry, ProfileSettings, ProfileStatus,
    Reached, Refusal, Request, Response, Server, State, Status, Target, Token, TokenFileChoice, Trust,
    Verdict, Whoami, blocking,
};

fn text() -> BoxedStrategy<String> {
    prop_oneof!["[ -~]{0,24}", any::<String>()].boxed()
}

fn maybe() -> BoxedStrategy<Option<String>> {
    of(text()).boxed()
}

fn texts() -> BoxedStrategy<Vec<String>> {
    vec(text(), 0..4).boxed()
}

fn trust() -> BoxedStrategy<Trust> {
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

fn request() -> BoxedStrategy<Request> {
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

fn edit() -> BoxedStrategy<ProfileEdit> {
    prop_oneof![
        text().prop_map(|name| ProfileEdit::Add { name }),
        text().prop_map(|name| ProfileEdit::Remove { name }),
        (text(), text()).prop_map(|(old, new)| ProfileEdit::Rename { old, new }),
        text().prop_map(|name| ProfileEdit::SetDefault { name }),
    ]
    .boxed()
}

fn profile_entry() -> BoxedStrategy<ProfileEntry> {
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

fn state() -> BoxedStrategy<State> {
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

fn code() -> BoxedStrategy<Code> {
    prop::sample::select(CODES.to_vec()).boxed()
}

fn token() -> BoxedStrategy<Token> {
    (text(), text(), any::<u64>(), text(), text(), maybe(), maybe())
        .prop_map(|(access_token, token_type, expires_in_s, profile, endpoint, org, username)| {
            let access_token = AccessToken::new(access_token);
            Token { access_token, token_type, expires_in_s, profile, endpoint, org, username }
        })
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

fn status() -> BoxedStrategy<Status> {
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

fn settings() -> BoxedStrategy<ProfileSettings> {
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

fn certificate() -> BoxedStrategy<Certificate> {
    let verdict = prop_oneof![
        Just(Verdict::Trusted),
        text().prop_map(Verdict::Unknown),
        text().prop_map(Verdict::Mismatch),
        Just(Verdict::PlainHttp)
    ];
    (text(), text(), text(), text(), any::<[i64; 2]>(), verdict)
        .prop_map(|(endpoint, fingerprint, subject, issuer, validity, verdict)| {
            let [not_before_unix_s, not_after_unix_s] = validity;
            Certificate {
                endpoint,
                fingerprint,
                subject,
                issuer,
                not_before_unix_s,
                not_after_unix_s,
                verdict,
            }
        })
        .boxed()
}

fn logged_in() -> BoxedStrategy<LoggedIn> {
    let words = (text(), text(), text(), text(), maybe(), maybe(), texts());
    (words, any::<u64>(), any::<bool>())
        .prop_map(|(words, expires_in_s, password_change_required)| {
            let (profile, endpoint, org, username, saved_to, token_file, notes) = words;
            LoggedIn {
                profile,
                endpoint,
                org,
                username,
                expires_in_s,
                saved_to,
                token_file,
                password_change_required,
                notes,
            }
        })
        .boxed()
}

fn finding() -> BoxedStrategy<Finding> {
    let level = prop::sample::select(vec![Level::Ok, Level::Warn, Level::Bad, Level::NotChecked]);
    (text(), level, text(), maybe())
        .prop_map(|(check, level, message, fix)| Finding { check, level, message, fix })
        .boxed()
}

fn response() -> BoxedStrategy<Response> {
    let whoami = (text(), text(), maybe(), maybe(), maybe(), maybe()).prop_map(
        |(profile, data_json, username, org, role, source)| Whoami {
            profile,
            data_json,
            username,
            org,
            role,
            source,
        },
    );
    let refusal =
        (code(), text(), maybe()).prop_map(|(code, message, next_step)| Refusal { code, message, next_step });
    prop_oneof![
        token().prop_map(Response::Token),
        status().prop_map(Response::Status),
        settings().prop_map(Response::Profile),
        certificate().prop_map(Response::Certificate),
        logged_in().prop_map(Response::LoggedIn),
        texts().prop_map(|notes| Response::Done { notes }),
        (text(), any::<u64>())
            .prop_map(|(profile, expires_in_s)| Response::Refreshed { profile, expires_in_s }),
        whoami.prop_map(Response::Whoami),
        refusal.prop_map(Response::Refused),
        (any::<u64>(), token(), maybe()).prop_map(|(id, token, refresh_token)| {
            Response::Pair(Pair { id, token, refresh_token: refresh_token.map(RefreshToken::new) })
        }),
        (vec(filesystem(), 0..4), any::<bool>())
            .prop_map(|(filesystems, more)| Response::Filesystems(Filesystems { filesystems, more })),
        (text(), text(), any::<Option<u64>>(), texts()).prop_map(
            |(mount_token, filesystem, expires_in_s, notes)| {
                let mount_token = MountToken::new(mount_token);
                Response::MountToken(MountGrant { mount_token, filesystem, expires_in_s, notes })
            }
        ),
        (token(), texts(), server()).prop_map(|(token, endpoints, server)| Response::Reached(Reached {
            token,
            endpoints,
            server
        })),
        (token(), any::<u64>(), texts()).prop_map(|(token, asked_s, notes)| Response::LongLived(LongLived {
            token,
            asked_s,
            notes
        })),
        vec(finding(), 0..4).prop_map(Response::Findings),
        (vec(profile_entry(), 0..4), any::<bool>())
            .prop_map(|(profiles, more)| Response::Profiles { profiles, more }),
    ]
    .boxed()
}

fn server() -> BoxedStrategy<Server> {
    prop_oneof![
        Just(Server::PlainHttp),
        Just(Server::SystemRoots),
        text().prop_map(Server::CaFile),
        text().prop_map(Server::PublicKey)
    ]
    .boxed()
}

fn filesystem() -> BoxedStrategy<Filesystem> {
    let flags = any::<[Option<bool>; 3]>();
    let sizes = any::<[Option<u64>; 4]>();
    (text(), text(), maybe(), maybe(), maybe(), flags, sizes)
        .prop_map(|(name, uid, id, group, status, flags, sizes)| {
            let [is_ready, auth_required, is_encrypted] = flags;
            let [total_bytes, used_bytes, available_bytes, ssd_bytes] = sizes;
            Filesystem {
                name,
                uid,
                id,
                group,
                status,
                is_ready,
                auth_required,
                is_encrypted,
                total_bytes,
                used_bytes,
                available_bytes,
                ssd_bytes,
            }
        })
        .boxed()
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) -> Result<(), TestCaseError> {
    let bytes = frame::encode(message).unwrap();
    let header = Header::parse(bytes[..HEADER_LEN].try_into().unwrap()).unwrap();
    prop_assert_eq!(header.version, wire::VERSION);
    prop_assert_eq!(header.length, bytes.len() - HEADER_LEN);
    prop_assert_eq!(&frame::decode::<T>(&bytes[HEADER_LEN..]).unwrap(), message);
    let mut sent = Vec::new();
    blocking::send(&mut sent, message).unwrap();
    let mut rest = &sent[..];
    prop_assert_eq!(&blocking::receive::<T>(&mut rest).unwrap(), message);
    prop_assert!(rest.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn requests_come_back(request in request()) {
        comes_back(&request)?;
    }

    #[test]
    fn responses_come_back(response in response()) {
        comes_back(&response)?;
    }

    #[test]
    fn arbitrary_bodies_are_survived(body in vec(any::<u8>(), 0..512)) {
        for error in [frame::decode::<Request>(&body).err(), frame::decode::<Response>(&body).err()] {
            prop_assert!(matches!(error, None | Some(FrameError::Malformed)));
        }
        let named = matches!(frame::parse_unsupported(&body), FrameError::Unsupported { .. });
        prop_assert_eq!(named, !body.is_empty());
    }

    #[test]
    fn arbitrary_streams_are_survived(stream in vec(any::<u8>(), 0..512), plausible in any::<bool>()) {
        let mut stream = stream;
        if plausible && stream.len() >= HEADER_LEN {
            stream[..HEADER_LEN].copy_from_slice(&[1, 64, 0, 0, 0]);
        }
        // Ends in a message or an error, never in a panic.
        let taken = blocking::receive::<Request>(&mut &stream[..]).is_ok();
        prop_assert!(!taken || stream.len() >= HEADER_LEN);
    }

    #[test]
    fn a_changed_byte_never_panics(request in request(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = frame::encode(&request).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = blocking::receive::<Request>(&mut &bytes[..]) {
            let again = frame::encode(&other).unwrap();
            prop_assert_eq!(frame::decode::<Request>(&again[HEADER_LEN..]).unwrap(), other);
        }
    }

    #[test]
    fn the_for_ever_answer_comes_back(sentence in text()) {
        let bytes = frame::unsupported(&sentence);
        let error = blocking::receive::<Response>(&mut &bytes[..]).unwrap_err();
        prop_assert_eq!(error.to_string(), sentence);
    }
}
