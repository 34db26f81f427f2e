//! What once went wrong where a profile got another name, or was removed.

use crate::{LoggedIn, login_with, profile, read_json};
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home, HungFolder, until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use wire::State;

/// A profile `lab` with alice's password from a file, and one sink with a session of its own.
fn with_own_sink(cluster: &Cluster, password: &str) -> (Home, PathBuf) {
    let home = Home::new();
    let (file, own) = (home.path().join("password"), home.path().join("own.json"));
    home.write(&file, &format!("{password}\n"));
    let keys = format!("username = \"alice\"\npassword = {{ file = {file:?} }}");
    let sink = format!("[[profile.lab.sink]]\npath = {own:?}\nsession = \"own\"\n");
    home.configure(&("default_profile = \"lab\"\n".to_owned() + &profile("lab", cluster, &keys) + &sink));
    (home, own)
}

/// The files in which it is kept what profiles must remember, by their names.
fn remembered(home: &Home) -> Vec<String> {
    let hosts = fs::read_dir(home.path().join(".local/state/weka-token")).into_iter().flatten();
    let files = hosts.filter_map(|host| fs::read_dir(host.ok()?.path()).ok()).flatten();
    let mut names: Vec<_> =
        files.filter_map(|file| file.ok()?.file_name().to_str().map(ToOwned::to_owned)).collect();
    names.sort();
    names
}

fn pair(path: &PathBuf) -> Value {
    until("a pair in the sink", || serde_json::from_str(&fs::read_to_string(path).ok()?).ok())
}

#[test]
fn a_sink_with_a_session_of_its_own_lost_its_pair_with_the_profiles_name_and_logged_in_anew() {
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let (home, own) = with_own_sink(&cluster, "Alice-Pass1");
    let daemon = Daemon::start(&home);
    let before = pair(&own);
    home.run(&["profiles", "rename", "lab", "hpc"]).ok();
    assert_eq!(read_json(&own), before, "it stays where it is");
    daemon.until_named("hpc", "it is well", |it| it.state == State::Ready);
    // Should a login be made for it after all, it would be the first thing that the new keeper does.
    home.run(&["refresh", "-p", "hpc", "--timeout", "1m"]).ok();
    assert_eq!(pair(&own), before);
    assert_eq!(cluster.logins().len(), 2, "one for the profile, one for the sink");
    assert!(cluster.honours(before["access_token"].as_str().unwrap()));
}

#[test]
fn the_session_of_a_sink_sent_a_refused_password_again_under_another_name() {
    let cluster = Cluster::start(&[]);
    cluster.set(&json!({"lockout_failures": 9}));
    let (home, own) = with_own_sink(&cluster, "Wrong-Pass1");
    let daemon = Daemon::start(&home);
    daemon.until_named("lab", "login required", |it| it.state == State::LoginRequired);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "lab"]).ok();
    daemon.until_named("lab", "the sink's is refused", |it| {
        it.notes.iter().any(|note| note.contains(own.to_str().unwrap()) && note.contains("login-required"))
    });
    let sent = cluster.logins().len();
    home.run(&["profiles", "rename", "lab", "hpc"]).ok();
    daemon.until_named("hpc", "it is known to be refused", |it| {
        it.notes.iter().any(|note| note.contains("was refused"))
    });
    // Also after a restart, and under the new name alone.
    assert_eq!(remembered(&home).iter().filter(|name| name.starts_with("lab.")).count(), 0);
    assert_eq!(remembered(&home).iter().filter(|name| name.starts_with("hpc.")).count(), 1);
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&home);
    daemon.until_named("hpc", "it is up", |it| it.state != State::Starting);
    assert_eq!(cluster.logins().len(), sent);
}

#[test]
fn what_a_removed_profile_and_its_sinks_had_to_remember_was_left_behind() {
    let cluster = Cluster::start(&[]);
    cluster.set(&json!({"lockout_failures": 9}));
    for by_reload in [false, true] {
        let (home, own) = with_own_sink(&cluster, "Wrong-Pass1");
        let daemon = Daemon::start(&home);
        daemon.until_named("lab", "login required", |it| it.state == State::LoginRequired);
        login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "lab"]).ok();
        daemon.until_named("lab", "the sink's is refused", |it| {
            it.notes
                .iter()
                .any(|note| note.contains(own.to_str().unwrap()) && note.contains("login-required"))
        });
        home.run(&["logout", "-p", "lab"]).ok();
        assert_eq!(remembered(&home).len(), 2, "{:?}", remembered(&home));
        if by_reload {
            home.configure("default_profile = \"prod\"\n[profile.prod]\n");
            daemon.signal(Signal::SIGHUP);
        } else {
            home.run(&["profiles", "remove", "lab"]).ok();
        }
        until("nothing is left of it", || remembered(&home).is_empty().then_some(()));
        // Of the same name, it is another one.
        home.configure(&profile("lab", &cluster, "username = \"alice\""));
        daemon.signal(Signal::SIGHUP);
        daemon.until_named("lab", "nothing is known of it", |it| it.state == State::LoginRequired);
    }
}

#[test]
fn what_a_removed_sinks_session_had_to_remember_was_left_behind() {
    let cluster = Cluster::start(&[]);
    cluster.set(&json!({"lockout_failures": 9}));
    let (home, own) = with_own_sink(&cluster, "Wrong-Pass1");
    let daemon = Daemon::start(&home);
    daemon.until_named("lab", "login required", |it| it.state == State::LoginRequired);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "lab"]).ok();
    daemon.until_named("lab", "the sink's is refused", |it| {
        it.notes.iter().any(|note| note.contains(own.to_str().unwrap()) && note.contains("login-required"))
    });
    let is_of_sink = |name: &String| name.starts_with("lab.") && name != "lab.json";
    assert_eq!(remembered(&home).iter().filter(|name| is_of_sink(name)).count(), 1);
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(text.split_once("[[profile.lab.sink]]").unwrap().0);
    daemon.signal(Signal::SIGHUP);
    until("nothing is left of it", || (!remembered(&home).iter().any(is_of_sink)).then_some(()));
    assert_eq!(daemon.named("lab").state, State::Ready);
}

