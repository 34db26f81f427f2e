//! Passwords from a file, a command or a credential: used once when needed, and never again once refused.

use crate::{login, password_file, profile};
use e2e::{Cluster, Daemon, Home, binaries};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use wire::State;

#[test]
fn a_file_logs_in_by_itself_once() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let (home, _file) = password_file(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    daemon.until("three renewals", |profile| profile.refreshes_total >= 4);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_command_gives_the_first_line_that_it_prints() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let script = home.path().join("show password");
    home.write(Path::new("text"), "#!/bin/sh\necho \"$1\"\necho more\n");
    binaries::copy(&home.path().join("text"), &script);
    home.configure(&profile(
        "default",
        &cluster,
        &format!("username = \"alice\"\npassword = {{ command = [{script:?}, \"Alice-Pass1\"] }}"),
    ));
    let _daemon = Daemon::start(&home);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_command_that_fails_is_named_with_what_it_said() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile(
        "default",
        &cluster,
        "username = \"alice\"\npassword = { command = [\"sh\", \"-c\", \"echo the vault is shut >&2; exit 3\"] }",
    ));
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    let profile = daemon.until("login required", |profile| profile.state == State::LoginRequired);
    let words = profile.notes.join("\n");
    assert!(words.contains("sh") && words.contains("the vault is shut"), "{words}");
    assert_eq!(cluster.count("requests"), 0);
}

#[test]
fn a_credential_comes_from_systemds_folder() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write("credentials/weka-password".as_ref(), "Alice-Pass1\n");
    home.configure(&profile(
        "default",
        &cluster,
        "username = \"alice\"\npassword = { credential = \"weka-password\" }",
    ));
    let mut command = home.weka_tokend(&[]);
    command.env("CREDENTIALS_DIRECTORY", home.path().join("credentials"));
    let daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    drop(daemon);
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    let notes = daemon.profile().notes.join("\n");
    assert!(notes.contains("LoadCredential=weka-password"), "{notes}");
}

#[test]
fn a_file_that_everybody_can_read_is_refused() {
    let cluster = Cluster::start(&[]);
    let (home, file) = password_file(&cluster, "Alice-Pass1");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    let notes = daemon.profile().notes.join("\n");
    assert!(notes.contains("chmod o-rwx"), "{notes}");
    assert_eq!(cluster.count("requests"), 0);
}

#[test]
fn a_refused_password_is_sent_once_whoever_asks_and_however_often() {
    let cluster = Cluster::start(&[]);
    let (home, _file) = password_file(&cluster, "Old-Pass1");
    let _daemon = Daemon::start(&home);
    for _ in 0..3 {
        let words = home.run(&["get", "--timeout", "30s"]).refused(4);
        assert!(!words.contains("Old-Pass1"), "{words}");
    }
    home.run(&["refresh", "--timeout", "30s"]).refused(4);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_refused_password_is_not_sent_again_after_restarts() {
    let cluster = Cluster::start(&[]);
    let (home, _file) = password_file(&cluster, "Old-Pass1");
    for _ in 0..3 {
        let daemon = Daemon::start(&home);
        home.run(&["get", "--timeout", "30s"]).refused(4);
        assert!(daemon.stop().success());
    }
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_refused_password_is_not_sent_again_by_a_reload() {
    let cluster = Cluster::start(&[]);
    let (home, _file) = password_file(&cluster, "Old-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    let config = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&format!("{config}refresh_at = 0.7\n"));
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_changed_password_is_sent_and_works() {
    let cluster = Cluster::start(&[]);
    let (home, file) = password_file(&cluster, "Old-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    home.write(&file, "Alice-Pass1\n");
    daemon.until("renewed", |_| home.run(&["get", "--timeout", "2s"]).status == 0);
    assert_eq!(cluster.logins().len(), 2);
    assert_eq!(daemon.profile().state, State::Ready);
}

#[test]
fn a_changed_password_is_sent_by_the_next_daemon() {
    let cluster = Cluster::start(&[]);
    let (home, file) = password_file(&cluster, "Old-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    assert!(daemon.stop().success());
    home.write(&file, "Alice-Pass1\n");
    let _daemon = Daemon::start(&home);
    assert!(cluster.honours(&home.run(&["get", "--timeout", "30s"]).ok()));
    assert_eq!(cluster.logins().len(), 2);
}

#[test]
fn a_persons_login_gives_a_refused_source_another_chance() {
    let cluster = Cluster::start(&[]);
    let (home, _file) = password_file(&cluster, "Later-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    // The account takes the source's password now, and the old tokens are dead.
    cluster.control(
        "POST",
        "/users",
        &serde_json::json!({"username": "alice", "password": "Later-Pass1", "role": "Regular"}),
    );
    cluster.revoke_all();
    home.run(&["refresh", "--timeout", "10s"]).ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    assert_eq!(daemon.profile().state, State::Ready);
    assert_eq!(cluster.count("logins_ok"), 2);
}

#[test]
fn revoked_tokens_are_replaced_by_one_login_without_a_person() {
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    let (home, _file) = password_file(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get"]).ok();
    cluster.revoke_all();
    cluster.until_requests("path=/api/v2/login&status=200&complete=true", 2);
    daemon.until("a live token", |_| cluster.honours(&home.run(&["get"]).ok()));
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert_eq!(cluster.logins().len(), 2);
}

#[test]
fn an_account_locked_under_a_source_is_left_alone_until_it_is_free() {
    let cluster = Cluster::start(&[]);
    cluster.fault(&serde_json::json!({"kind": "status", "status": 403, "locked_for": "8s", "count": 1}));
    let (home, _file) = password_file(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    daemon.until("locked out", |profile| profile.state == State::LockedOut);
    home.run(&["get", "--timeout", "1s"]).refused(4);
    assert_eq!(cluster.logins().len(), 1);
    daemon.until("ready by itself", |profile| profile.state == State::Ready);
    assert_eq!(cluster.logins().len(), 2);
}
