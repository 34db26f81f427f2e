//! SIGHUP: a good configuration is taken over without losing a token, a bad one changes nothing.

use crate::{LoggedIn, login_with, profile};
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Profiles `kept` and `changed`, logged in.
fn two(cluster: &Cluster) -> (Home, Daemon) {
    let home = Home::new();
    home.configure(&(profile("kept", cluster, "") + &profile("changed", cluster, "")));
    let daemon = Daemon::start(&home);
    login_with(&home, cluster, "alice", "Alice-Pass1", &["-p", "kept"]).ok();
    login_with(&home, cluster, "admin", "Admin-Pass1", &["-p", "changed"]).ok();
    (home, daemon)
}

#[test]
fn a_good_one_keeps_what_is_unchanged_and_follows_what_is_not() {
    let (cluster, other) = (Cluster::start(&[]), Cluster::start(&[]));
    let (home, daemon) = two(&cluster);
    let kept = home.run(&["get", "-p", "kept"]).ok();
    let text = fs::read_to_string(home.config_file()).unwrap();
    let text = text.replace("[profile.changed]", "[profile.changed]\nrefresh_at = 0.5");
    home.configure(&(text + &profile("new", &other, "")));
    daemon.signal(Signal::SIGHUP);
    daemon
        .until_status("the new profile is there", |status| status.profiles.iter().any(|it| it.name == "new"));
    assert_eq!(home.run(&["get", "-p", "kept"]).ok(), kept);
    daemon.until_named("changed", "renewed at half of its life from now on", |it| {
        it.next_refresh_in_s.is_some_and(|left| left <= 43_200)
    });
    login_with(&home, &other, "alice", "Alice-Pass1", &["-p", "new"]).ok();
    assert!(other.honours(&home.run(&["get", "-p", "new"]).ok()));
    assert_eq!(cluster.count("logins_ok"), 2, "nobody had to log in again");
    assert_eq!(cluster.count("refreshes_ok"), 0);
}

#[test]
fn a_removed_profile_is_gone() {
    let cluster = Cluster::start(&[]);
    let (home, daemon) = two(&cluster);
    home.configure(&profile("kept", &cluster, "username = \"alice\""));
    daemon.signal(Signal::SIGHUP);
    daemon.until_status("it is gone", |status| !status.profiles.iter().any(|it| it.name == "changed"));
    home.run(&["get", "-p", "changed"]).refused(1);
    assert!(cluster.honours(&home.run(&["get", "-p", "kept"]).ok()));
}

#[test]
fn a_profile_that_moves_to_another_cluster_does_not_take_its_tokens_there() {
    let (cluster, other) = (Cluster::start(&[]), Cluster::start(&[]));
    let (home, daemon) = two(&cluster);
    home.configure(&(profile("kept", &cluster, "") + &profile("changed", &other, "username = \"admin\"")));
    daemon.signal(Signal::SIGHUP);
    daemon
        .until_named("changed", "the other endpoint", |it| it.endpoint.as_deref() == Some(other.endpoint()));
    home.run(&["refresh", "-p", "changed", "--timeout", "7s"]);
    assert_eq!(other.count("requests"), 0, "a token goes to no cluster but its own");
}

#[test]
fn a_bad_one_changes_nothing_and_status_says_so_until_it_is_mended() {
    let cluster = Cluster::start(&[]);
    let (home, daemon) = two(&cluster);
    let token = home.run(&["get", "-p", "kept"]).ok();
    let good = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&format!("{good}\n[profile.kept2]\nrefresh_at = 9.0\n"));
    daemon.signal(Signal::SIGHUP);
    daemon.until_status("the mistake is noted", |status| {
        status.daemon.notes.join("\n").contains("profile.kept2.refresh_at")
    });
    let status = home.run(&["status"]);
    assert!(status.stdout.contains("config.toml:") && status.stdout.contains("refresh_at"), "{status:?}");
    assert_eq!(daemon.status().profiles.len(), 2 + 1, "the two and the default one");
    assert_eq!(home.run(&["get", "-p", "kept"]).ok(), token);

    home.configure(&good);
    daemon.signal(Signal::SIGHUP);
    daemon.until_status("nothing is amiss", |status| status.daemon.notes.is_empty());
    assert_eq!(home.run(&["get", "-p", "kept"]).ok(), token);
}

#[test]
fn a_file_that_others_may_write_to_is_not_reloaded() {
    let cluster = Cluster::start(&[]);
    let (home, daemon) = two(&cluster);
    fs::set_permissions(home.config_file(), fs::Permissions::from_mode(0o666)).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.until_status("the advice", |status| status.daemon.notes.join("\n").contains("chmod go-w"));
    home.run(&["get", "-p", "kept"]).ok();
}

#[test]
fn many_reloads_in_a_row_lose_nothing() {
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    let (home, daemon) = two(&cluster);
    for round in 0..30 {
        daemon.signal(Signal::SIGHUP);
        if round % 5 == 0 {
            assert!(cluster.honours(&home.run(&["get", "-p", "kept"]).ok()));
        }
    }
    daemon.until_named("kept", "a renewal", |it| it.refreshes_total >= 1);
    assert!(cluster.honours(&home.run(&["get", "-p", "kept"]).ok()));
    assert_eq!(cluster.count("logins_ok"), 2);
}

#[test]
fn an_endpoint_that_is_added_or_removed_costs_no_tokens() {
    let it = LoggedIn::to(Cluster::start(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]));
    let token = it.token();
    let text = fs::read_to_string(it.home.config_file()).unwrap();
    let shorter = text.replace(&format!(", \"{}\"", it.cluster.endpoints[1]), "");
    assert_ne!(text, shorter);
    for (reloads, config) in [&shorter, &text].into_iter().enumerate() {
        it.home.configure(config);
        it.daemon.signal(Signal::SIGHUP);
        let read = "the configuration was read again";
        it.daemon.until("it is read", |_| it.daemon.log().matches(read).count() > reloads);
        assert_eq!(it.token(), token);
    }
    assert_eq!(it.cluster.count("logins_ok"), 1);
}
