//! `weka-token profiles`: which ones there are, and changing that while they are in use.

use crate::{login_with, profile, read_json};
use e2e::home::finish;
use e2e::{Cluster, Daemon, Home};
use serde_json::json;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use wire::State;

/// Profiles `lab` (the default one, alice) and `prod` (admin), logged in, below a heading and comments.
fn two(options: &[&str], keys: &str) -> (Home, Daemon, Cluster) {
    let cluster = Cluster::start(options);
    let home = Home::new();
    home.configure(&format!(
        "# Our clusters.\ndefault_profile = \"lab\"   # most work\n\n# The lab's.\n{}\n# Mind the step.\n{}",
        profile("lab", &cluster, keys),
        profile("prod", &cluster, "refresh_at = 0.5 # early"),
    ));
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "lab"]).ok();
    login_with(&home, &cluster, "admin", "Admin-Pass1", &["-p", "prod"]).ok();
    (home, daemon, cluster)
}

fn names(home: &Home) -> Vec<String> {
    let listed = crate::json(&home.run(&["profiles", "--json"]).ok());
    let name = |it: &serde_json::Value| it["name"].as_str().unwrap().to_owned();
    listed.as_array().unwrap().iter().map(name).collect()
}

fn config(home: &Home) -> String {
    fs::read_to_string(home.config_file()).unwrap()
}

#[test]
fn they_are_listed_with_what_is_known_of_each() {
    let (home, _daemon, cluster) = two(&[], "");
    assert_eq!(
        home.run(&["profiles", "--json"]).ok(),
        format!(
            r#"[{{"name":"lab","default":true,"endpoints":["{0}"],"org":"Root","username":"alice","state":"ready"}},"#,
            cluster.endpoint()
        ) + &format!(
            r#"{{"name":"prod","default":false,"endpoints":["{0}"],"org":"Root","username":"admin","state":"ready"}}]"#,
            cluster.endpoint()
        )
    );
    let table = home.run(&["profiles"]).ok();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].contains("PROFILE") && lines[0].ends_with("ENDPOINTS"), "{table}");
    assert!(lines[1].starts_with("*  lab ") && lines[1].ends_with(cluster.endpoint()), "{table}");
    assert!(lines[2].starts_with("   prod ") && lines[2].contains("admin"), "{table}");
    let words = home.run(&["profiles", "-p", "lab"]).refused(2);
    assert!(words.contains("leave -p out"), "{words}");
}

#[test]
fn long_lists_come_in_pages() {
    let home = Home::new();
    let endpoints: Vec<_> = (0..40).map(|n| format!("\"https://weka{n:03}.cluster.example.org\"")).collect();
    let table = |n| format!("[profile.p{n:03}]\nendpoints = [{}]\n", endpoints.join(", "));
    home.configure(&(0..100).map(table).collect::<String>());
    let _daemon = Daemon::start(&home);
    let listed = crate::json(&home.run(&["profiles", "--json"]).ok());
    assert_eq!(listed.as_array().unwrap().len(), 101, "100 and the default one");
    assert_eq!(listed[100]["endpoints"].as_array().unwrap().len(), 40);
}

#[test]
fn one_that_is_added_can_be_logged_in_to_at_once() {
    let (home, _daemon, cluster) = two(&[], "");
    let before = config(&home);
    let token = home.run(&["get"]).ok();
    let added = home.run(&["profiles", "add", "new"]);
    assert!(added.stderr.contains("run: weka-token login -p new"), "{added:?}");
    added.ok();
    assert_eq!(config(&home), format!("{before}\n[profile.new]\n"));
    assert_eq!(names(&home), ["lab", "new", "prod"]);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "new"]).ok();
    assert!(cluster.honours(&home.run(&["get", "-p", "new"]).ok()));
    assert_eq!(home.run(&["get"]).ok(), token, "the others keep theirs");
    let words = home.run(&["profiles", "add", "lab"]).refused(1);
    assert!(words.contains("there is a profile lab already"), "{words}");
}

