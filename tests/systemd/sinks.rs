//! Files for others under the shipped units: whom they are for, what they outlive, and when they go.

use crate::{SERVICE, profile, somebody};
use e2e::Cluster;
use e2e::systemd::{self, Shell, SystemManager, Units, UserManager};
use e2e::until;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where the host's service has its sinks.
const SINKS: &str = "/run/weka-token/sinks";

/// A host whose profile has sinks: for a group, for everybody, and elsewhere.
fn host(cluster: &Cluster, groups: &str) -> SystemManager {
    let sinks = format!(
        "password = {{ credential = \"weka-password\" }}\n\
         [[profile.default.sink]]\npath = \"{SINKS}/hpc.json\"\nmode = \"0640\"\ngroup = \"hpc\"\n\
         [[profile.default.sink]]\npath = \"{SINKS}/all\"\nmode = \"0644\"\ncontent = \"access\"\n\
         [[profile.default.sink]]\npath = \"/srv/weka/header\"\ncontent = \"header\"\n"
    );
    SystemManager::setup()
        .user("ann", &["hpc"])
        .user("eve", &[])
        .prepare("install -d -o weka-token -m 0755 /srv/weka")
        .configure(&profile("default", cluster, &sinks))
        .write("/etc/weka-token/password", 0o600, "Alice-Pass1\n")
        .drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:/etc/weka-token/password\n")
        .drop_in(SERVICE, "sinks", &format!("[Service]\n{groups}\n"))
        .prepare("systemctl enable weka-tokend.service")
        .boot()
}

/// A file's text, as soon as it is there.
fn read(host: &SystemManager, path: &str) -> String {
    until(path, || fs::read_to_string(host.path(path)).ok())
}

fn until_noted(host: &SystemManager, words: &str) {
    until(words, || host.user("root").weka_token(&["status"]).stdout.contains(words).then_some(()));
}

#[test]
fn the_hosts_service_writes_for_a_group_and_where_it_is_told_that_it_may() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = host(&cluster, "SupplementaryGroups=hpc");
    let token = host.user("root").weka_token(&["get"]).ok();
    assert!(read(&host, &format!("{SINKS}/hpc.json")).contains(&token));
    assert_eq!(read(&host, &format!("{SINKS}/all")).trim_end(), token);
    let (ann, eve) = (host.user("ann"), host.user("eve"));
    assert!(ann.run(&["cat", &format!("{SINKS}/hpc.json")]).ok().contains("refresh_token"));
    assert_eq!(ann.run(&["cat", &format!("{SINKS}/all")]).ok(), token);
    eve.run(&["cat", &format!("{SINKS}/hpc.json")]).refused(1);
    assert_eq!(eve.run(&["cat", &format!("{SINKS}/all")]).ok(), token);
    // Elsewhere it needs a word of the administrator's, and says which.
    until_noted(&host, "ReadWritePaths=/srv/weka");
    host.write(
        &format!("/etc/systemd/system/{SERVICE}.d/place.conf"),
        "[Service]\nReadWritePaths=/srv/weka\n",
    );
    host.systemctl(&["daemon-reload"]).ok();
    host.systemctl(&["restart", SERVICE]).ok();
    assert_eq!(read(&host, "/srv/weka/header").trim_end(), format!("Authorization: Bearer {token}"));
    eve.run(&["cat", "/srv/weka/header"]).refused(1);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_group_that_the_hosts_service_is_not_in_is_named_with_what_to_add() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = host(&cluster, "");
    until_noted(&host, "add to [Service]: SupplementaryGroups=hpc");
    let token = host.user("root").weka_token(&["get"]).ok();
    assert_eq!(read(&host, &format!("{SINKS}/all")).trim_end(), token, "the others are kept");
    assert!(!host.path(format!("{SINKS}/hpc.json")).exists());
}

#[test]
fn on_a_host_they_stay_through_restarts_and_crashes_and_go_at_a_stop() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = host(&cluster, "SupplementaryGroups=hpc\nReadWritePaths=/srv/weka");
    let paths = [format!("{SINKS}/hpc.json"), format!("{SINKS}/all"), "/srv/weka/header".to_owned()];
    let inodes = || paths.each_ref().map(|path| fs::metadata(host.path(path)).unwrap().ino());
    for path in &paths {
        read(&host, path);
    }
    let before = inodes();
    let mut pid = host.show(SERVICE, "MainPID");
    for how in
        [&["restart", SERVICE][..], &["kill", "--signal=KILL", SERVICE], &["restart", "weka-tokend.socket"]]
    {
        host.systemctl(how).ok();
        pid = host.until(SERVICE, "MainPID", |now| now != "0" && *now != pid);
        host.until(SERVICE, "SubState", |state| state == "running");
        host.user("root").weka_token(&["get"]).ok();
        assert_eq!(inodes(), before, "{how:?}: they hold the current token, so nothing is written");
    }
    // What was spoilt or deleted while no daemon ran is put right by the next one.
    let spoil = format!("[Service]\nExecStopPost=sh -c 'rm {SINKS}/all; echo > {SINKS}/hpc.json'\n");
    host.write(&format!("/run/systemd/system/{SERVICE}.d/spoil.conf"), &spoil);
    host.systemctl(&["daemon-reload"]).ok();
    host.systemctl(&["restart", SERVICE]).ok();
    let token = host.user("root").weka_token(&["get"]).ok();
    until("both are right", || {
        let right = |path: &str| fs::read_to_string(host.path(path)).is_ok_and(|text| text.contains(&token));
        paths.iter().all(|path| right(path)).then_some(())
    });
    fs::remove_file(host.path(format!("/run/systemd/system/{SERVICE}.d/spoil.conf"))).unwrap();
    host.systemctl(&["daemon-reload"]).ok();
    host.systemctl(&["stop", SERVICE]).ok();
    assert!(!host.path(SINKS).exists());
    assert!(host.path("/srv/weka/header").exists(), "elsewhere it is the administrator's");
    assert_eq!(cluster.logins().len(), 1);
}

