//! Mounts at boot: fstab and .mount units, a real mount(8), and a recorder in the place of WEKA's own mount helper.

use crate::{SERVICE, SOCKET, profile};
use e2e::Cluster;
use e2e::recorder::Call;
use e2e::systemd::system::Setup;
use e2e::systemd::{self, Shell, SystemManager, Units};
use serde_json::json;
use std::collections::BTreeMap;

const OPTIONS: &str = "_netdev,x-systemd.after=weka-tokend.socket,token_timeout=1m";

/// The password of alice as a credential of the service.
pub(crate) fn with_password(setup: Setup) -> Setup {
    setup.write("/etc/weka-token/password", 0o600, "Alice-Pass1\n").drop_in(
        SERVICE,
        "password",
        "[Service]\nLoadCredential=weka-password:/etc/weka-token/password\n",
    )
}

/// A profile that logs in by itself.
pub(crate) fn unattended(name: &str, cluster: &Cluster) -> String {
    profile(name, cluster, "password = { credential = \"weka-password\" }")
}

/// The calls by the folder that each was for.
fn by_folder(calls: &[Call]) -> BTreeMap<&str, &Call> {
    calls.iter().map(|call| (call.what_and_where().1, call)).collect()
}

#[track_caller]
pub(crate) fn assert_mounted(host: &SystemManager, folder: &str, spec: &str) {
    // Not the autofs below it, where there is one.
    let words = ["findmnt", "--noheadings", "--types", "tmpfs", "--output", "SOURCE", "--mountpoint", folder];
    let found = host.run(&words).ok();
    assert_eq!(found.trim(), spec, "{folder}");
}

/// Nothing of ours is left where private files were, and no secret is in what can be read there.
#[track_caller]
pub(crate) fn assert_nothing_is_left(host: &SystemManager) {
    let left = host.run(&["find", "/run", "-name", "*mount.weka-token*"]).ok();
    assert_eq!(left, "");
}

/// Two clusters, each with a profile of its own, that come up once somebody has asked for them in vain.
struct Late {
    clusters: [Cluster; 2],
}

impl Late {
    fn new() -> Self {
        let clusters = [Cluster::start(&[]), Cluster::start(&[])];
        for cluster in &clusters {
            cluster.fault(&json!({"kind": "status", "status": 503}));
        }
        Self { clusters }
    }

    fn configuration(&self) -> String {
        unattended("prod", &self.clusters[0]) + &unattended("research", &self.clusters[1])
    }

    /// Boots, while the clusters come up.
    fn boot(&self, setup: Setup) -> SystemManager {
        std::thread::scope(|scope| {
            for cluster in &self.clusters {
                scope.spawn(|| {
                    cluster.until_requests("path=/api/v2/login&status=503", 2);
                    cluster.heal();
                });
            }
            setup.boot()
        })
    }
}

#[test]
fn three_filesystems_of_two_profiles_are_there_after_a_boot_that_was_ahead_of_the_clusters() {
    if !systemd::is_there() {
        return;
    }
    let late = Late::new();
    let fstab = format!(
        "weka01,weka02/secure /mnt/secure weka-token {OPTIONS},token_profile=prod 0 0\n\
         weka01/home /mnt/home weka-token {OPTIONS},token_profile=prod,net=\"eth1,eth2\",num_cores=1 0 0\n\
         :/data /mnt/data weka-token ro,{OPTIONS},token_profile=research 0 0\n"
    );
    let host = with_password(SystemManager::setup())
        .configure(&late.configuration())
        .recorder()
        .write("/etc/fstab", 0o644, &fstab)
        .prepare("systemctl enable remote-fs.target weka-tokend.socket");
    let host = late.boot(host);
    let mounts =
        [("/mnt/secure", "weka01,weka02/secure"), ("/mnt/home", "weka01/home"), ("/mnt/data", ":/data")];
    for (folder, spec) in mounts {
        assert_mounted(&host, folder, spec);
    }
    let calls = host.calls();
    assert_eq!(calls.len(), 3);
    let by_folder = by_folder(&calls);
    let tokens = ["prod", "research"].map(|name| host.user("root").weka_token(&["get", "-p", name]).ok());
    for (folder, token) in [("/mnt/secure", &tokens[0]), ("/mnt/home", &tokens[0]), ("/mnt/data", &tokens[1])]
    {
        let call = by_folder[folder];
        assert_eq!(call.token["access_token"], **token, "{folder}");
        assert!(call.options().contains("_netdev") && !call.options().contains(",token_"), "{call:?}");
    }
    assert!(by_folder["/mnt/home"].options().contains("net=\"eth1,eth2\",num_cores=1"), "{calls:?}");
    // mount -a is at one with what is mounted already.
    host.run(&["mount", "-a"]).ok();
    assert_eq!(host.calls().len(), 3);
    assert!(late.clusters.iter().all(|cluster| cluster.count("logins_ok") == 1));
    assert_nothing_is_left(&host);
    assert_mounts_stay(&host, &mounts.map(|(folder, _)| folder));
}

