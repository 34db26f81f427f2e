//! Any response.

use crate::codes::CODES;
use crate::profile::{profile_entry, settings};
use crate::status::status;
use crate::text::{maybe, text, texts};
use proptest::collection::vec;
use proptest::prelude::*;
use secret::{AccessToken, MountToken, RefreshToken};
use wire::{
    Certificate, Code, Filesystem, Filesystems, Finding, Level, LoggedIn, LongLived, MountGrant, Pair,
    Reached, Refusal, Response, Server, Token, Verdict, Whoami,
};

pub(crate) fn response() -> BoxedStrategy<Response> {
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
