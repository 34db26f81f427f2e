//! The token file: taken over, kept fresh, shared with every other tool that reads it.

use crate::{LoggedIn, login, login_with, mode, profile, read_json, token_file, weka_user_login};
use e2e::{Cluster, Daemon, Home};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use wire::State;

/// A home whose usual token file is as WEKA's own login leaves it.
fn with_file(cluster: &Cluster) -> Home {
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(cluster, "alice", "Alice-Pass1"));
    home.configure(&profile("default", cluster, ""));
    home
}

/// Waits until the file holds another access token than this one.
fn until_renewed(daemon: &Daemon, path: &Path, before: &Value) -> Value {
    daemon.until("the file is renewed", |_| {
        let now: Option<Value> = fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        now.is_some_and(|now| now["access_token"] != *before)
    });
    read_json(path)
}

#[test]
fn a_file_from_wekas_own_login_is_taken_over_at_start() {
    let cluster = Cluster::start(&[]);
    let home = with_file(&cluster);
    let pair = read_json(&home.token_file());
    let daemon = Daemon::start(&home);
    let token = home.run(&["get"]).ok();
    assert!(cluster.honours(&token));
    assert_eq!(token, pair["access_token"], "what still lives is used as it is");
    assert_eq!(cluster.count("logins_ok"), 1, "the one that made the file");
    assert_eq!(daemon.profile().token_file.as_deref(), home.token_file().to_str());
}

#[test]
fn the_files_of_wekas_own_profiles_are_taken_over_and_kept_fresh_each_by_one_of_ours() {
    let clusters = [Cluster::start(&[]), Cluster::start(&[])];
    let home = Home::new();
    let mut tables = String::new();
    for (name, cluster) in ["prod", "test"].into_iter().zip(&clusters) {
        let file = format!(".weka/auth-token-{name}.json");
        home.write(Path::new(&file), &weka_user_login(cluster, "alice", "Alice-Pass1"));
        tables.push_str(&profile(name, cluster, &format!("token_file = \"~/{file}\"")));
    }
    home.configure(&tables);
    let daemon = Daemon::start(&home);
    for (name, cluster) in ["prod", "test"].into_iter().zip(&clusters) {
        let path = home.path().join(format!(".weka/auth-token-{name}.json"));
        let before = read_json(&path);
        assert_eq!(home.run(&["get", "-p", name]).ok(), before["access_token"], "used as it is");
        home.run(&["refresh", "-p", name]).ok();
        let after = until_renewed(&daemon, &path, &before["access_token"]);
        assert_eq!(after["access_token"], home.run(&["get", "-p", name]).ok());
        assert_eq!(mode(&path), 0o600);
        assert_eq!(cluster.count("logins_ok"), 1, "the one that made the file");
    }
    assert!(!home.token_file().exists(), "the file of no profile is made");
}

#[test]
fn a_file_whose_access_token_has_expired_is_renewed_by_its_refresh_token() {
    let cluster = Cluster::start(&["--access-ttl", "1s"]);
    let home = with_file(&cluster);
    cluster.until_none_lives();
    cluster.set(&json!({"access_ttl": "5m"}));
    let _daemon = Daemon::start(&home);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_file_with_a_refresh_token_alone_is_enough() {
    let cluster = Cluster::start(&[]);
    let home = with_file(&cluster);
    let pair = read_json(&home.token_file());
    home.write(&home.token_file(), &json!({"refresh_token": pair["refresh_token"]}).to_string());
    let _daemon = Daemon::start(&home);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn it_is_kept_fresh_private_and_with_its_other_keys() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let home = with_file(&cluster);
    let path = home.token_file();
    let first = read_json(&path);
    let extra = json!({"comment": {"by": ["alice", 7]}, "zeta": null, "expires_in": 300});
    home.write(&path, &token_file(&first, &extra));
    let daemon = Daemon::start(&home);
    let mut pair = first;
    for _ in 0..3 {
        pair = until_renewed(&daemon, &path, &pair["access_token"]);
    }
    assert_eq!(mode(&path), 0o600);
    assert_eq!((&pair["comment"], &pair["zeta"]), (&extra["comment"], &Value::Null));
    assert!(pair.as_object().unwrap().contains_key("zeta"));
    assert_eq!(pair["token_type"], "Bearer");
    assert_eq!(cluster.check(pair["refresh_token"].as_str().unwrap())["kind"], "refresh");
    // The file and the daemon say the same.
    daemon.until("both agree", |_| home.run(&["get"]).ok() == read_json(&path)["access_token"]);
    // One that is to take its place is there for a moment.
    daemon.until("nothing is left", |_| leftovers(&path).is_empty());
}

/// What else lies in the file's folder, but for the lock.
fn leftovers(path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let names = fs::read_dir(path.parent().unwrap()).unwrap().map(|it| it.unwrap().file_name());
    names.map(|it| it.into_string().unwrap()).filter(|it| it != name && !it.contains("lock")).collect()
}

#[test]
fn a_file_that_others_could_read_is_narrowed_and_said() {
    let cluster = Cluster::start(&[]);
    let home = with_file(&cluster);
    let path = home.token_file();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let before = read_json(&path);
    let daemon = Daemon::start(&home);
    daemon.until("it is said", |profile| profile.notes.join("").contains("chmod 600"));
    home.run(&["refresh", "--timeout", "1m"]).ok();
    until_renewed(&daemon, &path, &before["access_token"]);
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn it_is_never_created_unasked() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    it.daemon.until("two renewals", |profile| profile.refreshes_total >= 2);
    assert!(!it.home.token_file().exists());
    assert!(!it.home.token_file().parent().unwrap().exists());
}

#[test]
fn once_it_appears_it_is_adopted() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn once_it_is_deleted_it_stays_away_and_the_daemon_goes_on() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let home = with_file(&cluster);
    let daemon = Daemon::start(&home);
    let before = read_json(&home.token_file());
    until_renewed(&daemon, &home.token_file(), &before["access_token"]);
    fs::remove_file(home.token_file()).unwrap();
    let before = daemon.profile().refreshes_total;
    daemon.until("three more renewals", |profile| profile.refreshes_total >= before + 3);
    assert!(!home.token_file().exists());
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn an_empty_setting_turns_it_off() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let home = with_file(&cluster);
    home.configure(&profile("default", &cluster, "token_file = \"\""));
    let before = fs::read_to_string(home.token_file()).unwrap();
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    home.run(&["get", "--timeout", "2s"]).refused(4);
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    daemon.until("two renewals", |profile| profile.refreshes_total >= 2);
    assert_eq!(fs::read_to_string(home.token_file()).unwrap(), before);
}

