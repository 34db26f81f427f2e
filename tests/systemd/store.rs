//! What a daemon finds in the manager's store is judged before it is used.

use crate::{SERVICE, log_in, profile, somebody, token_file};
use e2e::Cluster;
use e2e::systemd::{Shell, Units, UserManager};
use serde_json::{Value, json};
use std::time::Duration;

/// Puts descriptors into the store in the place of the daemon: arguments are pairs of a name and what is stored under it.
/// `good`, `newer`, `damaged`, `short` and `unsealed` are entries with the body in $BODY; `foreign` is none.
const PLANTER: &str = r#"
import array, fcntl, hashlib, os, socket, struct, sys, time
body = os.environ["BODY"].encode()
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(text, *descriptors):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    notify.sendmsg([text.encode()], rights, 0, os.environ["NOTIFY_SOCKET"])
for name, kind in zip(sys.argv[1::2], sys.argv[2::2]):
    version = 2 if kind == "newer" else 1
    entry = b"wekatok\n" + struct.pack("<II", version, len(body)) + hashlib.sha256(body).digest() + body
    if kind == "damaged":
        entry = entry[:-3] + b"xyz"
    if kind == "short":
        entry = entry[:20]
    if kind == "foreign":
        entry = b"something else"
    file = os.memfd_create(name, os.MFD_ALLOW_SEALING)
    os.write(file, entry)
    if kind != "unsealed":
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, 15)
    say(f"FDSTORE=1\nFDNAME={name}", file)
say("READY=1")
time.sleep(1000)
"#;

/// Starts the service with these entries in its store, and waits until the real daemon has them.
fn plant(manager: &UserManager, body: &Value, entries: &[&str]) {
    manager.write("planter.py".as_ref(), PLANTER);
    let drop_in = format!(
        "[Service]\nExecStart=\nExecStart=python3 %h/planter.py {}\nEnvironment='BODY={body}'\n",
        entries.join(" ")
    );
    manager.drop_in(SERVICE, "planter", &drop_in);
    manager.systemctl(&["start", SERVICE]).ok();
    let stored = manager.show(SERVICE, "NFileDescriptorStore");
    assert_eq!(stored, (entries.len() / 2).to_string());
    manager.write_unit(&format!("{SERVICE}.d/planter.conf"), "");
    manager.systemctl(&["restart", SERVICE]).ok();
}

/// A state as version 1 of the form has it, which every later daemon has to read.
fn state(cluster: &Cluster, pair: &Value) -> Value {
    json!({
        "account": {"endpoints": [cluster.endpoint()], "org": "Root", "username": "alice"},
        "pair": {
            "access_token": pair["access_token"],
            "refresh_token": pair["refresh_token"],
            "token_type": "Bearer",
            "sent_at_ms": boot_time_ms(),
            "life_ms": 80_000_000,
        },
        "remembered": {"logged_out_at": null, "locked_until": null, "refused": null},
        "stored_unix_s": 7,
    })
}

/// CLOCK_BOOTTIME: it goes on while the machine sleeps, as does the uptime.
fn boot_time_ms() -> u64 {
    let uptime = std::fs::read_to_string("/proc/uptime").expect("the kernel says");
    let seconds: f64 = uptime.split_whitespace().next().and_then(|text| text.parse().ok()).expect("seconds");
    Duration::from_secs_f64(seconds).as_millis().try_into().expect("a number")
}

/// A user whose daemon does not run, the pair of a login elsewhere, and the cluster that it is of.
fn a_pair() -> Option<(UserManager, Value, Cluster)> {
    let cluster = Cluster::start(&[]);
    let manager = somebody()?;
    log_in(&manager, &cluster, &["--token-file"]).ok();
    let pair = token_file(&manager);
    manager.systemctl(&["stop", SERVICE]).ok();
    std::fs::remove_file(manager.home().token_file()).expect("it can be removed");
    manager.configure(&profile("default", &cluster, ""));
    Some((manager, pair, cluster))
}

#[test]
fn an_older_daemons_state_is_taken_over() {
    let Some((manager, pair, cluster)) = a_pair() else { return };
    let before = cluster.log().len();
    // The highest number is the latest, whatever else is there.
    let entries = ["state.default.9", "damaged", "state.default.7", "good", "state.default.10", "short"];
    plant(&manager, &state(&cluster, &pair), &entries);
    assert_eq!(manager.weka_token(&["get"]).ok(), pair["access_token"].as_str().unwrap());
    assert_eq!(cluster.log().len(), before, "a request to the cluster");
    manager.weka_token(&["refresh"]).ok();
    assert_eq!(manager.show(SERVICE, "NFileDescriptorStore"), "1");
}

