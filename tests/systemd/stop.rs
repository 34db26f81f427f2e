//! A stop forgets: what it takes to go on is a login, or the token file.

use crate::{SERVICE, SOCKET, somebody_logged_in};
use e2e::Cluster;
use e2e::systemd::{Shell, Units};

#[test]
fn after_a_stop_somebody_has_to_log_in_again() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    manager.weka_token(&["get"]).ok();
    manager.systemctl(&["stop", SERVICE]).ok();
    assert_eq!(manager.show(SERVICE, "NFileDescriptorStore"), "0");
    assert_eq!(manager.show(SOCKET, "SubState"), "listening");
    manager.weka_token(&["get"]).refused(4);
    crate::log_in(&manager, &cluster, &[]).ok();
    manager.weka_token(&["get"]).ok();
    assert_eq!(cluster.logins().len(), 2);
}

#[test]
fn after_a_stop_the_token_file_is_taken_up_again() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &["--token-file"]) else { return };
    let token = manager.weka_token(&["get"]).ok();
    manager.systemctl(&["stop", SERVICE]).ok();
    let again = manager.weka_token(&["get"]).ok();
    assert!(again == token || cluster.honours(&again));
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_stop_answers_those_who_wait_and_takes_no_time() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    manager.systemctl(&["stop", SERVICE]).ok();
    // Where the manager loses its patience it is `timeout`.
    assert_eq!(manager.show(SERVICE, "Result"), "success");
}
