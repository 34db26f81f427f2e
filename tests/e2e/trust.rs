//! Which certificate is trusted, and that nothing secret is sent to any other.

use crate::{LoggedIn, login_with, profile, weka_user_login};
use e2e::{Cluster, Daemon, Home};
use serde_json::{Value, json};
use std::fs;
use wire::State;

/// A home with a token file from elsewhere and a daemon that knows where the cluster is, and not its certificate.
fn untrusting(cluster: &Cluster) -> (Home, Daemon) {
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(cluster, "alice", "Alice-Pass1"));
    home.configure(&format!("[profile.default]\nendpoints = {:?}\n", cluster.endpoints));
    cluster.control("DELETE", "/log", &Value::Null);
    let daemon = Daemon::start(&home);
    (home, daemon)
}

#[test]
fn an_unknown_certificate_is_untrusted_gets_nothing_and_one_trust_settles_it() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let (home, daemon) = untrusting(&cluster);
    daemon.until("untrusted, and the file's token has expired", |profile| {
        profile.state == State::Untrusted && profile.access_expires_in_s.is_none()
    });
    let words = home.run(&["get", "--timeout", "3s"]).refused(4);
    assert!(words.contains("run: weka-token trust"), "{words}");
    let status = home.run(&["status"]);
    assert_eq!(status.status, 4);
    assert!(status.stdout.contains("untrusted") && status.stdout.contains("weka-token trust"), "{status:?}");
    assert_eq!(cluster.log(), Vec::<Value>::new(), "nothing was sent");

    home.run(&["trust", "--fingerprint", &cluster.fingerprint]).ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    assert_eq!(cluster.logins().len(), 0, "trust takes no password");
}

#[test]
fn without_a_terminal_trust_names_both_ways() {
    let cluster = Cluster::start(&[]);
    let (home, _daemon) = untrusting(&cluster);
    let words = home.run(&["trust"]).refused(4);
    assert!(words.contains(&format!("--fingerprint {}", cluster.fingerprint)), "{words}");
    assert!(words.contains("--ca-file"), "{words}");
    assert_eq!(cluster.log(), Vec::<Value>::new());
}

#[test]
fn a_wrong_fingerprint_is_refused_before_anything_is_sent() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let wrong = format!("sha256:{}", "ab".repeat(32));
    let line = [
        "login",
        "--endpoint",
        cluster.endpoint(),
        "--user",
        "alice",
        "--password-stdin",
        "--fingerprint",
        &wrong,
    ];
    let words = home.run_with(&line, "Alice-Pass1\n").refused(4);
    assert!(words.contains(&cluster.fingerprint), "it names what it saw: {words}");
    let line = ["trust", "--endpoint", cluster.endpoint(), "--fingerprint", &wrong];
    home.run(&line).refused(4);
    assert_eq!(cluster.log(), Vec::<Value>::new());
    assert!(!home.config_file().exists());
}

#[test]
fn a_ca_file_may_hold_the_servers_own_self_signed_certificate() {
    let cluster = Cluster::start(&[]);
    let (home, _daemon) = untrusting(&cluster);
    home.run(&["trust", "--ca-file", cluster.certificate.to_str().unwrap()]).ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    assert!(fs::read_to_string(home.config_file()).unwrap().contains("ca_file"));
}

