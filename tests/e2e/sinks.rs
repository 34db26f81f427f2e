//! Files that are kept fresh for others: what stands in them, whom they are for, and when they go.

use crate::{LoggedIn, login, mode, profile, read_json, token_file};
use e2e::systemd::until;
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use wire::State;

/// The daemon's own folder for sinks.
fn own(home: &Home) -> PathBuf {
    home.runtime().join("weka-token/sinks")
}

/// A sink's table.
fn sink(path: &Path, keys: &str) -> String {
    format!("[[profile.default.sink]]\npath = {path:?}\n{keys}\n")
}

/// Alice's daemon, with sinks.
fn with_sinks(cluster: Cluster, home: Home, keys: &str, sinks: &[String]) -> LoggedIn {
    home.configure(&(profile("default", &cluster, keys) + &sinks.concat()));
    LoggedIn::in_home(home, cluster, "alice", "Alice-Pass1")
}

/// Waits until a file's content is as wanted.
fn until_holds(daemon: &Daemon, path: &Path, what: &str, wanted: impl Fn(&str) -> bool) -> String {
    until(&format!("{what} in {}: {:?}", path.display(), daemon.profile().notes), || {
        fs::read_to_string(path).ok().filter(|text| wanted(text))
    })
}

/// Waits until a path holds nothing, not even a link.
fn until_gone(daemon: &Daemon, path: &Path) {
    until(&format!("{} is gone: {:?}", path.display(), daemon.profile().notes), || {
        fs::symlink_metadata(path).err()
    });
}

/// Waits for a note with all these words.
fn until_noted(daemon: &Daemon, words: &[&str]) {
    daemon.until(&words.join(" ... "), |profile| {
        profile.notes.iter().any(|note| words.iter().all(|word| note.contains(word)))
    });
}

fn holds_token(token: &str) -> impl Fn(&str) -> bool {
    let token = token.to_owned();
    move |text| text.trim_end() == token
}

#[test]
fn each_holds_what_it_says_with_its_mode_and_follows_every_renewal() {
    let home = Home::new();
    let (pair, access, header) =
        (own(&home).join("pair.json"), own(&home).join("deep/access"), home.path().join("header"));
    let sinks = [
        sink(&pair, ""),
        sink(&access, "mode = \"0644\"\ncontent = \"access\""),
        sink(&header, "mode = \"0640\"\ncontent = \"header\""),
    ];
    let it = with_sinks(Cluster::start(&[]), home, "", &sinks);
    for _ in 0..3 {
        let token = it.token();
        until_holds(&it.daemon, &access, "the token", |text| text == format!("{token}\n"));
        until_holds(&it.daemon, &header, "the header", |text| {
            text == format!("Authorization: Bearer {token}\n")
        });
        until_holds(&it.daemon, &pair, "the pair", |text| text.contains(&token));
        let held = read_json(&pair);
        assert_eq!((&held["token_type"], held.as_object().unwrap().len()), (&json!("Bearer"), 3));
        assert_eq!(it.cluster.check(held["refresh_token"].as_str().unwrap())["kind"], "refresh");
        assert_eq!((mode(&pair), mode(&access), mode(&header)), (0o600, 0o644, 0o640));
        it.home.run(&["refresh", "--timeout", "1m"]).ok();
        assert_ne!(it.token(), token);
    }
    assert_eq!((mode(&own(&it.home)), mode(access.parent().unwrap())), (0o755, 0o755));
    assert_eq!(it.daemon.profile().notes, [""; 0]);
    // A file that is to take another's place is there for a moment.
    let names = |folder: &Path| fs::read_dir(folder).unwrap().count();
    until("nothing is left beside them", || {
        ((names(&own(&it.home)), names(access.parent().unwrap())) == (2, 1)).then_some(())
    });
    // The usual token file is none of theirs.
    assert!(!it.home.token_file().exists());
}

/// The date on which a token ends, in seconds since 1970.
fn expiry(token: &str) -> u64 {
    let payload = token.split('.').nth(1).expect("a JWT");
    let bytes = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).expect("base64url");
    let claims: Value = serde_json::from_slice(&bytes).expect("claims");
    claims["exp"].as_u64().expect("a date")
}

/// The access token in a whole pair; `None` where there is no file, as on a machine so busy that a renewal takes longer than
/// the token before it has left.
fn whole(path: &Path) -> Option<String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let pair: Value = serde_json::from_str(&text).expect("it is whole");
    assert!(pair["refresh_token"].is_string(), "{text}");
    Some(pair["access_token"].as_str().expect("a token").to_owned())
}

