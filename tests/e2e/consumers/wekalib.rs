//! wekalib 1.5.0 as it is on PyPI: it reads the token file once, refreshes on its own over JSON-RPC, and writes its
//! tokens back in place.

use super::{EXPIRIES, LIFE, address, assert_live_token, program};
use crate::{at_once, mode, profile, read_json, weka_user_login};
use e2e::{Cluster, Daemon, Home, Tool};
use serde_json::Value;
use std::net::Ipv4Addr;
use std::time::Instant;
use wire::State;

const PORT: &str = "14000";

/// A cluster of two backends at WEKA's own port, a daemon that keeps admin's token file, and a tool that reads it.
struct Shared {
    cluster: Cluster,
    home: Home,
    daemon: Daemon,
    tool: Tool,
}

impl Shared {
    /// The tool is given the hosts by address, or by the names that the cluster has for them.
    fn start(options: &[&str], backends: &[Ipv4Addr], by_name: bool) -> Option<Self> {
        let listen: Vec<_> =
            backends.iter().flat_map(|at| ["--listen".to_owned(), format!("{at}:{PORT}")]).collect();
        let listen: Vec<&str> = listen.iter().map(String::as_str).collect();
        let home = Home::new();
        let named = |(number, at): (usize, &Ipv4Addr)| (format!("weka-sim-{number}"), at.to_string());
        let named: Vec<(String, String)> = backends.iter().enumerate().map(named).collect();
        let hosts = named.iter().map(|(name, at)| if by_name { name.as_str() } else { at });
        let hosts = hosts.collect::<Vec<_>>().join(",");
        let names = named.iter().map(|(name, at)| format!("{name}={at}"));
        let mut command = program(&home, "cluster_tool.py", &[&hosts])?;
        if options.contains(&"--tls") {
            command.arg("--https");
        }
        let tool = Tool::start(command.args(names));
        let cluster = Cluster::plain(&[options, &listen].concat());
        home.write(&home.token_file(), &weka_user_login(&cluster, "admin", "Admin-Pass1"));
        home.configure(&profile("default", &cluster, ""));
        let daemon = Daemon::start(&home);
        daemon.until("ready", |profile| profile.state == State::Ready);
        Some(Self { cluster, home, daemon, tool })
    }

    /// How often the tool was told that its access token has died.
    fn expiries(&self) -> usize {
        self.cluster.requests("path=/api/v1&status=401").len()
    }

    fn refreshes(&self) -> Vec<Value> {
        self.cluster.requests("path=/api/v1&rpc=user_refresh_token")
    }
}