#[test]
fn a_relative_ca_file_is_the_clients_and_saved_as_one_from_the_home() {
    let cluster = Cluster::start(&[]);
    let (home, _daemon) = untrusting(&cluster);
    let folder = home.path().join("certificates");
    home.write(&folder.join("ca.pem"), &fs::read_to_string(&cluster.certificate).unwrap());
    let mut command = home.weka_token(&["trust", "--ca-file", "ca.pem"]);
    e2e::home::finish(command.current_dir(&folder), "").ok();
    let config = fs::read_to_string(home.config_file()).unwrap();
    assert!(config.contains("\"~/certificates/ca.pem\""), "{config}");
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_certificate_that_a_ca_has_issued_is_trusted_by_its_ca_file() {
    let cluster = Cluster::start(&[]);
    let seen = cluster.control("POST", "/certificate", &json!({"issued_by_ca": true}));
    let home = Home::new();
    home.write("ca.pem".as_ref(), seen["ca_pem"].as_str().unwrap());
    let _daemon = Daemon::start(&home);
    let line = [
        "login",
        "--endpoint",
        cluster.endpoint(),
        "--user",
        "alice",
        "--password-stdin",
        "--ca-file",
        "ca.pem",
    ];
    home.run_with(&line, "Alice-Pass1\n").ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_certificate_of_the_systems_roots_needs_no_trust_at_all() {
    let cluster = Cluster::start(&[]);
    let pair = weka_user_login(&cluster, "alice", "Alice-Pass1");
    let seen = cluster.control("POST", "/certificate", &json!({"issued_by_ca": true}));
    let home = Home::new();
    home.write("roots.pem".as_ref(), seen["ca_pem"].as_str().unwrap());
    home.write(&home.token_file(), &pair);
    home.configure(&format!("[profile.default]\nendpoints = {:?}\n", cluster.endpoints));
    let mut command = home.weka_tokend(&[]);
    command.env("SSL_CERT_FILE", home.path().join("roots.pem"));
    let _daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_certificate_for_another_name_is_not_trusted_by_its_ca_and_is_by_its_pin() {
    let cluster = Cluster::start(&[]);
    let wish = json!({"names": ["weka01.example.com"], "issued_by_ca": true});
    refused_by_ca_and_taken_by_pin(&cluster, &wish);
}

#[test]
fn an_expired_certificate_is_not_trusted_by_its_ca_and_is_by_its_pin() {
    let cluster = Cluster::start(&[]);
    refused_by_ca_and_taken_by_pin(&cluster, &json!({"from_days": -20, "to_days": -10}));
}

fn refused_by_ca_and_taken_by_pin(cluster: &Cluster, wish: &Value) {
    let seen = cluster.control("POST", "/certificate", wish);
    let home = Home::new();
    let authority = seen["ca_pem"].as_str().or_else(|| seen["pem"].as_str()).unwrap();
    home.write("ca.pem".as_ref(), authority);
    let _daemon = Daemon::start(&home);
    let line = ["login", "--endpoint", cluster.endpoint(), "--user", "alice", "--password-stdin"];
    home.run_with(&[&line[..], &["--ca-file", "ca.pem"]].concat(), "Alice-Pass1\n").refused(4);
    assert_eq!(cluster.log(), Vec::<Value>::new(), "nothing was sent");
    let pin = seen["fingerprint"].as_str().unwrap();
    home.run_with(&[&line[..], &["--fingerprint", pin]].concat(), "Alice-Pass1\n").ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn behind_a_pin_a_changed_certificate_gets_nothing_until_a_person_has_looked() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "4s"]));
    let seen = it.cluster.control("POST", "/certificate", &json!({}));
    let pin = seen["fingerprint"].as_str().unwrap();
    assert_ne!(pin, it.cluster.fingerprint);
    let before = it.cluster.count("requests");
    let broken = it.home.run(&["refresh"]);
    assert_ne!(broken.status, 0);
    // The token still lives and may be used; what would be renewed is not.
    let served = it.home.run(&["get", "--timeout", "1s"]);
    assert!(served.status == 4 || it.cluster.honours(served.stdout.trim()), "{served:?}");
    it.daemon.until("the token has expired", |profile| profile.access_expires_in_s.is_none());
    let words = it.home.run(&["get", "--timeout", "2s"]).refused(4);
    assert!(words.contains("weka-token trust"), "{words}");
    assert_eq!(it.cluster.count("requests"), before, "nothing was sent");
    assert_eq!(it.daemon.profile().state, State::Untrusted);

    it.home.run(&["trust", "--fingerprint", pin]).ok();
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.cluster.count("logins_ok"), 1);
}

#[test]
fn trust_without_saving_holds_while_the_daemon_lives() {
    let cluster = Cluster::start(&[]);
    let (home, _daemon) = untrusting(&cluster);
    let config = fs::read_to_string(home.config_file()).unwrap();
    home.run(&["trust", "--no-save", "--fingerprint", &cluster.fingerprint]).ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    assert_eq!(fs::read_to_string(home.config_file()).unwrap(), config);
}

#[test]
fn with_no_configuration_at_all_one_trust_brings_a_token_file_to_life() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    let _daemon = Daemon::start(&home);
    home.run(&["trust", "--endpoint", cluster.endpoint(), "--fingerprint", &cluster.fingerprint]).ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_profile_of_its_own_trust_never_lends_it_to_another() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("prod", &cluster, ""));
    let _daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "prod"]).ok();
    let line = ["trust", "-p", "test", "--endpoint", cluster.endpoint()];
    home.run(&line).refused(4);
}