/// Looks at all sinks in turn, at full speed, until it is told to stop, which it also tells others when it fails.
/// Counts how often it saw another token.
fn read_at_full_speed(daemon: &Daemon, sinks: &[PathBuf], over: &AtomicBool, changes: &AtomicU64) {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let _over = Over(over);
    let mut last = vec![String::new(); sinks.len()];
    while !over.load(Ordering::Relaxed) {
        for (path, last) in sinks.iter().zip(&mut last) {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a date").as_secs();
            let Some(token) = whole(path) else { continue };
            if expiry(&token) <= now {
                // A machine may stop for longer than a token lives. Once the daemon goes on, the token goes.
                let (asked, mut turns) = (Instant::now(), 0);
                while whole(path).as_ref() == Some(&token) {
                    drop(daemon.status());
                    turns += 1;
                    let soon = turns < 200 || asked.elapsed() < Duration::from_millis(500);
                    assert!(soon, "{} holds an expired token", path.display());
                }
            }
            changes.fetch_add(u64::from(*last != token), Ordering::Relaxed);
            *last = token;
        }
    }
}

#[test]
fn a_reader_at_full_speed_through_a_thousand_renewals_never_sees_a_partial_empty_or_expired_one() {
    let names: Vec<_> =
        ["default".to_owned()].into_iter().chain((1..10).map(|it| format!("p{it}"))).collect();
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    let home = Home::new();
    home.write("password".as_ref(), "Alice-Pass1\n");
    let keys = format!("username = \"alice\"\npassword = {{ file = {:?} }}", home.path().join("password"));
    let sinks: Vec<_> = names.iter().map(|name| own(&home).join(name)).collect();
    let tables = names.iter().zip(&sinks).map(|(name, path)| {
        profile(name, &cluster, &keys) + &format!("[[profile.{name}.sink]]\npath = {path:?}\n")
    });
    home.configure(&tables.collect::<String>());
    let daemon = Daemon::start(&home);
    for path in &sinks {
        until_holds(&daemon, path, "a pair", |text| !text.is_empty());
    }
    let (over, changes) = (AtomicBool::new(false), AtomicU64::new(0));
    let enough = || cluster.count("refreshes_ok") >= 1000 && changes.load(Ordering::Relaxed) > 300;
    let renew = |name: &str| {
        while !enough() && !over.load(Ordering::Relaxed) {
            let request = wire::Request::Refresh { profile: Some(name.to_owned()), timeout_ms: 60_000 };
            let answer = daemon.ask(&request).unwrap();
            assert!(matches!(answer, wire::Response::Refreshed { .. }), "{answer:?}");
        }
    };
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_at_full_speed(&daemon, &sinks, &over, &changes));
        let callers: Vec<_> = names.iter().map(|name| scope.spawn(|| renew(name))).collect();
        let ended: Vec<_> = callers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok));
        reader.join().unwrap();
    });
    assert!(enough());
}

#[test]
fn a_dead_token_is_not_left_in_it_and_the_next_one_comes_back() {
    let home = Home::new();
    let (inside, outside) = (own(&home).join("pair.json"), home.path().join("token"));
    let sinks = [sink(&inside, ""), sink(&outside, "content = \"access\"")];
    let it = with_sinks(Cluster::start(&["--access-ttl", "3s"]), home, "", &sinks);
    until_holds(&it.daemon, &outside, "a token", |text| !text.is_empty());
    it.cluster.fault(&json!({"kind": "refuse"}));
    for path in [&inside, &outside] {
        until_gone(&it.daemon, path);
    }
    it.cluster.heal();
    let token = it.token();
    until_holds(&it.daemon, &outside, "a live token", |text| !text.is_empty());
    assert!(it.cluster.honours(&token));
    until_holds(&it.daemon, &inside, "a live pair", |text| text.contains("refresh_token"));
}

