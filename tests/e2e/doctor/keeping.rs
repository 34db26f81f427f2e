//! What `weka-token doctor` finds of what is kept: token files, sinks, and secrets in memory.

use super::{configured, doctor, one, says};
use crate::{LoggedIn, login, profile, read_json, renew, token_file};
use e2e::{Cluster, Daemon, Home, until};
use nix::sys::signal::Signal;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use wire::State;

/// A home whose default profile keeps the usual token file, as WEKA's own tool has left it.
fn adopted(cluster: &Cluster) -> (Home, Daemon) {
    let home = Home::new();
    home.write(&home.token_file(), &crate::weka_user_login(cluster, "alice", "Alice-Pass1"));
    home.configure(&profile("default", cluster, ""));
    fs::set_permissions(home.token_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == State::Ready);
    (home, daemon)
}

fn sink(path: &Path, keys: &str) -> String {
    format!("[[profile.default.sink]]\npath = {path:?}\n{keys}\n")
}

#[test]
fn a_token_file_that_was_open_to_others_breaks_off_is_no_file_or_cannot_be_written() {
    let cluster = Cluster::start(&[]);
    let (home, daemon) = adopted(&cluster);
    let (found, status) = doctor(&home);
    says(one(&found, "token-file", "warn"), "mode 0644", "chmod 600");
    assert_eq!(status, 0, "{found:#?}");
    home.run(&["refresh", "--timeout", "1m"]).ok();
    until("it is private again", || (crate::mode(&home.token_file()) == 0o600).then_some(()));
    daemon.until("no note", |profile| profile.notes.is_empty());
    says(one(&doctor(&home).0, "token-file", "ok"), "fresh", "");
    fs::write(home.token_file(), "{").unwrap();
    daemon.until("the file is seen", |profile| profile.notes.iter().any(|note| note.contains("breaks off")));
    let (found, status) = doctor(&home);
    says(one(&found, "token-file", "warn"), "breaks off", "");
    assert_eq!(status, 0, "the next pair is written over it: {found:#?}");
    fs::remove_file(home.token_file()).unwrap();
    fs::create_dir(home.token_file()).unwrap();
    daemon.until("the folder is seen", |profile| profile.notes.iter().any(|note| note.contains("folder")));
    let (found, status) = doctor(&home);
    says(one(&found, "token-file", "bad"), "it is a folder", "");
    assert_eq!(status, 1);
}

#[test]
fn a_profile_without_a_token_file() {
    let it = LoggedIn::to(Cluster::start(&[]));
    says(one(&doctor(&it.home).0, "token-file", "ok"), "none at", "");
    let it = LoggedIn::configured(Cluster::start(&[]), "token_file = \"\"");
    says(one(&doctor(&it.home).0, "token-file", "ok"), "in memory only", "");
}

#[test]
fn another_program_that_uses_up_the_refresh_token() {
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let (home, daemon) = adopted(&cluster);
    home.run(&["refresh", "--timeout", "1m"]).ok();
    one(&doctor(&home).0, "other-writers", "ok");
    // It keeps the new pair to itself, and then writes it down.
    let theirs = renew(&home, &cluster, &read_json(&home.token_file())).unwrap();
    home.run(&["refresh", "--timeout", "20s"]).refused(4);
    says(one(&doctor(&home).0, "other-writers", "warn"), "refused before its time", "session = \"own\"");
    fs::write(home.token_file(), token_file(&theirs, &json!({}))).unwrap();
    daemon.until("ready", |profile| profile.state == State::Ready);
    let (found, status) = doctor(&home);
    says(one(&found, "other-writers", "bad"), "used up the refresh token", "session = \"own\"");
    assert_eq!(status, 1);
}

