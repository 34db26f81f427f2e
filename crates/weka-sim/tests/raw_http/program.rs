//! The program itself: its lines, its files, its end.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};

use crate::client::{authority, connect, exchange, request, send, sim};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weka-sim"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

/// Ends with the test, whatever becomes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Running {
    fn start(args: &[&str]) -> Self {
        Self(program().args(args).spawn().unwrap())
    }

    fn lines(&mut self, count: usize) -> Vec<String> {
        let out = self.0.stdout.as_mut().unwrap();
        BufReader::new(out).lines().take(count).map(Result::unwrap).collect()
    }

    fn end(mut self, signal: &str) -> Option<i32> {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

#[test]
fn it_says_where_it_is_on_stdout_and_in_the_ready_file() {
    let folder = tempfile::tempdir().unwrap();
    let (ready, cert) = (folder.path().join("ready"), folder.path().join("cert.pem"));
    let mut sim = Running::start(&[
        "--tls",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "127.0.0.1:0",
        "--ready-file",
        ready.to_str().unwrap(),
        "--cert-file",
        cert.to_str().unwrap(),
    ]);
    let lines = sim.lines(4);
    assert!(lines[0].starts_with("listening https://127.0.0.1:"), "{lines:?}");
    let hex = lines[1].strip_prefix("fingerprint sha256:").unwrap();
    assert!(
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
        "{hex}"
    );
    assert!(lines[2].starts_with("control http://127.0.0.1:"));
    assert!(lines[3].starts_with("listening https://127.0.0.1:"));
    assert_eq!(std::fs::read_to_string(&ready).unwrap(), format!("{}\n", lines.join("\n")));
    assert!(std::fs::read_to_string(&cert).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(sim.end("-TERM"), Some(0));
    assert!(!ready.exists(), "the ready file goes with it");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary files stay");
}

#[test]
fn without_tls_there_is_no_fingerprint_line() {
    let mut sim = Running::start(&[]);
    let lines = sim.lines(2);
    let address = authority(lines[0].strip_prefix("listening ").unwrap());
    assert!(lines[0].starts_with("listening http://127.0.0.1:"));
    assert!(lines[1].starts_with("control http://"));
    assert_eq!(send(&address, &request("GET", "/api/v2/healthcheck", &[], b"")).unwrap().status, 200);
    assert_eq!(sim.end("-INT"), Some(0));
}

#[test]
fn open_connections_do_not_delay_the_end() {
    let mut sim = Running::start(&[]);
    let lines = sim.lines(2);
    let (address, control) = (authority(&lines[0]), authority(&lines[1]));
    let fault = request("POST", "/_sim/faults", &[], br#"{"kind":"hang"}"#);
    assert_eq!(send(&control, &fault).unwrap().status, 200);
    let mut hanging = connect(&address).unwrap();
    std::io::Write::write_all(&mut hanging, &request("GET", "/api/v2/healthcheck", &[], b"")).unwrap();
    assert_eq!(sim.end("-TERM"), Some(0));
}

#[test]
fn verbose_logs_on_stderr_without_secrets() {
    let mut sim = Running::start(&["--verbose"]);
    let lines = sim.lines(2);
    let address = authority(&lines[0]);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let raw = request("POST", "/api/v2/login", &form, b"username=admin&password=Admin-Pass1");
    let reply = send(&address, &raw).unwrap();
    assert_eq!(reply.status, 200);
    let mut err = sim.0.stderr.take().unwrap();
    assert_eq!(sim.end("-TERM"), Some(0));
    let mut log = String::new();
    err.read_to_string(&mut log).unwrap();
    assert!(log.contains("/api/v2/login") && log.contains("\"status\":200"), "{log}");
    assert!(!log.contains("Admin-Pass1") && !log.contains("eyJ"));
}

#[test]
fn usage_errors_are_2_and_failures_to_start_are_1() {
    for args in [
        &["--bogus"][..],
        &["--access-ttl", "soon"],
        &["--access-ttl", "infinite"],
        &["--listen", "nowhere"],
        &["--cert-file", "x.pem"],
        &["extra"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.toml");
    std::fs::write(&users, "[[user]]\nusername = \"x\"\npassword = \"Hush-Hush1\"\nrole = \"King\"\n")
        .unwrap();
    let output = run(&["--users", users.to_str().unwrap()]);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint.contains("users.toml") && complaint.contains("line 4"), "{complaint}");
    assert!(!complaint.contains("Hush"), "{complaint}");
    for args in [
        &["--users", "/nowhere/users.toml"][..],
        &["--ready-file", "/nowhere/ready"],
        &["--control", "0.0.0.0:0"],
    ] {
        assert_eq!(run(args).status.code(), Some(1), "{args:?}");
    }
}

#[test]
fn a_port_in_use_is_not_shared() {
    let mut first = Running::start(&[]);
    let address = authority(&first.lines(1)[0]);
    let output = run(&["--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("in use"));
}

#[test]
fn help_documents_the_control_channel() {
    let output = run(&["--help"]);
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0));
    for word in ["--single-use-refresh", "[[user]]", "/_sim/faults", "/_sim/clock", "lose-answer"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn in_process_a_shutdown_ends_open_connections() {
    let mut sim = sim();
    let (address, raw) = (sim.address(), request("GET", "/api/v2/healthcheck", &[], b""));
    let mut open = connect(&address).unwrap();
    assert_eq!(exchange(&mut open, &raw).unwrap().status, 200);
    sim.stop();
    assert!(exchange(&mut open, &raw).is_err());
}