#[test]
fn with_the_daemon_goes_what_is_in_its_own_folder_and_nothing_else() {
    let home = Home::new();
    let (inside, outside) = (own(&home).join("token"), home.path().join("token"));
    let keys = "content = \"access\"";
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&inside, keys), sink(&outside, keys)]);
    let token = it.token();
    for path in [&inside, &outside] {
        until_holds(&it.daemon, path, "the token", holds_token(&token));
    }
    let LoggedIn { home, daemon, cluster } = it;
    assert!(daemon.stop().success());
    assert!(!inside.exists());
    assert_eq!(fs::read_to_string(&outside).unwrap().trim_end(), token);
    // The next daemon knows nobody's password; the token that was left may be used for as long as it lives.
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    assert!(cluster.honours(fs::read_to_string(&outside).unwrap().trim_end()));
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    let token = home.run(&["get"]).ok();
    for path in [&inside, &outside] {
        until_holds(&daemon, path, "the new token", holds_token(&token));
    }
    // One that is killed leaves both.
    daemon.kill();
    assert!(inside.exists() && outside.exists());
}

#[test]
fn what_a_daemon_that_was_killed_has_left_goes_when_its_token_dies() {
    let home = Home::new();
    let (pair, header) = (own(&home).join("pair"), own(&home).join("header"));
    let sinks = [sink(&pair, ""), sink(&header, "content = \"header\"")];
    let it = with_sinks(Cluster::start(&["--access-ttl", "3s"]), home, "", &sinks);
    until_holds(&it.daemon, &header, "a header", |text| !text.is_empty());
    until_holds(&it.daemon, &pair, "a pair", |text| !text.is_empty());
    let LoggedIn { home, daemon, cluster } = it;
    daemon.kill();
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    for path in [&pair, &header] {
        until_gone(&daemon, path);
    }
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_logout_deletes_them_all_before_it_is_answered() {
    let home = Home::new();
    let (inside, outside) = (own(&home).join("pair.json"), home.path().join("token"));
    let sinks = [sink(&inside, ""), sink(&outside, "content = \"access\"")];
    let it = with_sinks(Cluster::start(&[]), home, "", &sinks);
    for path in [&inside, &outside] {
        until_holds(&it.daemon, path, "a token", |text| !text.is_empty());
    }
    it.home.run(&["logout"]).ok();
    assert!(!inside.exists() && !outside.exists());
    login(&it.home, &it.cluster, "alice", "Alice-Pass1").ok();
    let token = it.token();
    until_holds(&it.daemon, &outside, "the new token", holds_token(&token));
    until_holds(&it.daemon, &inside, "the new pair", |text| text.contains(&token));
}

#[test]
fn a_reload_moves_changes_and_deletes_them() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let file = |name: &str| home.path().join(name);
    let (a, b, c) = (file("a"), file("b"), file("c"));
    let keys = "content = \"access\"";
    let table = profile("default", &cluster, "");
    let configure = |sinks: &[String]| home.configure(&(table.clone() + &sinks.concat()));
    configure(&[sink(&a, keys), sink(&b, keys)]);
    let daemon = Daemon::start(&home);
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    let token = home.run(&["get"]).ok();
    for path in [&a, &b] {
        until_holds(&daemon, path, "the token", holds_token(&token));
    }
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let before = inode(&b);
    configure(&[sink(&b, keys), sink(&c, "content = \"header\"")]);
    daemon.signal(Signal::SIGHUP);
    until_gone(&daemon, &a);
    until_holds(&daemon, &c, "the header", |text| text == format!("Authorization: Bearer {token}\n"));
    assert_eq!(inode(&b), before, "what has not changed is left alone");
    configure(&[sink(&b, "content = \"header\"\nmode = \"0640\""), sink(&c, "mode = \"0640\"")]);
    daemon.signal(Signal::SIGHUP);
    until_holds(&daemon, &b, "the header", |text| text.starts_with("Authorization: "));
    until_holds(&daemon, &c, "the pair", |text| text.contains("refresh_token"));
    assert_eq!((mode(&b), mode(&c)), (0o640, 0o640));
    home.configure(&profile("other", &cluster, ""));
    daemon.signal(Signal::SIGHUP);
    for path in [&b, &c] {
        until_gone(&daemon, path);
    }
}

#[test]
fn failing_ones_that_a_reload_took_out_were_said_to_be_kept_again() {
    let home = Home::new();
    let (missing, notes) = (home.path().join("missing/token"), home.path().join("notes.txt"));
    home.write(&notes, "buy milk\n");
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&missing, ""), sink(&notes, "")]);
    until_noted(&it.daemon, &["missing", "there is no folder"]);
    until_noted(&it.daemon, &["notes.txt", "holds no token"]);
    it.home.configure(&profile("default", &it.cluster, ""));
    it.daemon.signal(Signal::SIGHUP);
    it.daemon.until("no note", |profile| profile.notes.is_empty());
    assert!(it.daemon.stop().success());
    let log = fs::read_to_string(it.home.path().join("weka-tokend.log")).unwrap();
    assert!(!log.contains("kept again"), "{log}");
}

