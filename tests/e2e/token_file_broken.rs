//! Token files that cannot be used: named in `status`, and the daemon stays up.

use crate::{LoggedIn, at_once, login_with, profile, read_json, weka_user_login};
use e2e::{Cluster, Daemon, Home, binaries};
use nix::sys::stat::Mode;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use wire::State;

/// What is wrong, how it is made, and a word that names it.
type Case = (&'static str, fn(&Path), &'static str);

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

const CASES: [Case; 10] = [
    ("empty", |path| write(path, ""), "empty"),
    ("not JSON", |path| write(path, "<html>sign in</html>\n"), "not JSON"),
    ("broken off", |path| write(path, "{\"access_token\": \"eyJ"), "breaks off"),
    ("a list", |path| write(path, "[1, 2]"), "not an object"),
    ("no keys", |path| write(path, "{\"user\": \"alice\"}"), "access_token"),
    (
        "a number for a token",
        |path| write(path, "{\"access_token\": 7, \"refresh_token\": 8}"),
        "not a string",
    ),
    ("a directory", |path| fs::create_dir(path).unwrap(), "folder"),
    ("a dangling link", |path| symlink("nowhere.json", path).unwrap(), "nowhere.json"),
    ("a link to itself", |path| symlink("auth-token.json", path).unwrap(), "circle"),
    ("a fifo", |path| nix::unistd::mkfifo(path, Mode::S_IRWXU).unwrap(), "not a regular file"),
];

#[test]
fn each_is_named_in_status_and_a_good_one_ends_the_trouble() {
    let cluster = Cluster::start(&[]);
    let good = weka_user_login(&cluster, "alice", "Alice-Pass1");
    at_once(&CASES, |(what, make, word)| {
        let home = Home::new();
        home.configure(&profile("default", &cluster, ""));
        let path = home.token_file();
        fs::create_dir(path.parent().unwrap()).unwrap();
        make(&path);
        let daemon = Daemon::start(&home);
        let seen = daemon.until("login required", |profile| profile.state == State::LoginRequired);
        let notes = seen.notes.join("\n");
        assert!(notes.contains(word) && notes.contains(path.to_str().unwrap()), "{what}: {notes}");
        let status = home.run(&["status"]);
        assert_eq!(status.status, 4, "{what}: {status:?}");
        assert!(status.stdout.contains(word), "{what}: {status:?}");
        home.run(&["get", "--timeout", "2s"]).refused(4);

        let fresh = path.with_extension("fresh");
        fs::write(&fresh, &good).unwrap();
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        }
        fs::rename(&fresh, &path).unwrap();
        daemon.until("ready", |profile| profile.state == State::Ready && profile.notes.is_empty());
        assert!(cluster.honours(&home.run(&["get"]).ok()), "{what}");
    });
}

#[test]
fn a_good_one_that_goes_bad_is_named_and_costs_nobody_a_token() {
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    let good = weka_user_login(&cluster, "alice", "Alice-Pass1");
    at_once(&CASES, |(what, make, word)| {
        let home = Home::new();
        home.configure(&profile("default", &cluster, ""));
        let path = home.token_file();
        home.write(&path, &good);
        let daemon = Daemon::start(&home);
        let first = read_json(&path)["access_token"].clone();
        daemon.until("a renewal, and it is in the file and handed out", |_| {
            let token = home.run(&["get"]).ok();
            first != token.as_str() && token == read_json(&path)["access_token"]
        });
        fs::remove_file(&path).unwrap();
        make(&path);
        daemon.until("it is named", |profile| profile.notes.join("\n").contains(word));
        let before = daemon.profile().refreshes_total;
        daemon.until("two more renewals", |profile| {
            let ran = home.run(&["get", "--timeout", "3s"]);
            assert_eq!(ran.status, 0, "{what}: {ran:?}\n{}", daemon.log());
            profile.refreshes_total >= before + 2
        });
        assert!(cluster.honours(&home.run(&["get"]).ok()), "{what}");
    });
}

#[test]
fn an_unreadable_one_is_named_with_mode_and_owner() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    home.configure(&profile("default", &cluster, ""));
    let mut command = home.weka_tokend(&[]);
    if nix::unistd::geteuid().is_root() {
        // Root can read everything, so the daemon is somebody else, to whom all but the file belongs.
        let nobody = 65534;
        for path in [".", "run", ".weka", ".config", ".config/weka-token", ".config/weka-token/config.toml"] {
            chown(home.path().join(path), Some(nobody), Some(nobody)).unwrap();
        }
        let copy = home.path().join("weka-tokend");
        binaries::copy(&binaries::path("weka-tokend"), &copy);
        command = home.command(copy);
        command.uid(nobody).gid(nobody);
    } else {
        fs::set_permissions(home.token_file(), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    let seen = daemon.until("login required", |profile| profile.state == State::LoginRequired);
    let notes = seen.notes.join("\n");
    assert!(notes.contains("cannot be read") && notes.contains("mode 0"), "{notes}");
    assert!(notes.contains(home.token_file().to_str().unwrap()), "{notes}");
}

#[test]
fn a_file_that_cannot_be_written_is_degraded_and_named_and_gets_go_on() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    let path = it.home.path().join("tokens/taken.json");
    let option = path.to_str().unwrap();
    login_with(&it.home, &it.cluster, "alice", "Alice-Pass1", &["--token-file", option]).ok();
    // A folder in the place of the file: not even root can write there.
    fs::remove_file(&path).unwrap();
    fs::create_dir_all(path.join("full")).unwrap();
    let before = it.daemon.profile().refreshes_total;
    let seen = it.daemon.until("renewals go on", |profile| {
        profile.refreshes_total >= before + 2 && profile.state == State::Degraded
    });
    assert!(seen.notes.join("\n").contains("taken.json"), "{seen:?}");
    assert!(it.cluster.honours(&it.token()));

    fs::remove_dir_all(&path).unwrap();
    it.daemon.until("ready again", |profile| profile.state == State::Ready);
    it.daemon.until("the file is there", |_| path.exists());
    assert!(!read_json(&path)["refresh_token"].is_null());
}
