//! Mounts at first use: systemd's automount units and autofs, each triggered by whoever looks into the folder.

use crate::mounts::{assert_mounted, assert_mounts_stay, assert_nothing_is_left, unattended, with_password};
use e2e::Cluster;
use e2e::skipped;
use e2e::systemd::{self, Shell, SystemManager, Units};
use e2e::until;
use std::fs;

/// Whether there is a systemd, and a kernel that can mount at first use.
pub(crate) fn is_there() -> bool {
    let kernel = fs::read_to_string("/proc/filesystems").is_ok_and(|all| all.contains("autofs"));
    if !kernel {
        skipped("mounts at first use: this kernel has no autofs");
    }
    kernel && systemd::is_there()
}

/// Looks into a folder, as an ordinary user of the host.
#[track_caller]
fn look_into(host: &SystemManager, folder: &str) {
    host.user("wren").run(&["ls", folder]).ok();
}

#[test]
fn the_automount_unit_of_the_tree_mounts_when_somebody_looks_and_again_after_it_was_idle() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = with_password(SystemManager::setup())
        .configure(&unattended("default", &cluster))
        .recorder()
        .user("wren", &[])
        .example("mnt-secure.mount", "/etc/systemd/system/mnt-secure.mount")
        .example("mnt-secure.automount", "/etc/systemd/system/mnt-secure.automount")
        .drop_in("mnt-secure.automount", "idle", "[Automount]\nTimeoutIdleSec=1s\n")
        .prepare("systemctl enable mnt-secure.automount remote-fs.target")
        .boot();
    let path = "/etc/systemd/system/mnt-secure.automount";
    let verified = host.run(&["systemd-analyze", "--man=no", "verify", path]);
    assert_eq!((verified.status, verified.stderr.as_str()), (0, ""), "{verified:#?}");
    assert_eq!(host.show("mnt-secure.automount", "SubState"), "waiting");
    assert!(host.calls().is_empty());
    for round in 1..=2 {
        look_into(&host, "/mnt/secure");
        let calls = host.calls();
        assert_eq!(calls.len(), round);
        assert!(cluster.honours(calls[round - 1].token["access_token"].as_str().unwrap_or_default()));
        host.until("mnt-secure.mount", "ActiveState", |state| state == "inactive");
    }
    assert_eq!(cluster.count("logins_ok"), 1);
    assert_nothing_is_left(&host);
}

#[test]
fn the_lines_for_fstab_of_the_tree_mount_at_boot_and_when_somebody_looks() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = with_password(SystemManager::setup())
        .configure(&unattended("default", &cluster))
        .recorder()
        .user("wren", &[])
        .example("weka-token.fstab", "/etc/fstab")
        .prepare("systemctl enable weka-tokend.socket remote-fs.target")
        .boot();
    assert_mounted(&host, "/mnt/secure", "weka01,weka02/secure");
    assert_eq!(host.show("mnt-scratch.mount", "ActiveState"), "inactive");
    assert_eq!(host.calls().len(), 1);
    look_into(&host, "/mnt/scratch");
    assert_eq!(host.calls().len(), 2);
    assert_eq!(host.calls()[1].what_and_where(), ("weka01,weka02/scratch", "/mnt/scratch"));
    assert_eq!(host.show("mnt-scratch.mount", "ActiveState"), "active");
    assert_nothing_is_left(&host);
    assert_mounts_stay(&host, &["/mnt/secure", "/mnt/scratch"]);
}

#[test]
fn autofs_mounts_each_filesystem_by_its_name_with_the_map_of_the_tree() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = with_password(SystemManager::setup())
        .configure(&unattended("default", &cluster))
        .recorder()
        .user("wren", &[])
        .example("weka-token.autofs", "/etc/auto.weka")
        .write("/etc/auto.master.d/weka.autofs", 0o644, "/weka  /etc/auto.weka  --timeout=600\n")
        .prepare("systemctl enable weka-tokend.socket autofs.service")
        .boot();
    until("autofs is there", || {
        host.run(&["mountpoint", "/weka"]).stdout.contains("is a mountpoint").then_some(())
    });
    for (number, name) in ["secure", "home"].iter().enumerate() {
        let folder = format!("/weka/{name}");
        look_into(&host, &folder);
        assert_mounted(&host, &folder, &format!("weka01,weka02/{name}"));
        let call = host.calls().swap_remove(number);
        assert_eq!(call.what_and_where(), (format!("weka01,weka02/{name}").as_str(), folder.as_str()));
        assert!(cluster.honours(call.token["access_token"].as_str().unwrap_or_default()), "{call:?}");
    }
    assert_nothing_is_left(&host);
    assert_mounts_stay(&host, &["/weka/secure", "/weka/home"]);
}
