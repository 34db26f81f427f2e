//! End to end: the real client, the real daemon, a simulated cluster over TLS.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod accounts;
mod bench;
mod config;
mod consumers;
mod curl;
mod doctor;
mod exec;
mod failover;
mod filesystems;
mod follow;
mod frames;
mod generate_token;
mod get;
mod help_texts;
mod install;
mod killed;
mod left_open;
mod lockout;
mod lockout_accounts;
mod login;
mod logout;
mod manners;
mod mount;
mod mount_refused;
mod mount_token;
mod outage;
mod password_source;
mod profiles;
mod profiles_edit;
mod races;
mod readme;
mod refresh;
mod refusals;
mod regression;
mod regression_clients;
mod regression_files;
mod regression_logins;
mod regression_names;
mod regular_user;
mod reload;
mod reload_changes;
mod restart;
mod secrets;
mod shared_home;
mod sinks;
mod socket;
mod status;
mod token_file;
mod token_file_broken;
mod token_file_writers;
mod trust;
mod ui;
mod ui_dialogs;
mod ui_terminal;
mod whoami;

use e2e::home::connected;
use e2e::{Cluster, Daemon, Home, Ran};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A home whose daemon is logged in as alice.
struct LoggedIn {
    home: Home,
    daemon: Daemon,
    cluster: Cluster,
}

impl LoggedIn {
    fn to(cluster: Cluster) -> Self {
        Self::as_user(cluster, "alice", "Alice-Pass1")
    }

    fn as_user(cluster: Cluster, username: &str, password: &str) -> Self {
        Self::in_home(Home::new(), cluster, username, password)
    }

    /// In a home whose configuration knows the cluster, with further keys for the default profile.
    fn configured(cluster: Cluster, keys: &str) -> Self {
        let home = Home::new();
        home.configure(&profile("default", &cluster, keys));
        Self::in_home(home, cluster, "alice", "Alice-Pass1")
    }

    fn in_home(home: Home, cluster: Cluster, username: &str, password: &str) -> Self {
        let daemon = Daemon::start(&home);
        login(&home, &cluster, username, password).ok();
        Self { home, daemon, cluster }
    }

    fn token(&self) -> String {
        self.home.run(&["get"]).ok()
    }
}

/// Runs a test's cases at the same time: most of what they do is wait.
fn at_once<T: Sync + std::fmt::Debug>(cases: &[T], run: impl Fn(&T) + Sync) {
    let failed: Vec<_> = std::thread::scope(|scope| {
        let run = &run;
        let running: Vec<_> = cases.iter().map(|case| (case, scope.spawn(move || run(case)))).collect();
        running.into_iter().filter_map(|(case, thread)| thread.join().err().map(|_| case)).collect()
    });
    assert!(failed.is_empty(), "failed: {failed:#?}");
}

/// Logs in without a terminal.
fn login(home: &Home, cluster: &Cluster, username: &str, password: &str) -> Ran {
    login_with(home, cluster, username, password, &[])
}

/// Logs in without a terminal, with further options.
fn login_with(home: &Home, cluster: &Cluster, username: &str, password: &str, options: &[&str]) -> Ran {
    let mut arguments = vec!["login", "--user", username, "--password-stdin"];
    for endpoint in &cluster.endpoints {
        arguments.extend(["--endpoint", endpoint]);
    }
    if !cluster.fingerprint.is_empty() {
        arguments.extend(["--fingerprint", &cluster.fingerprint]);
    }
    arguments.extend(options);
    connected(|| home.run_with(&arguments, &format!("{password}\n")))
}

/// A profile's table, with further keys.
fn profile(name: &str, cluster: &Cluster, keys: &str) -> String {
    let mut table = format!("[profile.{name}]\nendpoints = {:?}\n", cluster.endpoints);
    if !cluster.fingerprint.is_empty() {
        table.push_str(&format!("fingerprint = \"{}\"\n", cluster.fingerprint));
    }
    table + keys + "\n"
}

/// A home whose profile takes alice's password from a file, and that file.
fn password_file(cluster: &Cluster, password: &str) -> (Home, PathBuf) {
    let home = Home::new();
    let file = home.path().join("password");
    home.write(&file, &format!("{password}\n"));
    home.configure(&profile("default", cluster, &by_password_file(&file)));
    (home, file)
}

/// The keys of a profile that does so.
fn by_password_file(file: &Path) -> String {
    format!("username = \"alice\"\npassword = {{ file = {file:?} }}")
}

/// What WEKA's own `weka user login` leaves in its token file: three keys, indented.
fn weka_user_login(cluster: &Cluster, username: &str, password: &str) -> String {
    let elsewhere = Home::new();
    let _daemon = Daemon::start(&elsewhere);
    login_with(&elsewhere, cluster, username, password, &["--token-file"]).ok();
    let pair = read_json(&elsewhere.token_file());
    token_file(&pair, &Value::Null)
}

/// A token file's text: a pair's three keys, and further ones.
fn token_file(pair: &Value, extra: &Value) -> String {
    let mut file = json!({
        "access_token": pair["access_token"],
        "refresh_token": pair["refresh_token"],
        "token_type": "Bearer",
    });
    if let (Some(file), Some(extra)) = (file.as_object_mut(), extra.as_object()) {
        file.extend(extra.clone());
    }
    serde_json::to_string_pretty(&file).unwrap() + "\n"
}

/// A file of JSON.
#[track_caller]
fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a tool does with a pair: `POST /login/refresh`. `None` where the refresh token is used up.
fn renew(home: &Home, cluster: &Cluster, pair: &Value) -> Option<Value> {
    let mut curl = home.command("curl");
    curl.args(["-sS", "--insecure", "-H", "Content-Type: application/json", "-d", "@-"]);
    curl.arg(format!("{}/api/v2/login/refresh", cluster.endpoint()));
    let body = json!({"refresh_token": pair["refresh_token"]}).to_string();
    let answer: Value = serde_json::from_str(&e2e::home::finish(&mut curl, &body).ok()).unwrap();
    answer["data"]["refresh_token"].is_string().then(|| answer["data"].clone())
}

/// One line of JSON.
#[track_caller]
fn json(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The permission bits of a file, of the link itself where it is one.
#[track_caller]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::symlink_metadata(path);
    found.unwrap_or_else(|error| panic!("{}: {error}", path.display())).mode() & 0o7777
}
