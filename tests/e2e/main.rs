//! End to end: the real client, the real daemon, a simulated cluster over TLS.
#![forbid(unsafe_code)]

mod get;

use e2e::{Cluster, Daemon, Home, Ran};
use serde_json::Value;

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
        let home = Home::new();
        let daemon = Daemon::start(&home);
        login(&home, &cluster, username, password).ok();
        Self { home, daemon, cluster }
    }

    fn token(&self) -> String {
        self.home.run(&["get"]).ok()
    }
}

/// Logs in without a terminal.
fn login(home: &Home, cluster: &Cluster, username: &str, password: &str) -> Ran {
    let mut arguments = vec!["login", "--user", username, "--password-stdin"];
    for endpoint in &cluster.endpoints {
        arguments.extend(["--endpoint", endpoint]);
    }
    if !cluster.fingerprint.is_empty() {
        arguments.extend(["--fingerprint", &cluster.fingerprint]);
    }
    home.run_with(&arguments, &format!("{password}\n"))
}

/// One line of JSON.
#[track_caller]
fn json(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
