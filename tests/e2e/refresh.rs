//! Renewal: by itself, on demand, and when the refresh token is no good any more.

use crate::{LoggedIn, at_once, login};
use e2e::{Cluster, Daemon, Home};
use serde_json::json;
use wire::State;

#[test]
fn refresh_renews_now_and_says_so() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let first = it.token();
    let ran = it.home.run(&["refresh"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran:?}");
    let second = it.token();
    assert_ne!(first, second);
    assert!(it.cluster.honours(&second));
    assert_eq!(it.cluster.count("refreshes_ok"), 1);
}

#[test]
fn refresh_is_quiet_with_q_and_needs_a_login() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "10s"]));
    let ran = it.home.run(&["-q", "refresh"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    it.home.run(&["logout"]).ok();
    let words = it.home.run(&["refresh"]).refused(4);
    assert!(words.contains("weka-token login"), "{words}");
}

#[test]
fn many_refreshes_at_once_share_one_limit() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let children: Vec<_> = (0..20)
        .map(|_| it.home.weka_token(&["-q", "refresh", "--timeout", "60s"]).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    // One per 5 s, as the cluster saw them come.
    let sent: Vec<_> = it.cluster.refreshes().iter().map(|it| it["real_ms"].as_u64().unwrap()).collect();
    assert!(!sent.is_empty());
    assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= 4_900), "{sent:?}");
}

#[test]
fn single_use_refresh_tokens_are_followed_for_many_cycles() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s", "--single-use-refresh"]));
    it.daemon.until("five renewals", |profile| profile.refreshes_total >= 5);
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.cluster.count("refreshes_failed"), 0);
    assert_eq!(it.cluster.count("logins_ok"), 1);
}

#[test]
fn there_are_never_two_refreshes_in_flight() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s", "--single-use-refresh"]));
    it.cluster.fault(&json!({"kind": "slow", "delay_ms": 700, "path": "/api/v2/login/refresh"}));
    for _ in 0..6 {
        it.token();
    }
    it.daemon.until("three renewals", |profile| profile.refreshes_total >= 3);
    let mut last_end = 0;
    for refresh in it.cluster.requests("path=/api/v2/login/refresh&complete=true") {
        let began = refresh["real_ms"].as_u64().unwrap();
        assert!(began >= last_end, "{refresh}");
        last_end = began + refresh["took_ms"].as_u64().unwrap();
    }
    assert_eq!(it.cluster.count("refreshes_failed"), 0);
}

#[test]
fn a_refresh_within_the_shared_limit_was_told_that_the_cluster_had_not_answered() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    let sent = it.cluster.count("requests");
    let words = it.home.run(&["refresh", "--timeout", "1s"]).refused(1);
    assert!(words.contains("nothing was sent") && words.contains("try again in "), "{words}");
    assert!(!words.contains("did not answer"), "{words}");
    assert_eq!(it.cluster.count("requests"), sent);
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
}

#[test]
fn a_revoked_login_says_login_required_and_a_login_mends_it() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    it.cluster.revoke_all();
    it.daemon.until("login required", |profile| profile.state == State::LoginRequired);
    it.daemon.until("no token", |profile| profile.access_expires_in_s.is_none());
    let words = it.home.run(&["get"]).refused(4);
    assert!(words.contains("weka-token login"), "{words}");
    let failed = it.cluster.count("refreshes_failed");
    it.home.run(&["get"]).refused(4);
    assert_eq!(it.cluster.count("refreshes_failed"), failed, "a dead refresh token is not sent again");
    login(&it.home, &it.cluster, "alice", "Alice-Pass1").ok();
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn while_a_revoked_logins_token_lives_get_still_hands_it_out() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "10s"]));
    it.cluster.fault(&json!({"kind": "status", "status": 401, "path": "/api/v2/login/refresh"}));
    let token = it.token();
    assert_ne!(it.home.run(&["refresh"]).status, 0);
    assert_eq!(it.token(), token);
}

