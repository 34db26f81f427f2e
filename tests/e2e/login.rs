//! `weka-token login`: what it takes from where, what it saves, and how a person at a terminal fares.

use crate::{LoggedIn, login, login_with, mode, profile};
use e2e::{Cluster, Daemon, Home, Terminal};
use serde_json::json;
use std::fs;

#[test]
fn a_login_saves_the_profile_privately_and_without_the_password() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let config = it.home.config_file();
    let text = fs::read_to_string(&config).unwrap();
    for part in [it.cluster.endpoint(), &it.cluster.fingerprint, "alice"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("Alice-Pass1"), "{text}");
    assert_eq!(mode(&config), 0o600);
    assert_eq!(mode(config.parent().unwrap()), 0o700);
    let ok = it.home.weka_tokend(&["--check"]).status().unwrap();
    assert!(ok.success(), "what login saves passes the check");
}

#[test]
fn the_next_login_needs_nothing_but_the_password() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.home.run(&["logout"]).ok();
    it.home.run_with(&["login", "--password-stdin"], "Alice-Pass1\n").ok();
    assert!(it.cluster.honours(&it.token()));
    let last = it.cluster.logins().pop().unwrap();
    assert_eq!((&last["username"], &last["org"]), (&json!("alice"), &json!("Root")));
}

#[test]
fn a_login_says_where_the_tokens_are() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let ran = login(&home, &cluster, "alice", "Alice-Pass1");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stderr.contains("memory only"), "{}", ran.stderr);
    assert!(!home.token_file().exists());
    let ran = login_with(&home, &cluster, "alice", "Alice-Pass1", &["--token-file"]);
    let path = home.token_file();
    assert!(ran.stderr.contains(path.to_str().unwrap()), "{}", ran.stderr);
    assert!(path.exists());
}

#[test]
fn no_save_leaves_no_configuration_and_holds_while_the_daemon_lives() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--no-save"]).ok();
    assert!(!home.config_file().exists());
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_login_that_was_to_be_saved_left_out_what_one_before_it_was_not_to_save() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--no-save"]).ok();
    home.run_with(&["login", "--user", "admin", "--password-stdin"], "Admin-Pass1\n").ok();
    let saved = fs::read_to_string(home.config_file()).unwrap();
    for part in [cluster.endpoint(), &cluster.fingerprint, "admin"] {
        assert!(saved.contains(part), "{part}: {saved}");
    }
    // What is read again is the same profile, so its tokens stay.
    home.run(&["profiles", "add", "lab"]).ok();
    assert_eq!(daemon.named("default").state, wire::State::Ready);
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_login_keeps_the_comments_and_the_other_profiles_of_the_configuration() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure("# mine\n[profile.zeta]\nendpoints = [\"weka09\"] # far away\n");
    let _daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "prod"]).ok();
    let text = fs::read_to_string(home.config_file()).unwrap();
    assert!(text.starts_with("# mine\n[profile.zeta]\nendpoints = [\"weka09\"] # far away\n"), "{text}");
    assert!(text.contains("[profile.prod]"), "{text}");
    assert!(cluster.honours(&home.run(&["get", "-p", "prod"]).ok()));
}

#[test]
fn the_organisation_may_be_called_tenant() {
    for option in ["--org", "--tenant"] {
        let cluster = Cluster::start(&[]);
        let home = Home::new();
        let _daemon = Daemon::start(&home);
        login_with(&home, &cluster, "bob", "Bob-Pass1", &[option, "research"]).ok();
        assert_eq!(cluster.logins()[0]["org"], "research");
        assert!(cluster.honours(&home.run(&["get"]).ok()));
    }
}

#[test]
fn what_is_not_given_comes_from_wekas_own_variables() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let port = cluster.endpoint().rsplit(':').next().unwrap();
    let mut command = home.weka_token(&["login", "--password-stdin", "--fingerprint", &cluster.fingerprint]);
    command
        .env("WEKA_HOST", "127.0.0.1")
        .env("WEKA_PORT", port)
        .env("WEKA_ORG", "research")
        .env("WEKA_USERNAME", "bob");
    e2e::home::finish(&mut command, "Bob-Pass1\n").ok();
    let login = &cluster.logins()[0];
    assert_eq!((&login["username"], &login["org"]), (&json!("bob"), &json!("research")));
}

#[test]
fn the_profile_goes_before_the_variables() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, "username = \"alice\"\norg = \"Root\""));
    let _daemon = Daemon::start(&home);
    let mut command = home.weka_token(&["login", "--password-stdin"]);
    command.env("WEKA_HOST", "192.0.2.1").env("WEKA_ORG", "research").env("WEKA_USERNAME", "bob");
    e2e::home::finish(&mut command, "Alice-Pass1\n").ok();
    assert_eq!(cluster.logins()[0]["username"], "alice");
}

