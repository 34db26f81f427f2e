//! What once went wrong with token files and configurations, and must not again.

use crate::{LoggedIn, login_with, profile, read_json, weka_user_login};
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home, HungFolder, until};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::Signal;
use serde_json::json;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use wire::State;

/// Whether the whole file was locked for us, as another host's daemon would.
fn lock(file: &File) -> bool {
    let kind = |value: i32| i16::try_from(value).unwrap();
    let whole = libc::flock {
        l_type: kind(libc::F_WRLCK),
        l_whence: kind(libc::SEEK_SET),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&whole)).is_ok()
}

/// Whether a process has a file open.
fn has_open(pid: u32, path: &Path) -> bool {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    entries.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path))
}

#[test]
fn a_pair_that_came_while_the_daemon_ended_was_lost() {
    // A daemon waits for two seconds at most. Where the machine stood still for as long, that says nothing of it.
    let in_time = (0..10).any(|_| a_pair_that_comes_while_the_daemon_ends() < Duration::from_secs(2));
    assert!(in_time, "it waits for nothing");
}

/// Gives how long the end took.
fn a_pair_that_comes_while_the_daemon_ends() -> Duration {
    let cluster = Cluster::start(&["--single-use-refresh", "--access-ttl", "2s"]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--token-file"]).ok();
    until("the file", || home.token_file().exists().then_some(()));
    cluster.fault(&json!({"kind": "slow", "delay_ms": 500, "path": "/api/v2/login/refresh"}));
    // Nobody waits for it but the daemon itself.
    cluster.until_requests("path=/api/v2/login/refresh", 1);
    let began = Instant::now();
    assert!(daemon.stop().success());
    let took = began.elapsed();
    if took >= Duration::from_secs(2) {
        return took;
    }
    let held = read_json(&home.token_file());
    assert_eq!(cluster.check(held["refresh_token"].as_str().unwrap())["standing"], "alive");
    cluster.heal();
    let _daemon = Daemon::start(&home);
    home.run(&["get"]).ok();
    took
}

#[test]
fn a_refresh_that_waited_for_the_files_lock_was_sent_after_a_logout_and_kept_the_lock() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let daemon = Daemon::start(&home);
    login_with(&home, &cluster, "alice", "Alice-Pass1", &["--token-file"]).ok();
    until("the file", || home.token_file().exists().then_some(()));
    let path = home.path().join(".weka/auth-token.json.lock");
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
    assert!(lock(&file));
    let looks = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
    looks.add_watch(&path, AddWatchFlags::IN_OPEN).unwrap();
    let mut command = home.weka_token(&["-q", "refresh"]);
    let mut refresh = Process::start(command.stderr(Stdio::null())).unwrap();
    until("it waits for the lock", || looks.read_events().is_ok().then_some(()));
    home.run(&["logout"]).ok();
    drop(file);
    assert!(!refresh.ended_within(Duration::from_secs(60)).unwrap().success());
    until("the lock is free", || {
        let file = File::options().read(true).write(true).open(&path).ok()?;
        (!has_open(daemon.pid(), &path) && lock(&file)).then_some(())
    });
    assert!(cluster.refreshes().is_empty());
    assert_eq!(daemon.profile().state, State::LoggedOut);
}

#[test]
fn a_look_at_a_file_that_could_not_be_written_took_the_reason_away() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let path = it.home.path().join("tokens/taken.json");
    let option = path.to_str().unwrap();
    login_with(&it.home, &it.cluster, "alice", "Alice-Pass1", &["--token-file", option]).ok();
    // A folder in the place of the file: not even root can write there.
    fs::remove_file(&path).unwrap();
    fs::create_dir_all(path.join("full")).unwrap();
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    let degraded = |profile: &wire::ProfileStatus| profile.state == State::Degraded;
    it.daemon.until("degraded", degraded);
    // The daemon looks when anything stirs beside the file.
    for number in 0..5 {
        fs::write(it.home.path().join(format!("tokens/{number}")), "").unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    let seen = it.daemon.profile();
    assert!(degraded(&seen) && seen.notes.join("\n").contains("taken.json"), "{seen:?}");
    let shown = it.home.run(&["status"]);
    assert!(!shown.stdout.contains("fresh"), "{shown:?}");
}

#[test]
fn a_default_profile_that_there_is_none_of_passed_the_check() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let text = fs::read_to_string(it.home.config_file()).unwrap();
    let rest: String = text
        .lines()
        .filter(|line| !line.starts_with("default_profile"))
        .fold(String::new(), |all, line| all + line + "\n");
    it.home.configure(&format!("default_profile = \"defualt\"\n{rest}"));
    let mut check = it.home.weka_tokend(&["--check"]);
    let refusal = e2e::home::finish(&mut check, "").refused(2);
    for word in ["config.toml:1", "default_profile", "defualt", "default"] {
        assert!(refusal.contains(word), "{word}: {refusal}");
    }
    it.daemon.signal(Signal::SIGHUP);
    it.daemon.until_status("the reload is refused", |status| !status.daemon.notes.is_empty());
    it.home.run(&["get"]).ok();
}

