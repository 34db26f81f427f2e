//! Logging in: passwords, lockouts, certificates.

use super::Scene;
use crate::{LoggedIn, login, profile};
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home};
use serde_json::json;
use std::process::Stdio;

#[test]
fn nobody_gets_in() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let mut scene = Scene::new(&home).knows(&cluster);
    scene.transcript.heading("Nothing is known yet");
    scene.refuses(&["get"]);
    scene.refuses(&["login"]);
    scene.refuses(&["login", "--password-stdin"]);
    let target = ["--endpoint", cluster.endpoint(), "--fingerprint", &cluster.fingerprint];
    scene.refuses_with(&[&["login", "--password-stdin"], &target[..]].concat(), "Alice-Pass1\n");
    let alice = [&["login", "--user", "alice"], &target[..]].concat();
    scene.refuses(&alice);
    let by_stdin = [&alice[..], &["--password-stdin"]].concat();
    scene.refuses_with(&by_stdin, "\n");
    scene.refuses_with(&by_stdin, "Wrong-Pass1\n");
    scene.refuses_with(&[&by_stdin[..], &["--org", "nowhere"]].concat(), "Alice-Pass1\n");
    scene.refuses(&["login", "--endpoint", "http://weka01", "--user", "alice", "--password-stdin"]);
    scene.refuses(&["login", "--endpoint", "ftp://weka01", "--user", "alice", "--password-stdin"]);
    scene.refuses(&["login", "--endpoint", "", "--user", "alice", "--password-stdin"]);
    scene.transcript.heading("The profile is known, and nobody has logged in");
    home.configure(&profile("default", &cluster, "username = \"alice\""));
    drop(_daemon);
    let _daemon = Daemon::start(&home);
    for words in [
        &["get"][..],
        &["refresh"],
        &["whoami"],
        &["status"],
        &["filesystems"],
        &["mount-token", "secure"],
        &["generate-token"],
        &["revoke-tokens", "--yes"],
        &["exec", "--", "true"],
        &["curl", "/api/v2/cluster"],
    ] {
        scene.refuses(words);
    }
    scene.transcript.heading("The cluster is away");
    cluster.fault(&json!({"kind": "refuse"}));
    scene.refuses_with(&["login", "--password-stdin", "--timeout", "3s"], "Alice-Pass1\n");
    scene.is("logins");
}

#[test]
fn the_account_is_locked() {
    let cluster = Cluster::start(&[]);
    cluster.set(&json!({"lockout_failures": 1, "lockout_duration": "5m"}));
    let home = Home::new();
    home.configure(&profile("default", &cluster, "username = \"alice\""));
    let daemon = Daemon::start(&home);
    let mut scene = Scene::new(&home).knows(&cluster);
    for _ in 0..3 {
        login(&home, &cluster, "alice", "wrong").refused(4);
        if daemon.profile().state == wire::State::LockedOut {
            break;
        }
    }
    for words in [&["get"][..], &["refresh"], &["whoami"], &["generate-token"], &["status"]] {
        scene.refuses(words);
    }
    scene.refuses_with(&["login", "--password-stdin"], "Alice-Pass1\n");
    scene.refuses_with(&["passwd", "--password-stdin"], "Alice-Pass1\nAlice-Pass2\n");
    scene.is("lockout");
}

#[test]
fn a_certificate_is_not_trusted() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&format!(
        "[profile.default]\nendpoints = [{:?}]\nusername = \"alice\"\n",
        cluster.endpoint()
    ));
    let _daemon = Daemon::start(&home);
    let mut scene = Scene::new(&home).knows(&cluster);
    scene.refuses(&["get"]);
    scene.refuses(&["trust"]);
    scene.refuses_with(&["login", "--password-stdin"], "Alice-Pass1\n");
    let other = format!("sha256:{}", "0".repeat(64));
    scene.refuses(&["trust", "--fingerprint", &other]);
    scene.refuses(&["trust", "--ca-file", "nowhere.pem"]);
    home.write("broken.pem".as_ref(), "not a certificate\n");
    scene.refuses(&["trust", "--ca-file", "broken.pem"]);
    scene.is("trust");
}

#[test]
fn a_token_is_not_to_be_had() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "1h"]));
    let mut scene = Scene::new(&it.home).knows(&it.cluster);
    scene.refuses(&["get", "-p", "prod"]);
    scene.refuses(&["get", "--min-ttl", "2h"]);
    it.cluster.fault(&json!({"kind": "refuse"}));
    // So soon after the login the daemon does not ask at once, and has nothing to say of the cluster until it has.
    let mut refresh = it.home.weka_token(&["refresh", "--timeout", "1h"]);
    let waiting = Process::start(refresh.stderr(Stdio::null())).unwrap();
    it.daemon.until("it has asked", |profile| profile.refresh_failures_total > 0);
    drop(waiting);
    scene.refuses(&["refresh", "--timeout", "2s"]);
    scene.refuses(&["get", "--min-ttl", "1h", "--timeout", "2s"]);
    scene.refuses(&["whoami", "--timeout", "2s"]);
    scene.refuses(&["filesystems", "--timeout", "2s"]);
    scene.refuses(&["generate-token", "--timeout", "2s"]);
    it.cluster.heal();
    it.home.run(&["logout"]).ok();
    scene.refuses(&["get"]);
    scene.refuses(&["status"]);
    scene.is("tokens");
}
