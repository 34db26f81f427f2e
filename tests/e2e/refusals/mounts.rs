//! Mounts, where there is root.

use super::{Scene, line};
use crate::mount::{Host, SECURE, SPEC};
use e2e::Cluster;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn what_cannot_be_mounted() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let machine = &host.machine;
    let mut scene = Scene::new(&host.it.home).knows(&host.it.cluster);
    fs::write(machine.path("/mnt/file"), "").unwrap();
    let mut refuses = |options: &str, words: &[&str]| {
        let words = if options.is_empty() { words.to_vec() } else { [words, &["-o", options]].concat() };
        let ran = machine.run(&[&["/sbin/mount.weka-token"], &words[..]].concat());
        scene.refused(&line("mount.weka-token", &words), &ran);
    };
    refuses("_netdev,token_colour=red", &[SPEC, SECURE]);
    refuses("_netdev,token_via=pipe", &[SPEC, SECURE]);
    refuses("_netdev,auth_token_path=/root/x", &[SPEC, SECURE]);
    refuses("_netdev,token_profile=prod", &[SPEC, SECURE]);
    refuses("_netdev,token_profile=a b", &[SPEC, SECURE]);
    refuses("_netdev,token_timeout=soon", &[SPEC, SECURE]);
    refuses("_netdev,token_socket=/run/nowhere.sock,token_timeout=0", &[SPEC, SECURE]);
    refuses("_netdev,token_via=mount-token", &[SPEC, SECURE]);
    refuses("_netdev", &["weka01/", SECURE]);
    refuses("_netdev", &["weka01/a\nb", SECURE]);
    refuses("_netdev", &[SPEC, "/mnt/file"]);
    refuses("_netdev", &[SPEC, "/mnt/nowhere"]);
    refuses("", &[SPEC]);
    refuses("", &[SPEC, SECURE, "-x"]);
    refuses("", &[SPEC, SECURE, "-t", "nfs"]);
    let folder = machine.path("/run/mount.weka-token");
    symlink("/mnt", &folder).unwrap();
    refuses("_netdev", &[SPEC, SECURE]);
    fs::remove_file(&folder).unwrap();
    machine.run(&["install", "-d", "-o", "64321", "-m", "700", "/run/mount.weka-token"]).ok();
    refuses("_netdev", &[SPEC, SECURE]);
    machine.run(&["rm", "/sbin/mount.wekafs"]).ok();
    refuses("_netdev", &[SPEC, SECURE]);
    let user =
        ["setpriv", "--reuid", "64321", "--regid", "64321", "--clear-groups", "/sbin/mount.weka-token"];
    let ran = machine.run(&[&user[..], &[SPEC, SECURE]].concat());
    scene.refused("mount.weka-token weka01,weka02/secure /mnt/secure   # by a user", &ran);
    scene.is("mounts");
}

/// What was in the way was named, and not what to do about it.
#[test]
fn a_planted_folder_for_tokens_was_refused_without_a_next_step() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let folder = host.machine.path("/run/mount.weka-token");
    let says = |what: &str| {
        let failed = host.mount("_netdev", SECURE);
        assert_eq!(failed.status, 2, "{failed:#?}");
        assert!(failed.stderr.contains(what), "{failed:#?}");
        assert!(failed.stderr.contains("ls -ld /run/mount.weka-token"), "{failed:#?}");
    };
    symlink("/mnt", &folder).unwrap();
    says("/run/mount.weka-token is a link or a file, no folder");
    fs::remove_file(&folder).unwrap();
    fs::write(&folder, "").unwrap();
    says("/run/mount.weka-token is a link or a file, no folder");
    fs::remove_file(&folder).unwrap();
    host.machine.run(&["install", "-d", "-o", "64321", "-m", "700", "/run/mount.weka-token"]).ok();
    says("/run/mount.weka-token belongs to uid 64321");
}
