//! No secret anywhere but where it belongs: the very strings are looked for in all that a session leaves behind.

use crate::{LoggedIn, at_once, login, login_with, password_file, profile, read_json};
use e2e::{Cluster, Daemon, Home, Ran, binaries};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use wire::State;

/// Strings that must turn up nowhere.
#[derive(Default)]
struct Secrets(BTreeSet<String>);

impl Secrets {
    fn add(&mut self, secret: &str) {
        assert!(secret.len() >= 8, "too short to be looked for: {secret}");
        self.0.insert(secret.to_owned());
        // Half of it would be a leak too.
        if secret.len() > 200 {
            self.0.insert(secret[secret.len() - 60..].to_owned());
        }
    }

    fn add_pair(&mut self, file: &Path) {
        let pair = read_json(file);
        self.add(pair["access_token"].as_str().unwrap());
        self.add(pair["refresh_token"].as_str().unwrap());
    }

    #[track_caller]
    fn absent_from(&self, what: &str, text: &[u8]) {
        for secret in &self.0 {
            let found = text.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{what} holds {secret}");
        }
    }

    #[track_caller]
    fn absent_from_run(&self, ran: &Ran) {
        self.absent_from("stderr", ran.stderr.as_bytes());
        self.absent_from("stdout", ran.stdout.as_bytes());
    }

    /// Looks through every file below a folder, but for these.
    fn absent_below(&self, folder: &Path, except: &[&Path]) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // A file that is to take another's place may have done so by now.
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            if found.is_dir() {
                self.absent_below(&path, except);
            } else if found.is_file() && !except.contains(&path.as_path()) {
                match fs::read(&path) {
                    Ok(text) => self.absent_from(path.to_str().unwrap(), &text),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{}", path.display()),
                }
            }
        }
    }

    fn absent_from_process(&self, pid: u32) {
        for part in ["cmdline", "environ"] {
            let path = format!("/proc/{pid}/{part}");
            // A process that is not dumpable may keep even its own user out.
            if let Ok(text) = fs::read(&path) {
                self.absent_from(&path, &text);
            }
        }
    }
}

