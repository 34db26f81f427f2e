//! `weka-token doctor`: each thing that can be wrong, made wrong, and found.
//!
//! What concerns a service manager is in `tests/systemd/doctor.rs`.

mod cluster;
mod keeping;
mod profile;

use crate::{LoggedIn, profile};
use e2e::home::finish;
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home, Tmux};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// What is found, and the exit status.
fn doctor(home: &Home) -> (Vec<Value>, i32) {
    let ran = home.run(&["doctor", "--json"]);
    let found = crate::json(ran.stdout.trim_end());
    for finding in found["findings"].as_array().unwrap() {
        let keys: Vec<_> = finding.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["check", "level", "message", "fix"]);
    }
    (found["findings"].as_array().unwrap().clone(), ran.status)
}

/// The only finding of this kind and level.
#[track_caller]
fn one<'a>(findings: &'a [Value], check: &str, level: &str) -> &'a Value {
    let mut fitting = findings.iter().filter(|it| it["check"] == check && it["level"] == level);
    let found = fitting.next().unwrap_or_else(|| panic!("no {check} that is {level} in {findings:#?}"));
    assert!(fitting.next().is_none(), "{check} {level} is found twice: {findings:#?}");
    found
}

#[track_caller]
fn says(finding: &Value, message: &str, fix: &str) {
    assert!(finding["message"].as_str().unwrap().contains(message), "{finding}");
    assert!(finding["fix"].as_str().unwrap_or_default().contains(fix), "{finding}");
}

/// A daemon with this configuration.
fn configured(config: &str) -> (Home, Daemon) {
    let home = Home::new();
    home.configure(config);
    let daemon = Daemon::start(&home);
    (home, daemon)
}

/// Everything below a folder, with when it last changed.
fn snapshot(folder: &Path) -> Vec<(std::path::PathBuf, Option<std::time::SystemTime>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(snapshot(&path));
        }
        // What the daemon logs at trace level is no change.
        if path.extension().is_none_or(|extension| extension != "log") {
            let changed = fs::symlink_metadata(&path).unwrap().modified().ok();
            all.push((path, changed));
        }
    }
    all.sort();
    all
}

#[test]
fn where_all_is_well_nothing_needs_anybody_nothing_secret_is_sent_and_nothing_is_changed() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, "token_file = \"~/.weka/auth-token.json\""));
    let it = LoggedIn::in_home(home, cluster, "alice", "Alice-Pass1");
    let logins = it.cluster.logins().len();
    let before = (snapshot(it.home.path()), it.token());
    let (found, status) = doctor(&it.home);
    assert_eq!(status, 0, "{found:#?}");
    for check in [
        "socket",
        "version",
        "permission",
        "configuration",
        "memory",
        "dns",
        "tcp",
        "tls",
        "clock",
        "login",
        "token-file",
        "other-writers",
    ] {
        one(&found, check, "ok");
    }
    says(one(&found, "token-file", "ok"), "auth-token.json fresh", "");
    one(&found, "units", "not-checked");
    let shown = it.home.run(&["doctor"]);
    assert_eq!(shown.status, 0);
    assert!(!shown.stdout.contains('\x1b') && shown.stdout.contains("ok    tls"), "{shown:?}");
    assert!(!shown.stdout.contains(&it.token()));
    assert_eq!((snapshot(it.home.path()), it.token()), before);
    assert_eq!(it.cluster.logins().len(), logins);
    assert_eq!(it.cluster.refreshes().len(), 0);
    let asked = it.cluster.requests("path=/api/v2/healthcheck");
    assert!(!asked.is_empty());
    for request in asked {
        assert!(
            request["bearer"].is_null() && request["headers"].to_string().find("uthorization").is_none(),
            "{request}"
        );
    }
}

#[test]
fn all_of_it_is_on_one_screen_for_one_profile_and_for_six() {
    let clusters: Vec<_> = (0..6).map(|_| Cluster::start(&[])).collect();
    let home = Home::new();
    let keys = "token_file = \"\"";
    let tables = clusters.iter().enumerate().map(|(n, it)| profile(&format!("p{n}"), it, keys));
    let tables = tables.collect::<String>();
    home.configure(&format!("default_profile = \"p0\"\n{tables}"));
    let _daemon = Daemon::start(&home);
    for (n, cluster) in clusters.iter().enumerate() {
        crate::login_with(&home, cluster, "alice", "Alice-Pass1", &["-p", &format!("p{n}")]).ok();
    }
    let tmux = Tmux::start(&home, 80, 24);
    let colours = |screen: &str| screen.contains("\x1b[32mok");
    for (line, more) in [("weka-token doctor -p p0", false), ("NO_COLOR=1 weka-token doctor", true)] {
        // Said otherwise each time: what the first has left is on the screen for a moment.
        let end = format!("over, {more}");
        tmux.enter(&format!("clear; {line}; echo {end}"));
        let screen = tmux.until("it is over", |screen| screen.lines().any(|line| line == end));
        assert!(screen.starts_with("ok    socket"), "{screen}");
        assert!(screen.contains("\nnothing is wrong\n"), "{screen}");
        assert_eq!(screen.contains("(and 5 more)"), more, "{screen}");
        // The bytes come to us by way of another program.
        tmux.until("the first in colour, and this one to its end", |_| {
            let bytes = tmux.bytes();
            colours(&bytes) && bytes.contains(&format!("\n{end}"))
        });
    }
    let plain = tmux.bytes().split("clear; NO_COLOR").last().map(colours);
    assert_eq!(plain, Some(false), "NO_COLOR");
}

