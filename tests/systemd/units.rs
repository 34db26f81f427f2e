//! The units themselves: what systemd thinks of them, and what they say.

use e2e::systemd::{self, Shell, SystemManager, Units, UserManager, units};
use serde_json::Value;
use std::fs;

#[test]
fn systemd_has_no_complaint_about_the_users_units() {
    if !systemd::is_there() {
        return;
    }
    let manager = UserManager::start();
    for unit in ["weka-tokend.socket", "weka-tokend.service"] {
        let path = format!("/etc/systemd/user/{unit}");
        let verified = manager.run(&["systemd-analyze", "--user", "--man=no", "verify", &path]);
        assert_eq!((verified.status, verified.stderr.as_str()), (0, ""), "{verified:#?}");
    }
}

#[test]
fn systemd_has_no_complaint_about_the_hosts_units_and_they_are_little_exposed() {
    if !systemd::is_there() {
        return;
    }
    let host = SystemManager::setup().boot();
    for unit in ["weka-tokend.socket", "weka-tokend.service"] {
        let path = format!("/usr/lib/systemd/system/{unit}");
        let verified = host.run(&["systemd-analyze", "--man=no", "verify", &path]);
        assert_eq!((verified.status, verified.stderr.as_str()), (0, ""), "{verified:#?}");
    }
    let rating = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--json=short"];
    let rated = host.run(&[&rating[..], &["/usr/lib/systemd/system/weka-tokend.service"]].concat());
    assert_eq!(rated.status, 0, "more exposed than 1.5: {rated:#?}");
    let points: Vec<Value> = serde_json::from_str(&rated.stdout).unwrap();
    let left: Vec<_> = points.iter().filter(|point| !point["exposure"].is_null()).collect();
    assert!(points.len() > 70 && !left.is_empty(), "{points:#?}");
    let text = fs::read_to_string(units().join("system/weka-tokend.service")).unwrap();
    let explanations: Vec<_> = text.lines().filter(|line| line.starts_with("#   ")).collect();
    for point in left {
        let name = point["name"].as_str().unwrap();
        assert!(
            explanations.iter().any(|line| line.contains(name)),
            "{name} is left open without a word: {point}"
        );
    }
}

#[test]
fn the_users_daemon_is_confined_without_a_namespace() {
    let Some(manager) = crate::somebody() else { return };
    manager.systemctl(&["start", "weka-tokend.service"]).ok();
    let pid = manager.pid();
    let status = fs::read_to_string(manager.path(format!("/proc/{pid}/status").as_ref())).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    // The peer checks stand on this one, the password commands on the other.
    for namespace in ["user", "mnt"] {
        let of =
            |pid: u32| fs::read_link(manager.path(format!("/proc/{pid}/ns/{namespace}").as_ref())).unwrap();
        assert_eq!(of(pid), of(1), "{namespace}");
    }
}