#[test]
fn another_account_takes_the_place_of_the_one_before() {
    let home = Home::new();
    let path = home.path().join("token");
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&path, "content = \"access\"")]);
    let token = it.token();
    until_holds(&it.daemon, &path, "alice's token", holds_token(&token));
    login(&it.home, &it.cluster, "admin", "Admin-Pass1").ok();
    let token = it.token();
    until_holds(&it.daemon, &path, "admin's token", holds_token(&token));
    assert_eq!(it.cluster.check(&token)["username"], "admin");
}

#[test]
fn a_link_in_its_place_is_replaced_and_never_followed() {
    let home = Home::new();
    let (target, path) = (home.path().join("precious"), own(&home).join("token"));
    home.write(&target, "precious\n");
    fs::create_dir_all(own(&home)).unwrap();
    symlink(&target, &path).unwrap();
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&path, "content = \"access\"")]);
    let token = it.token();
    until_holds(&it.daemon, &path, "the token", holds_token(&token));
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    // And again while it runs: the new link is put right at once.
    fs::remove_file(&path).unwrap();
    symlink(&target, &path).unwrap();
    until("it is a file again", || fs::symlink_metadata(&path).ok().filter(|found| found.is_file()));
    until_holds(&it.daemon, &path, "the token", holds_token(&token));
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious\n");
    fs::remove_file(&path).unwrap();
    symlink(&target, &path).unwrap();
    it.home.run(&["logout"]).ok();
    assert!(fs::symlink_metadata(&path).is_err());
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious\n");
}

#[test]
fn a_folder_that_others_can_write_to_is_refused_and_taken_once_that_is_mended() {
    let home = Home::new();
    let folder = home.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let (path, sound) = (folder.join("token"), home.path().join("sound"));
    let keys = "content = \"access\"";
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&path, keys), sink(&sound, keys)]);
    let token = it.token();
    until_holds(&it.daemon, &sound, "the token", holds_token(&token));
    until_noted(&it.daemon, &[path.to_str().unwrap(), "others can write to", "(mode 1777); choose a folder"]);
    assert!(!path.exists());
    let shown = it.home.run(&["status"]).ok();
    assert!(shown.contains("choose a folder"), "{shown}");
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let token = it.token();
    until_holds(&it.daemon, &path, "the token", holds_token(&token));
    it.daemon.until("no note", |profile| profile.notes.is_empty());
    let told =
        it.daemon.log().lines().filter(|line| line.contains("WARN") && line.contains("others can")).count();
    assert_eq!(told, 1, "a problem is logged once\n{}", it.daemon.log());
}

#[test]
fn a_missing_folder_is_named_and_used_once_it_is_there() {
    let home = Home::new();
    let path = home.path().join("later/token");
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&path, "content = \"access\"")]);
    let folder = path.parent().unwrap();
    until_noted(&it.daemon, &[path.to_str().unwrap(), &format!("mkdir {}", folder.display())]);
    fs::create_dir(folder).unwrap();
    let token = it.token();
    until_holds(&it.daemon, &path, "the token", holds_token(&token));
}

#[test]
fn a_group_that_the_daemon_is_not_in_is_refused_and_one_of_its_own_is_given() {
    let home = Home::new();
    let own_gid = nix::unistd::getegid();
    let (good, bad) = (home.path().join("good"), home.path().join("bad"));
    let sinks = [
        sink(&good, &format!("mode = \"0640\"\ngroup = \"{own_gid}\"")),
        sink(&bad, "mode = \"0640\"\ngroup = \"4242424\""),
    ];
    let it = with_sinks(Cluster::start(&[]), home, "", &sinks);
    until_holds(&it.daemon, &good, "the pair", |text| text.contains("refresh_token"));
    assert_eq!((fs::metadata(&good).unwrap().gid(), mode(&good)), (own_gid.as_raw(), 0o640));
    until_noted(&it.daemon, &["4242424", "SupplementaryGroups=4242424", "weka-tokend.service"]);
    assert!(!bad.exists());
}

