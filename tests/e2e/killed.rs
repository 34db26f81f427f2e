//! Daemons that are killed when it hurts most: in the middle of a login, or before they have read what the last one knew.

use crate::{LoggedIn, login, password_file, read_json};
use e2e::{Cluster, Daemon, Home, is_root, until};
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use wire::State;

/// The folder of what the profiles of a home must remember. It is made by the first of them that does.
fn state_folder(home: &Home) -> PathBuf {
    until("the state folder", || {
        let mut hosts = fs::read_dir(home.path().join(".local/state/weka-token")).ok()?;
        Some(hosts.next()?.ok()?.path())
    })
}

fn state_file(home: &Home) -> PathBuf {
    state_folder(home).join("default.json")
}

/// A daemon that is killed as soon as the cluster has its login, which meets a fault.
fn killed_during_its_login(password: &str, fault: &Value) -> (Cluster, Home) {
    let cluster = Cluster::start(&[]);
    cluster.fault(fault);
    let (home, _file) = password_file(&cluster, password);
    let daemon = Daemon::start(&home);
    cluster.until_requests("path=/api/v2/login", 1);
    daemon.kill();
    cluster.heal();
    (cluster, home)
}

/// Restarts, each with a caller that wants a token, send nothing.
fn sends_nothing(cluster: &Cluster, home: &Home, sent: usize) {
    for round in 0..3 {
        let daemon = Daemon::start(home);
        home.run(&["get", "--timeout", "1s"]).refused(5);
        if round % 2 == 0 {
            daemon.kill();
        } else {
            assert!(daemon.stop().success());
        }
    }
    assert_eq!(cluster.logins().len(), sent, "{:#?}", cluster.logins());
}

#[test]
fn a_daemon_that_was_killed_during_its_login_sent_another_one_at_once() {
    let login = "/api/v2/login";
    for (password, fault) in [
        ("Alice-Pass1", json!({"kind": "hang", "path": login})),
        ("Alice-Pass1", json!({"kind": "lose-answer", "path": login})),
        ("Alice-Pass1", json!({"kind": "slow", "delay_ms": 5000, "path": login})),
        ("Wrong-Pass1", json!({"kind": "slow", "delay_ms": 5000, "path": login})),
    ] {
        let (cluster, home) = killed_during_its_login(password, &fault);
        sends_nothing(&cluster, &home, 1);
        let daemon = Daemon::start(&home);
        // Where its end was quick, the daemon had heard of it.
        let says_why = |words: &str| {
            words.contains("in the middle of a login, so no password is sent before ")
                || words.contains("got no answer, so it is not sent again before ")
        };
        daemon.until("it says why", |it| it.last_error.as_deref().is_some_and(says_why));
        let words = home.run(&["get", "--timeout", "1s"]).refused(5);
        assert!(says_why(&words), "{fault}: {words}");
        // A person need not wait.
        crate::login(&home, &cluster, "alice", "Alice-Pass1").ok();
        assert!(cluster.honours(&home.run(&["get"]).ok()));
        daemon.kill();
        assert!(!state_file(&home).exists(), "nothing is left to be remembered");
    }
}

#[test]
fn after_the_pause_the_password_is_sent_and_the_next_pause_is_twice_as_long() {
    let (cluster, home) = killed_during_its_login("Alice-Pass1", &json!({"kind": "hang"}));
    let file = state_file(&home);
    let mut kept = read_json(&file);
    assert_eq!(kept["attempted"]["pause_s"], 60, "{kept}");
    assert_eq!(kept["attempted"]["account"]["username"], "alice", "{kept}");
    let over = |kept: &mut Value| {
        kept["attempted"]["until"] = 1_700_000_000.into();
        fs::write(&file, kept.to_string()).unwrap();
    };
    over(&mut kept);
    cluster.fault(&json!({"kind": "hang"}));
    let daemon = Daemon::start(&home);
    cluster.until_requests("path=/api/v2/login", 2);
    daemon.kill();
    cluster.heal();
    sends_nothing(&cluster, &home, 2);
    let mut kept = read_json(&file);
    assert_eq!(kept["attempted"]["pause_s"], 120, "{kept}");
    over(&mut kept);
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert_eq!(cluster.logins().len(), 3);
    until("nothing is left to be remembered", || (!file.exists()).then_some(()));
}

