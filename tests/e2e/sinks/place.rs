//! Where a sink may be: links, folders, groups, and disks that are full.

use super::{holds_token, own, sink, until_holds, until_noted, with_sinks};
use crate::{login, mode, profile};
use e2e::{Cluster, Daemon, Home, until};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use wire::State;

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
    if !e2e::is_root("a full disk under a sink") {
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