#[test]
fn the_first_one_makes_the_configuration() {
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    assert_eq!(names(&home), ["default"]);
    for line in [&["profiles", "remove", "default"][..], &["profiles", "rename", "default", "lab"]] {
        let words = home.run(line).refused(1);
        assert!(words.contains("is in no configuration") && words.contains("set-default"), "{words}");
    }
    home.run(&["profiles", "add", "lab"]).ok();
    assert_eq!(config(&home), "[profile.lab]\n");
    home.run(&["profiles", "set-default", "lab"]).ok();
    assert_eq!(config(&home), "default_profile = \"lab\"\n\n[profile.lab]\n");
    assert_eq!(names(&home), ["lab"], "nothing else goes unsaid any more");
}

#[test]
fn a_removed_one_is_forgotten_and_how_to_have_it_again_is_said() {
    let file = "token_file = \"~/lab.json\"";
    let (home, daemon, cluster) = two(&[], file);
    login_with(&home, &cluster, "admin", "wrong", &["-p", "lab"]).refused(4);
    let removed = home.run(&["profiles", "remove", "lab"]);
    let words = removed.stderr.clone();
    removed.ok();
    let kept = home.path().join("lab.json");
    for expected in [
        "tokens are forgotten".to_owned(),
        format!("{} stays as it is", kept.display()),
        "profile default is the default one now".to_owned(),
        format!("run: weka-token login -p lab --endpoint {} --user alice", cluster.endpoint()),
    ] {
        assert!(words.contains(&expected), "{expected}: {words}");
    }
    assert!(kept.exists());
    assert_eq!(names(&home), ["default", "prod"]);
    let text = config(&home);
    let heading =
        "# Our clusters.\ndefault_profile = \"default\"   # most work\n\n# Mind the step.\n[profile.prod]\n";
    assert!(text.starts_with(heading) && text.contains("refresh_at = 0.5 # early"), "{text}");
    home.run(&["get", "-p", "lab"]).refused(1);
    assert!(cluster.honours(&home.run(&["get", "-p", "prod"]).ok()));
    // Of the same name, it is another one.
    home.run(&["profiles", "add", "lab"]).ok();
    daemon.until_named("lab", "nothing is known of it", |it| it.state == State::LoginRequired);
    let words = home.run(&["profiles", "remove", "none"]).refused(1);
    assert!(words.contains("no profile none") && words.contains("prod"), "{words}");
}

#[test]
fn a_renamed_one_stays_logged_in_and_nothing_is_sent_for_it() {
    let (home, daemon, cluster) = two(&["--single-use-refresh"], "token_file = \"~/lab.json\"");
    let before = (config(&home), home.run(&["get"]).ok(), cluster.count("requests"));
    let file = read_json(&home.path().join("lab.json"));
    let renamed = home.run(&["profiles", "rename", "lab", "hpc"]);
    assert!(renamed.stderr.contains("profile hpc is the default one"), "{renamed:?}");
    renamed.ok();
    assert_eq!(
        config(&home),
        before.0.replace("[profile.lab]", "[profile.hpc]").replace("= \"lab\" ", "= \"hpc\" ")
    );
    assert_eq!(names(&home), ["hpc", "prod"]);
    assert_eq!(home.run(&["get"]).ok(), before.1);
    assert_eq!(home.run(&["get", "-p", "hpc"]).ok(), before.1);
    assert_eq!(cluster.count("requests"), before.2);
    assert_eq!(read_json(&home.path().join("lab.json")), file, "and the file is as it was");
    home.run(&["get", "-p", "lab"]).refused(1);
    // The refresh token is the one that the cluster will take.
    home.run(&["refresh", "-p", "hpc"]).ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    daemon.until_named("hpc", "it is well", |it| it.state == State::Ready);
    assert_eq!((cluster.count("logins_ok"), cluster.count("refreshes_failed")), (2, 0));
}