#[test]
fn a_daemon_that_was_killed_as_it_heard_of_a_lockout_or_a_refusal_forgot_it() {
    for status in [401, 403] {
        let cluster = Cluster::start(&[]);
        cluster.fault(&json!({"kind": "status", "status": status, "path": "/api/v2/login"}));
        let (home, _file) = password_file(&cluster, "Alice-Pass1");
        let daemon = Daemon::start(&home);
        cluster.until_requests(&format!("path=/api/v2/login&status={status}"), 1);
        daemon.kill();
        for _ in 0..4 {
            let daemon = Daemon::start(&home);
            let refused = home.run(&["get", "--timeout", "1s"]);
            assert!(matches!(refused.status, 4 | 5), "{refused:?}");
            daemon.kill();
        }
        assert_eq!(cluster.logins().len(), 1, "{status}: a few of these lock the account");
    }
}

#[test]
fn what_was_never_sent_keeps_nobody_waiting() {
    let cluster = Cluster::start(&[]);
    cluster.fault(&json!({"kind": "refuse"}));
    let (home, _file) = password_file(&cluster, "Alice-Pass1");
    for _ in 0..3 {
        let daemon = Daemon::start(&home);
        daemon.until("an attempt", |profile| profile.refresh_failures_total > 0);
        daemon.kill();
    }
    assert!(fs::read_dir(home.path().join(".local/state/weka-token")).is_err(), "nothing was written down");
    cluster.heal();
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == State::Ready);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_login_that_is_written_down_delays_no_get_of_a_token_that_lives() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let file = it.home.path().join("password");
    it.home.write(&file, "Alice-Pass1\n");
    let config = fs::read_to_string(it.home.config_file()).unwrap();
    it.home.configure(&format!("{config}password = {{ file = {file:?} }}\n"));
    it.daemon.signal(nix::sys::signal::Signal::SIGHUP);
    until("it is read", || it.daemon.log().contains("read again").then_some(()));
    // Whose folder is there from now on.
    it.home.run(&["logout"]).ok();
    login(&it.home, &it.cluster, "alice", "Alice-Pass1").ok();
    let token = it.token();
    let Some(held) = Held::new(&state_folder(&it.home)) else { return };
    it.cluster.revoke_all();
    std::thread::scope(|scope| {
        let refresh = scope.spawn(|| it.home.run(&["refresh", "--timeout", "30s"]));
        until("the login", || it.daemon.log().contains("written down before it is sent").then_some(()));
        assert_eq!(it.home.run(&["get", "--timeout", "0"]).ok(), token);
        drop(held);
        refresh.join().unwrap().ok();
    });
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(it.cluster.logins().len(), 3);
}

