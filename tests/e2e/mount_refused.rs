//! `mount -t weka-token` where it must not or cannot mount: one clear line, and nothing left.

use crate::mount::{Host, SECURE, SPEC, assert_nothing_is_left, unattended};
use e2e::Cluster;
use e2e::home::finish;
use e2e::until;
use nix::sys::signal::Signal;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

/// Far more than a mount here may wait, and less than it does where nobody says how long.
const BOUND: Duration = Duration::from_secs(25);

#[test]
fn a_mount_token_that_the_user_may_not_have_is_a_matter_of_permission() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let failed = host.mount("_netdev,token_via=mount-token", SECURE);
    assert_eq!(failed.status, 1, "{failed:#?}");
    assert!(failed.stderr.contains("role"), "{failed:#?}");
    // For all of that, it may mount.
    host.mount("_netdev", SECURE).ok();
}

#[test]
fn a_cluster_that_does_not_come_up_is_not_waited_for_for_ever() {
    let Some(host) = unattended(&json!({"kind": "refuse"})) else { return };
    let failed = host.mount("_netdev,token_timeout=2s", SECURE);
    assert_eq!(failed.status, 32, "{failed:#?}");
    assert!(failed.took < BOUND && failed.stderr.contains(host.it.cluster.endpoint()), "{failed:#?}");
    assert!(failed.stderr.contains("given up after 2 s"), "{failed:#?}");
    assert_nothing_is_left(&host.machine);
}

#[test]
fn it_never_waits_for_longer_than_it_was_told() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let refused = |options: &str, words: &[&str]| {
        let failed = host.mount(options, SECURE);
        assert_eq!(failed.status, 32, "{options}: {failed:#?}");
        assert!(failed.took < BOUND, "{failed:#?}");
        for words in words {
            assert!(failed.stderr.contains(words), "{options}: {failed:#?}");
        }
        assert_nothing_is_left(&host.machine);
        assert!(host.machine.calls().is_empty());
    };
    host.it.daemon.signal(Signal::SIGSTOP);
    refused("_netdev,token_timeout=2s", &["has not answered within 2 s", "systemctl status weka-tokend"]);
    host.it.daemon.signal(Signal::SIGCONT);
    let socket = "_netdev,token_timeout=1s,token_socket=/run/nowhere.sock";
    refused(socket, &["no socket at /run/nowhere.sock", "given up after 1 s"]);
    host.machine.run(&["umount", "/run/weka-token"]).ok();
    let next = "run: systemctl enable --now weka-tokend.socket";
    refused("_netdev,token_timeout=0", &["no socket at /run/weka-token/agent.sock", next]);
}

#[test]
fn what_is_wrong_is_one_clear_line_and_leaves_nothing() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    fs::write(host.machine.path("/mnt/file"), "").unwrap();
    let client = "/sbin/mount.weka-token";
    for (words, status, says) in [
        (
            &[SPEC, SECURE, "-o", "_netdev,token_colour=red"][..],
            1,
            "unknown mount option token_colour; known are",
        ),
        (&[SPEC, SECURE, "-o", "_netdev,token_via=pipe"], 1, "token_via=pipe: expected path or mount-token"),
        (
            &[SPEC, SECURE, "-o", "_netdev,auth_token_path=/root/x"],
            1,
            "auth_token_path= is set by weka-token itself",
        ),
        (&[SPEC, SECURE, "-o", "_netdev,token_profile=nobody"], 1, "nobody"),
        (&["weka01/", SECURE, "-o", "_netdev"], 1, "\"weka01/\" names no filesystem"),
        (&["weka01,weka02/", SECURE, "-o", "_netdev"], 1, "names no filesystem"),
        (&[":/", SECURE, "-o", "_netdev"], 1, "names no filesystem"),
        (&[SPEC], 1, "<DIR>"),
        (&[SPEC, SECURE, "-x"], 1, "unexpected argument '-x'"),
        (&[SPEC, SECURE, "-t", "nfs"], 1, "type nfs is not weka-token"),
        (&[SPEC, "/mnt/file", "-o", "_netdev"], 32, "/mnt/file is not a folder"),
        (&[SPEC, "/mnt/nowhere", "-o", "_netdev"], 32, "there is no folder /mnt/nowhere"),
    ] {
        let failed = host.machine.run(&[&[client], words].concat());
        assert_eq!((failed.status, failed.stdout.as_str()), (status, ""), "{words:?}: {failed:#?}");
        let first = failed.stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with("mount.weka-token: "), "{words:?}: {failed:#?}");
        assert!(failed.stderr.contains(says), "{words:?}: {failed:#?}");
        assert!(failed.stderr.lines().count() <= 7, "{failed:#?}");
    }
    let sloppy = host.machine.run(&[
        "mount",
        "-s",
        "-t",
        "weka-token",
        "-o",
        "_netdev,token_colour=red",
        SPEC,
        SECURE,
    ]);
    assert_eq!((sloppy.status, sloppy.stderr.as_str()), (0, ""), "{sloppy:#?}");
    host.machine.run(&["chmod", "-x", "/sbin/mount.wekafs"]).ok();
    let failed = host.mount("_netdev", SECURE);
    assert!(failed.stderr.contains("/sbin/mount.wekafs: it is not a program"), "{failed:#?}");
    host.machine.run(&["rm", "/sbin/mount.wekafs"]).ok();
    let failed = host.mount("_netdev", SECURE);
    assert_eq!(failed.status, 32, "{failed:#?}");
    assert!(failed.stderr.contains("/sbin/mount.wekafs: No such file"), "{failed:#?}");
    assert!(failed.stderr.contains("install the WEKA client"), "{failed:#?}");
    assert_nothing_is_left(&host.machine);
    assert_eq!(host.machine.calls().len(), 1);
}

