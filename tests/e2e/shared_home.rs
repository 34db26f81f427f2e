//! One home on many nodes: ten daemons, one token file, about one refresh a cycle between them.

use crate::{profile, weka_user_login};
use e2e::{Cluster, Daemon, Home};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use wire::State;

const NODES: usize = 10;
const CYCLES: u64 = 3;

/// Ten daemons on one home, each with a runtime folder of its own, as on ten hosts.
fn nodes(home: &Home) -> Vec<Daemon> {
    let start = |node: usize| {
        let runtime = home.path().join(format!("node{node}"));
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = home.weka_tokend(&[]);
        command.env("XDG_RUNTIME_DIR", &runtime).env("XDG_STATE_HOME", runtime.join("state"));
        let log = home.path().join(format!("node{node}.log"));
        Daemon::launch(command, &runtime.join("weka-token/agent.sock"), &log)
    };
    (0..NODES).map(start).collect()
}

fn shares(options: &[&str]) {
    let cluster = Cluster::start(&[&["--access-ttl", "6s"], options].concat());
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(&cluster, "alice", "Alice-Pass1"));
    home.configure(&profile("default", &cluster, ""));
    let daemons = nodes(&home);
    let get = |daemon: &Daemon| {
        let socket = daemon.socket().to_str().unwrap();
        let token = home.run(&["--socket", socket, "get"]).ok();
        // The answer may be a moment old where another node's renewal has just come; it lives all the same.
        assert!(cluster.honours(&token), "{}\n{}", cluster.check(&token), daemon.log());
    };
    let first = cluster.count("refreshes_ok");
    let mut cycles = 0;
    while cycles < CYCLES {
        for daemon in &daemons {
            get(daemon);
        }
        cycles = cluster.count("refreshes_ok") - first;
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    for daemon in &daemons {
        daemon.until("ready", |profile| profile.state == State::Ready);
        get(daemon);
    }
    let refreshes = cluster.refreshes();
    let began = refreshes[0]["real_ms"].as_u64().unwrap();
    let ended = refreshes.last().unwrap()["real_ms"].as_u64().unwrap();
    // Renewed at four fifths of 6 s, less the jitter: at most one per 4 s, and one to spare for a lost race.
    let allowed = usize::try_from(2 + (ended - began) / 4000).unwrap();
    assert!(refreshes.len() <= allowed, "{} of {allowed}", refreshes.len());
    assert_eq!(cluster.count("refreshes_failed"), 0, "no refresh token was used twice");
    assert_eq!(cluster.count("logins_ok"), 1);
}

#[test]
fn ten_daemons_make_one_refresh_a_cycle_between_them() {
    shares(&[]);
}

#[test]
fn ten_daemons_never_use_a_single_use_refresh_token_twice() {
    shares(&["--single-use-refresh"]);
}