#[test]
fn without_a_terminal_a_password_must_come_on_stdin() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let endpoint = ["--endpoint", cluster.endpoint(), "--fingerprint", &cluster.fingerprint];
    let words = home.run(&[&["login", "--user", "alice"], &endpoint[..]].concat()).refused(2);
    assert!(words.contains("--password-stdin"), "{words}");
    let words = home.run_with(&[&["login", "--password-stdin"], &endpoint[..]].concat(), "x\n").refused(2);
    assert!(words.contains("--user"), "{words}");
    assert_eq!(cluster.logins().len(), 0);
}

#[test]
fn only_the_first_line_of_stdin_is_the_password() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, "username = \"alice\""));
    let _daemon = Daemon::start(&home);
    home.run_with(&["login", "--password-stdin"], "Alice-Pass1\nsomething else\n").ok();
    home.run_with(&["login", "--password-stdin"], "Alice-Pass1").ok();
    assert_eq!(cluster.count("logins_ok"), 2);
}

#[test]
fn a_login_at_a_cluster_that_is_away_is_exit_5_within_its_timeout() {
    let cluster = Cluster::start(&[]);
    cluster.fault(&json!({"kind": "refuse"}));
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let ran = login_with(&home, &cluster, "alice", "Alice-Pass1", &["--timeout", "3s"]);
    // Where nobody says how long, it is half a minute.
    assert!(ran.took.as_secs() < 25, "{ran:?}");
    let words = ran.refused(5);
    assert!(words.contains(cluster.endpoint()), "{words}");
    assert!(!home.config_file().exists(), "a login that failed saves nothing");
    cluster.heal();
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
}

#[test]
fn a_new_profile_whose_login_failed_is_not_left_behind() {
    let it = LoggedIn::to(Cluster::start(&[]));
    login_with(&it.home, &it.cluster, "alice", "wrong", &["-p", "prod"]).refused(4);
    it.home.run(&["get", "-p", "prod"]).refused(1);
    assert_eq!(it.daemon.status().profiles.len(), 1);
    assert!(!fs::read_to_string(it.home.config_file()).unwrap().contains("prod"));
}

#[test]
fn a_failed_login_leaves_the_tokens_of_the_one_before() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let token = it.token();
    login(&it.home, &it.cluster, "admin", "wrong").refused(4);
    assert_eq!(it.token(), token);
    assert_eq!(it.daemon.profile().username.as_deref(), Some("alice"));
}

#[test]
fn a_login_as_somebody_else_replaces_the_tokens() {
    let it = LoggedIn::to(Cluster::start(&[]));
    login(&it.home, &it.cluster, "admin", "Admin-Pass1").ok();
    assert_eq!(it.cluster.check(&it.token())["username"], "admin");
    assert_eq!(it.daemon.profile().username.as_deref(), Some("admin"));
}

#[test]
fn a_password_never_goes_over_plain_http_to_another_host() {
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let line = ["login", "--endpoint", "http://192.0.2.1:14000", "--user", "alice", "--password-stdin"];
    let words = home.run_with(&line, "Alice-Pass1\n").refused(2);
    assert!(words.contains("https"), "{words}");
}

#[test]
fn plain_http_on_loopback_works_and_is_warned_of() {
    let cluster = Cluster::plain(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let ran = login(&home, &cluster, "alice", "Alice-Pass1");
    assert!(ran.stderr.contains("without encryption"), "{ran:?}");
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_password_that_must_be_changed_is_said() {
    let cluster = Cluster::start(&[]);
    cluster.control(
        "POST",
        "/users",
        &json!({"username": "new", "password": "New-Pass1", "password_change_required": true}),
    );
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let ran = login(&home, &cluster, "new", "New-Pass1");
    assert!(ran.stderr.contains("password changed"), "{ran:?}");
    assert_eq!(ran.status, 0);
}

#[test]
fn at_a_terminal_a_login_shows_the_certificate_asks_and_hides_the_password() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let line = ["login", "--endpoint", cluster.endpoint(), "--user", "alice", "--org", "Root"];
    let mut terminal = Terminal::run(&home.weka_token(&line));
    let shown = terminal.expect("[yes/no]");
    assert!(shown.contains(&cluster.fingerprint), "{shown}");
    assert!(shown.contains("CN=localhost"), "{shown}");
    assert_eq!(cluster.count("requests"), 0, "nothing is sent before the certificate is trusted");
    terminal.type_in("yes\n");
    terminal.expect("Password");
    terminal.expect(": ");
    assert!(!terminal.echoes());
    terminal.type_in("Alice-Pass1\n");
    let (status, shown) = terminal.finish();
    assert_eq!(status, 0, "{shown}");
    assert!(!shown.contains("Alice-Pass1"), "{shown}");
    assert!(fs::read_to_string(home.config_file()).unwrap().contains(&cluster.fingerprint));
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn a_certificate_that_a_person_declines_ends_the_login_before_anything_is_sent() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let line = ["login", "--endpoint", cluster.endpoint(), "--user", "alice", "--org", "Root"];
    let mut terminal = Terminal::run(&home.weka_token(&line));
    terminal.expect("[yes/no]");
    terminal.type_in("no\n");
    let (status, shown) = terminal.finish();
    assert_eq!(status, 4, "{shown}");
    assert_eq!(cluster.count("requests"), 0);
    assert!(!home.config_file().exists());
}

#[test]
fn ctrl_c_at_a_prompt_is_130_and_sends_nothing() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&profile("default", &cluster, "username = \"alice\"\norg = \"Root\""));
    let _daemon = Daemon::start(&home);
    let mut terminal = Terminal::run(&home.weka_token(&["login"]));
    terminal.expect("Password");
    terminal.type_in("half\u{3}");
    let (status, shown) = terminal.finish();
    assert_eq!(status, 130, "{shown}");
    assert_eq!(cluster.logins().len(), 0);
}