#[test]
fn sinks_that_only_a_person_can_mend_were_two_names_and_a_number_in_the_one_place_that_should_name_all() {
    let home = Home::new();
    let at = |name: &str| home.path().join(name);
    fs::create_dir(at("open")).unwrap();
    fs::set_permissions(at("open"), fs::Permissions::from_mode(0o777)).unwrap();
    home.write("notes.txt".as_ref(), "buy milk\n");
    home.write("file".as_ref(), "");
    let large = "x".repeat(300_000);
    home.write("large".as_ref(), &large);
    for folder in ["folder", "denied"] {
        fs::create_dir(at(folder)).unwrap();
    }
    let mut cases = vec![
        (at("open/sink"), "", "others can write to", "chmod go-w"),
        (at("missing/sink"), "", "there is no folder", "mkdir"),
        (at("file/sink"), "", "is not a folder", "move it away"),
        (at("folder"), "", "not a regular file", "move it away"),
        (at("notes.txt"), "", "holds no token", "move it away"),
        (at("large"), "", "too large", "move it away"),
        (at("group"), "mode = \"0640\"\ngroup = \"4242424\"", "not in group", "SupplementaryGroups"),
        (at("none"), "mode = \"0640\"\ngroup = \"nobody-knows\"", "no group nobody-knows", "groupadd"),
    ];
    if e2e::is_root("doctor and a sink in another user's folder") {
        fs::create_dir(at("theirs")).unwrap();
        std::os::unix::fs::chown(at("theirs"), Some(12345), None).unwrap();
        cases.push((at("theirs/sink"), "", "belongs to uid 12345", "the daemon's own"));
    }
    let sound = sink(&at("sound"), "");
    let sinks: String = cases.iter().map(|(path, keys, ..)| sink(path, keys)).collect();
    let cluster = Cluster::start(&[]);
    home.configure(&(profile("default", &cluster, "") + &sound + &sinks));
    let it = LoggedIn::in_home(home, cluster, "alice", "Alice-Pass1");
    let names = |found: &[serde_json::Value]| {
        found.iter().filter(|it| it["check"] == "sink" && it["level"] == "bad").count()
    };
    until("all are found", || (names(&doctor(&it.home).0) == cases.len()).then_some(()));
    let (found, status) = doctor(&it.home);
    assert_eq!(status, 1);
    for (path, _, words, remedy) in &cases {
        let path = path.to_str().unwrap();
        let is_it = |it: &&serde_json::Value| it["message"].as_str().unwrap().contains(&format!("{path}:"));
        let finding = found.iter().find(is_it).unwrap_or_else(|| panic!("{path}: {found:#?}"));
        says(finding, words, remedy);
    }
    // `status` has a few words for all of them, and says who has more.
    let shown = it.home.run(&["status"]).ok();
    let more =
        format!("{} more sinks are not as they should be either; run: weka-token doctor", cases.len() - 2);
    assert!(shown.contains(&more), "{shown}");
    // Mended, they are kept, without a word from anybody.
    it.home.configure(&(profile("default", &it.cluster, "") + &sound));
    it.daemon.signal(Signal::SIGHUP);
    it.daemon.until("no note", |profile| profile.notes.is_empty());
    let (found, status) = doctor(&it.home);
    says(one(&found, "sink", "ok"), "nothing is wrong with any (of 1)", "");
    assert_eq!(status, 0, "{found:#?}");
}

#[test]
fn sinks_without_end_are_named_as_far_as_an_answer_goes() {
    let home = Home::new();
    // Long, and so not many: each takes one of the inotify instances that a user has, and that other tests need, too.
    let folder = home.path().join([&"a-folder-that-is-not-there".repeat(9)[..]; 6].join("/"));
    let sinks: String = (0..30).map(|n| sink(&folder.join(format!("sink-{n:03}")), "")).collect();
    let cluster = Cluster::start(&[]);
    home.configure(&(profile("default", &cluster, "") + &sinks));
    let it = LoggedIn::in_home(home, cluster, "alice", "Alice-Pass1");
    until("all are found", || {
        let (found, _) = doctor(&it.home);
        let named = found.iter().filter(|it| it["check"] == "sink").count();
        let rest = found.iter().find(|it| it["check"] == "profile")?["message"].as_str()?.to_owned();
        assert!(named > 10, "{named}");
        rest.contains(&format!("{} more things", 30 - named)).then_some(())
    });
}

#[test]
fn a_sink_that_room_mends_needs_nobody() {
    if !e2e::is_root("doctor and a sink without room") {
        return;
    }
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    fs::create_dir(home.path().join("full")).unwrap();
    home.configure(&(profile("default", &cluster, "") + &sink(&home.path().join("full/token"), "")));
    let mut command = home.command("unshare");
    let script = "mount -t tmpfs -o size=16k,mode=755 tmpfs full; head -c 20000 /dev/zero > full/filler 2>/dev/null; exec \"$0\"";
    command.args(["--mount", "sh", "-c", script]).arg(e2e::binaries::path("weka-tokend"));
    let daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    daemon.until("it is told", |profile| profile.notes.iter().any(|note| note.contains("disk is full")));
    let (found, status) = doctor(&home);
    says(one(&found, "sink", "warn"), "disk is full", "by itself");
    assert_eq!(status, 0, "{found:#?}");
}

#[test]
fn a_sink_whose_own_session_needs_a_login() {
    let cluster = Cluster::start(&[]);
    let (home, _) = crate::password_file(&cluster, "wrong");
    let own = home.path().join("own.json");
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&(text + &sink(&own, "session = \"own\"")));
    let daemon = Daemon::start(&home);
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    daemon.until("it is refused", |profile| profile.notes.iter().any(|note| note.contains("login-required")));
    let (found, status) = doctor(&home);
    says(one(&found, "sink", "bad"), "own.json with a session of its own is login-required", "");
    assert_eq!(status, 1);
}

#[test]
fn secrets_that_could_not_be_locked_in_memory() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    // Root is held by no limit but with this capability taken away.
    let mut command = home.command("setpriv");
    command.args(["--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock", "prlimit", "--memlock=0:0"]);
    command.arg(e2e::binaries::path("weka-tokend"));
    let daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    let (found, status) = doctor(&home);
    says(one(&found, "memory", "warn"), "locked in memory (the limit is 0 KiB)", "ulimit -l");
    assert_eq!(status, 0, "{found:#?}");
    drop(daemon);
    let (home, _daemon) = configured(&profile("default", &cluster, ""));
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    one(&doctor(&home).0, "memory", "ok");
}
