//! A simulated cluster in a process of its own.

use crate::binaries;
use crate::home;
use crate::process::Process;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The longest time a control call may take; longer than any that waits for something.
const LIMIT: Duration = Duration::from_secs(90);

/// A running `weka-sim`.
#[derive(Debug)]
pub struct Cluster {
    process: Process,
    /// Its endpoints, as `https://127.0.0.1:PORT`.
    pub endpoints: Vec<String>,
    /// Its certificate's fingerprint, as `sha256:HEX`; empty without TLS.
    pub fingerprint: String,
    /// Its certificate as PEM; it lives as long as this value. Missing without TLS.
    pub certificate: PathBuf,
    control: String,
    _folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts one over TLS, with further options. Without `--access-ttl` its access tokens live a day: so long
    /// that in a test none is renewed but on demand. (The first renewal comes at any moment of a token's life.)
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn start(options: &[&str]) -> Self {
        Self::with(&[&["--tls"], options].concat())
    }

    /// Starts one over plain http, with further options.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn plain(options: &[&str]) -> Self {
        Self::with(options)
    }

    fn with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificate = folder.path().join("cluster.pem");
        let mut command = Command::new(binaries::path("weka-sim"));
        if !options.contains(&"--access-ttl") {
            command.args(["--access-ttl", "1d"]);
        }
        command.args(options).stdin(Stdio::null()).stdout(Stdio::piped());
        if options.contains(&"--tls") {
            command.arg("--cert-file").arg(&certificate);
        }
        let mut process = Process::start(&mut command).expect("weka-sim starts");
        let stdout = process.child().stdout.take().expect("its output is piped");
        let (mut endpoints, mut fingerprint, mut control) = (Vec::new(), String::new(), String::new());
        let backends = options.iter().filter(|option| **option == "--listen").count().max(1);
        // It prints them all at once, when everything answers.
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("weka-sim prints text");
            match line.split_once(' ') {
                Some(("listening", url)) => endpoints.push(url.to_owned()),
                Some(("fingerprint", hex)) => hex.clone_into(&mut fingerprint),
                Some(("control", url)) => {
                    url.trim_start_matches("http://").clone_into(&mut control);
                }
                _ => {}
            }
            if endpoints.len() == backends && !control.is_empty() {
                break;
            }
        }
        assert!(!control.is_empty(), "weka-sim ended before it was ready");
        Self { process, endpoints, fingerprint, certificate, control, _folder: folder }
    }

    /// Its first endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoints[0]
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// A control call; see `weka-sim --help`.
    ///
    /// # Panics
    /// It is refused.
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.control).expect("the control channel is open");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        write!(
            stream,
            "{method} /_sim{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.control,
            body.len()
        )
        .expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer comes");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// Adds a fault, such as `json!({"kind": "refuse"})`.
    pub fn fault(&self, fault: &Value) {
        self.control("POST", "/faults", fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.control("DELETE", "/faults", &Value::Null);
    }

    /// Moves the cluster's clock on.
    pub fn advance(&self, by: &str) {
        self.control("POST", "/clock", &json!({"advance": by}));
    }

    /// One of the totals, such as `refreshes_ok`.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        let counters = self.control("GET", "/counters", &Value::Null);
        counters[name].as_u64().unwrap_or_else(|| panic!("no counter {name} in {counters}"))
    }

    /// The requests so far.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let log = self.control("GET", "/log", &Value::Null);
        log.as_array()
            .or_else(|| log["entries"].as_array())
            .cloned()
            .unwrap_or_else(|| panic!("no log in {log}"))
    }

    /// The requests that a query picks, such as `path=/api/v2/login`; see `weka-sim --help`.
    #[must_use]
    pub fn requests(&self, query: &str) -> Vec<Value> {
        let log = self.control("GET", &format!("/log?{query}"), &Value::Null);
        log.as_array().cloned().unwrap_or_else(|| panic!("no log in {log}"))
    }

    /// The attempts to log in with a password so far.
    #[must_use]
    pub fn logins(&self) -> Vec<Value> {
        self.requests("path=/api/v2/login")
    }

    /// The attempts to refresh so far.
    #[must_use]
    pub fn refreshes(&self) -> Vec<Value> {
        self.requests("path=/api/v2/login/refresh")
    }

    /// Waits until a query picks at least so many requests.
    ///
    /// # Panics
    /// It never does.
    pub fn until_requests(&self, query: &str, min: usize) -> Vec<Value> {
        let found = self.requests(&format!("{query}&min={min}&wait_ms=60000"));
        assert!(found.len() >= min, "{query}: {found:#?}");
        found
    }

    /// Changes settings, such as `json!({"lockout_failures": 2})`.
    pub fn set(&self, settings: &Value) {
        self.control("POST", "/settings", settings);
    }

    /// Ends every token there is, as a revocation by an administrator does.
    pub fn revoke_all(&self) {
        self.control("POST", "/revoke", &json!({"all": true}));
    }

    /// What the cluster thinks of an access token.
    #[must_use]
    pub fn check(&self, token: &str) -> Value {
        self.control("POST", "/check", &json!({"token": token}))
    }

    /// Waits until every access token that there is has ended.
    ///
    /// # Panics
    /// They do not.
    pub fn until_none_lives(&self) {
        crate::until("no access token lives", || {
            let status = self.control("GET", "/status", &Value::Null);
            (status["live_access_tokens"] == 0).then_some(())
        });
    }

    /// Whether an access token that the last command of this thread has printed is alive, or was when that command began: it
    /// may well end before one comes to look, on a machine that has other things to do.
    #[must_use]
    pub fn honours(&self, token: &str) -> bool {
        self.honoured_at(token, home::last_began())
    }

    /// Whether an access token is alive, or was at a moment.
    #[must_use]
    pub fn honoured_at(&self, token: &str, moment: Instant) -> bool {
        let found = self.check(token);
        let over = found["expired_ms"].as_u64().map(Duration::from_millis);
        found["standing"] == "alive"
            || (found["standing"] == "expired" && over.is_some_and(|over| over <= moment.elapsed()))
    }
}