fn through_three_expiries(options: &[&str]) {
    let backends = [address(), address()];
    let Some(mut it) = Shared::start(&[&["--access-ttl", LIFE], options].concat(), &backends, false) else {
        return;
    };
    assert_eq!(it.tool.works(&format!("open {PORT}")), "weka-sim");
    let began = Instant::now();
    while it.expiries() < EXPIRIES {
        assert_eq!(it.tool.works("call status")["name"], "weka-sim");
        let hosts = it.tool.works("refresh");
        assert_eq!(hosts.as_array().unwrap().len(), 4, "by address and by name: {hosts}");
        assert_eq!(mode(&it.home.token_file()), 0o600);
        assert_live_token(&it.cluster, || it.home.run(&["get"]));
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    // Nobody fights: it refreshes at its start, once for each host, and when its token has died; we when ours is due.
    assert_eq!(it.refreshes().len(), 4 + it.expiries());
    let ours = it.cluster.refreshes().len();
    // Before the last fifth of a life of 4 s, less the jitter; and where the tool has found one dead, ours was, too.
    let most = 1 + usize::try_from(began.elapsed().as_secs() / 2).unwrap();
    assert!((1..=most).contains(&ours), "{ours} of {most}");
    assert_eq!(it.cluster.count("refreshes_failed"), 0);
    assert_eq!(it.cluster.logins().len(), 1, "the one that made the file");

    let before = read_json(&it.home.token_file());
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    let after = read_json(&it.home.token_file());
    assert_eq!(after["access_token"], it.home.run(&["get"]).ok());
    assert_ne!(after["access_token"], before["access_token"]);
    let kept = |file: &Value| (file["token_type"].clone(), file["password_change_required"].clone());
    assert_eq!(kept(&after), ("Bearer".into(), false.into()), "what it writes besides the tokens stays");
    let profile = it.daemon.until("ready", |profile| profile.state == State::Ready);
    assert_eq!(profile.notes, [""; 0]);
    it.tool.works("call status");
}

#[test]
fn its_own_refreshes_are_followed_through_three_expiries_over_http_and_tls() {
    at_once(&[&[][..], &["--tls"]], |options| through_three_expiries(options));
}

#[test]
fn where_a_refresh_token_works_once_it_cannot_share_one_and_status_names_that_with_the_remedy() {
    let Some(mut it) = Shared::start(&["--single-use-refresh"], &[address()], true) else { return };
    let remedy =
        "a file of its own: [[profile.default.sink]] with session = \"own\" (it needs a password source)";
    let until_noted = |it: &Shared, words: &str| {
        it.daemon.until(words, |profile| profile.notes.iter().any(|note| note.contains(words)));
        let shown = it.home.run(&["status"]).stdout;
        for part in [words, remedy, &it.home.token_file().display().to_string()] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    };
    // It has used the file's refresh token, and keeps the new pair to itself.
    it.tool.works(&format!("open {PORT}"));
    it.home.run(&["refresh", "--timeout", "20s"]).refused(4);
    until_noted(&it, "it was revoked, or another program that reads the file has used it up");
    // Now it writes that pair down: issued before ours was refused, so there is no other explanation.
    it.tool.works("refresh");
    it.daemon.until("ready", |profile| profile.state == State::Ready);
    until_noted(&it, "another program used up the refresh token in ");
    it.home.run(&["refresh", "--timeout", "20s"]).ok();
    until_noted(&it, "another program used up the refresh token in ");
    // And now we have used theirs.
    it.tool.works("call status");
    it.cluster.advance("25h");
    assert_eq!(it.tool.ask("call status").unwrap_err()["error"], "LoginError");
}

#[test]
fn with_a_login_of_its_own_it_works_where_a_refresh_token_works_once() {
    let (home, at) = (Home::new(), address());
    let Some(mut command) = program(&home, "cluster_tool.py", &["weka-sim-0"]) else { return };
    let mut tool = Tool::start(command.arg(format!("weka-sim-0={at}")));
    let listen = format!("{at}:{PORT}");
    let cluster = Cluster::plain(&["--single-use-refresh", "--access-ttl", LIFE, "--listen", &listen]);
    home.write("password".as_ref(), "Admin-Pass1\n");
    home.write(".weka/.keep".as_ref(), "");
    let keys = format!(
        "username = \"admin\"\npassword = {{ file = {:?} }}\ntoken_file = \"\"\nallow_http = true\n\
         [[profile.default.sink]]\npath = {:?}\nsession = \"own\"",
        home.path().join("password"),
        home.token_file()
    );
    home.configure(&profile("default", &cluster, &keys));
    let daemon = Daemon::start(&home);
    assert_live_token(&cluster, || home.run(&["get"]));
    e2e::until("the tool's own pair is there", || home.token_file().exists().then_some(()));
    assert_eq!(tool.works(&format!("open {PORT}")), "weka-sim");
    let expiries = || cluster.requests("path=/api/v1&status=401").len();
    while expiries() < EXPIRIES {
        assert_eq!(tool.works("call status")["name"], "weka-sim");
        tool.works("refresh");
        assert_live_token(&cluster, || home.run(&["get"]));
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    // What the tool renews and does not write down costs its own session another login, and the profile's nothing.
    assert_eq!(cluster.count("logins_failed"), 0);
    assert_eq!(daemon.profile().refresh_failures_total, 0, "{}", daemon.log());
    assert_eq!(mode(&home.token_file()), 0o600);
    assert_eq!(daemon.profile().state, State::Ready);
}
