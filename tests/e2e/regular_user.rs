//! A Regular user, to whom everything but login and refresh answers 403.

use crate::LoggedIn;
use e2e::Cluster;

#[test]
fn a_regular_user_logs_in_and_gets_for_ever() {
    let it = LoggedIn::to(Cluster::start(&["--access-ttl", "2s", "--single-use-refresh"]));
    for cycle in 1..=6 {
        it.daemon.until("another renewal", |profile| profile.refreshes_total >= cycle);
        assert!(it.cluster.honours(&it.token()));
    }
    let asked: std::collections::BTreeSet<_> =
        it.cluster.log().iter().map(|entry| entry["path"].as_str().unwrap().to_owned()).collect();
    let expected = ["/api/v2/login", "/api/v2/login/refresh"].map(String::from);
    assert_eq!(asked, expected.into(), "nothing else is asked of the cluster");
    assert_eq!(it.cluster.logins().len(), 1);
}

#[test]
fn a_regular_user_may_not_ask_who_it_is_and_is_told_so() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let words = it.home.run(&["whoami"]).refused(6);
    assert!(words.contains("403") || words.contains("not permitted") || words.contains("role"), "{words}");
    assert!(it.cluster.honours(&it.token()), "a refusal costs nothing");
    assert_eq!(it.daemon.profile().state, wire::State::Ready);
}