/// A running `weka-token exec`, and its token file.
struct Command {
    process: Process,
    file: PathBuf,
}

impl Command {
    fn start(home: &Home, options: &[&str]) -> Self {
        let script = "echo \"$WEKA_TOKEN\"; read -r word; exit 0";
        let mut command = home.weka_token(&[&["exec"], options, &["--", "sh", "-c", script]].concat());
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::start(pipes).unwrap();
        let mut output = BufReader::new(process.child().stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        Self { process, file: PathBuf::from(line.trim_end()) }
    }

    fn token(&self) -> String {
        read_json(&self.file)["access_token"].as_str().unwrap().to_owned()
    }

    /// Has the profile's token renewed, and waits for the next one in the file.
    fn is_renewed(&self, home: &Home, profile: &str) {
        let before = self.token();
        home.run(&["refresh", "-p", profile, "--timeout", "1m"]).ok();
        until("the next pair in the command's file", || (self.token() != before).then_some(()));
    }

    /// Ends it; what it said on standard error.
    fn end(mut self) -> String {
        self.process.child().stdin.take().unwrap().write_all(b"\n").unwrap();
        let ended = self.process.ended_within(Duration::from_secs(60));
        assert_eq!(ended.and_then(|status| status.code()), Some(0));
        std::io::read_to_string(self.process.child().stderr.take().unwrap()).unwrap()
    }
}

#[test]
fn a_command_that_named_no_profile_went_over_to_whichever_became_the_default_one() {
    let it = LoggedIn::to(Cluster::start(&[]));
    login_with(&it.home, &it.cluster, "admin", "Admin-Pass1", &["-p", "adm"]).ok();
    let running = Command::start(&it.home, &[]);
    let who = || it.cluster.check(&running.token())["username"].clone();
    it.home.run(&["profiles", "set-default", "adm"]).ok();
    for _ in 0..2 {
        running.is_renewed(&it.home, "default");
        assert_eq!(who(), "alice");
    }
    assert_eq!(running.end(), "");
}

#[test]
fn a_command_got_the_pair_of_whoever_logged_in_to_its_profile_next() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let mut running = Command::start(&it.home, &[]);
    let first = running.token();
    let mut said = BufReader::new(running.process.child().stderr.take().unwrap());
    login_with(&it.home, &it.cluster, "admin", "Admin-Pass1", &[]).ok();
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.starts_with("weka-token: profile default is logged in as admin"), "{line}");
    // More than one pair of theirs, and none of them is for this command.
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert_eq!(running.token(), first);
    login_with(&it.home, &it.cluster, "alice", "Alice-Pass1", &[]).ok();
    until("a pair of its own account", || (running.token() != first).then_some(()));
    assert_eq!(it.cluster.check(&running.token())["username"], "alice");
    running.process.child().stdin.take().unwrap().write_all(b"\n").unwrap();
    let ended = running.process.ended_within(Duration::from_secs(60));
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
}

#[test]
fn a_command_that_ran_as_a_profile_was_left_with_its_old_token_when_that_got_another_name() {
    let it = LoggedIn::to(Cluster::start(&["--single-use-refresh"]));
    it.home.run(&["profiles", "rename", "default", "lab"]).ok();
    let running = Command::start(&it.home, &["-p", "lab"]);
    let renew_as = |name: &str| {
        running.is_renewed(&it.home, name);
        assert!(it.cluster.honours(&running.token()), "{name}");
    };
    renew_as("lab");
    it.home.run(&["profiles", "rename", "lab", "hpc"]).ok();
    renew_as("hpc");
    it.home.run(&["profiles", "rename", "hpc", "prod"]).ok();
    // Another profile of its old name is nothing to it, and whoever begins now has to use the new one.
    let words = it.home.run(&["exec", "-p", "lab", "true"]).stderr;
    assert!(words.contains("no profile lab"), "{words}");
    login_with(&it.home, &it.cluster, "admin", "Admin-Pass1", &["-p", "lab"]).ok();
    renew_as("prod");
    let checked = it.cluster.check(&running.token());
    assert_eq!(checked["username"], "alice", "{checked}");
    assert_eq!(running.end(), "");
}

#[test]
fn a_rename_waited_for_ever_for_a_state_folder_that_hangs_and_kept_every_other_change_waiting() {
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let home = Home::new();
    home.configure(&("default_profile = \"lab\"\n".to_owned() + &profile("lab", &cluster, "")));
    let Some(daemon) = HungFolder::daemon(&home) else { return };
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["-p", "lab"]).ok();
    let token = home.run(&["get"]).ok();
    let hung = HungFolder::hang(&daemon, &home.path().join(".local/state"));
    let renamed = home.run(&["profiles", "rename", "lab", "hpc"]);
    assert!(renamed.stderr.contains("a restart would forget what hpc must remember"), "{renamed:?}");
    renamed.ok();
    assert_eq!(home.run(&["get", "-p", "hpc"]).ok(), token);
    home.run(&["profiles", "add", "new"]).ok();
    home.run(&["refresh", "-p", "hpc", "--timeout", "1m"]).ok();
    assert!(cluster.honours(&home.run(&["get"]).ok()));
    assert_eq!(cluster.logins().len(), 1);
    // Nor does its end wait for it.
    assert!(daemon.stop().success());
    drop(hung);
}
