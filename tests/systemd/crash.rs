//! A burst of crashes never leaves the socket dead, nor the tokens lost.

use crate::{SERVICE, SOCKET, somebody_logged_in};
use e2e::Cluster;
use e2e::systemd::{Shell, Units};
use e2e::until;
use std::thread;

#[test]
fn a_burst_of_crashes_leaves_the_socket_alive_and_the_tokens_there() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let token = manager.weka_token(&["get"]).ok();
    // An upgrade to a program that ends at once.
    manager.drop_in(SERVICE, "broken", "[Service]\nExecStart=\nExecStart=/bin/false\n");
    thread::scope(|scope| {
        let waiting: Vec<_> =
            (0..4).map(|_| scope.spawn(|| manager.weka_token(&["get", "--timeout", "60s"]))).collect();
        manager.signal("KILL");
        // Far more starts than either limit would allow by default: 5 in 10 s, 20 in 2 s.
        until("thirty crashes", || {
            let count: u32 = manager.show(SERVICE, "NRestarts").parse().unwrap();
            assert_eq!(manager.show(SOCKET, "ActiveState"), "active");
            (count > 30).then_some(())
        });
        manager.write_unit(&format!("{SERVICE}.d/broken.conf"), "");
        for client in waiting {
            assert_eq!(client.join().unwrap().ok(), token);
        }
    });
    assert_eq!(manager.weka_token(&["get"]).ok(), token);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn stops_and_starts_in_quick_succession_leave_the_socket_alive() {
    let Some(manager) = crate::somebody() else { return };
    // 20 in 2 s would shut a socket by default. All in one shell, or it would take longer.
    manager.drop_in(SERVICE, "once", "[Service]\nRestart=no\n");
    let script = "for n in $(seq 60); do weka-token get --timeout 1m; [ $? = 4 ] || exit 1; \
                  systemctl --user kill --kill-who=main --signal=KILL weka-tokend.service; done";
    let ran = manager.run(&["sh", "-c", script]);
    let starts = manager.log().matches(" is up ").count();
    assert_eq!(manager.show(SOCKET, "ActiveState"), "active", "{ran:#?}");
    assert!(ran.status == 0 && starts > 40, "{starts} starts: {ran:#?}");
}