#[test]
fn a_login_whose_profile_cannot_be_saved_works_and_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure("# mine\n");
    let _daemon = Daemon::start(&home);
    fs::set_permissions(home.config_file(), fs::Permissions::from_mode(0o666)).unwrap();
    let ran = login(&home, &cluster, "alice", "Alice-Pass1");
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stderr.contains("not saved") && ran.stderr.contains("chmod go-w"), "{ran:?}");
    assert_eq!(fs::read_to_string(home.config_file()).unwrap(), "# mine\n");
    assert!(cluster.honours(&home.run(&["get"]).ok()));
}

#[test]
fn at_a_terminal_trust_asks_and_no_password_is_wanted() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let mut terminal = Terminal::run(&home.weka_token(&["trust", "--endpoint", cluster.endpoint()]));
    terminal.expect("[yes/no]");
    terminal.type_in("perhaps\n");
    terminal.expect("[yes/no]");
    terminal.type_in("yes\n");
    let (status, shown) = terminal.finish();
    assert_eq!(status, 0, "{shown}");
    assert_eq!(cluster.count("requests"), 0);
    home.run_with(&["login", "--user", "alice", "--password-stdin"], "Alice-Pass1\n").ok();
}

/// With a file that was edited and not reloaded, another user's account was tried, and nothing in the message showed that.
#[test]
fn a_refused_login_did_not_say_whose_it_was() {
    let (cluster, home) = (Cluster::start(&[]), Home::new());
    home.configure(&profile("default", &cluster, "username = \"admin\""));
    let _daemon = Daemon::start(&home);
    home.configure(&profile("default", &cluster, "username = \"alice\""));
    let words = home.run_with(&["login", "--password-stdin"], "Alice-Pass1\n").refused(4);
    assert!(words.contains("refused the login of admin (organization Root)"), "{words}");
}

/// The login worked, no token was in any file, and the profile was degraded for ever, also after a restart.
#[test]
fn a_place_that_can_hold_no_token_file_was_saved_as_one() {
    let it = LoggedIn::to(Cluster::start(&[]));
    it.home.write("notes.txt".as_ref(), "shopping: milk\n");
    let before = fs::read_to_string(it.home.config_file()).unwrap();
    let sent = it.cluster.logins().len();
    let notes = it.home.path().join("notes.txt");
    for path in [it.home.path(), &notes, "/dev/null".as_ref(), "/proc/none/tokens.json".as_ref()] {
        let options = ["--token-file", path.to_str().unwrap()];
        let words = login_with(&it.home, &it.cluster, "alice", "Alice-Pass1", &options).refused(2);
        assert!(words.contains(options[1]) && words.contains("--token-file PATH"), "{words}");
    }
    assert_eq!(it.cluster.logins().len(), sent, "nothing was sent");
    assert_eq!(fs::read_to_string(it.home.config_file()).unwrap(), before);
    assert_eq!(fs::read_to_string(notes).unwrap(), "shopping: milk\n");
    assert_eq!(it.daemon.profile().state, wire::State::Ready);
}

/// "profile default is saved in ...", and there was no such file, or it said something else.
#[test]
fn a_profile_was_said_to_be_saved_where_it_was_not() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let config = it.home.config_file();
    let whole = fs::read_to_string(&config).unwrap();
    fs::remove_file(&config).unwrap();
    let said = login(&it.home, &it.cluster, "alice", "Alice-Pass1");
    assert!(said.stderr.contains("is saved in"), "{said:?}");
    assert_eq!(fs::read_to_string(&config).unwrap(), whole, "it is there again");
    for (text, why) in [
        (whole.replace("alice", "bob"), "says otherwise of profile default (username)"),
        (format!("{whole}future = 1\n"), "future"),
        ("[profile".to_owned(), "config.toml:1"),
    ] {
        fs::write(&config, &text).unwrap();
        let said = login(&it.home, &it.cluster, "alice", "Alice-Pass1");
        assert!(said.status == 0 && said.stderr.contains("profile default is not saved"), "{said:?}");
        assert!(said.stderr.contains(why), "{said:?}");
        assert_eq!(fs::read_to_string(&config).unwrap(), text, "somebody has written that");
    }
}
