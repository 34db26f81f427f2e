//! `weka-token curl`: the real curl against the profile's cluster, and the token nowhere else.

use crate::{LoggedIn, json, login_with, password_file};
use e2e::home::finish;
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home, Ran};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

const WHOAMI: &str = "/api/v2/users/whoami";

fn as_admin(cluster: Cluster) -> LoggedIn {
    LoggedIn::as_user(cluster, "admin", "Admin-Pass1")
}

#[track_caller]
fn is_admin(answer: &str) {
    assert_eq!(json(answer)["data"]["username"], "admin", "{answer}");
}

/// A home whose admin is logged in at a cluster that the profile knows in this way.
fn trusting(cluster: Cluster, keys: &str) -> LoggedIn {
    let home = Home::new();
    home.configure(&format!("[profile.default]\nendpoints = {:?}\n{keys}\n", cluster.endpoints));
    let daemon = Daemon::start(&home);
    home.run_with(&["login", "--user", "admin", "--password-stdin"], "Admin-Pass1\n").ok();
    LoggedIn { home, daemon, cluster }
}

#[test]
fn each_kind_of_trust_is_curls_too() {
    let pinned = as_admin(Cluster::start(&[]));
    is_admin(&pinned.home.run(&["curl", WHOAMI, "-sS"]).ok());
    let cluster = Cluster::start(&[]);
    let keys = format!("ca_file = {:?}", cluster.certificate);
    let by_file = trusting(cluster, &keys);
    is_admin(&by_file.home.run(&["curl", WHOAMI, "-sS"]).ok());
    let plain = as_admin(Cluster::plain(&[]));
    is_admin(&plain.home.run(&["curl", WHOAMI, "-sS"]).ok());
}

#[test]
fn a_pin_holds_in_curl_as_well() {
    let (cluster, other) = (Cluster::start(&[]), Cluster::start(&[]));
    let endpoints = [cluster.endpoint(), other.endpoint()];
    let home = Home::new();
    let (fingerprint, keys) = (&cluster.fingerprint, "username = \"admin\"");
    home.configure(&format!(
        "[profile.default]\nendpoints = {endpoints:?}\nfingerprint = \"{fingerprint}\"\n{keys}\n"
    ));
    let daemon = Daemon::start(&home);
    home.run_with(&["login", "--user", "admin", "--password-stdin"], "Admin-Pass1\n").ok();
    // The other one is an endpoint of the profile, and its certificate is another.
    cluster
        .fault(&serde_json::json!({"kind": "redirect", "location": format!("{}{WHOAMI}", other.endpoint())}));
    let ran = home.run(&["curl", WHOAMI, "-sSL", "--location-trusted"]);
    assert_eq!(ran.status, 90, "{ran:?}");
    assert!(other.log().is_empty(), "{:?}", other.log());
    // Asked for by name, it is found out before.
    let words = home.run(&["curl", &format!("{}{WHOAMI}", other.endpoint()), "-sS"]).refused(125);
    assert!(words.contains("is pinned") && words.contains("weka-token trust"), "{words}");
    drop(daemon);
}

#[test]
fn the_endpoint_that_answers_is_used() {
    let it = as_admin(Cluster::start(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]));
    for (away, there) in [(0, 1), (1, 0)] {
        it.cluster.heal();
        it.cluster.fault(&serde_json::json!({"kind": "refuse", "backend": away}));
        let ran = it.home.run(&["curl", WHOAMI, "-sS", "-o", "/dev/null", "-w", "%{url_effective}"]);
        assert_eq!(ran.ok(), format!("{}{WHOAMI}", it.cluster.endpoints[there]));
        // One that was asked for by name is not exchanged for another.
        let named = format!("{}{WHOAMI}", it.cluster.endpoints[away]);
        let words = it.home.run(&["curl", &named, "-sS"]).refused(125);
        assert!(words.contains("cannot be reached"), "{words}");
        is_admin(&it.home.run(&["curl", &format!("{}{WHOAMI}", it.cluster.endpoints[there]), "-sS"]).ok());
    }
    it.cluster.heal();
    it.cluster.fault(&serde_json::json!({"kind": "refuse"}));
    assert!(it.home.run(&["curl", WHOAMI, "-sS"]).refused(125).contains("cannot be reached"));
}

#[test]
fn the_token_goes_to_no_other_host() {
    let (it, other) = (as_admin(Cluster::start(&[])), Cluster::start(&[]));
    let elsewhere = format!("{}{WHOAMI}", other.endpoint());
    let words = it.home.run(&["curl", &elsewhere, "-k"]).refused(125);
    assert!(words.contains("is not an endpoint of profile default") && words.contains(it.cluster.endpoint()));
    // Neither as a further URL, nor by a redirect, whatever curl is told.
    for options in [&[elsewhere.as_str()][..], &["--url", &elsewhere], &["--next", &elsewhere]] {
        it.home.run(&[&["curl", WHOAMI, "-sk"], options].concat());
    }
    it.cluster.fault(&serde_json::json!({"kind": "redirect", "path": WHOAMI, "location": elsewhere}));
    for options in [&["-L"][..], &["-L", "--location-trusted"], &["-L", "-k", "--location-trusted"]] {
        it.home.run(&[&["curl", WHOAMI, "-s", "--max-redirs", "3"], options].concat());
    }
    assert!(other.log().is_empty(), "{:#?}", other.log());
}

