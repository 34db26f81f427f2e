//! What `weka-token doctor` finds where there is a service manager: units, who may ask, and what systemd keeps.

use crate::{SERVICE, SOCKET, log_in, profile, somebody, somebody_logged_in};
use e2e::systemd::{self, Shell, SystemManager, Units, UserManager};
use e2e::{Cluster, Ran, until};
use serde_json::Value;

fn findings(ran: &Ran) -> Vec<Value> {
    let found: Value = serde_json::from_str(ran.stdout.trim_end()).unwrap_or_default();
    found["findings"].as_array().cloned().unwrap_or_else(|| panic!("no findings: {ran:#?}"))
}

/// What is found, and the exit status.
fn doctor(who: &impl Shell) -> (Vec<Value>, i32) {
    let ran = who.weka_token(&["doctor", "--json"]);
    (findings(&ran), ran.status)
}

/// Says that there is such a finding, with these words in it.
#[track_caller]
fn says(found: &[Value], check: &str, level: &str, message: &str, fix: &str) {
    let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
    let is_it = |it: &&Value| {
        it["check"] == check
            && it["level"] == level
            && text(it, "message").contains(message)
            && text(it, "fix").contains(fix)
    };
    assert!(found.iter().any(|it| is_it(&it)), "no {check} {level} {message:?} -> {fix:?} in {found:#?}");
}

#[test]
fn a_users_units_that_are_installed_enabled_and_neither() {
    if !systemd::is_there() {
        return;
    }
    let manager = UserManager::start();
    let (found, status) = doctor(&manager);
    says(
        &found,
        "units",
        "warn",
        "installed, but not enabled",
        "systemctl --user enable --now weka-tokend.socket",
    );
    says(&found, "socket", "bad", "no socket", "systemctl --user start weka-tokend.socket");
    assert_eq!(status, 3);
    manager.enable();
    says(&doctor(&manager).0, "units", "ok", "user socket unit is enabled", "");
}

#[test]
fn a_host_whose_units_are_enabled_and_one_whose_are_not() {
    if !systemd::is_there() {
        return;
    }
    let host = SystemManager::setup().boot();
    let root = host.user("root");
    let (found, _) = doctor(&root);
    let fix = "systemctl enable --now weka-tokend.socket";
    says(&found, "units", "warn", "the host socket unit is installed, but not enabled", fix);
    host.systemctl(&["enable", "--now", SOCKET]).ok();
    says(&doctor(&root).0, "units", "ok", "the host socket unit is enabled", "");
}

#[test]
fn somebody_who_may_use_a_profile_of_the_host_somebody_who_may_not_and_root() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let keys = "password = { credential = \"weka-password\" }\nallow = [\"user:ann\"]";
    let host = SystemManager::setup()
        .user("ann", &[])
        .user("eve", &[])
        .configure(&profile("default", &cluster, keys))
        .write("/etc/weka-token/password", 0o600, "Alice-Pass1\n")
        .drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:/etc/weka-token/password\n")
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    let (root, ann, eve) = (host.user("root"), host.user("ann"), host.user("eve"));
    root.weka_token(&["get"]).ok();
    let (found, status) = doctor(&root);
    says(&found, "permission", "ok", "you are root", "");
    says(&found, "permission", "ok", "its access token is for user:ann, too", "");
    says(&found, "memory", "ok", "locked in memory", "");
    assert_eq!(status, 0, "{found:#?}");

    let (found, status) = doctor(&ann);
    says(&found, "permission", "ok", "you may use profile default", "");
    says(&found, "login", "ok", "has a live token", "");
    says(&found, "tls", "not-checked", "only root and the daemon's own user", "");
    assert_eq!(status, 0, "nothing needs her: {found:#?}");

    let (found, status) = doctor(&eve);
    says(&found, "permission", "bad", "may not use profile default of this host", "allow = ");
    says(&found, "dns", "not-checked", "", "");
    assert_eq!(status, 1);

    // She sees as well where something is wrong.
    cluster.revoke_all();
    cluster.set(&serde_json::json!({"lockout_failures": 1, "lockout_duration": "1h"}));
    host.write("/etc/weka-token/password", "wrong\n");
    host.systemctl(&["restart", SERVICE]).ok();
    root.weka_token(&["refresh"]).refused(4);
    let (found, status) = doctor(&ann);
    says(&found, "login", "bad", "login-required", "ask whoever runs weka-tokend");
    assert_eq!(status, 1);
    assert_eq!(cluster.count("logins_failed"), 1);
}