#[test]
fn login_with_token_file_makes_the_usual_one_in_a_private_folder() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--token-file"]).ok();
    let path = home.token_file();
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let pair = read_json(&path);
    assert_eq!(pair["token_type"], "Bearer");
    until_renewed(&daemon, &path, &pair["access_token"]);
    // From now on it is part of the profile.
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert_eq!(cluster.count("logins_ok"), 1);
}

#[test]
fn login_with_a_path_makes_that_one_also_for_another_profile() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    let options = ["-p", "prod", "--token-file", "tokens/of/prod.json"];
    login_with(&home, &cluster, "alice", "Alice-Pass1", &options).ok();
    let path = home.path().join("tokens/of/prod.json");
    assert_eq!(mode(&path), 0o600);
    assert_eq!((mode(&home.path().join("tokens")), mode(path.parent().unwrap())), (0o700, 0o700));
    until_renewed(&daemon, &path, &read_json(&path)["access_token"]);
    assert!(!home.token_file().exists());
}

#[test]
fn other_profiles_have_none_of_their_own_accord() {
    let cluster = Cluster::start(&[]);
    let home = with_file(&cluster);
    home.configure(&profile("prod", &cluster, ""));
    let daemon = Daemon::start(&home);
    let prod = daemon.until_named("prod", "login required", |it| it.state == State::LoginRequired);
    assert_eq!(prod.token_file, None);
}

#[test]
fn a_symlinks_target_is_replaced_and_the_link_stays() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let home = with_file(&cluster);
    let (path, target) = (home.token_file(), home.path().join("elsewhere/real.json"));
    fs::create_dir(target.parent().unwrap()).unwrap();
    fs::rename(&path, &target).unwrap();
    std::os::unix::fs::symlink("../elsewhere/real.json", &path).unwrap();
    let before = read_json(&target);
    let daemon = Daemon::start(&home);
    until_renewed(&daemon, &target, &before["access_token"]);
    assert_eq!(fs::read_link(&path).unwrap(), Path::new("../elsewhere/real.json"));
    assert_eq!(mode(&target), 0o600);
}

#[test]
fn it_is_replaced_whole_so_that_no_reader_sees_half_a_file() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let home = with_file(&cluster);
    let path = home.token_file();
    let inode = fs::metadata(&path).unwrap().ino();
    // A reader that has it open keeps the old pair, whole.
    let held = fs::File::open(&path).unwrap();
    let before = read_json(&path);
    let daemon = Daemon::start(&home);
    until_renewed(&daemon, &path, &before["access_token"]);
    assert_ne!(fs::metadata(&path).unwrap().ino(), inode);
    let old: Value = serde_json::from_reader(held).unwrap();
    assert_eq!(old, before);
}

#[test]
fn a_login_by_our_own_client_replaces_what_is_in_the_file() {
    let cluster = Cluster::start(&[]);
    let home = with_file(&cluster);
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == State::Ready);
    login(&home, &cluster, "admin", "Admin-Pass1").ok();
    let pair = read_json(&home.token_file());
    assert_eq!(cluster.check(pair["access_token"].as_str().unwrap())["username"], "admin");
}

#[test]
fn logout_deletes_it_if_it_holds_our_pair() {
    let cluster = Cluster::start(&[]);
    let home = with_file(&cluster);
    let _daemon = Daemon::start(&home);
    home.run(&["get"]).ok();
    home.run(&["logout"]).ok();
    assert!(!home.token_file().exists());
}

#[test]
fn logout_leaves_somebody_elses_tokens_alone() {
    let cluster = Cluster::start(&[]);
    let home = with_file(&cluster);
    let _daemon = Daemon::start(&home);
    home.run(&["get"]).ok();
    home.run(&["logout"]).ok();
    // Another user's pair from before the logout, so the daemon does not take it over.
    let theirs = weka_user_login(&cluster, "admin", "Admin-Pass1");
    let fresh = home.path().join(".weka/fresh");
    fs::write(&fresh, &theirs).unwrap();
    let file = fs::File::options().write(true).open(&fresh).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    fs::rename(&fresh, home.token_file()).unwrap();
    home.run(&["logout"]).ok();
    assert_eq!(fs::read_to_string(home.token_file()).unwrap(), theirs);
}

#[test]
fn a_read_only_file_is_renewed_and_stays_private() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    fs::set_permissions(home.token_file(), fs::Permissions::from_mode(0o400)).unwrap();
    let before = fs::read_to_string(home.token_file()).unwrap();
    let daemon = Daemon::start(&home);
    daemon.until("renewed", |_| fs::read_to_string(home.token_file()).unwrap() != before);
    assert_eq!(mode(&home.token_file()) & 0o077, 0);
}
