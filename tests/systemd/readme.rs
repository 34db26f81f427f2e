//! The README's commands for a service, run as they stand there.

use crate::{SERVICE, log_in};
use e2e::Cluster;
use e2e::systemd::{self, Shell, Units, UserManager};
use std::path::Path;

/// The README's blocks of commands for a service, in order.
fn blocks(text: &str) -> Vec<&str> {
    text.split("```sh service\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_command_of_the_readme_for_a_service_does_what_it_says() {
    if !systemd::is_there() {
        return;
    }
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("the README");
    let blocks = blocks(&readme);
    assert_eq!(blocks.len(), 2, "each block is known here");
    let cluster = Cluster::start(&[]);
    let manager = UserManager::start();
    manager.write(Path::new("password.txt"), "Alice-Pass1\n");
    let certificate = std::fs::read_to_string(&cluster.certificate).expect("the cluster's certificate");
    manager.write(Path::new("ca.pem"), &certificate);
    let address = cluster.endpoint().trim_start_matches("https://");
    let mut shown = Vec::new();
    for block in blocks {
        let block = block.replace("weka01", address).replace("/etc/weka/ca.pem", "ca.pem");
        let ran = manager.run(&["sh", "-euc", &format!("cd; {block}")]);
        shown.push(ran.ok());
    }
    let first = shown[0].lines().last().unwrap_or_default();
    assert!(cluster.honours(first), "{shown:?}");
    assert!(shown[1].starts_with(first), "the restart cost no token: {shown:?}");
    assert!(shown[1].contains("StatusText=1 profile ready"), "{shown:?}");
    assert_eq!(manager.show(SERVICE, "ActiveState"), "active");
    assert_eq!(cluster.count("logins_ok"), 1);
    // And it is a daemon like any other.
    log_in(&manager, &cluster, &[]).ok();
}