#[test]
fn sinks_where_the_service_may_not_write_and_where_its_user_may_not() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let sink = |path: &str| format!("[[profile.default.sink]]\npath = \"{path}\"\ncontent = \"access\"\n");
    let keys = "password = { credential = \"weka-password\" }\n".to_owned()
        + &sink("/srv/closed/token")
        + &sink("/srv/roots/token");
    let host = SystemManager::setup()
        .prepare("install -d -o weka-token -m 0755 /srv/closed && install -d -m 0755 /srv/roots")
        .configure(&profile("default", &cluster, &keys))
        .write("/etc/weka-token/password", 0o600, "Alice-Pass1\n")
        .drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:/etc/weka-token/password\n")
        .drop_in(SERVICE, "place", "[Service]\nReadWritePaths=/srv/roots\n")
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    let root = host.user("root");
    let token = root.weka_token(&["get"]).ok();
    let found = until("both are tried", || {
        let (found, _) = doctor(&root);
        let bad = found.iter().filter(|it| it["check"] == "sink" && it["level"] == "bad").count();
        (bad == 2).then_some(found)
    });
    says(
        &found,
        "sink",
        "bad",
        "/srv/closed/token: the file system is read-only",
        "ReadWritePaths=/srv/closed",
    );
    says(&found, "sink", "bad", "/srv/roots/token", "let the daemon's user read and write there");
    says(&found, "sink", "bad", "ermission denied", "");
    assert_eq!(doctor(&root).1, 1);
    // What is said mends both.
    root.run(&["chown", "weka-token:", "/srv/roots"]).ok();
    let place = format!("/etc/systemd/system/{SERVICE}.d/place.conf");
    host.write(&place, "[Service]\nReadWritePaths=/srv/roots /srv/closed\n");
    host.systemctl(&["daemon-reload"]).ok();
    host.systemctl(&["restart", SERVICE]).ok();
    for path in ["/srv/closed/token", "/srv/roots/token"] {
        let text = until(path, || std::fs::read_to_string(host.path(path)).ok());
        assert_eq!(text.trim_end(), token);
    }
    let (found, status) = doctor(&root);
    says(&found, "sink", "ok", "", "");
    assert_eq!(status, 0, "{found:#?}");
}

#[test]
fn the_daemons_memory_where_it_may_not_close_it() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = SystemManager::setup()
        .configure(&profile("default", &cluster, ""))
        .drop_in(SERVICE, "open", "[Service]\nSystemCallFilter=~prctl mlock mlock2\n")
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    let root = host.user("root");
    root.weka_token_with(&["login", "--password-stdin", "--no-save"], "Alice-Pass1\n").ok();
    let (found, status) = doctor(&root);
    says(&found, "memory", "warn", "core dumps get at", "SystemCallFilter=");
    says(&found, "memory", "warn", "locked in memory", "");
    assert_eq!(status, 0, "{found:#?}");
}

#[test]
fn what_ends_with_the_last_session_and_what_a_restart_would_lose() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    manager.drop_in(SERVICE, "small", "[Service]\nFileDescriptorStoreMax=1\n");
    log_in(&manager, &cluster, &[]).ok();
    let (found, status) = doctor(&manager);
    says(&found, "lingering", "warn", "loginctl enable-linger", "");
    assert_eq!(status, 0, "{found:#?}");
    log_in(&manager, &cluster, &["-p", "other"]).ok();
    until("it is told", || {
        let (found, _) = doctor(&manager);
        let is_it = |it: &Value| it["check"] == "store" && it["level"] == "warn";
        found.iter().any(is_it).then_some(())
    });
}

#[test]
fn a_configuration_that_is_wrong_for_one_profile_or_as_a_whole() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let good = std::fs::read_to_string(manager.home().config_file()).unwrap();
    manager.configure(&format!("{good}\n[profile.two]\nrefresh_att = 0.5\n"));
    manager.systemctl(&["restart", SERVICE]).ok();
    let (found, status) = doctor(&manager);
    says(&found, "configuration", "bad", "profile.two.refresh_att", "reload");
    says(&found, "login", "ok", "profile default has a live token", "");
    assert_eq!(status, 1);
    manager.configure("[[[");
    manager.systemctl(&["restart", SERVICE]).ok();
    let (found, status) = doctor(&manager);
    says(&found, "configuration", "bad", "config.toml:1", "reload");
    assert_eq!(status, 1);
}
