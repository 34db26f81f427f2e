//! What `weka-token doctor` finds of a cluster: its names, connections, certificates and clock.

use super::{configured, doctor, one, says};
use crate::LoggedIn;
use e2e::{Cluster, Daemon, Home};
use serde_json::{Value, json};

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
fn a_cluster_that_speaks_no_tls_and_one_that_is_spoken_to_in_clear() {
    let plain = Cluster::plain(&[]);
    let tls = plain.endpoint().replace("http:", "https:");
    let (home, _daemon) = configured(&format!("[profile.default]\nendpoints = [{tls:?}]\n"));
    says(one(&doctor(&home).0, "tls", "bad"), "no TLS handshake", "management port");
    let it = LoggedIn::to(plain);
    let (found, status) = doctor(&it.home);
    says(one(&found, "tls", "warn"), "sends tokens in clear", "");
    assert_eq!(status, 0, "{found:#?}");
}

#[test]
fn one_that_takes_longer_than_anybody_waits_was_not_looked_at() {
    let it = LoggedIn::configured(Cluster::start(&[]), "request_timeout = \"60s\"");
    it.cluster.fault(&json!({"kind": "hang"}));
    let (found, status) = doctor(&it.home);
    for check in ["dns", "tcp", "tls", "clock"] {
        says(one(&found, check, "not-checked"), "no time", "");
    }
    assert_eq!(status, 0, "{found:#?}");
}
