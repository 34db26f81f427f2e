//! The .deb, on a host of its own.

use super::{SERVICE, SOCKET, files, stripped};
use crate::profile;
use e2e::home::finish;
use e2e::systemd::{self, Shell, SystemManager, Units};
use e2e::{Cluster, binaries};
use serde_json::json;
use std::fs;
use std::process::Command;
use tempfile::TempDir;

/// On the host, in the place of what the harness has put there.
fn with_package(setup: systemd::system::Setup) -> (SystemManager, TempDir) {
    let packages = tempfile::tempdir().unwrap();
    let programs = stripped();
    let mut dist = Command::new(binaries::path("xtask"));
    dist.args(["dist", "--format", "deb", "--binaries"])
        .arg(programs.path())
        .arg("--out")
        .arg(packages.path());
    finish(&mut dist, "").ok();
    let host = setup
        .prepare("userdel weka-token; rm /usr/lib/sysusers.d/weka-token.conf")
        .recorder()
        .prepare("rm /usr/sbin/mount.weka-token")
        // Debian's index of all manual pages takes longer than all the rest.
        .prepare("rm -f /var/lib/man-db/auto-update")
        .boot();
    for name in ["weka-token", "weka-tokend"] {
        let path = format!("/usr/bin/{name}");
        host.run(&["umount", &path]).ok();
        host.run(&["rm", &path]).ok();
    }
    host.run(&[
        "rm",
        &format!("/usr/lib/systemd/system/{SOCKET}"),
        &format!("/usr/lib/systemd/system/{SERVICE}"),
    ])
    .ok();
    host.systemctl(&["daemon-reload"]).ok();
    let deb =
        files(packages.path()).into_iter().find(|path| path.extension().is_some_and(|kind| kind == "deb"));
    fs::copy(deb.unwrap(), host.path("/root/weka-token.deb")).unwrap();
    (host, packages)
}

#[test]
fn the_deb_enables_nothing_keeps_tokens_over_an_upgrade_and_goes_without_a_trace() {
    if !systemd::is_there() {
        return;
    }
    if Command::new("dpkg").arg("--version").output().is_err() {
        e2e::skipped("the installed .deb: there is no dpkg");
        return;
    }
    let cluster = Cluster::start(&[]);
    let (host, _packages) = with_package(SystemManager::setup().configure(&profile("default", &cluster, "")));
    let dpkg = |arguments: &[&str]| host.run(&[&["dpkg"], arguments].concat());
    dpkg(&["--install", "/root/weka-token.deb"]).ok();
    assert_eq!(dpkg(&["--verify", "weka-token"]).ok(), "");
    host.run(&["getent", "passwd", "weka-token"]).ok();
    for scope in ["--system", "--global"] {
        for unit in [SOCKET, SERVICE] {
            let state = host.systemctl(&[scope, "is-enabled", unit]);
            assert_eq!(state.stdout.trim(), "disabled", "{scope} {unit}: {state:?}");
            // Not even at the first boot of an image.
            host.systemctl(&[scope, "preset", unit]).ok();
            assert_eq!(
                host.systemctl(&[scope, "is-enabled", unit]).stdout.trim(),
                "disabled",
                "{scope} {unit}"
            );
        }
    }
    for unit in [SOCKET, SERVICE] {
        assert_eq!(host.show(unit, "ActiveState"), "inactive");
        let path = format!("/usr/lib/systemd/system/{unit}");
        let verified = host.run(&["systemd-analyze", "--man=no", "verify", &path]);
        assert_eq!((verified.status, verified.stderr.as_str()), (0, ""), "{verified:#?}");
    }
    host.systemctl(&["enable", "--now", SOCKET]).ok();
    host.systemctl(&["--global", "enable", SOCKET]).ok();
    let root = host.user("root");
    root.weka_token_with(&["login", "--user", "alice", "--password-stdin", "--no-save"], "Alice-Pass1\n")
        .ok();
    let token = root.weka_token(&["get"]).ok();
    host.run(&["mkdir", "/mnt/secure"]).ok();
    host.run(&["mount", "-t", "weka-token", "-o", "_netdev", "weka01/secure", "/mnt/secure"]).ok();
    assert_eq!(host.calls()[0].token["access_token"], token);
    let (daemon, since) = (host.show(SERVICE, "MainPID"), host.show(SOCKET, "ActiveEnterTimestampMonotonic"));
    cluster.fault(&json!({"kind": "refuse"}));
    dpkg(&["--install", "/root/weka-token.deb"]).ok();
    assert_ne!(host.show(SERVICE, "MainPID"), daemon);
    assert_eq!(host.show(SOCKET, "ActiveEnterTimestampMonotonic"), since);
    assert_eq!(root.weka_token(&["get"]).ok(), token);
    assert_eq!(cluster.count("logins_ok"), 1);
    assert_eq!(host.show("mnt-secure.mount", "ActiveState"), "active");
    host.run(&["mountpoint", "/mnt/secure"]).ok();

    dpkg(&["--purge", "weka-token"]).ok();
    for unit in [SOCKET, SERVICE] {
        assert_eq!(host.show(unit, "ActiveState"), "inactive", "{unit}");
    }
    let left =
        host.run(&["find", "/etc/systemd", "/usr", "-xdev", "-name", "*weka-token*", "-not", "-name", "*.d"]);
    assert_eq!(left.ok(), "");
    host.run(&["mountpoint", "/mnt/secure"]).ok();
    assert!(!host.path("/var/lib/weka-token").exists());
    assert!(host.path("/etc/weka-token/config.toml").exists());
}
