//! No token and no password is anywhere but where somebody asked for it.

use crate::{SERVICE, log_in, profile, somebody, token_file};
use e2e::systemd::{self, Shell, SystemManager, Units};
use e2e::{Cluster, Ran};

/// The tokens in a token file.
fn tokens(text: &str) -> Vec<String> {
    let pair: serde_json::Value = serde_json::from_str(text).expect("JSON");
    ["access_token", "refresh_token"].map(|key| pair[key].as_str().expect("a token").to_owned()).into()
}

/// Files below these folders, not older than this test, with one of these strings in them.
fn found(run: impl Fn(&[&str]) -> Ran, secrets: &[String], folders: &[&str]) -> Vec<String> {
    let mut words = vec!["find"];
    words.extend(folders);
    words.extend(["-type", "f", "-mmin", "-15", "-exec", "grep", "-laF"]);
    for secret in secrets {
        words.extend(["-e", secret]);
    }
    words.extend(["{}", "+"]);
    // Its status tells of folders that are closed to it, too.
    run(&words).stdout.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_users_daemon_writes_secrets_nowhere_but_into_the_token_file() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    log_in(&manager, &cluster, &["--token-file"]).ok();
    manager.weka_token(&["get"]).ok();
    let file = manager.home().token_file();
    let mut secrets = tokens(&token_file(&manager).to_string());
    for how in ["restart", "kill"] {
        if how == "kill" {
            manager.signal("ABRT");
        } else {
            manager.systemctl(&["restart", SERVICE]).ok();
        }
        manager.weka_token(&["refresh"]).ok();
        let token = manager.weka_token(&["get"]).ok();
        // Files come last.
        let written = e2e::until("the new token in the file", || {
            Some(tokens(&std::fs::read_to_string(&file).ok()?)).filter(|written| written.contains(&token))
        });
        secrets.extend(written);
    }
    secrets.push("Alice-Pass1".into());
    let home = manager.home().path().to_str().unwrap();
    let run = |words: &[&str]| manager.run(words);
    // The search finds what is there to be found.
    assert_eq!(found(run, &secrets, &[home, "/run/systemd", "/dev/shm"]), [file.to_str().unwrap()]);
}

#[test]
fn the_host_service_writes_secrets_nowhere_but_where_it_was_asked_to() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let password = "password = { credential = \"weka-password\" }\n";
    let file = "/var/lib/weka-token/token.json";
    let with_file = profile("other", &cluster, &format!("{password}token_file = \"{file}\""));
    let host = SystemManager::setup()
        .configure(&(profile("default", &cluster, password) + &with_file))
        .write("/etc/weka-token/password", 0o600, "Alice-Pass1\n")
        .drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:/etc/weka-token/password\nEnvironment=WEKA_TOKEN_LOG=trace\n")
        .prepare("systemctl enable weka-tokend.service")
        .boot();
    let root = host.user("root");
    let mut secrets = vec!["Alice-Pass1".to_owned()];
    for how in ["restart", "kill"] {
        secrets.push(root.weka_token(&["get"]).ok());
        secrets.push(root.weka_token(&["get", "-p", "other"]).ok());
        secrets.extend(tokens(&host.run(&["cat", file]).ok()));
        if how == "kill" {
            host.systemctl(&["kill", "--kill-who=main", "--signal=ABRT", SERVICE]).ok();
        } else {
            host.systemctl(&["restart", SERVICE]).ok();
        }
    }
    root.weka_token(&["get"]).ok();
    host.run(&["journalctl", "--sync"]).ok();
    let run = |words: &[&str]| host.run(words);
    let places = ["/run", "/tmp", "/var", "/home", "/root", "/etc", "/dev/shm"];
    let mut seen = found(run, &secrets, &places);
    // What systemd itself keeps a credential in while the service runs.
    seen.retain(|path| !path.starts_with("/run/credentials/"));
    seen.sort();
    assert_eq!(seen, ["/etc/weka-token/password", file]);
    let journal = host.run(&["journalctl", "--no-pager", "--output=export"]).ok();
    for secret in &secrets {
        assert!(!journal.contains(secret), "a secret in the journal");
    }
}

#[test]
fn other_programs_of_the_same_user_cannot_look_into_the_daemon() {
    let Some(manager) = somebody() else { return };
    manager.systemctl(&["start", SERVICE]).ok();
    let pid = manager.pid();
    for file in ["maps", "mem", "environ"] {
        let path = format!("/proc/{pid}/{file}");
        let read = manager.run(&["head", "-c", "1", &path]);
        assert!(read.status != 0 && read.stderr.contains("ermission denied"), "{read:#?}");
    }
    let limits = manager.run(&["cat", &format!("/proc/{pid}/limits")]).ok();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
}

/// How much of a process's memory is kept from being swapped out, in KiB.
fn locked(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).expect("the kernel says");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn pages_with_secrets_are_locked_under_both_units() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    log_in(&manager, &cluster, &[]).ok();
    let status = manager.run(&["cat", &format!("/proc/{}/status", manager.pid())]).ok();
    assert!(locked(&status) > 0, "{status}\n{}", manager.log());

    let host = SystemManager::setup()
        .configure(&profile("default", &cluster, ""))
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    host.user("root").weka_token_with(&["login", "--password-stdin", "--no-save"], "Alice-Pass1\n").ok();
    let status = host.run(&["cat", &format!("/proc/{}/status", host.show(SERVICE, "MainPID"))]).ok();
    assert!(locked(&status) > 0, "{status}\n{}", host.log());
}
