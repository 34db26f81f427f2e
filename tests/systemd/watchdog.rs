//! The watchdog ends a daemon that hangs, and an outage of the cluster is none of its business.

use crate::{SERVICE, somebody_logged_in};
use e2e::Cluster;
use e2e::systemd::{Shell, Units};
use e2e::until;
use serde_json::json;

#[test]
fn a_daemon_that_hangs_is_ended_and_comes_back_with_its_tokens() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let token = manager.weka_token(&["get"]).ok();
    manager.drop_in(SERVICE, "watchdog", "[Service]\nWatchdogSec=5s\n");
    manager.systemctl(&["restart", SERVICE]).ok();
    cluster.fault(&json!({"kind": "refuse"}));
    manager.signal("STOP");
    // Asked while it hangs.
    assert_eq!(manager.weka_token(&["get", "--timeout", "1m"]).ok(), token);
    // More than once where the machine stood still.
    assert_ne!(manager.show(SERVICE, "NRestarts"), "0");
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn an_outage_of_the_cluster_restarts_nothing() {
    let cluster = Cluster::start(&["--access-ttl", "2s"]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    manager.drop_in(SERVICE, "watchdog", "[Service]\nWatchdogSec=8s\n");
    manager.systemctl(&["restart", SERVICE]).ok();
    let pid = manager.pid();
    // A cluster that refuses, and one that takes a connection and says nothing.
    for fault in [json!({"kind": "refuse"}), json!({"kind": "hang"})] {
        cluster.fault(&fault);
        until("the end of the last token", || {
            (manager.weka_token(&["get", "--timeout", "1s"]).status == 5).then_some(())
        });
        // Far longer than the watchdog waits.
        manager.weka_token(&["get", "--timeout", "12s"]).refused(5);
        cluster.heal();
    }
    assert_eq!((manager.pid(), manager.show(SERVICE, "NRestarts").as_str()), (pid, "0"));
    assert!(cluster.honours(&manager.weka_token(&["get"]).ok()));
}

#[test]
fn the_units_watchdog_is_three_minutes() {
    let Some(manager) = crate::somebody() else { return };
    manager.systemctl(&["start", SERVICE]).ok();
    assert_eq!(manager.show(SERVICE, "WatchdogUSec"), "3min");
}