#[test]
fn without_a_daemon_it_says_so_and_what_was_not_checked() {
    let home = Home::new();
    let not_checked = |found: &[Value]| {
        for check in ["permission", "configuration", "memory", "dns", "tcp", "tls", "clock", "login"] {
            one(found, check, "not-checked");
        }
    };
    let (found, status) = doctor(&home);
    assert_eq!(status, 3);
    says(one(&found, "socket", "bad"), "no socket at", "weka-tokend");
    not_checked(&found);
    Daemon::start(&home).kill();
    let (found, status) = doctor(&home);
    assert_eq!(status, 3);
    says(one(&found, "socket", "bad"), "nobody listens", "weka-tokend");
    not_checked(&found);
    fs::remove_file(home.socket()).unwrap();
    home.write(&home.socket(), "");
    let (found, status) = doctor(&home);
    assert_eq!(status, 3);
    says(one(&found, "socket", "bad"), "is no socket", "WEKA_TOKEN_SOCKET");
}

#[test]
fn a_daemon_that_does_not_answer() {
    let home = Home::new();
    let daemon = Daemon::start(&home);
    daemon.signal(Signal::SIGSTOP);
    let (found, status) = doctor(&home);
    daemon.signal(Signal::SIGCONT);
    says(one(&found, "socket", "bad"), "has not answered within", "systemctl");
    one(&found, "dns", "not-checked");
    assert_eq!(status, 1);
}

#[test]
fn a_profile_that_there_is_not() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let ran = it.home.run(&["doctor", "-p", "nowhere", "--json"]);
    assert_eq!(ran.status, 1);
    let found = crate::json(ran.stdout.trim_end());
    says(one(found["findings"].as_array().unwrap(), "profile", "bad"), "no profile nowhere", "login");
}

#[test]
fn a_client_and_a_daemon_of_different_versions() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let version = it.daemon.status().daemon.version;
    // The same client, but for its number.
    let other = version.replace(|letter: char| letter.is_ascii_digit(), "9");
    let (from, to) = (version.as_bytes(), other.as_bytes());
    let mut program = fs::read(e2e::binaries::path("weka-token")).unwrap();
    let places: Vec<_> =
        program.windows(from.len()).enumerate().filter(|(_, it)| *it == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        program[at..at + to.len()].copy_from_slice(to);
    }
    let path = it.home.path().join("other-client");
    fs::write(&path, program).unwrap();
    let copy = it.home.path().join("client");
    e2e::binaries::copy(&path, &copy);
    let ran = finish(it.home.command(&copy).args(["doctor", "--json"]), "");
    let found = crate::json(ran.stdout.trim_end());
    let found = found["findings"].as_array().unwrap();
    says(one(found, "version", "warn"), &format!("the daemon is {version}, the client {other}"), "restart");
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn a_daemon_of_another_protocol() {
    let home = Home::new();
    let folder = home.runtime().join("weka-token");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let later = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut header = [0; 5];
        stream.read_exact(&mut header).unwrap();
        let sentence = b"upgrade weka-token: this weka-tokend speaks version 9 of the protocol";
        let length = u32::try_from(sentence.len() + 1).unwrap();
        let answer = [&[0][..], &length.to_le_bytes(), &[9], sentence].concat();
        stream.write_all(&answer).unwrap();
    });
    let (found, status) = doctor(&home);
    later.join().unwrap();
    says(one(&found, "version", "bad"), "upgrade weka-token", "");
    assert_eq!(status, 1);
}

#[test]
fn a_socket_that_may_not_be_used() {
    // Nobody's permissions but root's can be left behind here.
    if !e2e::is_root("doctor and a socket that may not be used") {
        return;
    }
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut command = it.home.command("setpriv");
    let program = it.home.weka_token(&[]).get_program().to_owned();
    command.args(["--reuid", "65534", "--clear-groups"]).arg(program);
    command.arg("--socket").arg(it.home.socket()).args(["doctor", "--json"]);
    let ran = finish(&mut command, "");
    assert_eq!(ran.status, 1, "{ran:?}");
    let found = crate::json(ran.stdout.trim_end());
    says(one(found["findings"].as_array().unwrap(), "permission", "bad"), "permission denied", "ls -l");
}

#[test]
fn a_socket_that_is_somebody_elses() {
    if !e2e::is_root("doctor and another user's socket") {
        return;
    }
    let home = Home::new();
    let folder = home.runtime().join("weka-token");
    fs::create_dir_all(&folder).unwrap();
    for path in [home.path(), &home.runtime()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o711)).unwrap();
    }
    std::os::unix::fs::chown(&folder, Some(64321), None).unwrap();
    let script = "import os, signal, socket; os.setuid(64321); s = socket.socket(socket.AF_UNIX); \
                  s.bind(os.environ['SOCKET']); s.listen(); print(flush=True); signal.pause()";
    let mut command = home.command("python3");
    command.args(["-c", script]);
    command.env("SOCKET", home.socket()).stdout(std::process::Stdio::piped());
    let mut theirs = Process::start(&mut command).unwrap();
    let mut line = [0];
    theirs.child().stdout.take().unwrap().read_exact(&mut line).unwrap();
    let (found, status) = doctor(&home);
    says(one(&found, "permission", "bad"), "belongs to uid 64321", "--socket");
    assert_eq!(status, 1);
}

#[test]
fn a_configuration_that_was_refused_at_reload() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.home.configure("[profile.default]\nendpoint = \"weka01\"\n");
    it.daemon.signal(Signal::SIGHUP);
    it.daemon.until_status("the mistake is seen", |status| !status.daemon.notes.is_empty());
    let (found, status) = doctor(&it.home);
    says(one(&found, "configuration", "bad"), "config.toml:2: profile.default.endpoint", "reload");
    assert_eq!(status, 1);
}