#[test]
fn somebodys_work_at_a_mistyped_path_is_left_alone() {
    let home = Home::new();
    let (notes, folder) = (home.path().join("notes.txt"), home.path().join("folder"));
    home.write(&notes, "buy milk\nand bread\n");
    fs::create_dir(&folder).unwrap();
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&notes, ""), sink(&folder, "")]);
    until_noted(&it.daemon, &["notes.txt", "holds no token"]);
    until_noted(&it.daemon, &["folder", "not a regular file"]);
    it.home.run(&["logout"]).ok();
    assert_eq!(fs::read_to_string(&notes).unwrap(), "buy milk\nand bread\n");
    assert!(folder.is_dir());
}

#[test]
fn a_pair_that_a_tool_has_renewed_in_place_is_used_from_now_on() {
    let home = Home::new();
    let (shared, copy) = (own(&home).join("pair.json"), home.path().join("token"));
    let keys = "token_file = \"~/tokens.json\"";
    let sinks = [sink(&shared, ""), sink(&copy, "content = \"access\"")];
    let it = with_sinks(Cluster::start(&[]), home, keys, &sinks);
    let token = it.token();
    until_holds(&it.daemon, &shared, "the pair", |text| text.contains(&token));
    let theirs = crate::weka_user_login(&it.cluster, "alice", "Alice-Pass1");
    let theirs: Value = serde_json::from_str(&theirs).unwrap();
    // As wekalib does: truncate, then write.
    fs::write(&shared, token_file(&theirs, &json!({"password_change_required": false}))).unwrap();
    let token = theirs["access_token"].as_str().unwrap();
    until_holds(&it.daemon, &copy, "the tool's token", holds_token(token));
    assert_eq!(it.token(), token);
    until_holds(&it.daemon, &it.home.path().join("tokens.json"), "the tool's token", |text| {
        text.contains(token)
    });
    assert_eq!(read_json(&shared)["refresh_token"], theirs["refresh_token"]);
    // Ours is renewed from theirs, and its other keys stay.
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    let token = it.token();
    until_holds(&it.daemon, &shared, "our token", |text| text.contains(&token));
    assert_eq!(read_json(&shared)["password_change_required"], false);
    // An old pair that is put back is put right.
    fs::write(&shared, token_file(&theirs, &json!({}))).unwrap();
    until_holds(&it.daemon, &shared, "our token again", |text| text.contains(&token));
    assert_eq!(it.token(), token);
}

#[test]
fn one_that_was_deleted_or_spoilt_is_put_right() {
    let home = Home::new();
    let path = own(&home).join("token");
    let it = with_sinks(Cluster::start(&[]), home, "", &[sink(&path, "content = \"access\"")]);
    let token = it.token();
    until_holds(&it.daemon, &path, "the token", holds_token(&token));
    fs::remove_file(&path).unwrap();
    until_holds(&it.daemon, &path, "the token", holds_token(&token));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    until("its mode", || fs::metadata(&path).ok().filter(|found| found.mode() & 0o777 == 0o600));
    until_holds(&it.daemon, &path, "the token", holds_token(&token));
}

#[test]
fn a_full_disk_under_one_is_told_and_harms_nothing_else() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let (folder, sound) = (home.path().join("full"), home.path().join("sound"));
    fs::create_dir(&folder).unwrap();
    let (path, filler, keys) = (folder.join("token"), folder.join("filler"), "content = \"access\"");
    home.configure(&(profile("default", &cluster, "") + &sink(&path, keys) + &sink(&sound, keys)));
    let mut command = home.command("unshare");
    let script = "mount -t tmpfs -o size=16k,mode=755 tmpfs full; head -c 20000 /dev/zero > full/filler 2>/dev/null; exec \"$0\"";
    command.args(["--mount", "sh", "-c", script]).arg(e2e::binaries::path("weka-tokend"));
    let daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    let token = home.run(&["get"]).ok();
    until_holds(&daemon, &sound, "the token", holds_token(&token));
    until_noted(&daemon, &[path.to_str().unwrap(), "disk is full"]);
    assert_eq!(daemon.profile().state, State::Ready);
    let inside = |path: &Path| PathBuf::from(format!("/proc/{}/root{}", daemon.pid(), path.display()));
    fs::remove_file(inside(&filler)).unwrap();
    until_holds(&daemon, &inside(&path), "the token", holds_token(&token));
    daemon.until("no note", |profile| profile.notes.is_empty());
}