#[test]
fn renaming_waits_for_the_refresh_token_that_is_being_used_up() {
    let (home, daemon, cluster) = two(&["--single-use-refresh"], "");
    cluster.fault(&json!({"kind": "slow", "delay_ms": 2500, "path": "/api/v2/login/refresh", "count": 1}));
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| home.run(&["refresh", "-p", "lab", "--timeout", "1m"]));
        cluster.until_requests("path=/api/v2/login/refresh", 1);
        home.run(&["profiles", "rename", "lab", "hpc"]).ok();
        renewing.join().unwrap().ok();
    });
    home.run(&["refresh", "-p", "hpc"]).ok();
    assert!(cluster.honours(&home.run(&["get", "-p", "hpc"]).ok()));
    daemon.until_named("hpc", "it is well", |it| it.state == State::Ready);
    assert_eq!((cluster.count("logins_ok"), cluster.count("refreshes_failed")), (2, 0));
}

#[test]
fn under_load_every_get_of_a_renamed_one_has_a_live_token_under_one_name_or_the_other() {
    let (home, _daemon, cluster) = two(&["--access-ttl", "3s", "--single-use-refresh"], "");
    let cycle = ["lab", "a", "b", "c", "d", "lab"];
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (over, home, cluster) = (&over, &home, &cluster);
        let getting = scope.spawn(move || {
            let mut served = 0;
            while !over.load(Ordering::Relaxed) {
                // The default one, whatever it is called.
                let ran = home.run(&["get"]);
                let renamed = ran.stderr.contains("removed or renamed");
                assert!(renamed || cluster.honours(&ran.clone().ok()), "{ran:?}");
                served += 1;
            }
            served
        });
        for pair in cycle.windows(2) {
            home.run(&["profiles", "rename", pair[0], pair[1]]).ok();
        }
        over.store(true, Ordering::Relaxed);
        assert!(getting.join().unwrap() > 0);
    });
    assert_eq!((cluster.count("logins_ok"), cluster.count("refreshes_failed")), (2, 0));
}

#[test]
fn lockouts_refused_passwords_and_logouts_go_with_the_name() {
    let cluster = Cluster::start(&[]);
    cluster.set(&json!({"lockout_failures": 2, "lockout_duration": "10m"}));
    let home = Home::new();
    let file = home.path().join("password");
    home.write(&file, "wrong\n");
    home.configure(&format!(
        "{}{}{}",
        profile("locked", &cluster, "username = \"alice\""),
        profile("out", &cluster, ""),
        profile("wrong", &cluster, &format!("username = \"admin\"\npassword = {{ file = {file:?} }}")),
    ));
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "bob", "Bob-Pass1", &["-p", "out", "--org", "research"]).ok();
    home.run(&["logout", "-p", "out"]).ok();
    for _ in 0..3 {
        login_with(&home, &cluster, "alice", "wrong", &["-p", "locked"]).refused(4);
    }
    daemon.until_named("locked", "locked out", |it| it.state == State::LockedOut);
    daemon.until_named("wrong", "refused", |it| it.state == State::LoginRequired);
    let sent = cluster.count("requests");
    for name in ["locked", "out", "wrong"] {
        home.run(&["profiles", "rename", name, &format!("{name}-2")]).ok();
    }
    let states = |daemon: &Daemon| {
        daemon.until_named("locked-2", "still locked", |it| it.state == State::LockedOut);
        daemon.until_named("out-2", "still logged out", |it| it.state == State::LoggedOut);
        daemon.until_named("wrong-2", "still refused", |it| it.state == State::LoginRequired);
    };
    states(&daemon);
    let left = daemon.named("locked-2").locked_for_s.unwrap();
    assert!((500..=601).contains(&left), "{left}");
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "locked-2"]).refused(4);
    // Also after a restart, and under the new name alone.
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&home);
    states(&daemon);
    assert_eq!(cluster.count("requests"), sent);
    assert_eq!(names(&home), ["default", "locked-2", "out-2", "wrong-2"]);
}