/// A folder whose files cannot be opened while this lives: they hang, as on a file server that does not answer.
struct Held(#[expect(dead_code, reason = "its end lets everybody go on")] Fanotify);

impl Held {
    /// `None` where this is not root.
    fn new(folder: &Path) -> Option<Self> {
        if !is_root("state folders that hang") {
            return None;
        }
        let flags = InitFlags::FAN_CLASS_CONTENT | InitFlags::FAN_CLOEXEC;
        let watch = Fanotify::init(flags, EventFFlags::O_RDONLY).expect("root may do this");
        let opening = MaskFlags::FAN_OPEN_PERM | MaskFlags::FAN_EVENT_ON_CHILD;
        watch
            .mark(MarkFlags::FAN_MARK_ADD, opening, nix::fcntl::AT_FDCWD, Some(folder))
            .expect("it is there");
        Some(Self(watch))
    }
}

#[test]
fn a_state_folder_that_did_not_answer_was_taken_for_one_with_nothing_in_it() {
    let cluster = Cluster::start(&[]);
    let (home, _file) = password_file(&cluster, "Wrong-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    daemon.kill();
    let Some(held) = Held::new(&state_folder(&home)) else { return };
    let daemon = Daemon::start(&home);
    // Longer than a start waits for it.
    until("it is given up for now", || {
        daemon.log().contains("the state folder does not answer").then_some(())
    });
    home.run(&["get", "--timeout", "1s"]).refused(5);
    assert_eq!(cluster.logins().len(), 1);
    drop(held);
    daemon.until("now it is known", |profile| profile.state == State::LoginRequired);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_logout_that_was_read_late_counts() {
    let it = LoggedIn::to(Cluster::start(&[]));
    // The file of another tool, which the logout leaves alone as it is not ours.
    it.home.run(&["logout"]).ok();
    let theirs = crate::weka_user_login(&it.cluster, "alice", "Alice-Pass1");
    it.daemon.kill();
    let (home, cluster) = (&it.home, &it.cluster);
    let mut kept = read_json(&state_file(home));
    kept["logged_out_at"] = 4_000_000_000_i64.into();
    fs::write(state_file(home), kept.to_string()).unwrap();
    home.write(&home.token_file(), &theirs);
    let Some(held) = Held::new(&state_folder(home)) else { return };
    let daemon = Daemon::start(home);
    daemon.until("it goes on with the file", |profile| profile.state == State::Ready);
    drop(held);
    daemon.until("the logout is known", |profile| profile.state == State::LoggedOut);
    home.run(&["get", "--timeout", "1s"]).refused(4);
    login(home, cluster, "alice", "Alice-Pass1").ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn what_a_slow_state_folder_had_no_time_for_was_never_written() {
    let cluster = Cluster::start(&[]);
    let (home, _file) = password_file(&cluster, "Wrong-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "30s"]).refused(4);
    let file = state_file(&home);
    until("the refusal", || read_json(&file)["refused"].is_object().then_some(()));
    let Some(held) = Held::new(&state_folder(&home)) else { return };
    // Two changes, neither of which can be written: more than anybody's patience.
    cluster.fault(&json!({"kind": "status", "status": 403, "locked_for": "5m", "path": "/api/v2/login"}));
    login(&home, &cluster, "alice", "Alice-Pass1").refused(4);
    home.run(&["logout"]).ok();
    until("it is said", || daemon.log().contains("a restart would forget").then_some(()));
    drop(held);
    let kept = until("the last of them", || Some(read_json(&file)).filter(|it| it["logged_out_at"].is_i64()));
    assert!(kept["locked_until"].is_i64(), "{kept}");
    daemon.kill();
    let daemon = Daemon::start(&home);
    daemon.until("logged out", |profile| profile.state == State::LoggedOut);
}

#[test]
fn a_logout_during_the_hashing_of_a_refused_password_was_forgotten_by_a_restart() {
    let cluster = Cluster::start(&[]);
    let (home, _file) = password_file(&cluster, "Wrong-Pass1");
    let daemon = Daemon::start(&home);
    // Its slow hash is being computed from now on.
    until("it is refused", || daemon.log().contains("an exchange failed").then_some(()));
    home.run(&["logout"]).ok();
    let file = state_file(&home);
    until("the refusal is written down", || {
        let kept: Value = serde_json::from_str(&fs::read_to_string(&file).ok()?).ok()?;
        kept["refused"].is_object().then_some(())
    });
    assert!(read_json(&file)["logged_out_at"].is_i64(), "{}", read_json(&file));
    daemon.kill();
    let daemon = Daemon::start(&home);
    daemon.until("logged out", |profile| profile.state == State::LoggedOut);
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_reload_made_a_password_without_an_answer_forgotten() {
    let cluster = Cluster::start(&[]);
    cluster.fault(&json!({"kind": "lose-answer", "path": "/api/v2/login"}));
    let (home, _file) = password_file(&cluster, "Wrong-Pass1");
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "3s"]).refused(5);
    let file = state_file(&home);
    let is_doubted = || read_json(&file)["doubted"].is_object().then_some(());
    until("it is in doubt", is_doubted);
    let config = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&format!("{config}refresh_at = 0.7\n"));
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    until("it is read", || daemon.log().contains("read again").then_some(()));
    home.run(&["get", "--timeout", "1s"]).refused(5);
    daemon.kill();
    let daemon = Daemon::start(&home);
    home.run(&["get", "--timeout", "2s"]).refused(5);
    daemon.kill();
    assert_eq!(cluster.logins().len(), 1);
    assert_eq!(is_doubted(), Some(()));
}
