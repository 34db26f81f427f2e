//! Configuration mistakes: file, line and key, at `--check` and at start.

use crate::{at_once, profile};
use e2e::home::finish;
use e2e::{Cluster, Daemon, Home};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// A mistake: the file's text, the line it is in, its key, and a word of what was expected.
type Mistake = (&'static str, usize, &'static str, &'static str);

const MISTAKES: [Mistake; 19] = [
    (
        "[profile.a]\ntoken_file = \"/t.json\"\n[profile.b]\ntoken_file = \"/t.json\"\n",
        4,
        "profile.b.token_file",
        "profile.a.token_file",
    ),
    ("[profile.\"a b\"]\n", 1, "a b", ""),
    ("[profile.prod]\nendpoint = [\"a\"]\n", 2, "profile.prod.endpoint", "endpoints"),
    ("nonsense = 1\n", 1, "nonsense", "unknown key"),
    ("[profile.prod]\nendpoints = \"a\"\n", 2, "profile.prod.endpoints", "list"),
    ("[profile.prod]\nendpoints = [\"ftp://a\"]\n", 2, "profile.prod.endpoints", ""),
    ("[profile.prod]\nendpoints = [\"http://a:14000\"]\n", 2, "profile.prod.endpoints", "allow_http"),
    ("[profile.prod]\n\nrefresh_at = 1.5\n", 3, "profile.prod.refresh_at", "0.8"),
    ("[profile.prod]\nrefresh_at = \"0.8\"\n", 2, "profile.prod.refresh_at", "number"),
    ("[profile.prod]\nconnect_timeout = 2\n", 2, "profile.prod.connect_timeout", "\"2s\""),
    ("[profile.prod]\nrequest_timeout = \"soon\"\n", 2, "profile.prod.request_timeout", ""),
    ("[profile.prod]\nrequest_timeout = \"infinite\"\n", 2, "profile.prod.request_timeout", ""),
    ("[profile.prod]\nfingerprint = \"sha256:12\"\n", 2, "profile.prod.fingerprint", ""),
    ("[profile.prod]\nallow_http = \"yes\"\n", 2, "profile.prod.allow_http", "true or false"),
    ("[profile.prod]\nallow = [\"alice\"]\n", 2, "profile.prod.allow", "user:"),
    (
        "[profile.prod]\nusername = \"a\"\npassword = \"Top-Secret1\"\n",
        3,
        "profile.prod.password",
        "credential",
    ),
    ("[profile.prod]\norg = \"a\"\ntenant = \"a\"\n", 3, "profile.prod.tenant", "org"),
    ("[[profile.prod.sink]]\npath = \"/x\"\nmode = \"999\"\n", 3, "mode", ""),
    ("default_profile = \"../x\"\n", 1, "default_profile", ""),
];

#[test]
fn each_mistake_is_named_by_check_with_file_line_and_key_and_ends_a_start() {
    at_once(&MISTAKES, |(text, line, key, word)| {
        let home = Home::new();
        home.configure(text);
        let place = format!("{}:{line}: ", home.config_file().display());
        for arguments in [&["--check"][..], &[]] {
            let ran = finish(&mut home.weka_tokend(arguments), "");
            assert_eq!(ran.status, 2, "{text}: {ran:?}");
            let words = &ran.stderr;
            assert!(words.contains(&place) && words.contains(key) && words.contains(word), "{text}: {words}");
            assert!(!words.contains("Top-Secret1"), "{words}");
            assert!(!home.socket().exists());
        }
    });
}

#[test]
fn one_file_for_two_sinks_passed_the_check_where_their_folders_have_two_names() {
    let home = Home::new();
    let (folder, link) = (home.path().join("real"), home.path().join("link"));
    fs::create_dir(&folder).unwrap();
    symlink(&folder, &link).unwrap();
    home.configure(&format!(
        "[[profile.a.sink]]\npath = {:?}\n[profile.b]\n[[profile.b.sink]]\npath = {:?}\n",
        folder.join("t.json"),
        link.join("t.json")
    ));
    let words = finish(&mut home.weka_tokend(&["--check"]), "").refused(2);
    let place = format!("{}:5: profile.b.sink.path: ", home.config_file().display());
    assert!(words.contains(&place) && words.contains("profile.a.sink.path (line 2)"), "{words}");
    home.configure(&format!(
        "[[profile.a.sink]]\npath = {:?}\n[profile.b]\n[[profile.b.sink]]\npath = {:?}\n",
        folder.join("t.json"),
        link.join("other.json")
    ));
    finish(&mut home.weka_tokend(&["--check"]), "").ok();
}

#[test]
fn more_sessions_than_the_store_is_shipped_with_failed_a_check_that_a_start_passes() {
    let home = Home::new();
    let tables = |count: usize| (1..=count).map(|n| format!("[profile.p{n}]\n")).collect::<String>();
    // With the default one, which is not in the file.
    home.configure(&tables(63));
    let ran = finish(&mut home.weka_tokend(&["--check"]), "");
    assert_eq!(ran.stderr, "");
    ran.ok();
    home.configure(&tables(65));
    let ran = finish(&mut home.weka_tokend(&["--check"]), "");
    let place = format!("{}:64: profile.p64: ", home.config_file().display());
    assert!(ran.stderr.contains(&place) && ran.stderr.contains("FileDescriptorStoreMax="), "{ran:?}");
    ran.ok();
    let daemon = Daemon::start(&home);
    assert_eq!(crate::json(&home.run(&["profiles", "--json"]).ok()).as_array().unwrap().len(), 66);
    assert!(daemon.stop().success());
}

#[test]
fn every_mistake_is_named_at_once() {
    let home = Home::new();
    home.configure("one = 1\n[profile.prod]\ntwo = 2\n[profile.test]\nrefresh_at = 7.0\n");
    let words = finish(&mut home.weka_tokend(&["--check"]), "").refused(2);
    for part in [":1: one", ":3: profile.prod.two", ":5: profile.test.refresh_at"] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[test]
fn bad_syntax_is_named_by_its_line() {
    let home = Home::new();
    home.configure("[profile.prod]\norg = \"a\nusername = \"b\"\n");
    let words = finish(&mut home.weka_tokend(&["--check"]), "").refused(2);
    assert!(words.contains("config.toml:2"), "{words}");
}

#[test]
fn a_file_that_others_may_write_to_is_refused_with_the_command_that_mends_it() {
    for mode in [0o620, 0o602, 0o666] {
        let home = Home::new();
        home.configure("");
        let path = home.config_file();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for arguments in [&["--check"][..], &[]] {
            let words = finish(&mut home.weka_tokend(arguments), "").refused(2);
            assert!(words.contains(&format!("chmod go-w {}", path.display())), "{words}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        finish(&mut home.weka_tokend(&["--check"]), "").ok();
    }
}

#[test]
fn a_good_one_passes_the_check_and_names_its_profiles() {
    let home = Home::new();
    home.configure("default_profile = \"prod\"\n[profile.prod]\n[profile.test]\ntenant = \"x\"\n");
    let ran = finish(&mut home.weka_tokend(&["--check"]), "");
    assert!(ran.stdout.contains("prod") && ran.stdout.contains("test"), "{ran:?}");
    ran.ok();
}

#[test]
fn no_configuration_at_all_is_right_too() {
    let home = Home::new();
    finish(&mut home.weka_tokend(&["--check"]), "").ok();
    let daemon = Daemon::start(&home);
    assert_eq!(daemon.profile().name, "default");
}

#[test]
fn a_named_file_must_be_there() {
    let home = Home::new();
    let words =
        finish(&mut home.weka_tokend(&["--check", "--config", "/nowhere/config.toml"]), "").refused(2);
    assert!(words.contains("/nowhere/config.toml"), "{words}");
}

#[test]
fn a_named_file_and_the_xdg_folder_are_respected() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write("here.toml".as_ref(), &profile("here", &cluster, ""));
    home.write("xdg/weka-token/config.toml".as_ref(), &profile("there", &cluster, ""));
    let daemon = Daemon::with(&home, &["--config", "here.toml"]);
    daemon.until_named("here", "its endpoint", |it| it.endpoint.as_deref() == Some(cluster.endpoint()));
    drop(daemon);
    let mut command = home.weka_tokend(&[]);
    command.env("XDG_CONFIG_HOME", home.path().join("xdg"));
    let daemon = Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log"));
    daemon.until_named("there", "its endpoint", |it| it.endpoint.as_deref() == Some(cluster.endpoint()));
}

#[test]
fn an_unknown_option_is_usage() {
    let home = Home::new();
    finish(&mut home.weka_tokend(&["--daemonize"]), "").refused(2);
}