#[test]
fn neither_a_curlrc_nor_a_proxy_of_the_environment_is_used() {
    let it = as_admin(Cluster::start(&[]));
    let trace = it.home.path().join("trace");
    it.home.write(".curlrc".as_ref(), &format!("trace-ascii = {trace:?}\nproxy = \"http://127.0.0.1:1\"\n"));
    let mut curl = it.home.weka_token(&["curl", WHOAMI, "-sS"]);
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        curl.env(name, "http://127.0.0.1:1");
    }
    is_admin(&finish(&mut curl, "").ok());
    assert!(!trace.exists());
    // One that was asked for is used.
    assert_eq!(it.home.run(&["curl", WHOAMI, "-sS", "-x", "http://127.0.0.1:1"]).status, 7);
}

#[test]
fn neither_argv_nor_environment_holds_the_token() {
    let it = as_admin(Cluster::start(&[]));
    let token = it.token();
    it.cluster.fault(&serde_json::json!({"kind": "hang", "path": WHOAMI}));
    let mut command = it.home.weka_token(&["curl", WHOAMI, "-sS"]);
    let mut curl = Process::start(command.stdout(Stdio::null())).unwrap();
    it.cluster.until_requests(&format!("path={WHOAMI}"), 1);
    let of = |part: &str| fs::read_to_string(format!("/proc/{}/{part}", curl.pid())).unwrap();
    let arguments = of("cmdline");
    assert!(arguments.starts_with("curl\0-q\0--config\0/proc/self/fd/"), "{arguments}");
    assert!(!arguments.contains(&token) && !of("environ").contains(&token));
    // It is curl by now, and not a child: what is sent to it reaches curl.
    curl.signal(Signal::SIGINT);
    let ended = curl.ended_within(Duration::from_secs(60)).expect("it ends");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(2));
}

#[test]
fn standard_input_is_the_callers() {
    let it = as_admin(Cluster::start(&[]));
    let body = r#"{"username": "alice", "password": "Alice-Pass1"}"#;
    let words = ["curl", "/api/v2/login", "-sS", "-H", "Content-Type: application/json", "-d", "@-"];
    let answer = it.home.run_with(&words, body).ok();
    assert!(json(&answer)["data"]["access_token"].is_string(), "{answer}");
}

#[test]
fn the_exit_status_is_curls_own_and_125_and_127_are_ours() {
    let it = as_admin(Cluster::start(&[]));
    assert_eq!(it.home.run(&["curl", "/api/v2/nothing", "-sS", "--fail"]).status, 22);
    assert_eq!(it.home.run(&["curl", WHOAMI, "--no-such-option"]).status, 2);
    assert_eq!(it.home.run(&["curl", WHOAMI, "-sS", "-p"]).status, 0, "-p behind PATH is curl's");
    for words in [
        &["curl"][..],
        &["curl", "-s", WHOAMI],
        &["curl", "api/v2/cluster"],
        &["curl", "--timeout", "x", "/"],
    ] {
        it.home.run(words).refused(125);
    }
    let empty = it.home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let without = |folder: &std::path::Path| -> Ran {
        finish(it.home.weka_token(&["curl", WHOAMI]).env("PATH", folder), "")
    };
    assert!(without(&empty).refused(127).contains("curl is not installed"));
    fs::write(empty.join("curl"), "").unwrap();
    assert!(without(&empty).refused(126).contains("cannot be run"));
    let nobody = Home::new();
    assert!(nobody.run(&["curl", WHOAMI]).refused(125).contains("no daemon"));
}

#[test]
fn a_curl_that_cannot_pin_is_not_given_a_token_to_carry_unpinned() {
    let it = as_admin(Cluster::start(&[]));
    let folder = it.home.path().join("bin");
    let curl = folder.join("curl");
    it.home.write(&curl, "#!/bin/sh\necho 'curl 8.9.0 libcurl/8.9.0 rustls-ffi/0.13.0/rustls/0.23.9'\n");
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let words = finish(it.home.weka_token(&["curl", WHOAMI]).env("PATH", path), "").refused(125);
    assert!(words.contains("rustls") && words.contains("--ca-file"), "{words}");
}

#[test]
fn the_token_is_live_through_renewals() {
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    let (home, _password) = password_file(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    let mut renewals = 0;
    while renewals < 3 {
        daemon.until("another renewal", |profile| profile.refreshes_total >= renewals);
        let ran = home.run(&["curl", WHOAMI, "-sS", "-o", "/dev/null", "-w", "%{http_code}"]);
        // On a busy machine curl may take longer than a token has left to live, which is a tenth.
        if ran.took < std::time::Duration::from_millis(300) || ran.stdout != "401" {
            assert_eq!(ran.ok(), "403", "a Regular user may not ask, and is known all the same");
            renewals += 1;
        }
    }
}

#[test]
fn another_profile_is_another_cluster() {
    let it = as_admin(Cluster::start(&[]));
    let other = Cluster::start(&[]);
    login_with(&it.home, &other, "admin", "Admin-Pass1", &["-p", "other"]).ok();
    let ran =
        it.home.run(&["curl", "-p", "other", WHOAMI, "-sS", "-o", "/dev/null", "-w", "%{url_effective}"]);
    assert_eq!(ran.ok(), format!("{}{WHOAMI}", other.endpoint()));
}
