//! `status`, each way to write it, and its exit status.

use crate::daemon::{Daemon, Reply, profile, status_of};
use crate::program::run;
use wire::{Request, Response, State};

#[test]
fn the_table() {
    let mut prod = profile("prod", State::LoginRequired, None);
    prod.next_step = Some("run: weka-token login -p prod".into());
    let daemon = Daemon::always(Response::Status(status_of(
        1,
        vec![profile("default", State::Ready, Some(252)), prod],
    )));
    let outcome = run(&daemon, &["status"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (4, ""));
    assert_eq!(
        outcome.stdout,
        "PROFILE  STATE           USER   ORG   ENDPOINT              TOKEN  NEXT REFRESH\n\
         default  ready           alice  Root  https://weka01:14000  4m12s  4m12s\n\
         prod     login-required  alice  Root  https://weka01:14000  -      -\n\
         \n\
         prod: run: weka-token login -p prod\n\
         \n\
         weka-tokend 0.1.0, up 1m00s, pid 4711, /run/agent.sock, default profile default\n"
    );
}

#[test]
fn exit_status_by_state() {
    for (profiles, status) in [
        (vec![], 0),
        (vec![profile("a", State::Degraded, Some(1))], 0),
        (vec![profile("a", State::Unreachable, None)], 5),
        (vec![profile("a", State::Untrusted, None), profile("b", State::Ready, Some(9))], 4),
    ] {
        let daemon = Daemon::always(Response::Status(status_of(1, profiles)));
        for arguments in [&["status"][..], &["status", "--json"], &["status", "--prometheus"]] {
            assert_eq!(run(&daemon, arguments).status, status);
        }
    }
}

#[test]
fn json_is_one_line_with_exactly_the_documented_keys() {
    let daemon =
        Daemon::always(Response::Status(status_of(1, vec![profile("default", State::Ready, Some(252))])));
    let outcome = run(&daemon, &["status", "--json", "-p", "default"]);
    assert_eq!(outcome.stdout.matches('\n').count(), 1);
    let value: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&value), ["daemon", "profiles"]);
    assert_eq!(keys(&value["daemon"]), ["version", "pid", "uptime_s", "socket"]);
    assert_eq!(
        keys(&value["profiles"][0]),
        [
            "name",
            "state",
            "username",
            "org",
            "endpoint",
            "access_expires_in_s",
            "next_refresh_in_s",
            "refreshes_total",
            "refresh_failures_total",
            "gets_total",
            "last_error",
            "locked_for_s"
        ]
    );
    let Some(Request::Status { profile, wait_s, .. }) = daemon.requests().pop() else { panic!() };
    assert_eq!((profile.as_deref(), wait_s), (Some("default"), 0));
}

#[test]
fn long_lists_are_fetched_to_their_end() {
    let daemon = Daemon::start(|request, _| {
        let Request::Status { after_name, .. } = request else { return Reply::Close };
        let name = match after_name.as_deref() {
            None => "a",
            Some("a") => "b",
            Some(_) => "c",
        };
        let mut page = status_of(1, vec![profile(name, State::Ready, Some(9))]);
        page.more = name != "c";
        Reply::Answer(Response::Status(page))
    });
    let outcome = run(&daemon, &["status", "--prometheus"]);
    assert_eq!(outcome.status, 0);
    for name in ["a", "b", "c"] {
        assert!(outcome.stdout.contains(&format!("weka_token_up{{profile=\"{name}\"}} 1\n")));
    }
}
