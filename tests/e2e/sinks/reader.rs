//! A reader of sinks, at full speed.

use super::{own, until_holds};
use crate::profile;
use e2e::{Cluster, Daemon, Home};
use serde_json::Value;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The date on which a token ends, in seconds since 1970.
fn expiry(token: &str) -> u64 {
    let payload = token.split('.').nth(1).expect("a JWT");
    let bytes = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).expect("base64url");
    let claims: Value = serde_json::from_slice(&bytes).expect("claims");
    claims["exp"].as_u64().expect("a date")
}

/// The access token in a whole pair; `None` where there is no file, as on a machine so busy that a renewal takes longer than
/// the token before it has left.
fn whole(path: &Path) -> Option<String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let pair: Value = serde_json::from_str(&text).expect("it is whole");
    assert!(pair["refresh_token"].is_string(), "{text}");
    Some(pair["access_token"].as_str().expect("a token").to_owned())
}

/// Looks at all sinks in turn, at full speed, until it is told to stop, which it also tells others when it fails.
/// Counts how often it saw another token.
fn read_at_full_speed(daemon: &Daemon, sinks: &[PathBuf], over: &AtomicBool, changes: &AtomicU64) {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let _over = Over(over);
    let mut last = vec![String::new(); sinks.len()];
    while !over.load(Ordering::Relaxed) {
        for (path, last) in sinks.iter().zip(&mut last) {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a date").as_secs();
            let Some(token) = whole(path) else { continue };
            if expiry(&token) <= now {
                // A machine may stop for longer than a token lives. Once the daemon goes on, the token goes.
                let (asked, mut turns) = (Instant::now(), 0);
                while whole(path).as_ref() == Some(&token) {
                    drop(daemon.status());
                    turns += 1;
                    let soon = turns < 200 || asked.elapsed() < Duration::from_millis(500);
                    assert!(soon, "{} holds an expired token", path.display());
                }
            }
            changes.fetch_add(u64::from(*last != token), Ordering::Relaxed);
            *last = token;
        }
    }
}

#[test]
fn a_reader_at_full_speed_through_a_thousand_renewals_never_sees_a_partial_empty_or_expired_one() {
    let names: Vec<_> =
        ["default".to_owned()].into_iter().chain((1..10).map(|it| format!("p{it}"))).collect();
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    let home = Home::new();
    home.write("password".as_ref(), "Alice-Pass1\n");
    let keys = format!("username = \"alice\"\npassword = {{ file = {:?} }}", home.path().join("password"));
    let sinks: Vec<_> = names.iter().map(|name| own(&home).join(name)).collect();
    let tables = names.iter().zip(&sinks).map(|(name, path)| {
        profile(name, &cluster, &keys) + &format!("[[profile.{name}.sink]]\npath = {path:?}\n")
    });
    home.configure(&tables.collect::<String>());
    let daemon = Daemon::start(&home);
    for path in &sinks {
        until_holds(&daemon, path, "a pair", |text| !text.is_empty());
    }
    let (over, changes) = (AtomicBool::new(false), AtomicU64::new(0));
    let enough = || cluster.count("refreshes_ok") >= 1000 && changes.load(Ordering::Relaxed) > 300;
    let renew = |name: &str| {
        while !enough() && !over.load(Ordering::Relaxed) {
            let request = wire::Request::Refresh { profile: Some(name.to_owned()), timeout_ms: 60_000 };
            let answer = daemon.ask(&request).unwrap();
            assert!(matches!(answer, wire::Response::Refreshed { .. }), "{answer:?}");
        }
    };
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_at_full_speed(&daemon, &sinks, &over, &changes));
        let callers: Vec<_> = names.iter().map(|name| scope.spawn(|| renew(name))).collect();
        let ended: Vec<_> = callers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok));
        reader.join().unwrap();
    });
    assert!(enough());
}