/// A user whose profile has a sink in the runtime folder, logged in.
fn somebody_with_a_sink(cluster: &Cluster) -> Option<UserManager> {
    let manager = somebody()?;
    let path = manager.home().runtime().join("weka-token/sinks/token");
    let keys = format!("[[profile.default.sink]]\npath = {path:?}\ncontent = \"access\"\n");
    manager.configure(&profile("default", cluster, &keys));
    manager.weka_token_with(&["login", "--password-stdin", "--no-save"], "Alice-Pass1\n").ok();
    Some(manager)
}

#[test]
fn a_users_stay_through_restarts_and_crashes_and_go_at_a_stop() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_with_a_sink(&cluster) else { return };
    let path = manager.home().runtime().join("weka-token/sinks/token");
    let read = |path: &Path| fs::read_to_string(manager.path(path)).ok();
    let token = manager.weka_token(&["get"]).ok();
    until("the token", || read(&path).filter(|text| text.trim_end() == token));
    let inode = || fs::metadata(manager.path(&path)).unwrap().ino();
    let before = inode();
    for how in ["restart", "KILL", "TERM"] {
        let pid = manager.pid().to_string();
        if how == "restart" {
            manager.systemctl(&["restart", SERVICE]).ok();
        } else {
            manager.signal(how);
        }
        manager.until(SERVICE, "MainPID", |now| now != "0" && now != pid);
        manager.until(SERVICE, "SubState", |state| state == "running");
        assert_eq!((manager.weka_token(&["get"]).ok(), inode()), (token.clone(), before), "{how}");
    }
    manager.systemctl(&["stop", SERVICE]).ok();
    assert!(!manager.path(&path).exists());
    assert!(manager.path(&manager.home().socket()).exists(), "the socket stays");
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_session_of_its_own_goes_on_after_restarts_and_crashes_without_a_login() {
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let Some(manager) = somebody() else { return };
    manager.write("password".as_ref(), "Alice-Pass1\n");
    let path = manager.home().runtime().join("weka-token/sinks/own.json");
    let keys = format!(
        "password = {{ file = {:?} }}\n[[profile.default.sink]]\npath = {path:?}\nsession = \"own\"\n",
        manager.home().path().join("password")
    );
    manager.configure(&profile("default", &cluster, &keys));
    let token = manager.weka_token(&["get"]).ok();
    let read = || fs::read_to_string(manager.path(&path)).ok();
    let pair = until("the pair", read);
    assert!(!pair.contains(&token));
    for how in ["restart", "KILL"] {
        let pid = manager.pid().to_string();
        if how == "restart" {
            manager.systemctl(&["restart", SERVICE]).ok();
        } else {
            manager.signal(how);
        }
        manager.until(SERVICE, "MainPID", |now| now != "0" && now != pid);
        manager.until(SERVICE, "SubState", |state| state == "running");
        assert_eq!(
            (manager.weka_token(&["get"]).ok(), read().as_deref()),
            (token.clone(), Some(pair.as_str()))
        );
        // One state of the profile's, and one of the sink's.
        manager.until(SERVICE, "NFileDescriptorStore", |count| count == "2");
    }
    // What was deleted meanwhile comes back with the same pair.
    fs::remove_file(manager.path(&path)).unwrap();
    assert_eq!(until("the pair again", read), pair);
    assert_eq!(cluster.logins().len(), 2);
    manager.weka_token(&["logout"]).ok();
    assert!(!manager.path(&path).exists());
    manager.until(SERVICE, "NFileDescriptorStore", |count| count == "1");
}

#[test]
fn a_session_of_its_own_was_lost_at_a_crash_after_its_profile_had_got_another_name() {
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let Some(manager) = somebody() else { return };
    manager.write("password".as_ref(), "Alice-Pass1\n");
    let path = manager.home().path().join("own.json");
    let keys = format!(
        "password = {{ file = {:?} }}\n[[profile.default.sink]]\npath = {path:?}\nsession = \"own\"\n",
        manager.home().path().join("password")
    );
    manager.configure(&profile("default", &cluster, &keys));
    let token = manager.weka_token(&["get"]).ok();
    let read = || fs::read_to_string(manager.path(&path)).ok();
    let pair = until("the pair", read);
    manager.until(SERVICE, "NFileDescriptorStore", |count| count == "2");
    manager.weka_token(&["profiles", "rename", "default", "lab"]).ok();
    manager.until(SERVICE, "NFileDescriptorStore", |count| count == "2");
    let pid = manager.pid().to_string();
    manager.signal("KILL");
    manager.until(SERVICE, "MainPID", |now| now != "0" && now != pid);
    manager.until(SERVICE, "SubState", |state| state == "running");
    assert_eq!(manager.weka_token(&["get", "-p", "lab"]).ok(), token);
    fs::remove_file(manager.path(&path)).unwrap();
    assert_eq!(until("the pair again", read), pair);
    assert_eq!(cluster.logins().len(), 2);
    manager.until(SERVICE, "NFileDescriptorStore", |count| count == "2");
    // Without its sink there is nothing to keep of it, and the profile goes on.
    let text = fs::read_to_string(manager.home().config_file()).unwrap();
    manager.configure(text.split_once("[[profile.lab.sink]]").unwrap().0);
    manager.systemctl(&["reload", SERVICE]).ok();
    manager.until(SERVICE, "NFileDescriptorStore", |count| count == "1");
    assert_eq!(manager.weka_token(&["get"]).ok(), token);
}