#[test]
fn answers_in_the_forms_that_real_clusters_have_used_are_understood() {
    at_once(
        &[
            json!({"kind": "array-data"}),
            json!({"kind": "expires-in"}),
            json!({"kind": "expires-in", "value": "300"}),
            json!({"kind": "patch", "remove": ["token_type"]}),
            json!({"kind": "patch", "set": {"token_type": "bearer", "unheard_of": [1]}}),
            json!({"kind": "content-type"}),
            json!({"kind": "skew", "by_s": -86_400}),
            json!({"kind": "skew", "by_s": 86_400}),
        ],
        |fault| {
            let cluster = Cluster::start(&["--access-ttl", "20s"]);
            cluster.fault(fault);
            let it = LoggedIn::to(cluster);
            it.home.run(&["refresh", "--timeout", "1m"]).ok();
            assert!(it.cluster.honours(&it.token()), "{fault}");
            assert_eq!(it.cluster.count("logins_ok"), 1, "{fault}");
        },
    );
}

#[test]
fn a_refresh_that_brings_no_refresh_token_keeps_the_old_one() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    let fault = json!({"kind": "patch", "remove": ["refresh_token"], "path": "/api/v2/login/refresh"});
    it.cluster.fault(&fault);
    it.daemon.until("three renewals", |profile| profile.refreshes_total >= 3);
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.cluster.count("refreshes_failed"), 0);
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "3s"]));
    it.cluster.fault(&json!({"kind": "lose-answer", "path": "/api/v2/login/refresh", "count": 1}));
    it.cluster.until_requests("path=/api/v2/login/refresh&status=200", 1);
    it.daemon.until("renewed after all", |profile| profile.refreshes_total >= 1);
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn a_refresh_sends_its_refresh_token_in_the_body_and_no_bearer_token_with_it() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s"]));
    let refresh = it.cluster.until_requests("path=/api/v2/login/refresh", 1).remove(0);
    assert_eq!(refresh["method"], "POST");
    assert_eq!(refresh["refresh_token"]["standing"], "alive");
    assert_eq!((&refresh["bearer"], &refresh["password_no"]), (&json!(null), &json!(null)));
}

#[test]
fn a_profile_that_was_never_used_asks_the_cluster_for_nothing() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&crate::profile("default", &cluster, ""));
    let daemon = Daemon::start(&home);
    daemon.until("login required", |profile| profile.state == State::LoginRequired);
    home.run(&["get"]).refused(4);
    home.run(&["refresh"]).refused(4);
    assert_eq!(cluster.count("requests"), 0);
}

#[test]
fn nonsense_for_a_life_makes_no_storm_of_renewals_and_no_dead_daemon() {
    let lives = [
        json!(0),
        json!(-5),
        json!(1e300),
        json!("abc"),
        json!(null),
        json!([300]),
        json!(18_446_744_073_709_551_615_u64),
        json!(0.5),
    ];
    at_once(&lives, |life| {
        let cluster = Cluster::start(&[]);
        cluster.fault(&json!({"kind": "expires-in", "value": life}));
        let home = Home::new();
        home.configure(&crate::profile("default", &cluster, ""));
        let daemon = Daemon::start(&home);
        let began = std::time::Instant::now();
        let ran = login(&home, &cluster, "alice", "Alice-Pass1");
        let got = home.run(&["get", "--timeout", "3s"]);
        match got.status {
            0 => assert!(cluster.honours(got.stdout.trim()), "{life}: {got:?}"),
            _ => assert_eq!(got.stdout, "", "{life}: {got:?}"),
        }
        std::thread::sleep(std::time::Duration::from_secs(3));
        let sent = cluster.count("requests");
        let allowed = 8 + began.elapsed().as_secs();
        assert!(sent <= allowed, "{life}: {sent} requests of {allowed}");
        cluster.heal();
        if ran.status != 0 {
            login(&home, &cluster, "alice", "Alice-Pass1").ok();
        }
        daemon.until("it lives on", |profile| profile.state == State::Ready);
        assert!(cluster.honours(&home.run(&["get", "--timeout", "20s"]).ok()), "{life}");
    });
}
