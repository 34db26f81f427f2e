//! Who renews the pair in the file, and that it is the same as the daemon's.

use super::{Resting, logged_in};
use crate::{LoggedIn, password_file};
use e2e::{Cluster, Daemon, Home, until};
use serde_json::Value;
use std::fs;
use std::time::Instant;
use wire::State;

/// What WEKA's own tools do with the pair in a token file.
fn renew(it: &LoggedIn, pair: &Value) -> Value {
    crate::renew(&it.home, &it.cluster, pair).expect("its refresh token works")
}

#[test]
fn the_file_is_current_through_many_renewals_and_never_torn() {
    let it = logged_in(&["--access-ttl", "3s"]);
    let running = Resting::start(&it.home);
    let mut seen = vec![running.pair()["access_token"].clone()];
    let mut before = Instant::now();
    until("five pairs", || {
        let began = Instant::now();
        let token = running.pair()["access_token"].clone();
        if *seen.last().unwrap() != token {
            // It came after the last look.
            assert!(it.cluster.honoured_at(token.as_str().unwrap(), before), "a dead token in the file");
            seen.push(token);
        }
        before = began;
        (seen.len() == 5).then_some(())
    });
    assert_eq!(running.end(), 0);
}

#[test]
fn a_pair_that_the_command_renews_in_place_becomes_the_daemons() {
    let it = logged_in(&["--single-use-refresh"]);
    let running = Resting::start(&it.home);
    let first = running.pair();
    let renewed = renew(&it, &first);
    // As wekalib writes it: in place, with more keys.
    fs::write(&running.file, serde_json::to_string_pretty(&renewed).unwrap()).unwrap();
    let token = renewed["access_token"].as_str().unwrap();
    until("the daemon has it", || (it.token() == token).then_some(()));
    // And a second time, from there.
    let again = renew(&it, &running.pair());
    fs::write(&running.file, serde_json::to_string_pretty(&again).unwrap()).unwrap();
    let token = again["access_token"].as_str().unwrap();
    until("the daemon has the next", || (it.token() == token).then_some(()));
    assert_eq!(running.pair(), again, "what the command wrote stays as it is");
    // The daemon goes on from there, and the file with it: a used refresh token would end in a login.
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    let now = running.until_other_than(&again);
    assert_eq!(now["access_token"], it.token());
    assert_eq!(it.cluster.logins().len(), 1);
    assert_eq!(it.daemon.profile().state, State::Ready);
    running.end();
}

#[test]
fn a_pair_that_the_command_renews_by_rename_as_its_last_deed_is_not_lost() {
    let it = logged_in(&["--single-use-refresh"]);
    let new = it.home.path().join("new.json");
    let running = Resting::run(&it.home, &format!("{REST_UNTIL_TOLD}; mv {} \"$WEKA_TOKEN\"", new.display()));
    let renewed = renew(&it, &running.pair());
    it.home.write(&new, &renewed.to_string());
    assert_eq!(running.end(), 0);
    assert_eq!(it.token(), renewed["access_token"]);
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert_eq!(it.cluster.logins().len(), 1);
}

#[test]
fn a_command_that_renews_its_pair_again_and_again_stays_the_one_to_follow() {
    let it = logged_in(&["--single-use-refresh"]);
    let new = |number: usize| it.home.path().join(format!("new-{number}.json"));
    // One after the other, as fast as a shell can, and the last as its last deed.
    let deeds: Vec<_> =
        (0..6).map(|number| format!("mv {} \"$WEKA_TOKEN\"", new(number).display())).collect();
    let running = Resting::run(&it.home, &format!("{REST_UNTIL_TOLD}; {}", deeds.join("; ")));
    let mut pair = running.pair();
    for number in 0..deeds.len() {
        pair = renew(&it, &pair);
        it.home.write(&new(number), &pair.to_string());
    }
    assert_eq!(running.end(), 0);
    assert_eq!(it.token(), pair["access_token"]);
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert_eq!((it.cluster.logins().len(), it.daemon.profile().state), (1, State::Ready));
}

/// As [`REST`], without the end.
const REST_UNTIL_TOLD: &str = "echo \"$WEKA_TOKEN\"; read -r word";

#[test]
fn a_pair_that_is_renewed_while_the_daemon_is_away_waits_for_it() {
    let home = Home::new();
    // Where there is no service manager to keep it, the pair outlives the daemon in a token file.
    home.write(&home.token_file(), "{}");
    let it = LoggedIn::in_home(home, Cluster::start(&["--single-use-refresh"]), "alice", "Alice-Pass1");
    let running = Resting::start(&it.home);
    let renewed = renew(&it, &running.pair());
    let LoggedIn { home, daemon, cluster } = it;
    assert!(daemon.stop().success());
    fs::write(&running.file, renewed.to_string()).unwrap();
    let daemon = Daemon::start(&home);
    let token = renewed["access_token"].as_str().unwrap();
    until("the daemon has it", || (home.run(&["get"]).stdout.trim_end() == token).then_some(()));
    home.run(&["refresh", "--timeout", "1m"]).ok();
    assert_eq!((cluster.logins().len(), daemon.profile().state), (1, State::Ready));
    running.end();
}

#[test]
fn a_daemon_that_goes_and_comes_back_is_followed_again() {
    let cluster = Cluster::start(&[]);
    let (home, _password) = password_file(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    let running = Resting::start(&home);
    let first = running.pair();
    daemon.kill();
    let _daemon = Daemon::start(&home);
    let now = running.until_other_than(&first);
    assert_eq!(now["access_token"], home.run(&["get"]).ok());
    running.end();
}
