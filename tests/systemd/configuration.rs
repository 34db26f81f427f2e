//! Reloads and mistakes: none costs a token or the socket.

use crate::{SERVICE, log_in, profile, somebody, somebody_logged_in};
use e2e::Cluster;
use e2e::systemd::{Shell, Units};

#[test]
fn a_reload_keeps_tokens() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody_logged_in(&cluster, &[]) else { return };
    let (token, pid) = (manager.weka_token(&["get"]).ok(), manager.pid());
    let config = std::fs::read_to_string(manager.home().config_file()).unwrap();
    manager.configure(&(config + &profile("other", &cluster, "")));
    manager.systemctl(&["reload", SERVICE]).ok();
    manager.until(SERVICE, "StatusText", |text| text.contains("other") || text.contains('2'));
    assert!(manager.weka_token(&["status"]).stdout.contains("other"));
    assert_eq!((manager.weka_token(&["get"]).ok(), manager.pid()), (token, pid));
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn a_typo_after_an_upgrade_costs_no_token_and_a_reload_mends_it() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    let good = "default_profile = \"one\"\n".to_owned()
        + &profile("one", &cluster, "")
        + &profile("two", &cluster, "");
    manager.configure(&good);
    let tokens = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| manager.weka_token(&["get", "-p", name]).ok()).collect()
    };
    for name in ["one", "two"] {
        log_in(&manager, &cluster, &["-p", name, "--no-save"]).ok();
    }
    let before = tokens(&["one", "two"]);
    let file = manager.home().config_file();

    // A mistake in one profile concerns that one only; one in the syntax concerns all.
    let in_two = good.replace("[profile.two]", "[profile.two]\nrefresh_att = 0.5");
    let line = in_two.lines().position(|line| line.contains("refresh_att")).unwrap() + 1;
    for (text, hit) in [(in_two.clone(), &["two"][..]), (format!("{in_two}\n[[["), &["one", "two"])] {
        manager.configure(&text);
        manager.systemctl(&["restart", SERVICE]).ok();
        for name in ["one", "two"] {
            let answer = manager.weka_token(&["get", "-p", name]);
            if hit.contains(&name) {
                let refusal = answer.refused(1);
                assert!(refusal.contains(file.to_str().unwrap()), "{refusal}");
            } else {
                assert_eq!(answer.ok(), before[0]);
            }
        }
    }
    manager.configure(&in_two);
    manager.systemctl(&["restart", SERVICE]).ok();
    let refusal = manager.weka_token(&["get", "-p", "two"]).refused(1);
    assert!(refusal.contains(&format!(":{line}")) && refusal.contains("refresh_att"), "{refusal}");
    // A second crash in this state loses nothing either.
    manager.systemctl(&["restart", SERVICE]).ok();

    manager.configure(&good);
    manager.systemctl(&["reload", SERVICE]).ok();
    manager.until(SERVICE, "StatusText", |text| text.contains("2 profiles ready"));
    assert_eq!(tokens(&["one", "two"]), before);
    assert_eq!(cluster.logins().len(), 2);
}

#[test]
fn the_file_that_is_wrong_at_the_very_first_start_is_named_and_mended() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    manager.configure("[profile.default]\nendpoints = 7\n");
    let refusal = manager.weka_token(&["get"]).refused(1);
    assert!(refusal.contains("config.toml:2") && refusal.contains("endpoints"), "{refusal}");
    manager.configure(&profile("default", &cluster, ""));
    manager.systemctl(&["reload", SERVICE]).ok();
    log_in(&manager, &cluster, &[]).ok();
    manager.weka_token(&["get"]).ok();
}

#[test]
fn a_mistake_is_named_in_the_status_of_the_service() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    manager.configure(&profile("default", &cluster, "refresh_att = 0.5"));
    manager.systemctl(&["start", SERVICE]).ok();
    let status = manager.show(SERVICE, "StatusText");
    assert!(status.contains("config.toml:") && status.contains("refresh_att"), "{status}");
}
