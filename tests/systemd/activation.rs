//! Only the socket is enabled: the daemon starts by itself at the first request.

use crate::{SERVICE, SOCKET, log_in, somebody};
use e2e::Cluster;
use e2e::systemd::{self, Shell, Units, UserManager};
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn the_first_get_starts_the_daemon() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let manager = UserManager::start();
    manager.weka_token(&["get"]).refused(3);
    manager.enable();
    assert_eq!(manager.show(SERVICE, "ActiveState"), "inactive");
    assert_eq!(manager.show(SOCKET, "SubState"), "listening");

    let refusal = manager.weka_token(&["get"]).refused(4);
    assert!(refusal.contains("weka-token login"), "{refusal}");
    assert_eq!(manager.show(SERVICE, "SubState"), "running");
    log_in(&manager, &cluster, &[]).ok();
    let token = manager.weka_token(&["get"]).ok();
    assert!(cluster.honours(&token));
}

#[test]
fn the_socket_is_its_users_alone() {
    let Some(manager) = crate::somebody() else { return };
    let socket = manager.path(&manager.home().socket());
    let found = fs::symlink_metadata(&socket).unwrap();
    let folder = fs::metadata(socket.parent().unwrap()).unwrap();
    assert_eq!((found.mode() & 0o7777, folder.mode() & 0o7777), (0o600, 0o700));
    assert_eq!(found.uid(), folder.uid());
    assert_ne!(found.uid(), 0);
    manager.systemctl(&["stop", SOCKET]).ok();
    assert!(!socket.exists(), "a client would look no further");
}

#[test]
fn the_manager_is_told_in_words_and_clock_times() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = crate::somebody() else { return };
    manager.weka_token(&["get"]).refused(4);
    let before = manager.until(SERVICE, "StatusText", |text| text.contains("login"));
    assert!(before.contains("default"), "{before}");
    log_in(&manager, &cluster, &[]).ok();
    let after = manager.until(SERVICE, "StatusText", |text| text.contains("1 profile ready"));
    let time = after.rsplit_once("next refresh at ").unwrap().1;
    let fields: Vec<_> = time.split(':').map(|field| field.parse::<u8>().unwrap()).collect();
    assert!(matches!(fields[..], [0..24, 0..60, 0..60]), "{after}");
    cluster.fault(&serde_json::json!({"kind": "refuse"}));
    manager.weka_token(&["refresh"]).refused(5);
    manager.until(SERVICE, "StatusText", |text| text != after);
}

#[test]
fn a_start_is_over_when_the_socket_answers() {
    let Some(manager) = crate::somebody() else { return };
    // With a socket of the daemon's own there is no manager to queue what comes too early.
    manager.systemctl(&["stop", SOCKET, SERVICE]).ok();
    let alone = "[Unit]\nDescription=x\n[Service]\nType=notify\nExecStart=weka-tokend\n";
    manager.write_unit("alone.service", alone);
    for _ in 0..5 {
        manager.systemctl(&["restart", "alone.service"]).ok();
        manager.weka_token(&["get"]).refused(4);
    }
}

#[test]
fn all_who_ask_while_the_daemon_is_not_there_yet_are_answered() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = crate::somebody() else { return };
    log_in(&manager, &cluster, &["--token-file"]).ok();
    manager.systemctl(&["stop", SERVICE]).ok();
    let script = "for n in $(seq 60); do weka-token get > got.$n & done; wait; cat got.* | sort | uniq -c";
    let tokens = manager.run(&["sh", "-c", &format!("cd && {script}")]).ok();
    let (count, token) = tokens.trim().split_once(' ').unwrap();
    assert_eq!(count, "60", "{tokens}\n{}", manager.log());
    assert!(cluster.honours(token));
}

#[test]
fn a_thousand_clients_hold_up_nobody() {
    let Some(manager) = crate::somebody() else { return };
    let script = "import os, socket, subprocess\n\
                  path = os.environ['XDG_RUNTIME_DIR'] + '/weka-token/agent.sock'\n\
                  held = [socket.socket(socket.AF_UNIX) for _ in range(1500)]\n\
                  for each in held: each.connect(path)\n\
                  raise SystemExit(subprocess.call(['weka-token', 'status']))\n";
    let ran = manager.run(&["prlimit", "--nofile=2000", "python3", "-c", script]);
    assert_eq!(ran.status, 4, "{ran:#?}");
}

#[test]
fn a_daemon_in_a_terminal_does_not_take_the_managers_place() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = crate::somebody() else { return };
    // Neither while the daemon is not running, nor while it is.
    for _ in 0..2 {
        let ran = manager.run(&["timeout", "60", "weka-tokend"]);
        assert_eq!(ran.status, 1, "{ran:#?}");
        assert!(ran.stderr.contains("agent.sock"), "{ran:#?}");
        manager.weka_token(&["get"]).refused(4);
    }
    log_in(&manager, &cluster, &[]).ok();
    manager.weka_token(&["get"]).ok();
}

#[test]
fn a_login_says_what_ends_with_the_last_session() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    let said = log_in(&manager, &cluster, &[]).stderr;
    assert!(said.contains("loginctl enable-linger"), "{said}");
}
