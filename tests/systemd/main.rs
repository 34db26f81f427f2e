//! In a real systemd: the units of this tree, the real binaries, a simulated cluster.
//!
//! A user's manager and a host's, each in namespaces of its own. All of it needs root; without root one line says
//! that it was skipped.
#![forbid(unsafe_code)]

mod activation;
mod boot;
mod configuration;
mod crash;
mod doctor;
mod killed;
mod mounts;
mod mounts_at_use;
mod passwords;
mod policy;
mod readme;
mod regression_logins;
mod restart;
mod secrets;
mod sinks;
mod stop;
mod store;
mod units;
mod watchdog;

use e2e::home::connected;
use e2e::systemd::{self, Shell, UserManager};
use e2e::{Cluster, Ran};
use serde_json::Value;

/// The daemon's unit.
const SERVICE: &str = "weka-tokend.service";
/// Its socket's unit.
const SOCKET: &str = "weka-tokend.socket";

/// A user whose socket is enabled, as the README says, and nothing else done; `None` where that cannot be had.
fn somebody() -> Option<UserManager> {
    systemd::is_there().then(|| {
        let manager = UserManager::start();
        manager.enable();
        manager
    })
}

/// A user who has logged in to a cluster as alice, with these further options.
fn somebody_logged_in(cluster: &Cluster, options: &[&str]) -> Option<UserManager> {
    let manager = somebody()?;
    log_in(&manager, cluster, options).ok();
    Some(manager)
}

/// Logs in without a terminal.
fn log_in(manager: &UserManager, cluster: &Cluster, options: &[&str]) -> Ran {
    let mut arguments = vec!["login", "--user", "alice", "--password-stdin"];
    arguments.extend(["--endpoint", cluster.endpoint(), "--fingerprint", &cluster.fingerprint]);
    arguments.extend(options);
    connected(|| manager.weka_token_with(&arguments, "Alice-Pass1\n"))
}

/// The token file, as soon as it is there: where there is a store, files come last.
fn token_file(manager: &UserManager) -> Value {
    let path = manager.home().token_file();
    e2e::until("the token file", || serde_json::from_str(&std::fs::read_to_string(&path).ok()?).ok())
}

/// A profile's table, with further keys.
fn profile(name: &str, cluster: &Cluster, keys: &str) -> String {
    let (endpoint, fingerprint) = (cluster.endpoint(), &cluster.fingerprint);
    format!(
        "[profile.{name}]\nendpoints = [\"{endpoint}\"]\nfingerprint = \"{fingerprint}\"\nusername = \"alice\"\n{keys}\n"
    )
}
