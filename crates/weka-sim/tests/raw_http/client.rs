//! A simulator in process, and the smallest HTTP client that does.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use weka_sim::{Options, Simulator, start};

/// Nothing here takes as long; a hang in the simulator becomes a failure of the test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running simulator with its runtime.
pub(crate) struct Sim {
    pub(crate) inner: Option<Simulator>,
    runtime: tokio::runtime::Runtime,
}

/// A simulator as the program starts it without options.
pub(crate) fn sim() -> Sim {
    sim_with(|_| {})
}

pub(crate) fn sim_with(change: impl FnOnce(&mut Options)) -> Sim {
    let mut options = Options::default();
    change(&mut options);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let simulator = runtime.block_on(start(options)).unwrap();
    Sim { inner: Some(simulator), runtime }
}

/// `host:port` of a base URL.
pub(crate) fn authority(url: &str) -> String {
    url.split("://").nth(1).unwrap().to_owned()
}

impl Sim {
    fn simulator(&self) -> &Simulator {
        self.inner.as_ref().unwrap()
    }

    pub(crate) fn url(&self, backend: usize) -> String {
        self.simulator().urls()[backend].clone()
    }

    pub(crate) fn address(&self) -> String {
        authority(&self.url(0))
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.simulator().fingerprint().unwrap()
    }

    pub(crate) fn pem(&self) -> String {
        self.simulator().certificate_pem().unwrap().to_owned()
    }

    pub(crate) fn stop(&mut self) {
        if let Some(simulator) = self.inner.take() {
            self.runtime.block_on(simulator.shutdown());
        }
    }

    /// A control call; it must succeed.
    pub(crate) fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.try_control(method, path, body);
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text());
        reply.json()
    }

    pub(crate) fn try_control(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let address = authority(&self.simulator().control_url());
        send(&address, &request(method, path, &[], body.as_bytes())).unwrap()
    }

    pub(crate) fn fault(&self, fault: Value) -> u64 {
        self.control("POST", "/_sim/faults", fault)["id"].as_u64().unwrap()
    }

    pub(crate) fn advance(&self, duration: &str) {
        self.control("POST", "/_sim/clock", json!({"advance": duration}));
    }

    pub(crate) fn log(&self, query: &str) -> Vec<Value> {
        self.control("GET", &format!("/_sim/log?{query}"), Value::Null).as_array().unwrap().clone()
    }

    pub(crate) fn counters(&self) -> Value {
        self.control("GET", "/_sim/counters", Value::Null)
    }

    pub(crate) fn standing(&self, token: &str) -> String {
        text(&self.control("POST", "/_sim/check", json!({"token": token}))["standing"])
    }

    /// An API call with a JSON body (`null` for none).
    pub(crate) fn api(&self, method: &str, path: &str, token: Option<&str>, body: Value) -> Reply {
        self.try_api(method, path, token, body).unwrap()
    }

    pub(crate) fn try_api(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> io::Result<Reply> {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers: Vec<(&str, &str)> = bearer.iter().map(|b| ("Authorization", b.as_str())).collect();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        let raw = request(method, &format!("/api/v2{path}"), &headers, body.as_bytes());
        send(&self.address(), &raw)
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Reply {
        self.api("GET", path, Some(token), Value::Null)
    }

    pub(crate) fn login(&self, username: &str, password: &str) -> Reply {
        self.login_in("Root", username, password)
    }

    pub(crate) fn login_in(&self, org: &str, username: &str, password: &str) -> Reply {
        let body = json!({"username": username, "password": password, "org": org});
        self.api("POST", "/login", None, body)
    }

    pub(crate) fn refresh(&self, refresh_token: &str) -> Reply {
        self.api("POST", "/login/refresh", None, json!({"refresh_token": refresh_token}))
    }

    /// Access and refresh token of one of the default users.
    pub(crate) fn pair(&self, username: &str) -> (String, String) {
        let (org, password) = match username {
            "admin" => ("Root", "Admin-Pass1"),
            "alice" => ("Root", "Alice-Pass1"),
            _ => ("research", "Bob-Pass1"),
        };
        let reply = self.login_in(org, username, password);
        assert_eq!(reply.status, 200, "{}", reply.text());
        tokens(&reply.json()["data"])
    }

    pub(crate) fn access(&self, username: &str) -> String {
        self.pair(username).0
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no string: {value}")).to_owned()
}

pub(crate) fn tokens(data: &Value) -> (String, String) {
    (text(&data["access_token"]), text(&data["refresh_token"]))
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// A request, byte for byte.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut raw = format!("{method} {target} HTTP/1.1\r\nHost: sim\r\n");
    for (name, value) in headers {
        raw.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        raw.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    raw.push_str("\r\n");
    [raw.as_bytes(), body].concat()
}

pub(crate) fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// One request on a connection of its own.
pub(crate) fn send(address: &str, raw: &[u8]) -> io::Result<Reply> {
    let mut stream = connect(address)?;
    let reply = exchange(&mut stream, raw)?;
    stream.shutdown(Shutdown::Both).ok();
    Ok(reply)
}

/// One request on a connection that stays open.
pub(crate) fn exchange(stream: &mut (impl Read + Write), raw: &[u8]) -> io::Result<Reply> {
    stream.write_all(raw)?;
    stream.flush()?;
    read_reply(stream)
}

pub(crate) fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

fn read_reply(stream: &mut impl Read) -> io::Result<Reply> {
    let head = read_head(stream)?;
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let mut reply = Reply { status, head, body: Vec::new() };
    if let Some(length) = reply.header("content-length").and_then(|length| length.parse().ok()) {
        reply.body = vec![0; length];
        stream.read_exact(&mut reply.body)?;
    } else if reply.header("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            while !line.ends_with("\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                line.push(char::from(byte[0]));
            }
            let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk)?;
            if size == 0 {
                break;
            }
            reply.body.extend_from_slice(&chunk[..size]);
        }
    }
    Ok(reply)
}
