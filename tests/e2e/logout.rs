//! `weka-token logout`: forgotten here, and with `--revoke` at the cluster too.

use crate::{LoggedIn, login, login_with, password_file, profile, weka_user_login};
use e2e::{Cluster, Daemon, Home, binaries, is_root, until};
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use wire::State;

#[test]
fn a_logout_forgets_the_tokens_and_sends_nothing() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "3s"]));
    // Another one, of the same life, by which time is told.
    let other = Cluster::start(&["--access-ttl", "3s"]);
    login_with(&it.home, &other, "alice", "Alice-Pass1", &["-p", "other"]).ok();
    let renewed = |times: u64| {
        let so_far = it.daemon.named("other").refreshes_total;
        it.daemon.until_named("other", "renewals", |profile| profile.refreshes_total >= so_far + times);
    };
    let token = it.token();
    it.home.run(&["logout"]).ok();
    assert_eq!(it.daemon.profile().state, State::LoggedOut);
    // What was on its way just then has arrived.
    renewed(1);
    let sent = it.cluster.count("requests");
    let words = it.home.run(&["get"]).refused(4);
    assert!(words.contains("weka-token login"), "{words}");
    it.home.run(&["refresh"]).refused(4);
    assert_eq!(it.home.run(&["status"]).status, 4);
    renewed(2);
    assert_eq!(it.cluster.count("requests"), sent, "nothing is renewed any more");
    assert_ne!(it.cluster.check(&token)["standing"], "revoked", "without --revoke the cluster is not told");
    login(&it.home, &it.cluster, "alice", "Alice-Pass1").ok();
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn revoke_ends_every_session_of_the_user_at_the_cluster() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let token = it.token();
    it.home.run(&["logout", "--revoke"]).ok();
    assert_eq!(it.cluster.check(&token)["standing"], "revoked");
    it.home.run(&["get"]).refused(4);
    assert_eq!(it.cluster.requests("method=DELETE").len(), 1);
}

#[test]
fn a_regular_user_may_not_revoke_and_stays_logged_in() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.home.run(&["logout", "--revoke"]).refused(6);
    assert!(it.cluster.honours(&it.token()), "what was asked was not done, so nothing is");
}

#[test]
fn revoke_at_a_cluster_that_is_away_fails_and_changes_nothing() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.cluster.fault(&json!({"kind": "refuse"}));
    it.home.run(&["logout", "--revoke", "--timeout", "2s"]).refused(5);
    it.cluster.heal();
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn a_logout_outlives_restarts_and_leaves_source_and_file_unused() {
    let cluster = Cluster::start(&[]);
    let (home, _) = password_file(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get"]).ok();
    home.run(&["logout"]).ok();
    assert!(daemon.stop().success());
    let sent = cluster.count("requests");
    let daemon = Daemon::start(&home);
    daemon.until("still logged out", |profile| profile.state == State::LoggedOut);
    home.run(&["get", "--timeout", "3s"]).refused(4);
    assert_eq!(cluster.count("requests"), sent, "the password source is left unused");
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_token_file_newer_than_the_logout_counts_as_a_login() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == State::Ready);
    home.run(&["logout"]).ok();
    assert!(!home.token_file().exists());
    // Whole seconds are what a file's date is compared by.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    home.write(&home.token_file(), &weka_user_login(&cluster, "admin", "Admin-Pass1"));
    daemon.until("ready again", |profile| profile.state == State::Ready);
    assert_eq!(cluster.check(&home.run(&["get"]).ok())["username"], "admin");
}

#[test]
fn a_logout_without_a_login_is_no_failure() {
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    home.run(&["logout"]).ok();
    home.run(&["logout"]).ok();
}

/// A daemon that keeps its tokens on a small disk of its own, and what they are called: by the daemon, and by others.
struct SmallDisk {
    home: Home,
    daemon: Daemon,
    file: PathBuf,
    seen: PathBuf,
}

impl SmallDisk {
    /// With alice logged in, or `None` where there can be none, which one line says.
    fn with_tokens(cluster: &Cluster) -> Option<Self> {
        if !is_root("a disk that is full") {
            return None;
        }
        let home = Home::new();
        let folder = home.path().join("disk");
        fs::create_dir(&folder).unwrap();
        let file = folder.join("auth-token.json");
        home.configure(&profile("default", cluster, &format!("token_file = {file:?}")));
        let mut command = home.command("unshare");
        command.args(["--mount", "--propagation", "private", "--"]).arg(binaries::path("weka-tokend"));
        let daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
        let seen = PathBuf::from(format!("/proc/{}/root{}", daemon.pid(), file.display()));
        let it = Self { home, daemon, file, seen };
        it.mount("size=64k,mode=700");
        login(&it.home, cluster, "alice", "Alice-Pass1").ok();
        until("the file", || it.seen.exists().then_some(()));
        Some(it)
    }

    fn mount(&self, options: &str) {
        let pid = self.daemon.pid().to_string();
        let mut command = self.home.command("nsenter");
        command.args(["--mount", "--target", &pid, "mount", "-t", "tmpfs", "-o", options, "disk"]);
        assert!(command.arg(self.file.parent().unwrap()).status().unwrap().success());
    }

    /// Leaves no room on it, and waits until a pair could not be saved for that.
    fn fill(&self) -> PathBuf {
        let filler = self.seen.with_file_name("filler");
        let mut file = fs::File::create(&filler).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let is_noted = |notes: &[String]| notes.iter().any(|note| note.contains("disk is full"));
        self.daemon.until("a save has failed", |profile| is_noted(&profile.notes));
        filler
    }
}

#[test]
fn a_logout_left_an_older_pair_of_the_login_in_a_file_whose_last_save_had_failed() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let Some(it) = SmallDisk::with_tokens(&cluster) else { return };
    it.fill();
    assert!(fs::read_to_string(&it.seen).unwrap().contains("refresh_token"), "that of before");
    let said = it.home.run(&["logout"]);
    assert!(said.stderr.contains(&format!("deleted {}", it.file.display())), "{said:?}");
    said.ok();
    assert!(!it.seen.exists());
}

#[test]
fn a_logout_that_could_not_delete_the_token_file_said_that_it_had_worked() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let Some(it) = SmallDisk::with_tokens(&cluster) else { return };
    it.mount("remount,ro");
    let words = it.home.run(&["logout"]).refused(1);
    assert!(
        words.contains("are forgotten, but") && words.contains("run again: weka-token logout"),
        "{words}"
    );
    assert!(words.contains(&format!("delete {}", it.file.display())), "{words}");
    assert_eq!(it.daemon.profile().state, State::LoggedOut);
    it.mount("remount,rw");
    it.home.run(&["logout"]).ok();
    assert!(!it.seen.exists());
}

#[test]
fn a_logout_that_could_not_be_written_down_said_that_it_had_worked() {
    let cluster = Cluster::start(&[]);
    let (home, _) = password_file(&cluster, "Alice-Pass1");
    let _daemon = Daemon::start(&home);
    home.run(&["get"]).ok();
    let folder = home.path().join(".local/state/weka-token");
    let aside = home.path().join("aside");
    fs::rename(&folder, &aside).unwrap();
    home.write(&folder, "no folder\n");
    let words = home.run(&["logout"]).refused(1);
    assert!(words.contains("a restart will not know of it"), "{words}");
    assert!(words.contains("log in again with the password from file"), "{words}");
    fs::remove_file(&folder).unwrap();
    home.run(&["logout"]).ok();
}