#[test]
fn what_is_newer_damaged_or_not_sealed_is_refused_in_a_line_each_and_dropped() {
    let Some((manager, pair, cluster)) = a_pair() else { return };
    let before = cluster.log().len();
    for kind in ["newer", "damaged", "short", "unsealed", "foreign"] {
        plant(&manager, &state(&cluster, &pair), &["state.default.7", kind]);
        manager.weka_token(&["get"]).refused(4);
        let log = manager.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains("state.default.7")).collect();
        assert_eq!(lines.len(), 1, "{kind}: {log}");
        manager.until(SERVICE, "NFileDescriptorStore", |count| count == "0");
        for secret in ["access_token", "refresh_token"] {
            assert!(!log.contains(pair[secret].as_str().unwrap()), "{kind}: {log}");
        }
        manager.systemctl(&["stop", SERVICE]).ok();
        std::fs::remove_file(manager.home().path().join("weka-tokend.log")).unwrap();
    }
    assert_eq!(cluster.log().len(), before, "a request to the cluster");
}

#[test]
fn a_newer_daemons_state_is_no_hindrance_where_there_is_a_token_file() {
    let Some((manager, pair, cluster)) = a_pair() else { return };
    manager.write(&manager.home().token_file(), &pair.to_string());
    plant(&manager, &state(&cluster, &pair), &["state.default.7", "newer"]);
    assert!(cluster.honours(&manager.weka_token(&["get"]).ok()));
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn tokens_of_another_account_are_not_used() {
    let Some((manager, pair, cluster)) = a_pair() else { return };
    let mut other = state(&cluster, &pair);
    other["account"]["username"] = "bob".into();
    plant(&manager, &other, &["state.default.7", "good"]);
    manager.weka_token(&["get"]).refused(4);
}

#[test]
fn a_token_that_has_run_out_in_the_meantime_is_renewed_and_not_handed_out() {
    let Some((manager, pair, cluster)) = a_pair() else { return };
    let mut old = state(&cluster, &pair);
    old["pair"]["sent_at_ms"] = 1.into();
    old["pair"]["life_ms"] = 1.into();
    plant(&manager, &old, &["state.default.7", "good"]);
    let token = manager.weka_token(&["get"]).ok();
    assert!(token != pair["access_token"].as_str().unwrap() && cluster.honours(&token));
    assert_eq!((cluster.logins().len(), cluster.refreshes().len()), (1, 1));
}

#[test]
fn a_descriptor_that_is_none_of_ours_does_not_stay() {
    let Some((manager, pair, cluster)) = a_pair() else { return };
    plant(&manager, &state(&cluster, &pair), &["stranger", "foreign", "state.default.7", "good"]);
    assert_eq!(manager.weka_token(&["get"]).ok(), pair["access_token"].as_str().unwrap());
    manager.until(SERVICE, "NFileDescriptorStore", |count| count == "1");
    assert_eq!(manager.log().matches("stranger").count(), 1);
}

#[test]
fn a_store_that_is_full_costs_no_token_and_is_said_where_it_does() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    // No room for a new state beside the old one.
    manager.drop_in(SERVICE, "small", "[Service]\nFileDescriptorStoreMax=1\n");
    log_in(&manager, &cluster, &[]).ok();
    manager.weka_token(&["refresh"]).ok();
    assert_eq!(manager.show(SERVICE, "NFileDescriptorStore"), "1");
    manager.signal("KILL");
    assert!(cluster.honours(&manager.weka_token(&["get"]).ok()), "{}", manager.log());
    assert_eq!((cluster.logins().len(), cluster.refreshes().len()), (1, 1));
    assert!(!manager.log().contains("FileDescriptorStoreMax"), "{}", manager.log());
    // Nor is there room for another profile.
    log_in(&manager, &cluster, &["-p", "other"]).ok();
    e2e::until("the line that says so", || {
        let log = manager.log();
        log.contains("other: a restart would lose its tokens").then_some(())?;
        log.contains("FileDescriptorStoreMax=").then_some(())
    });
}