#[test]
fn only_root_can_and_others_are_told_so() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let client =
        ["setpriv", "--reuid", "64321", "--regid", "64321", "--clear-groups", "/sbin/mount.weka-token"];
    let refusal = host.machine.run(&[&client[..], &[SPEC, SECURE]].concat()).refused(1);
    assert!(refusal.contains("only root can mount"), "{refusal}");
    assert!(refusal.contains("run: sudo mount -t weka-token weka01,weka02/secure /mnt/secure"), "{refusal}");
    // mount(8) is set-user-ID, and its helpers are run as whoever has called it.
    let table = host.machine.path("/mnt/fstab");
    fs::write(&table, format!("{SPEC} {SECURE} weka-token user,noauto,_netdev 0 0\n")).unwrap();
    host.machine.run(&["mount", "--bind", "/mnt/fstab", "/etc/fstab"]).ok();
    let by_user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "mount", SECURE];
    let mut command = host.machine.command(&by_user);
    let refusal = finish(command.env("WEKA_TOKEN_SOCKET", host.it.daemon.socket()), "");
    assert_eq!(refusal.status, 1, "{refusal:#?}");
    assert!(refusal.stderr.contains("only root can mount"), "{refusal:#?}");
    assert!(host.machine.calls().is_empty());
}

#[test]
fn messages_did_not_say_which_of_many_mounts_they_were_about() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let named = format!("mount.weka-token: {SPEC} on {SECURE}: ");
    let failed = host.mount("_netdev,token_colour=red", SECURE);
    assert!(failed.stderr.starts_with(&format!("{named}unknown mount option token_colour")), "{failed:#?}");
    let mounted = host.mount("ro", SECURE);
    assert!(mounted.stderr.starts_with(&format!("{named}warning: without _netdev")), "{mounted:#?}");
    // What mount(8) is to be told is an option of a mount, and nobody has to type the rest anew.
    host.machine.run(&["touch", "/run/no.sock"]).ok();
    let failed = host.mount("_netdev,token_timeout=1s,token_socket=/run/no.sock", SECURE);
    assert!(
        failed.stderr.contains("(-o token_socket=)") && !failed.stderr.contains("--socket"),
        "{failed:#?}"
    );
    let client =
        ["setpriv", "--reuid", "64321", "--regid", "64321", "--clear-groups", "/sbin/mount.weka-token"];
    let words = ["-o", "ro,token_profile=prod,net=\"a,b\"", "weka01/f", "/mnt/with space"];
    let refusal = host.machine.run(&[&client[..], &words].concat()).refused(1);
    let step = "sudo mount -t weka-token -o 'ro,token_profile=prod,net=\"a,b\"' weka01/f '/mnt/with space'";
    assert!(refusal.contains(step), "{refusal}");
}

#[test]
fn nothing_that_was_put_in_the_way_is_followed() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let machine = &host.machine;
    machine.run(&["mkdir", "-m", "777", "/mnt/elsewhere"]).ok();
    let folder = machine.path("/run/mount.weka-token");
    symlink("/mnt/elsewhere", &folder).unwrap();
    let failed = host.mount("_netdev", SECURE);
    assert_eq!(failed.status, 2, "{failed:#?}");
    assert!(
        failed.stderr.contains("no private file for the token: /run/mount.weka-token is "),
        "{failed:#?}"
    );
    fs::remove_file(&folder).unwrap();
    machine.run(&["install", "-d", "-o", "64321", "-m", "700", "/run/mount.weka-token"]).ok();
    let failed = host.mount("_netdev", SECURE);
    assert_eq!(failed.status, 2, "{failed:#?}");
    assert!(failed.stderr.contains("belongs to uid 64321"), "{failed:#?}");
    assert!(machine.calls().is_empty());
    machine.run(&["chown", "root", "/run/mount.weka-token"]).ok();
    // Too open, and with a link among what was left: it is made private, and the link stays what it is.
    machine.run(&["chmod", "755", "/run/mount.weka-token"]).ok();
    symlink("/mnt/elsewhere", folder.join("0123456789abcdef")).unwrap();
    host.mount("_netdev", SECURE).ok();
    let [call] = machine.calls().try_into().unwrap();
    assert_eq!(call.modes[0], "700 0 directory");
    assert_eq!(fs::read_dir(machine.path("/mnt/elsewhere")).unwrap().count(), 0);
}

#[test]
fn a_daemon_of_somebody_else_in_the_hosts_place_is_not_believed() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let machine = &host.machine;
    machine.run(&["umount", "/run/weka-token"]).ok();
    machine.run(&["chmod", "1777", "/run/weka-token"]).ok();
    let listens = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Local => '/run/weka-token/agent.sock', Listen => 9); \
                   chmod 0666, '/run/weka-token/agent.sock'; my $c = $s->accept; print sysread($c, my $b, 9);";
    let mut command =
        machine.command(&["setpriv", "--reuid", "64321", "--clear-groups", "perl", "-e", listens]);
    let listening = std::thread::spawn(move || finish(&mut command, ""));
    until("somebody listens", || machine.path("/run/weka-token/agent.sock").symlink_metadata().ok());
    let failed = host.mount("_netdev", SECURE);
    assert_eq!(failed.status, 1, "{failed:#?}");
    assert!(failed.stderr.contains("belongs to uid 64321"), "{failed:#?}");
    assert!(failed.stderr.contains("nothing was sent"), "{failed:#?}");
    assert_eq!(listening.join().unwrap().stdout, "0");
}
