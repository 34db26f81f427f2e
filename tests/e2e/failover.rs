//! Several endpoints of one cluster, and redirects.

use crate::{LoggedIn, at_once, login_with};
use e2e::{Cluster, Daemon, Home, Ran};
use serde_json::{Value, json};

const TWO: [&str; 4] = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"];

fn two(options: &[&str]) -> Cluster {
    Cluster::start(&[&TWO[..], options].concat())
}

/// A login in a home of its own, at a cluster whose first endpoint has this fault.
fn first_login(fault: &Value) -> (Cluster, Ran) {
    let cluster = two(&[]);
    cluster.fault(fault);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let ran = login_with(&home, &cluster, "alice", "Alice-Pass1", &["--timeout", "20s"]);
    (cluster, ran)
}

#[test]
fn a_refresh_goes_to_the_next_endpoint_at_once() {
    at_once(
        &[
            json!({"kind": "refuse", "backend": 0}),
            json!({"kind": "status", "status": 503, "backend": 0}),
            json!({"kind": "status", "status": 500, "backend": 0}),
            json!({"kind": "reset", "backend": 0}),
            json!({"kind": "html", "backend": 0}),
            json!({"kind": "garbage", "backend": 0}),
            json!({"kind": "truncated", "backend": 0}),
            json!({"kind": "endless", "backend": 0}),
        ],
        |fault| {
            let it = LoggedIn::to(two(&["--access-ttl", "10s"]));
            assert_eq!(it.cluster.logins()[0]["backend"], 0);
            it.cluster.fault(fault);
            let ran = it.home.run(&["refresh", "--timeout", "20s"]);
            assert_eq!(ran.status, 0, "{fault}: {ran:?}");
            let last = it.cluster.refreshes().pop().unwrap();
            assert_eq!((&last["backend"], &last["status"]), (&json!(1), &json!(200)), "{fault}");
            assert!(it.cluster.honours(&it.token()));
            let profile = it.daemon.profile();
            assert_eq!(profile.endpoint.as_deref(), Some(it.cluster.endpoints[1].as_str()), "{fault}");
            assert_eq!(profile.state, wire::State::Ready);
        },
    );
}

#[test]
fn a_hanging_endpoint_costs_one_timeout_and_no_get() {
    let it = LoggedIn::configured(two(&[]), "request_timeout = \"1s\"");
    it.cluster.fault(&json!({"kind": "hang", "backend": 0}));
    it.home.run(&["refresh", "--timeout", "60s"]).ok();
    let sent = it.cluster.count("requests");
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.cluster.count("requests"), sent, "a get asks nobody");
}

#[test]
fn with_all_endpoints_down_each_is_tried() {
    let it = LoggedIn::to(two(&["--access-ttl", "3s"]));
    it.cluster.fault(&json!({"kind": "status", "status": 503}));
    it.daemon.until("unreachable", |profile| profile.state == wire::State::Unreachable);
    for backend in 0..2 {
        it.cluster.until_requests(&format!("path=/api/v2/login/refresh&backend={backend}"), 1);
    }
}

#[test]
fn a_login_whose_body_was_never_sent_is_tried_at_the_next_endpoint() {
    let faults =
        [json!({"kind": "refuse", "backend": 0}), json!({"kind": "close", "at": "connect", "backend": 0})];
    at_once(&faults, |fault| {
        let (cluster, ran) = first_login(fault);
        assert_eq!(ran.status, 0, "{fault}: {ran:?}");
        let logins = cluster.logins();
        assert_eq!(logins.len(), 1, "{logins:?}");
        assert_eq!(logins[0]["backend"], 1);
    });
}

#[test]
fn a_login_whose_body_was_sent_is_never_repeated() {
    let kinds = ["reset", "close", "hang", "lose-answer", "truncated", "garbage", "html", "endless"];
    at_once(&kinds, |kind| {
        let (cluster, ran) = first_login(&json!({"kind": kind, "backend": 0, "path": "/api/v2/login"}));
        assert!([1, 5].contains(&ran.status), "{kind}: {ran:?}");
        assert_eq!(cluster.logins().len(), 1, "{kind}: the password was sent once");
    });
}

#[test]
fn redirects_among_the_endpoints_are_followed_as_post() {
    at_once(&[301, 302, 307, 308], |status| {
        let (cluster, ran) =
            first_login(&json!({"kind": "redirect", "status": status, "to_backend": 1, "backend": 0}));
        assert_eq!(ran.status, 0, "{status}: {ran:?}");
        let logins = cluster.logins();
        let seen: Vec<_> = logins.iter().map(|it| (&it["method"], &it["backend"])).collect();
        assert_eq!(seen, [(&json!("POST"), &json!(0)), (&json!("POST"), &json!(1))], "{status}");
    });
}

#[test]
fn a_refresh_follows_a_redirect_too() {
    let it = LoggedIn::to(two(&[]));
    it.cluster.fault(&json!({"kind": "redirect", "status": 307, "to_backend": 1, "backend": 0}));
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.cluster.refreshes().len(), 2);
}

#[test]
fn a_redirect_to_any_other_host_is_not_followed_with_a_password() {
    let elsewhere = Cluster::start(&[]);
    let cluster = Cluster::start(&[]);
    let location = format!("{}{{path}}", elsewhere.endpoint());
    cluster.fault(&json!({"kind": "redirect", "status": 307, "location": location}));
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let ran = login_with(&home, &cluster, "alice", "Alice-Pass1", &["--timeout", "10s"]);
    assert_ne!(ran.status, 0, "{ran:?}");
    assert_eq!(elsewhere.count("requests"), 0);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_redirect_to_any_other_host_is_not_followed_with_a_token() {
    let elsewhere = Cluster::start(&[]);
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let location = format!("{}{{path}}", elsewhere.endpoint());
    it.cluster.fault(&json!({"kind": "redirect", "status": 308, "location": location}));
    assert_ne!(it.home.run(&["refresh", "--timeout", "2s"]).status, 0);
    assert_ne!(it.home.run(&["whoami", "--timeout", "2s"]).status, 0);
    assert_eq!(elsewhere.count("connections"), 0);
}

#[test]
fn redirects_in_a_circle_end_after_three() {
    let it = LoggedIn::to(two(&["--access-ttl", "10s"]));
    it.cluster.fault(&json!([
        {"kind": "redirect", "status": 307, "to_backend": 1, "backend": 0},
        {"kind": "redirect", "status": 307, "to_backend": 0, "backend": 1},
    ]));
    assert_ne!(it.home.run(&["refresh", "--timeout", "3s"]).status, 0);
    let refreshes = it.cluster.until_requests("path=/api/v2/login/refresh", 1);
    it.cluster.heal();
    let first = refreshes[0]["real_ms"].as_u64().unwrap();
    // Two endpoints, each with one request and three redirects, and perhaps a retry after a short pause.
    let burst = refreshes.iter().filter(|it| it["real_ms"].as_u64().unwrap() < first + 200).count();
    assert!(burst <= 12, "{burst}");
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn whoami_goes_to_the_next_endpoint_too() {
    let it = LoggedIn::as_user(two(&[]), "admin", "Admin-Pass1");
    it.cluster.fault(&json!({"kind": "refuse", "backend": 0}));
    let ran = it.home.run(&["whoami", "--timeout", "20s"]);
    assert_eq!(ran.status, 0, "{ran:?}");
}
