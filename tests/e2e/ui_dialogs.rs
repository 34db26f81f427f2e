//! What is asked and told on top of the screen of `weka-token ui`.

use crate::secrets::memory;
use crate::ui::{leave, opened};
use crate::{LoggedIn, login};
use e2e::{Cluster, Daemon, Home, Terminal, Tmux, until};
use nix::sys::signal::Signal;
use serde_json::json;
use wire::State;

#[test]
fn a_password_that_was_typed_before_the_form_was_there_is_in_it() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let tmux = opened(&it.home);
    // A daemon that takes its time.
    it.daemon.signal(Signal::SIGSTOP);
    tmux.type_in("lAlice-Pass1");
    tmux.until_shown("asking the daemon");
    it.daemon.signal(Signal::SIGCONT);
    tmux.until_shown("•••••••••••");
    tmux.press("Enter");
    tmux.until_shown("logged in to");
    assert_eq!(it.cluster.logins().len(), 2);
    leave(&tmux);
}

#[test]
fn a_key_that_was_pressed_before_anything_was_known_is_not_lost() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.daemon.signal(Signal::SIGSTOP);
    let tmux = Tmux::start(&it.home, 80, 24);
    tmux.enter("weka-token ui");
    tmux.until_shown("connecting...");
    tmux.type_in("t");
    it.daemon.signal(Signal::SIGCONT);
    tmux.until_shown("(*) 30 days");
    tmux.press("Escape");
    tmux.until_shown("? help");
    leave(&tmux);
}

#[test]
fn a_person_changes_the_password_once_the_policy_has_nothing_against_it() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let before = it.token();
    let tmux = opened(&it.home);
    tmux.type_in("p");
    tmux.until_shown("for alice");
    for password in ["Alice-Pass1", "short", "short"] {
        tmux.enter(password);
    }
    let refused = tmux.until_shown("nothing was changed");
    assert!(!refused.contains("short") && refused.contains("•••••••••••"), "the old one stands: {refused}");
    assert!(it.cluster.honours(&before));
    for password in ["Alice-Pass2", "Alice-Pass2"] {
        tmux.enter(password);
    }
    tmux.until_shown("is changed");
    assert_eq!(it.cluster.requests("method=PUT").len(), 2);
    login(&it.home, &it.cluster, "alice", "Alice-Pass2").ok();
    leave(&tmux);
}

#[test]
fn a_password_that_has_to_be_changed_is_changed_on_the_way_in() {
    let cluster = Cluster::start(&[]);
    let must = json!({"username": "alice", "password": "Alice-Pass1", "password_change_required": true});
    cluster.control("POST", "/users", &must);
    let it = LoggedIn::to(cluster);
    let tmux = opened(&it.home);
    tmux.type_in("l");
    tmux.until_shown("Enter log in");
    tmux.enter("Alice-Pass1");
    tmux.until_shown("The cluster wants this password changed");
    tmux.until_shown("Old password");
    for password in ["Alice-Pass1", "Alice-Pass2", "Alice-Pass2"] {
        tmux.enter(password);
    }
    tmux.until_shown("is changed");
    leave(&tmux);
}

#[test]
fn logging_out_may_end_all_tokens_of_the_user_first() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let elsewhere = it.home.run(&["generate-token", "-q"]).ok();
    let tmux = opened(&it.home);
    tmux.type_in("o");
    tmux.until_shown("Log out?");
    tmux.type_in("x");
    tmux.until_shown("This ends every token of admin");
    tmux.enter("y");
    tmux.until_shown("Please type yes or no.");
    assert!(it.cluster.honours(&elsewhere));
    tmux.enter("yes");
    tmux.until_shown("logged-out: somebody has logged out");
    assert_eq!(it.cluster.check(&elsewhere)["standing"], "revoked");
    assert_eq!(it.daemon.profile().state, State::LoggedOut);
    leave(&tmux);
}

#[test]
fn doctor_tells_what_is_wrong_with_and_without_a_daemon() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let tmux = opened(&it.home);
    tmux.type_in("d");
    tmux.until_shown("Doctor: profile default");
    let found = tmux.until_shown("ok   socket");
    assert!(found.contains("nothing is wrong") || found.contains("nothing needs you"), "{found}");
    tmux.type_in("G");
    tmux.until_shown("has a live token");
    tmux.type_in("a");
    tmux.until_shown("Doctor: all profiles");
    drop(tmux);
    let LoggedIn { home, daemon, cluster: _cluster } = it;
    drop(daemon);
    let tmux = Tmux::start(&home, 80, 24);
    tmux.enter("weka-token ui");
    tmux.until_shown("no daemon: nobody listens on");
    tmux.type_in("d");
    let found = tmux.until_shown("BAD  socket");
    assert!(found.contains("only the daemon can look at that"), "{found}");
    tmux.press("Escape");
    tmux.until("it is closed", |screen| !screen.contains("Doctor"));
    leave(&tmux);
}

#[test]
fn the_cluster_says_who_somebody_is() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let tmux = opened(&it.home);
    tmux.type_in("w");
    let told = tmux.until_shown("Role");
    assert!(told.contains("ClusterAdmin") && told.contains("admin"), "{told}");
    tmux.press("Escape");
    tmux.until("it is closed", |screen| !screen.contains("Who am I"));
    leave(&tmux);
}

#[test]
fn a_daemon_may_be_restarted_below_an_open_dialog() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    let tmux = opened(&home);
    tmux.type_in("l");
    tmux.until_shown("Enter log in");
    tmux.type_in("Alice-Pass1");
    tmux.until_shown("•••••••••••");
    drop(daemon);
    tmux.until_shown("no daemon");
    tmux.press("Enter");
    tmux.until("it is told in the dialog", |screen| {
        screen.contains("Enter log in") && screen.matches("nobody listens on").count() == 2
    });
    let _daemon = Daemon::start(&home);
    tmux.until("it is back", |screen| screen.contains("weka-tokend 0.1.0"));
    tmux.press("Enter");
    tmux.until_shown("logged in to");
    leave(&tmux);
}

#[test]
fn passwords_are_gone_from_memory_once_the_dialog_is_closed() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut terminal = Terminal::run(&it.home.weka_token(&["ui"]));
    let pid = terminal.pid();
    terminal.expect("ready");
    // The old one is typed ahead: it may be in memory twice.
    terminal.type_in("pQuite-Wrong1\r");
    terminal.expect("Tab");
    terminal.type_in("Brand-New2\rBrand-New3");
    let holds = |secret: &str| {
        let memory = memory(pid)?;
        Some(memory.windows(secret.len()).any(|window| window == secret.as_bytes()))
    };
    if holds("x").is_none() {
        // Nobody but root may look, which is as it should be.
        assert!(!e2e::is_root("secrets in memory"), "root may look");
        return;
    }
    until("it is in memory", || (holds("Brand-New3") == Some(true)).then_some(()));
    terminal.type_in("\x1b");
    // The help comes in a frame after the last one of the dialog.
    terminal.type_in("?");
    terminal.expect("Ctrl-L");
    for part in ["uite-Wrong1", "rand-New2", "rand-New3"] {
        assert_eq!(holds(part), Some(false), "{part} is still in memory");
    }
    terminal.type_in("qq");
    assert_eq!(terminal.finish().0, 0);
}