#[test]
fn a_whole_session_leaves_no_secret_anywhere_but_in_the_token_file() {
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    let mut secrets = Secrets::default();
    secrets.add("Alice-Pass1");
    secrets.add("Wrong-Pass1");
    let file = home.token_file();

    secrets.absent_from_run(&login(&home, &cluster, "alice", "Wrong-Pass1"));
    let ran = login_with(&home, &cluster, "alice", "Alice-Pass1", &["--token-file"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    secrets.add_pair(&file);
    secrets.absent_from_run(&ran);
    for _ in 0..2 {
        let before = daemon.profile().refreshes_total;
        daemon.until("a renewal", |profile| profile.refreshes_total > before);
        daemon.until("it is in the file", |_| home.run(&["get"]).ok() == read_json(&file)["access_token"]);
        secrets.add_pair(&file);
    }
    // All kinds of trouble, each with a refresh token in the request or tokens in the answer.
    for fault in [
        json!({"kind": "status", "status": 500, "body": {"message": "no"}}),
        json!({"kind": "garbage"}),
        json!({"kind": "truncated"}),
        json!({"kind": "patch", "set": {"access_token": 7}}),
        json!({"kind": "redirect", "status": 307, "location": "https://example.invalid/api"}),
        json!({"kind": "status", "status": 401}),
    ] {
        cluster.fault(&fault);
        secrets.absent_from_run(&home.run(&["refresh", "--timeout", "1s"]));
        cluster.heal();
    }
    for options in [&["status"][..], &["status", "--json"], &["status", "--prometheus"], &["whoami"]] {
        secrets.absent_from_run(&home.run(options));
    }
    secrets.absent_from_process(daemon.pid());
    let log = daemon.log();
    assert!(log.contains("DEBUG") || log.contains("TRACE"), "the log is as chatty as it gets");
    secrets.absent_below(home.path(), &[&file]);

    if daemon.profile().state == State::LoginRequired {
        login(&home, &cluster, "alice", "Alice-Pass1").ok();
        secrets.add_pair(&file);
    }
    secrets.absent_from_run(&home.run(&["logout"]));
    assert!(!file.exists());
    assert!(daemon.stop().success());
    secrets.absent_below(home.path(), &[]);
}

#[test]
fn an_answer_that_echoes_the_secrets_is_not_quoted() {
    let body = json!({"message": "refused Alice-Pass1"});
    at_once(&[400, 401, 404, 500], |status| {
        let cluster = Cluster::start(&[]);
        let mut secrets = Secrets::default();
        secrets.add("Alice-Pass1");
        cluster.fault(&json!({"kind": "status", "status": status, "body": body}));
        let home = Home::new();
        let daemon = Daemon::start(&home);
        let ran = login(&home, &cluster, "alice", "Alice-Pass1");
        assert_ne!(ran.status, 0);
        secrets.absent_from_run(&ran);
        secrets.absent_from_run(&home.run(&["status"]));
        secrets.absent_from("the log", daemon.log().as_bytes());
    });
}

#[test]
fn a_password_source_leaves_no_trace_either() {
    let cluster = Cluster::start(&["--access-ttl", "3s"]);
    at_once(&["Alice-Pass1", "Wrong-Pass1"], |password| {
        let mut secrets = Secrets::default();
        secrets.add(password);
        let (home, file) = password_file(&cluster, password);
        let daemon = Daemon::start(&home);
        let ran = home.run(&["get", "--timeout", "5s"]);
        secrets.absent_from("stderr", ran.stderr.as_bytes());
        secrets.absent_from_run(&home.run(&["status"]));
        secrets.absent_from_process(daemon.pid());
        assert!(daemon.stop().success());
        secrets.absent_below(home.path(), &[&file]);
    });
}

#[test]
fn a_broken_token_file_is_not_quoted() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, ""));
    let mut secrets = Secrets::default();
    secrets.add("Sensitive-Content-123");
    home.write(&home.token_file(), "{\"access_token\": Sensitive-Content-123, \"refresh_token\": \"x\"}");
    let daemon = Daemon::start(&home);
    daemon.until("named", |profile| !profile.notes.is_empty());
    secrets.absent_from_run(&home.run(&["status"]));
    secrets.absent_from("the log", daemon.log().as_bytes());
}

#[test]
fn a_client_at_work_shows_no_secret_in_its_arguments_or_environment() {
    let cluster = Cluster::start(&[]);
    cluster.fault(&json!({"kind": "hang", "path": "/api/v2/login"}));
    let home = Home::new();
    home.configure(&profile("default", &cluster, "username = \"alice\""));
    let daemon = Daemon::start(&home);
    let mut secrets = Secrets::default();
    secrets.add("Alice-Pass1");
    let mut command = home.weka_token(&["-q", "login", "--password-stdin", "--timeout", "20s"]);
    command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut client = e2e::process::Process::start(&mut command).unwrap();
    std::io::Write::write_all(&mut client.child().stdin.take().unwrap(), b"Alice-Pass1\n").unwrap();
    cluster.until_requests("path=/api/v2/login", 1);
    let cmdline = fs::read(format!("/proc/{}/cmdline", client.pid())).unwrap();
    assert!(String::from_utf8_lossy(&cmdline).contains("login"));
    secrets.absent_from_process(client.pid());
    secrets.absent_from_process(daemon.pid());
}

#[test]
fn the_daemon_dumps_no_core_and_is_nobodys_to_trace() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let pid = it.daemon.pid();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let figures: Vec<_> = core.split_whitespace().rev().skip(1).take(2).collect();
    assert_eq!(figures, ["0", "0"], "{core}");
    // What belongs to a process that is not dumpable belongs to root: environment, memory, descriptors.
    assert_eq!(fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid(), 0);
    if e2e::is_root("a process of an ordinary user that is not dumpable") {
        as_nobody_it_is_roots();
    }
}