#[test]
fn a_configuration_that_was_not_there_for_a_moment_took_every_profile_away() {
    let it = LoggedIn::to(Cluster::start(&[]));
    login_with(&it.home, &it.cluster, "alice", "Alice-Pass1", &["-p", "prod"]).ok();
    let aside = it.home.path().join("aside.toml");
    fs::rename(it.home.config_file(), &aside).unwrap();
    it.daemon.signal(Signal::SIGHUP);
    it.daemon.until_status("it is said", |status| !status.daemon.notes.is_empty());
    for profile in ["default", "prod"] {
        it.home.run(&["get", "-p", profile]).ok();
    }
    fs::rename(&aside, it.home.config_file()).unwrap();
    it.daemon.signal(Signal::SIGHUP);
    it.daemon.until_status("it is read again", |status| status.daemon.notes.is_empty());
    it.home.run(&["get", "-p", "prod"]).ok();
    assert_eq!(it.cluster.count("logins_ok"), 2);
}

/// Alice's daemon whose renewal is under way when this comes into its token file.
fn during_a_renewal(cluster: &Cluster, comes: &str) -> (Home, Daemon, Process) {
    let home = Home::new();
    home.write(&home.token_file(), &weka_user_login(cluster, "alice", "Alice-Pass1"));
    home.configure(&profile("default", cluster, ""));
    let daemon = Daemon::start(&home);
    daemon.until("ready", |profile| profile.state == State::Ready);
    cluster.fault(&json!({"kind": "slow", "delay_ms": 1500, "path": "/api/v2/login/refresh", "count": 1}));
    let mut command = home.weka_token(&["-q", "refresh", "--timeout", "20s"]);
    let refresh = Process::start(command.stderr(Stdio::null())).unwrap();
    cluster.until_requests("path=/api/v2/login/refresh", 1);
    home.write(&home.token_file(), comes);
    (home, daemon, refresh)
}

#[test]
fn a_login_by_another_tool_during_a_renewal_was_overwritten_by_the_renewed_pair() {
    for options in [&[][..], &["--single-use-refresh"]] {
        let cluster = Cluster::start(options);
        let theirs = weka_user_login(&cluster, "admin", "Admin-Pass1");
        let (home, daemon, mut refresh) = during_a_renewal(&cluster, &theirs);
        let user = |token: &str| cluster.check(token)["username"].clone();
        daemon.until("it is noticed", |_| user(&home.run(&["get"]).ok()) == "admin");
        cluster.until_requests("path=/api/v2/login/refresh&complete=true", 1);
        assert!(refresh.ended_within(Duration::from_secs(40)).unwrap().success());
        home.run(&["refresh"]).ok();
        let token = home.run(&["get"]).ok();
        assert_eq!(user(&token), "admin", "{}", daemon.log());
        until("it is in the file", || {
            (read_json(&home.token_file())["access_token"] == *token).then_some(())
        });
        assert_eq!(cluster.count("refreshes_failed"), 0);
    }
}

#[test]
fn a_worthless_pair_that_came_during_a_renewal_cost_the_login() {
    let cluster = Cluster::start(&["--single-use-refresh"]);
    let worthless = json!({"access_token": "a", "refresh_token": "b", "token_type": "Bearer"}).to_string();
    let (home, daemon, mut refresh) = during_a_renewal(&cluster, &worthless);
    assert!(refresh.ended_within(Duration::from_secs(40)).unwrap().success(), "{}", daemon.log());
    let token = home.run(&["get"]).ok();
    assert_eq!(cluster.check(&token)["username"], "alice");
    until("it is in the file", || (read_json(&home.token_file())["access_token"] == *token).then_some(()));
    // The renewed pair, and not the one before, which is used up, is what goes on.
    home.run(&["refresh"]).ok();
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn an_end_took_as_long_as_a_hung_home_and_a_hung_cluster_one_after_the_other() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let folder = home.path().join("away");
    let keys = format!("token_file = {:?}", folder.join("token.json"));
    home.configure(&profile("default", &cluster, &keys));
    fs::create_dir(&folder).unwrap();
    let Some(daemon) = HungFolder::daemon(&home) else { return };
    crate::login(&home, &cluster, "alice", "Alice-Pass1").ok();
    let hung = [&folder, &home.path().join(".local/state")].map(|path| HungFolder::hang(&daemon, path));
    cluster.fault(&json!({"kind": "hang"}));
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| home.run(&["refresh", "--timeout", "1h"]));
        cluster.until_requests("path=/api/v2/login/refresh", 1);
        let began = Instant::now();
        assert!(daemon.stop().success());
        // The service manager's patience ends after 10 s.
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
        assert_ne!(stuck.join().unwrap().status, 0);
    });
    drop(hung);
}
