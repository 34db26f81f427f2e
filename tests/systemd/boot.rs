//! The host service at boot.

use crate::{SERVICE, SOCKET, profile};
use e2e::Cluster;
use e2e::skipped;
use e2e::systemd::{self, Shell, SystemManager, Units};
use e2e::until;
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn a_credential_logs_in_at_boot_although_the_cluster_is_not_up_yet() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    cluster.fault(&json!({"kind": "refuse"}));
    let host = SystemManager::setup()
        .configure(&profile("default", &cluster, "password = { credential = \"weka-password\" }"))
        .write("/etc/weka-token/password", 0o600, "Alice-Pass1\n")
        .drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:/etc/weka-token/password\n")
        .prepare("systemctl enable weka-tokend.service")
        .boot();
    assert_eq!(host.show(SERVICE, "SubState"), "running", "{}", host.log());
    host.until(SERVICE, "StatusText", |text| text.contains("unreachable") || text.contains("reach"));
    cluster.heal();
    // Nobody asks: it logs in by itself.
    cluster.until_requests("path=/api/v2/login&status=200", 1);
    host.until(SERVICE, "StatusText", |text| text.contains("1 profile ready"));
    assert!(cluster.honours(&host.user("root").weka_token(&["get"]).ok()));
    assert_eq!(cluster.count("logins_ok"), 1);
}

#[test]
fn the_socket_alone_starts_the_service_and_a_restart_keeps_it_and_the_tokens() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = SystemManager::setup()
        .configure(&profile("default", &cluster, ""))
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    assert_eq!(host.show(SERVICE, "ActiveState"), "inactive");
    let root = host.user("root");
    let login = ["login", "--password-stdin", "--no-save"];
    root.weka_token_with(&login, "Alice-Pass1\n").ok();
    let token = root.weka_token(&["get"]).ok();
    cluster.fault(&json!({"kind": "refuse"}));
    for round in 0..4 {
        let pid = host.show(SERVICE, "MainPID");
        if round % 2 == 0 {
            host.systemctl(&["restart", SERVICE]).ok();
        } else {
            host.systemctl(&["kill", "--kill-who=main", "--signal=KILL", SERVICE]).ok();
        }
        host.until(SERVICE, "MainPID", |new| new != "0" && new != pid);
        assert_eq!(root.weka_token(&["get"]).ok(), token);
    }
    assert_eq!(cluster.count("logins_ok"), 1);
    host.systemctl(&["stop", SERVICE]).ok();
    let socket = fs::symlink_metadata(host.path("/run/weka-token/agent.sock")).unwrap();
    let folder = fs::metadata(host.path("/run/weka-token")).unwrap();
    assert_eq!((socket.mode() & 0o7777, folder.mode() & 0o7777), (0o666, 0o755));
    assert_eq!((socket.uid(), folder.uid()), (0, 0));
    assert_eq!(host.show(SOCKET, "SubState"), "listening");
    cluster.heal();
    root.weka_token(&["get"]).refused(4);
}

#[test]
fn the_service_is_nobody_and_keeps_its_state_to_itself() {
    if !systemd::is_there() {
        return;
    }
    let host = SystemManager::setup().configure("").prepare("systemctl enable weka-tokend.service").boot();
    let pid = host.show(SERVICE, "MainPID");
    let status = host.run(&["cat", &format!("/proc/{pid}/status")]).ok();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    let uid = host.run(&["id", "-u", "weka-token"]).ok();
    assert_eq!(field("Uid"), uid);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!((field("NoNewPrivs").as_str(), field("Seccomp").as_str()), ("1", "2"));
    let state = fs::metadata(host.path("/var/lib/weka-token")).unwrap();
    assert_eq!((state.mode() & 0o7777, state.uid().to_string()), (0o700, uid.clone()));
    let sinks = fs::metadata(host.path("/run/weka-token/sinks")).unwrap();
    assert_eq!((sinks.mode() & 0o7777, sinks.uid().to_string()), (0o755, uid));
    let limits = host.run(&["cat", &format!("/proc/{pid}/limits")]).ok();
    let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(limit("Max core file size").split_whitespace().nth(4) == Some("0"), "{limits}");
    assert!(limit("Max open files").contains("8192"), "{limits}");
}

#[test]
fn a_token_file_is_written_by_the_hardened_service() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let keys = "token_file = \"/var/lib/weka-token/token.json\"\npassword = { file = \"/var/lib/weka-token/password\" }\n";
    let host = SystemManager::setup()
        .configure(&profile("default", &cluster, keys))
        .prepare("install -d -o weka-token -g weka-token -m 0700 /var/lib/weka-token")
        .prepare("umask 077; echo Alice-Pass1 > /var/lib/weka-token/password; chown weka-token /var/lib/weka-token/password")
        .prepare("systemctl enable weka-tokend.service")
        .boot();
    let file = host.path("/var/lib/weka-token/token.json");
    until("the token file", || file.exists().then_some(()));
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
    let written: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!(cluster.honours(written["access_token"].as_str().unwrap()));
}