/// Root's own processes belong to root either way, so it is asked of one of another user.
fn as_nobody_it_is_roots() {
    use std::os::unix::process::CommandExt;
    let nobody = 65534;
    let home = Home::new();
    for folder in [home.path().to_owned(), home.runtime()] {
        std::os::unix::fs::chown(folder, Some(nobody), Some(nobody)).unwrap();
    }
    let copy = home.path().join("weka-tokend");
    binaries::copy(&binaries::path("weka-tokend"), &copy);
    let mut command = home.command(copy);
    command.uid(nobody).gid(nobody);
    let daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    let owner = |part: &str| fs::metadata(format!("/proc/{}/{part}", daemon.pid())).unwrap().uid();
    assert_eq!((owner("environ"), owner("mem"), owner("maps")), (0, 0, 0));
}

#[test]
fn a_password_that_was_used_is_no_longer_in_the_daemons_memory() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    let first = it.token();
    it.daemon.until("two renewals", |profile| profile.refreshes_total >= 2);
    // The one after it is for a day.
    it.cluster.set(&json!({"access_ttl": "1d"}));
    it.daemon.until("the next", |profile| profile.access_expires_in_s.is_some_and(|left| left > 60));
    let now = it.token();
    let Some(memory) = memory(it.daemon.pid()) else {
        // Nobody but root may look, which is as it should be.
        assert!(!e2e::is_root("secrets in memory"), "root may look");
        return;
    };
    let holds = |secret: &str| memory.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(holds(&now), "the search finds what is there");
    assert!(!holds("Alice-Pass1"), "the password is still in memory");
    assert!(!holds(&first), "a token of the day before yesterday is still in memory");
}

#[test]
fn a_long_lived_token_is_nowhere_but_in_its_callers_hands_and_dies_when_it_is_revoked() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let ran = it.home.run(&["generate-token"]);
    let token = ran.clone().ok();
    assert!(!ran.stderr.contains(&token));
    let mut secrets = Secrets::default();
    secrets.add(&token);
    secrets.absent_from("the log", it.daemon.log().as_bytes());
    secrets.absent_below(it.home.path(), &[]);
    secrets.absent_from_process(it.daemon.pid());
    let status = it.home.run(&["status", "--json"]).ok();
    secrets.absent_from("status", status.as_bytes());
    let own = it.token();
    match memory(it.daemon.pid()) {
        Some(memory) => {
            let holds = |secret: &str| memory.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(holds(&own), "the search finds what is there");
            // Its signature is unlike that of any other; part of it would be too much.
            let (_, signature) = token.rsplit_once('.').unwrap();
            assert!(!holds(&signature[..40]) && !holds(&signature[100..140]), "it is still in memory");
        }
        None => assert!(!nix::unistd::geteuid().is_root()),
    }
    assert!(it.cluster.honours(&token));
    it.home.run(&["revoke-tokens", "--yes"]).ok();
    assert_eq!(it.cluster.check(&token)["standing"], "revoked");
}

#[test]
fn a_password_of_a_source_that_was_refused_is_no_longer_in_the_daemons_memory() {
    let cluster = Cluster::start(&[]);
    let (home, _) = password_file(&cluster, "Wrong-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    let Some(memory) = memory(daemon.pid()) else {
        assert!(!e2e::is_root("secrets in memory"), "root may look");
        return;
    };
    let holds = |secret: &str| memory.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(holds(cluster.endpoint()), "the search finds what is there");
    assert!(!holds("Wrong-Pass1"), "the password is still in memory");
}

/// All that a process can write to.
pub(crate) fn memory(pid: u32) -> Option<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let file = fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut memory = Vec::new();
    for line in fs::read_to_string(format!("/proc/{pid}/maps")).ok()?.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        if rest.starts_with("rw") {
            let mut piece = vec![0; usize::try_from(end - start).unwrap()];
            if file.read_exact_at(&mut piece, start).is_ok() {
                memory.extend(piece);
            }
        }
    }
    Some(memory)
}
