//! What once went wrong, and must not again.

use crate::{LoggedIn, profile};
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use std::fs;

#[test]
fn a_refused_password_was_forgotten_by_a_crash_right_after_its_refusal() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write("password".as_ref(), "Old-Pass1\n");
    let keys = format!("username = \"alice\"\npassword = {{ file = {:?} }}", home.path().join("password"));
    home.configure(&profile("default", &cluster, &keys));
    for _ in 0..3 {
        let daemon = Daemon::start(&home);
        home.run(&["get", "--timeout", "8s"]).refused(4);
        daemon.kill();
    }
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_changed_user_in_the_configuration_left_the_other_users_tokens_in_use() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let text = fs::read_to_string(it.home.config_file()).unwrap();
    it.home.configure(&text.replace("alice", "admin"));
    it.daemon.signal(Signal::SIGHUP);
    it.daemon.until("the other user", |profile| profile.username.as_deref() == Some("admin"));
    let ran = it.home.run(&["get", "--timeout", "3s"]);
    assert_eq!(ran.status, 4, "these are alice's tokens, and the profile is admin's: {ran:?}");
}