/// Whatever becomes of the daemon and of its socket.
#[track_caller]
pub(crate) fn assert_mounts_stay(host: &SystemManager, folders: &[&str]) {
    for folder in folders {
        host.run(&["touch", &format!("{folder}/mark")]).ok();
    }
    for words in [
        &["restart", SERVICE][..],
        &["reload", SERVICE],
        &["try-restart", SERVICE],
        &["kill", "--kill-who=main", "--signal=KILL", SERVICE],
        &["daemon-reload"],
        &["restart", SOCKET],
        &["stop", SERVICE],
        &["stop", SOCKET],
        &["start", SOCKET],
    ] {
        host.systemctl(words).ok();
        for folder in folders {
            host.run(&["test", "-e", &format!("{folder}/mark")]).ok();
        }
    }
}

#[test]
fn a_service_that_mounts_everything_at_boot_need_not_know_of_the_daemon() {
    if !systemd::is_there() {
        return;
    }
    let late = Late::new();
    let list = "weka01,weka02/secure /mnt/secure weka-token _netdev,token_timeout=1m,token_profile=prod 0 0\n\
                weka01/home /mnt/home weka-token _netdev,token_timeout=1m,token_profile=prod 0 0\n\
                data /mnt/data weka-token ro,_netdev,token_timeout=1m,token_profile=research 0 0\n";
    let service = "[Unit]\nBefore=remote-fs.target\n[Service]\nType=oneshot\n\
                   ExecStart=mount -a -T /etc/weka.fstab\n[Install]\nWantedBy=multi-user.target\n";
    let host = with_password(SystemManager::setup())
        .configure(&late.configuration())
        .recorder()
        .write("/etc/weka.fstab", 0o644, list)
        .write("/etc/systemd/system/mount-all.service", 0o644, service)
        .prepare("mkdir /mnt/secure /mnt/home /mnt/data")
        .prepare("systemctl enable mount-all.service weka-tokend.socket");
    let host = late.boot(host);
    assert_mounted(&host, "/mnt/secure", "weka01,weka02/secure");
    assert_mounted(&host, "/mnt/home", "weka01/home");
    // The name of a filesystem, as persistent clients have it.
    assert_mounted(&host, "/mnt/data", "data");
    assert_eq!(host.show("mount-all.service", "Result"), "success");
    assert_eq!(host.show("mnt-secure.mount", "ActiveState"), "active");
    assert_nothing_is_left(&host);
    assert_mounts_stay(&host, &["/mnt/secure", "/mnt/home", "/mnt/data"]);
}

#[test]
fn the_unit_of_the_tree_is_up_at_boot_and_stays() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = with_password(SystemManager::setup())
        .configure(&unattended("default", &cluster))
        .recorder()
        .example("mnt-secure.mount", "/etc/systemd/system/mnt-secure.mount")
        .prepare("systemctl enable mnt-secure.mount remote-fs.target")
        .boot();
    // Nobody has enabled the socket: the mount wants it.
    assert_eq!(host.show(SOCKET, "ActiveState"), "active");
    assert_mounted(&host, "/mnt/secure", "weka01,weka02/secure");
    let [call] = host.calls().try_into().expect("one call");
    assert!(cluster.honours(call.token["access_token"].as_str().unwrap_or_default()), "{call:?}");
    assert_nothing_is_left(&host);
    let path = "/etc/systemd/system/mnt-secure.mount";
    let verified = host.run(&["systemd-analyze", "--man=no", "verify", path]);
    assert_eq!((verified.status, verified.stderr.as_str()), (0, ""), "{verified:#?}");
    assert_mounts_stay(&host, &["/mnt/secure"]);
    // At shutdown it goes while there is a network, and before the daemon has to.
    for (property, wanted) in [("Before", "remote-fs.target"), ("After", "network.target"), ("After", SOCKET)]
    {
        let names = host.show("mnt-secure.mount", property);
        assert!(names.split_whitespace().any(|name| name == wanted), "{property}={names}");
    }
    host.systemctl(&["stop", "mnt-secure.mount"]).ok();
    assert_eq!(host.run(&["mountpoint", "--quiet", "/mnt/secure"]).status, 32);
}

#[test]
fn a_mount_that_cannot_be_had_fails_with_a_sentence_and_leaves_all_else_alone() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let line =
        "weka01/secure /mnt/secure weka-token noauto,_netdev,token_timeout=2s,token_profile=other 0 0\n";
    let host = SystemManager::setup()
        .configure(&(profile("default", &cluster, "") + &profile("other", &cluster, "")))
        .recorder()
        .write("/etc/fstab", 0o644, line)
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    let failed = host.systemctl(&["start", "mnt-secure.mount"]);
    assert_ne!(failed.status, 0, "{failed:#?}");
    host.run(&["journalctl", "--sync"]).ok();
    let log = host.run(&["journalctl", "--no-pager", "--output=cat", "--unit", "mnt-secure.mount"]).ok();
    assert!(
        log.contains("mount.weka-token: weka01/secure on /mnt/secure: profile other needs a login"),
        "{log}"
    );
    assert!(log.contains("run: weka-token login -p other"), "{log}");
    assert!(host.calls().is_empty());
    assert_eq!(host.show(SERVICE, "ActiveState"), "active");
    assert_nothing_is_left(&host);
    // With what it asked for, it can be had.
    let login = ["login", "-p", "other", "--password-stdin", "--no-save"];
    host.user("root").weka_token_with(&login, "Alice-Pass1\n").ok();
    host.run(&["mount", "/mnt/secure"]).ok();
    assert_mounted(&host, "/mnt/secure", "weka01/secure");
}