#[test]
fn what_a_login_did_not_save_goes_with_the_name_and_cannot_be_the_default() {
    let (home, _daemon, cluster) = two(&[], "");
    let before = config(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "tmp", "--no-save"]).ok();
    let token = home.run(&["get", "-p", "tmp"]).ok();
    let words = home.run(&["profiles", "set-default", "tmp"]).refused(1);
    assert!(words.contains("not in the configuration") && words.contains("login -p tmp"), "{words}");
    home.run(&["profiles", "rename", "tmp", "tmp2"]).ok();
    assert_eq!(home.run(&["get", "-p", "tmp2"]).ok(), token);
    home.run(&["profiles", "remove", "tmp2"]).ok();
    assert_eq!(names(&home), ["lab", "prod"]);
    assert_eq!(config(&home), before);
}

#[test]
fn the_default_is_set_followed_and_reported() {
    let (home, _daemon, cluster) = two(&[], "");
    home.run(&["profiles", "set-default", "prod"]).ok();
    assert_eq!(cluster.check(&home.run(&["get"]).ok())["username"], "admin");
    assert!(config(&home).contains("default_profile = \"prod\"   # most work"));
    let words = home.run(&["profiles", "set-default", "none"]).refused(1);
    for name in ["none", "lab", "prod"] {
        assert!(words.contains(name), "{words}");
    }
    let mut command = home.weka_token(&["profiles", "set-default", "lab"]);
    let words = finish(command.env("WEKA_TOKEN_PROFILE", "prod"), "");
    assert!(words.stderr.contains("WEKA_TOKEN_PROFILE says prod here"), "{words:?}");
    words.ok();
    assert_eq!(cluster.check(&home.run(&["get"]).ok())["username"], "alice");
}

#[test]
fn names_are_held_to_the_rule_and_mistakes_in_the_file_come_first() {
    let (home, _daemon, _cluster) = two(&[], "");
    let long = "x".repeat(51);
    for bad in ["a.b", "../x", "", &long] {
        let words = home.run(&["profiles", "add", bad]).refused(2);
        assert!(words.contains("1 to 50"), "{words}");
    }
    let good = config(&home);
    home.configure(&format!("{good}\n[profile.new]\nrefresh_at = 9.0\n"));
    let token = home.run(&["get"]).ok();
    for line in [&["profiles", "add", "x"][..], &["profiles", "rename", "lab", "x"]] {
        let words = home.run(line).refused(1);
        assert!(words.contains("profile.new.refresh_at") && words.contains("mend it first"), "{words}");
    }
    // Taking the mistake itself away is one way to mend it.
    home.run(&["profiles", "remove", "new"]).ok();
    assert_eq!(config(&home).trim_end(), good.trim_end());
    assert_eq!(home.run(&["get"]).ok(), token);
}

#[test]
fn a_renamed_default_keeps_the_file_that_goes_without_saying() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--token-file"]).ok();
    // As one that was adopted: nobody has said anything of a file.
    let text = config(&home).replace("token_file = \"~/.weka/auth-token.json\"\n", "");
    home.configure(&text);
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.until("it was read", |_| daemon.log().contains("the configuration was read again"));
    daemon.until("the file is taken over", |profile| profile.token_file.is_some());
    let renamed = home.run(&["profiles", "rename", "default", "lab"]);
    assert!(renamed.stderr.contains("fresh as before"), "{renamed:?}");
    renamed.ok();
    assert!(config(&home).contains("token_file = \"~/.weka/auth-token.json\""), "{}", config(&home));
    assert!(config(&home).contains("default_profile = \"lab\""), "{}", config(&home));
    home.run(&["refresh", "--timeout", "1m"]).ok();
    let token = home.run(&["get"]).ok();
    daemon.until_named("lab", "kept", |it| it.token_file.is_some());
    e2e::until("the new token in the file", || {
        (read_json(&home.token_file())["access_token"] == token).then_some(())
    });
    assert_eq!(cluster.count("logins_ok"), 1);
}