#[test]
fn a_credential_may_be_encrypted() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = SystemManager::setup()
        .configure(&profile("default", &cluster, "password = { credential = \"weka-password\" }"))
        .prepare("printf 'Alice-Pass1\\n' | systemd-creds --with-key=host --name=weka-password encrypt - /etc/weka-token/password")
        .drop_in(SERVICE, "password", "[Service]\nLoadCredentialEncrypted=weka-password:/etc/weka-token/password\n")
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    assert!(cluster.honours(&host.user("root").weka_token(&["get"]).ok()), "{}", host.log());
}

#[test]
fn a_command_that_decrypts_with_gpg_works_under_the_hardened_unit() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let command = "password = { command = [\"gpg\", \"--quiet\", \"--decrypt\", \"/var/lib/weka-token/password.gpg\"] }";
    let as_daemon = "setpriv --reuid weka-token --regid weka-token --init-groups env HOME=/var/lib/weka-token gpg --batch";
    let host = SystemManager::setup()
        .configure(&profile("default", &cluster, command))
        .prepare(
            "install -d -o weka-token -g weka-token -m 0700 /var/lib/weka-token /var/lib/weka-token/.gnupg",
        )
        .prepare(&format!("{as_daemon} --passphrase '' --quick-gen-key weka-token default default never"))
        .prepare(&format!(
            "echo Alice-Pass1 | {as_daemon} -o /var/lib/weka-token/password.gpg --encrypt -r weka-token"
        ))
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    assert!(cluster.honours(&host.user("root").weka_token(&["get"]).ok()), "{}", host.log());
}

#[test]
fn a_restart_leaves_mounts_up() {
    if !systemd::is_there() {
        return;
    }
    let mount = "[Unit]\nWants=weka-tokend.socket\nAfter=weka-tokend.socket\n\
                 [Mount]\nWhat=tmpfs\nWhere=/srv/secure\nType=tmpfs\nOptions=_netdev\n";
    let host = SystemManager::setup()
        .configure("")
        .write("/etc/systemd/system/srv-secure.mount", 0o644, mount)
        .write("/etc/fstab", 0o644, "tmpfs /srv/other tmpfs _netdev,x-systemd.after=weka-tokend.socket 0 0\n")
        .prepare("mkdir /etc/systemd/system/remote-fs.target.wants")
        .prepare("ln -s ../srv-secure.mount /etc/systemd/system/remote-fs.target.wants/")
        .prepare("systemctl enable remote-fs.target weka-tokend.socket weka-tokend.service")
        .boot();
    let marks = ["/srv/secure/mark", "/srv/other/mark"];
    for mark in marks {
        host.run(&["touch", mark]).ok();
    }
    for words in [
        ["restart", SERVICE],
        ["restart", SOCKET],
        ["try-restart", SERVICE],
        ["stop", SERVICE],
        ["stop", SOCKET],
    ] {
        host.systemctl(&words).ok();
        for (mark, unit) in marks.iter().zip(["srv-secure.mount", "srv-other.mount"]) {
            assert_eq!(host.show(unit, "ActiveState"), "active", "{words:?}");
            host.run(&["test", "-e", mark]).ok();
        }
    }
}

#[test]
fn a_password_command_that_is_killed_ends_alone() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let command = |words: &str| format!("password = {{ command = [\"sh\", \"-c\", \"{words}\"] }}");
    // A gigabyte, by the shell itself: what is not there cannot be missing.
    let eats = "x=12345678; for i in 1 2 3 4 5 6 7 8 9; do x=$x$x$x$x$x$x$x$x; done";
    let tables = profile("default", &cluster, "")
        + &profile("killed", &cluster, &command("kill -KILL $$"))
        + &profile("hungry", &cluster, &command(eats));
    let host =
        SystemManager::setup().configure(&tables).prepare("systemctl enable weka-tokend.socket").boot();
    let root = host.user("root");
    root.weka_token_with(&["login", "--password-stdin", "--no-save"], "Alice-Pass1\n").ok();
    let (token, pid) = (root.weka_token(&["get"]).ok(), host.show(SERVICE, "MainPID"));
    let ends_alone = |name: &str| {
        let refusal = root.weka_token(&["get", "-p", name]).refused(4);
        assert!(refusal.contains("SIGKILL") || refusal.contains("signal 9"), "{refusal}");
        assert_eq!((&root.weka_token(&["get"]).ok(), &host.show(SERVICE, "MainPID")), (&token, &pid));
    };
    ends_alone("killed");
    // Without it the kernel's kill of any one process stops the service, and its tokens with it.
    assert_eq!(host.show(SERVICE, "OOMPolicy"), "continue");
    let limit: u64 = host.show(SERVICE, "MemoryMax").parse().unwrap();
    assert!(limit <= 256 << 20, "{limit}");
    match host.memory_limit(&pid) {
        Some(in_force) if in_force <= limit => ends_alone("hungry"),
        found => {
            skipped(&format!("no process may eat all memory here: MemoryMax= is not in force ({found:?})"))
        }
    }
}

#[test]
fn a_cluster_may_be_named_and_not_numbered() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let table = profile("default", &cluster, "").replace("127.0.0.1", "localhost");
    assert!(table.contains("localhost"));
    let host = SystemManager::setup().configure(&table).prepare("systemctl enable weka-tokend.socket").boot();
    let root = host.user("root");
    root.weka_token_with(&["login", "--password-stdin", "--no-save"], "Alice-Pass1\n").ok();
    assert!(cluster.honours(&root.weka_token(&["get"]).ok()));
}
