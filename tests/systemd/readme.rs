//! The README's commands for a service and for mounts, run as they stand there.

use crate::mounts::{assert_mounted, assert_nothing_is_left, unattended, with_password};
use crate::{SERVICE, log_in};
use e2e::Cluster;
use e2e::systemd::{self, Shell, SystemManager, Units, UserManager};
use std::path::Path;

fn readme() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    std::fs::read_to_string(readme).expect("the README")
}

/// The README's blocks of one kind, in order.
fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    text.split(&format!("```{kind}\n")).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_command_of_the_readme_for_a_service_does_what_it_says() {
    if !systemd::is_there() {
        return;
    }
    let readme = readme();
    let blocks = blocks(&readme, "sh service");
    assert_eq!(blocks.len(), 2, "each block is known here");
    let cluster = Cluster::start(&[]);
    let manager = UserManager::start();
    manager.write(Path::new("password.txt"), "Alice-Pass1\n");
    let certificate = std::fs::read_to_string(&cluster.certificate).expect("the cluster's certificate");
    manager.write(Path::new("ca.pem"), &certificate);
    let address = cluster.endpoint().trim_start_matches("https://");
    let mut shown = Vec::new();
    for block in blocks {
        let block = block.replace("weka01", address).replace("/etc/weka/ca.pem", "ca.pem");
        let ran = manager.run(&["sh", "-euc", &format!("cd; {block}")]);
        shown.push(ran.ok());
    }
    let first = shown[0].lines().last().unwrap_or_default();
    assert!(cluster.honours(first), "{shown:?}");
    assert!(shown[1].starts_with(first), "the restart cost no token: {shown:?}");
    assert!(shown[1].contains("StatusText=1 profile ready"), "{shown:?}");
    assert_eq!(manager.show(SERVICE, "ActiveState"), "active");
    assert_eq!(cluster.count("logins_ok"), 1);
    // And it is a daemon like any other.
    log_in(&manager, &cluster, &[]).ok();
}

#[test]
fn every_command_of_the_readme_for_mounts_does_what_it_says() {
    if !crate::mounts_at_use::is_there() {
        return;
    }
    let readme = readme();
    let (fstab, commands) = (blocks(&readme, "fstab"), blocks(&readme, "sh host"));
    let [fstab] = fstab.try_into().expect("one list of filesystems");
    let [by_hand, at_boot, units, autofs] = commands.try_into().expect("each block is known here");
    let cluster = Cluster::start(&[]);
    let documents = "/usr/share/doc/weka-token/examples";
    let mut setup = with_password(SystemManager::setup())
        .configure(&unattended("default", &cluster))
        .recorder()
        .prepare("systemctl enable weka-tokend.socket remote-fs.target");
    for name in ["mnt-secure.mount", "mnt-secure.automount", "weka-token.autofs"] {
        setup = setup.example(name, &format!("{documents}/{name}"));
    }
    let host = setup.boot();
    let run = |block: &str| host.run(&["sh", "-euc", block]);

    let shown = run(by_hand);
    assert_eq!(shown.stderr, "", "{shown:#?}");
    assert!(shown.ok().contains("weka01,weka02/secure"));
    assert!(host.run(&["findmnt", "/mnt/secure"]).stdout.is_empty());

    host.write("/etc/fstab", fstab);
    run(at_boot).ok();
    assert_mounted(&host, "/mnt/secure", "weka01,weka02/secure");
    assert_eq!(host.show("mnt-scratch.mount", "ActiveState"), "active");
    host.systemctl(&["stop", "mnt-scratch.automount", "mnt-scratch.mount", "mnt-secure.mount"]).ok();
    host.write("/etc/fstab", "");

    run(units).ok();
    assert_mounted(&host, "/mnt/secure", "weka01,weka02/secure");
    assert_eq!(host.show("mnt-secure.automount", "ActiveState"), "active");

    run(autofs).ok();
    assert_mounted(&host, "/weka/secure", "weka01,weka02/secure");
    assert_eq!(host.calls().len(), 5);
    assert!(host.calls().iter().all(|call| call.token["refresh_token"].is_string()));
    assert_eq!(cluster.count("logins_ok"), 1);
    assert_nothing_is_left(&host);
}
