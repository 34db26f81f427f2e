//! `weka-token doctor`: each thing that can be wrong, made wrong, and found.

use crate::{LoggedIn, login, profile};
use e2e::{Cluster, Daemon, Home};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use wire::{Request, Response, blocking};

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

#[test]
fn where_all_is_well_nothing_needs_anybody_and_nothing_secret_is_sent() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let logins = it.cluster.logins().len();
    let (found, status) = doctor(&it.home);
    assert_eq!(status, 0, "{found:#?}");
    for check in ["socket", "version", "configuration", "dns", "tcp", "tls", "clock", "login"] {
        one(&found, check, "ok");
    }
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
    let shown = it.home.run(&["doctor"]);
    assert_eq!(shown.status, 0);
    assert!(!shown.stdout.contains('\x1b') && shown.stdout.contains("ok    tls"), "{shown:?}");
    assert!(!shown.stdout.contains(&it.token()));
}

#[test]
fn without_a_daemon_it_says_so_and_what_was_not_checked() {
    let home = Home::new();
    let (found, status) = doctor(&home);
    assert_eq!(status, 3);
    says(one(&found, "socket", "bad"), "no daemon", "weka-tokend");
    for check in ["dns", "tcp", "tls", "clock"] {
        one(&found, check, "not-checked");
    }
}

#[test]
fn a_name_that_is_not_known_and_a_port_that_nobody_listens_on() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (home, _daemon) = configured(&format!(
        "[profile.default]\nendpoints = [\"https://no-such-host.invalid\", \"https://{closed}\"]\n"
    ));
    let (found, status) = doctor(&home);
    assert_eq!(status, 1);
    says(one(&found, "dns", "bad"), "no-such-host.invalid", "[profile.default]");
    says(one(&found, "tcp", "bad"), &closed.to_string(), "14000");
    assert!(found.iter().all(|it| it["check"] != "tls"), "{found:#?}");
}

#[test]
fn a_certificate_that_is_unknown_pinned_otherwise_or_about_to_end() {
    let cluster = Cluster::start(&[]);
    let endpoints = format!("[profile.default]\nendpoints = {:?}\n", cluster.endpoints);
    let (home, _daemon) = configured(&endpoints);
    let (found, status) = doctor(&home);
    assert_eq!(status, 1);
    says(one(&found, "tls", "bad"), "is not trusted", "weka-token trust");
    one(&found, "clock", "not-checked");

    let other = format!("{endpoints}fingerprint = \"sha256:{}\"\n", "ab".repeat(32));
    let (home, _daemon) = configured(&other);
    says(one(&doctor(&home).0, "tls", "bad"), "another certificate", "in between");

    cluster.control("POST", "/certificate", &json!({"issued_by_ca": true, "from_days": -30, "to_days": 10}));
    let pem = cluster.control("GET", "/certificate", &Value::Null)["ca_pem"].as_str().unwrap().to_owned();
    let home = Home::new();
    home.write("ca.pem".as_ref(), &pem);
    home.configure(&format!("{endpoints}ca_file = {:?}\n", home.path().join("ca.pem")));
    let _daemon = Daemon::start(&home);
    says(one(&doctor(&home).0, "tls", "warn"), "ends in", "renewed");
    cluster.control("POST", "/certificate", &json!({"issued_by_ca": true, "from_days": -30, "to_days": -1}));
    let pem = cluster.control("GET", "/certificate", &Value::Null)["ca_pem"].as_str().unwrap().to_owned();
    home.write("ca.pem".as_ref(), &pem);
    says(one(&doctor(&home).0, "tls", "bad"), "expired", "weka-token trust");
}

#[test]
fn a_ca_file_that_is_not_there() {
    let cluster = Cluster::start(&[]);
    let config =
        format!("[profile.default]\nendpoints = {:?}\nca_file = \"/nowhere/ca.pem\"\n", cluster.endpoints);
    let (home, _daemon) = configured(&config);
    says(one(&doctor(&home).0, "tls", "bad"), "/nowhere/ca.pem", "ca_file");
}

#[test]
fn clocks_that_disagree() {
    let it = LoggedIn::to(Cluster::start(&[]));
    for (by_s, level, side) in [(45, "warn", "ahead of"), (-300, "bad", "behind")] {
        it.cluster.fault(&json!({"kind": "skew", "by_s": by_s}));
        let (found, status) = doctor(&it.home);
        says(one(&found, "clock", level), side, "time source");
        assert_eq!(status, i32::from(level == "bad"));
        it.cluster.heal();
    }
}

