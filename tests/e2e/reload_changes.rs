//! SIGHUP: what each changed key comes to, without a restart.

use crate::{LoggedIn, by_password_file, login_with, profile, read_json, weka_user_login};
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use std::fs;
use wire::State;

/// A home with a token file from elsewhere, a configuration, and a daemon.
fn with_file(cluster: &Cluster, config: &str) -> (Home, Daemon) {
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(cluster, "alice", "Alice-Pass1"));
    home.configure(config);
    let daemon = Daemon::start(&home);
    daemon.until("started", |profile| profile.state != State::Starting);
    (home, daemon)
}

fn reload(home: &Home, daemon: &Daemon, config: &str) {
    home.configure(config);
    daemon.signal(Signal::SIGHUP);
}

#[test]
fn a_fingerprint_that_is_added_ends_untrusted() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let without = format!("[profile.default]\nendpoints = {:?}\n", cluster.endpoints);
    let (home, daemon) = with_file(&cluster, &without);
    daemon.until("untrusted", |profile| profile.state == State::Untrusted);
    reload(&home, &daemon, &profile("default", &cluster, ""));
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_password_source_that_is_added_logs_in_by_itself() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write("password".as_ref(), "Alice-Pass1\n");
    home.configure(&profile("default", &cluster, "username = \"alice\""));
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    let keys = by_password_file(&home.path().join("password"));
    reload(&home, &daemon, &profile("default", &cluster, &keys));
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_token_file_that_is_named_is_written_and_one_that_is_turned_off_is_left() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    let text = fs::read_to_string(it.home.config_file()).unwrap();
    let path = it.home.path().join("kept.json");
    reload(&it.home, &it.daemon, &format!("{text}token_file = \"~/kept.json\"\n"));
    it.daemon.until("it is there", |_| path.exists());
    assert_eq!(crate::mode(&path), 0o600);
    let first = read_json(&path)["access_token"].clone();
    it.daemon.until("it is renewed", |_| read_json(&path)["access_token"] != first);

    reload(&it.home, &it.daemon, &format!("{text}token_file = \"\"\n"));
    it.daemon.until("it is kept no more", |profile| profile.token_file.is_none());
    let last = fs::read_to_string(&path).unwrap();
    let before = it.daemon.profile().refreshes_total;
    it.daemon.until("two more renewals", |profile| profile.refreshes_total >= before + 2);
    assert_eq!(fs::read_to_string(&path).unwrap(), last);
    assert_eq!(it.cluster.count("logins_ok"), 1);
}

#[test]
fn another_default_profile_answers_at_once() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&(profile("a", &cluster, "") + &profile("b", &cluster, "")));
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "a"]).ok();
    login_with(&home, &cluster, "admin", "Admin-Pass1", &["-p", "b"]).ok();
    for (name, user) in [("a", "alice"), ("b", "admin")] {
        let text = fs::read_to_string(home.config_file()).unwrap();
        let rest = text.lines().filter(|line| !line.starts_with("default_profile")).collect::<Vec<_>>();
        reload(&home, &daemon, &format!("default_profile = \"{name}\"\n{}\n", rest.join("\n")));
        daemon.until_status("another default", |status| status.daemon.default_profile == name);
        assert_eq!(cluster.check(&home.run(&["get"]).ok())["username"], user);
    }
    assert_eq!(cluster.count("logins_ok"), 2);
}

#[test]
fn a_removed_profile_that_comes_back_has_to_log_in() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let text = fs::read_to_string(it.home.config_file()).unwrap();
    let prod = text.replace("profile.default", "profile.prod");
    reload(&it.home, &it.daemon, &(text.clone() + &prod));
    it.daemon.until_status("prod is there", |status| status.profiles.iter().any(|it| it.name == "prod"));
    login_with(&it.home, &it.cluster, "alice", "Alice-Pass1", &["-p", "prod"]).ok();
    reload(&it.home, &it.daemon, &text);
    it.daemon.until_status("prod is gone", |status| !status.profiles.iter().any(|it| it.name == "prod"));
    reload(&it.home, &it.daemon, &(text.clone() + &prod));
    it.daemon.until_status("prod is back", |status| status.profiles.iter().any(|it| it.name == "prod"));
    it.home.run(&["get", "-p", "prod"]).refused(4);
    assert!(it.cluster.honours(&it.token()), "the other was never touched");
}

#[test]
fn a_login_that_was_not_saved_outlives_a_reload_of_an_unchanged_configuration() {
    let cluster = Cluster::start(&["--access-ttl", "4s"]);
    let home = Home::new();
    home.configure("# nothing yet\n");
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--no-save"]).ok();
    daemon.signal(Signal::SIGHUP);
    daemon.until("it is read", |_| daemon.log().contains("the configuration was read again"));
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    let before = daemon.profile().refreshes_total;
    daemon.until("a renewal", |profile| profile.refreshes_total > before);
    assert_eq!(daemon.profile().username.as_deref(), Some("alice"));
}