#[test]
fn a_cluster_that_hangs_is_given_up_in_time() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.cluster.fault(&json!({"kind": "hang"}));
    let (found, _) = doctor(&it.home);
    one(&found, "clock", "not-checked");
    one(&found, "login", "ok");
}

#[test]
fn a_login_that_is_needed_a_lockout_and_a_logout() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.cluster.revoke_all();
    it.home.run(&["refresh"]).refused(4);
    let (found, status) = doctor(&it.home);
    says(one(&found, "login", "bad"), "login-required", "weka-token login");
    assert_eq!(status, 1);
    it.cluster.set(&json!({"lockout_failures": 2, "lockout_duration": "5m"}));
    for _ in 0..3 {
        login(&it.home, &it.cluster, "alice", "wrong").refused(4);
    }
    says(one(&doctor(&it.home).0, "lockout", "bad"), "locked out for another", "wait");
    it.home.run(&["logout"]).ok();
    says(one(&doctor(&it.home).0, "login", "warn"), "logged-out", "weka-token login");
}

#[test]
fn a_token_file_that_is_broken_or_open_to_others() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write(&home.token_file(), &crate::weka_user_login(&cluster, "alice", "Alice-Pass1"));
    std::fs::set_permissions(home.token_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    home.configure(&profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == wire::State::Ready);
    let (found, status) = doctor(&home);
    says(one(&found, "profile", "warn"), "mode 0644", "");
    says(one(&found, "token-file", "ok"), "auth-token.json", "");
    assert_eq!(status, 0, "{found:#?}");
    std::fs::write(home.token_file(), "{").unwrap();
    daemon.until("the file is seen", |profile| profile.notes.iter().any(|note| note.contains("breaks off")));
    assert!(doctor(&home).0.iter().any(|it| it["message"].as_str().unwrap().contains("breaks off")));
}

#[test]
fn a_configuration_that_was_refused_at_reload() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.home.configure("[profile.default]\nendpoint = \"weka01\"\n");
    it.daemon.signal(nix::sys::signal::Signal::SIGHUP);
    it.daemon.until_status("the mistake is seen", |status| !status.daemon.notes.is_empty());
    let (found, status) = doctor(&it.home);
    let bad: Vec<_> =
        found.iter().filter(|it| it["check"] == "configuration" && it["level"] == "bad").collect();
    assert!(bad.iter().any(|it| it["message"].as_str().unwrap().contains("config.toml")), "{found:#?}");
    assert_eq!(status, 1);
}

#[test]
fn a_profile_that_there_is_not() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let ran = it.home.run(&["doctor", "-p", "nowhere"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("no profile nowhere"), "{ran:?}");
}

#[test]
fn a_daemon_of_another_version() {
    let home = Home::new();
    let folder = home.runtime().join("weka-token");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let older = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request: Request = blocking::receive(&mut stream).unwrap();
        assert!(matches!(request, Request::Status { .. }));
        let daemon = wire::DaemonStatus {
            version: "0.0.1".into(),
            pid: 1,
            uptime_s: 1,
            socket: "/run/s".into(),
            default_profile: "default".into(),
            notes: vec![],
        };
        let status = wire::Status { revision: 1, daemon, profiles: vec![], more: false };
        blocking::send(&mut stream, &Response::Status(status)).unwrap();
        stream.flush().unwrap();
    });
    let (found, _) = doctor(&home);
    older.join().unwrap();
    says(one(&found, "version", "warn"), "the daemon is 0.0.1", "restart");
}

#[test]
fn a_socket_that_may_not_be_used() {
    if !nix::unistd::geteuid().is_root() {
        // Nobody's permissions but root's can be left behind here.
        return;
    }
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut command = it.home.command("setpriv");
    let program = it.home.weka_token(&[]).get_program().to_owned();
    command.args(["--reuid", "65534", "--clear-groups"]).arg(program);
    command.arg("--socket").arg(it.home.socket()).args(["doctor", "--json"]);
    let ran = e2e::home::finish(&mut command, "");
    assert_eq!(ran.status, 1, "{ran:?}");
    let found = crate::json(ran.stdout.trim_end());
    one(found["findings"].as_array().unwrap(), "permission", "bad");
}
