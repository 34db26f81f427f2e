//! `weka-token exec`: a command with a token file of its own, current for as long as the command lives.

use crate::{LoggedIn, password_file, read_json};
use e2e::home::finish;
use e2e::process::Process;
use e2e::terminal::Terminal;
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};
use wire::State;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Says where its token file is, and lives until it is told something.
const REST: &str = "echo \"$WEKA_TOKEN\"; read -r word; exit 0";

fn logged_in(options: &[&str]) -> LoggedIn {
    LoggedIn::to(Cluster::start(options))
}

/// A running `weka-token exec` whose command waits.
struct Resting {
    process: Process,
    file: PathBuf,
    _output: BufReader<ChildStdout>,
    input: ChildStdin,
}

impl Resting {
    fn start(home: &Home) -> Self {
        Self::run(home, REST)
    }

    fn run(home: &Home, script: &str) -> Self {
        let mut command = home.weka_token(&["exec", "--", "sh", "-c", script]);
        let mut process = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped())).unwrap();
        let mut output = BufReader::new(process.child().stdout.take().unwrap());
        let input = process.child().stdin.take().unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let file = PathBuf::from(line.trim_end());
        Self { process, file, _output: output, input }
    }

    fn pair(&self) -> Value {
        read_json(&self.file)
    }

    /// Waits until the file holds something else than this.
    fn until_other_than(&self, pair: &Value) -> Value {
        until("another pair in the file", || Some(self.pair()).filter(|now| now != pair))
    }

    fn end(mut self) -> i32 {
        self.input.write_all(b"end\n").unwrap();
        self.process.ended_within(PATIENCE).expect("it ends").code().unwrap_or(-1)
    }
}

#[track_caller]
fn until<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(Instant::now() < deadline, "not seen: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What WEKA's own tools do with the pair in a token file.
fn renew(it: &LoggedIn, pair: &Value) -> Value {
    crate::renew(&it.home, &it.cluster, pair).expect("its refresh token works")
}

fn folder(home: &Home) -> PathBuf {
    home.runtime().join("weka-token/exec")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|all| all.map(|it| it.unwrap().path()).collect()).unwrap_or_default()
}

#[test]
fn the_command_finds_the_pair_in_a_private_file_that_is_gone_afterwards() {
    let it = logged_in(&[]);
    let running = Resting::start(&it.home);
    let pair = running.pair();
    assert_eq!(pair["access_token"], it.token());
    assert_eq!(pair["token_type"], "Bearer");
    let keys: Vec<_> = pair.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["access_token", "refresh_token", "token_type"], "as WEKA's own tools write it");
    assert_eq!(fs::metadata(&running.file).unwrap().mode() & 0o7777, 0o600);
    let private = running.file.parent().unwrap().to_owned();
    assert_eq!(fs::metadata(&private).unwrap().mode() & 0o7777, 0o700);
    assert!(private.starts_with(folder(&it.home)), "{private:?}");
    assert_eq!(running.end(), 0);
    assert!(entries(&folder(&it.home)).is_empty());
}

#[test]
fn neither_argv_nor_environment_holds_a_secret() {
    let it = logged_in(&[]);
    let running = Resting::start(&it.home);
    let pair = running.pair();
    let children = format!("/proc/{0}/task/{0}/children", running.process.pid());
    let child = fs::read_to_string(children).unwrap().trim().to_owned();
    for pid in [running.process.pid().to_string(), child] {
        for part in ["cmdline", "environ"] {
            let text = fs::read_to_string(format!("/proc/{pid}/{part}")).unwrap();
            for key in ["access_token", "refresh_token"] {
                assert!(!text.contains(pair[key].as_str().unwrap()), "{key} in {part}");
            }
        }
    }
    running.end();
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

#[test]
fn the_exit_status_is_the_commands_own() {
    let it = logged_in(&[]);
    let exit = |words: &[&str]| it.home.run(&[&["exec", "--"], words].concat());
    for status in [0, 1, 7, 125, 255] {
        assert_eq!(exit(&["sh", "-c", &format!("exit {status}")]).status, status);
    }
    assert_eq!(exit(&["sh", "-c", "kill -TERM $$"]).status, 128 + 15);
    assert_eq!(exit(&["sh", "-c", "kill -KILL $$"]).status, 128 + 9);
    let words = exit(&["no-such-command"]).refused(127);
    assert!(words.contains("no command no-such-command in the folders of PATH"), "{words}");
    assert!(exit(&["/etc/passwd"]).refused(126).contains("/etc/passwd"));
    assert!(exit(&["/etc/passwd/x"]).status == 126);
    // Without `--` too, and options behind the command are the command's own.
    assert_eq!(it.home.run(&["exec", "echo", "-p", "--timeout", "x"]).ok(), "-p --timeout x");
    assert!(entries(&folder(&it.home)).is_empty(), "nothing is left behind");
}

#[test]
fn a_failure_before_the_command_is_125() {
    let home = Home::new();
    let words = home.run(&["exec", "--", "true"]).refused(125);
    assert!(words.contains("no daemon"), "{words}");
    home.run(&["exec"]).refused(125);
    home.run(&["exec", "--timeout", "x", "--", "true"]).refused(125);
    home.run(&["exec", "-p", "a/b", "--", "true"]).refused(125);
    let daemon = Daemon::start(&home);
    let words = home.run(&["exec", "--", "true"]).refused(125);
    assert!(words.contains("weka-token login"), "{words}");
    assert!(entries(&folder(&home)).is_empty());
    drop(daemon);
}

#[test]
fn signals_are_passed_on_and_the_command_decides() {
    let it = logged_in(&[]);
    for signal in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGWINCH,
    ] {
        let name = signal.as_str().trim_start_matches("SIG");
        let script =
            format!("trap 'exit 42' {name}; echo \"$WEKA_TOKEN\"; while :; do read -r word || exit 1; done");
        let mut running = Resting::run(&it.home, &script);
        running.process.signal(signal);
        let status = running.process.ended_within(PATIENCE).expect("it ends");
        assert_eq!(status.code(), Some(42), "{name}");
        assert!(!running.file.exists());
    }
    // One that is not caught ends the command, and with it this.
    let mut running = Resting::start(&it.home);
    running.process.signal(Signal::SIGTERM);
    assert_eq!(running.process.ended_within(PATIENCE).unwrap().code(), Some(128 + 15));
    assert!(!running.file.exists());
}

#[test]
fn ctrl_c_reaches_the_command_once() {
    let it = logged_in(&[]);
    let script = "trap 'echo caught' INT; echo ready; read -r word; echo \"word $word\"";
    let mut terminal = Terminal::run(&it.home.weka_token(&["exec", "--", "bash", "-c", script]));
    terminal.expect("ready");
    terminal.type_in("\x03");
    terminal.expect("caught");
    terminal.type_in("go on\n");
    let rest = terminal.expect("word ");
    assert!(!rest.contains("caught"), "{rest}");
    let (status, _) = terminal.finish();
    assert_eq!(status, 0);
}

#[test]
fn a_job_is_stopped_and_goes_on_as_any_other() {
    let it = logged_in(&[]);
    let mut shell = it.home.command("bash");
    shell
        .args(["--norc", "--noprofile", "-i"])
        .env("PS1", "prompt> ")
        .env("PROGRAM", e2e::binaries::path("weka-token"));
    let mut terminal = Terminal::run(&shell);
    terminal.expect("prompt> ");
    terminal.type_in("\"$PROGRAM\" exec -- bash -c 'echo re\"\"ady; read -r word; echo \"said $word\"'\n");
    terminal.expect("ready");
    terminal.type_in("\x1a");
    terminal.expect("Stopped");
    terminal.type_in("echo sh\"\"ell; fg\n");
    terminal.expect("shell");
    terminal.type_in("it\n");
    terminal.expect("said it");
    terminal.type_in("exit\n");
    let (status, _) = terminal.finish();
    assert_eq!(status, 0);
    assert!(entries(&folder(&it.home)).is_empty());
}

#[test]
fn what_a_kill_leaves_behind_is_swept_by_the_next_one_and_by_the_next_daemon() {
    let LoggedIn { home, daemon, cluster } = logged_in(&[]);
    let left = || {
        let mut running = Resting::start(&home);
        running.process.signal(Signal::SIGKILL);
        running.process.ended_within(PATIENCE).expect("it ends");
        assert!(running.file.exists());
        running.file.clone()
    };
    let file = left();
    let alive = Resting::start(&home);
    assert!(!file.exists() && alive.file.exists());
    let file = left();
    daemon.kill();
    let daemon = Daemon::start(&home);
    until("the daemon has swept", || (!file.exists()).then_some(()));
    assert!(alive.file.exists(), "the one that lives keeps its own");
    drop((daemon, cluster));
    alive.end();
    assert!(entries(&folder(&home)).is_empty());
}

#[test]
fn without_a_runtime_folder_it_is_on_memory_all_the_same() {
    let it = logged_in(&[]);
    let runtime = it.home.runtime();
    let closed = it.home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o777)).unwrap();
    let link = it.home.path().join("link");
    fs::create_dir_all(link.join("weka-token")).unwrap();
    fs::set_permissions(&link, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&closed, link.join("weka-token/exec")).unwrap();
    let socket = it.home.socket().display().to_string();
    // None, one that others can write to, one where a link lies in wait.
    for folder in [None, Some(closed.clone()), Some(link)] {
        let script = "echo \"$WEKA_TOKEN\"; stat -c %a \"${WEKA_TOKEN%/*}\"; stat -f -c %T \"$WEKA_TOKEN\"";
        let mut command = it.home.weka_token(&["--socket", &socket, "exec", "--", "sh", "-c", script]);
        match &folder {
            Some(folder) => command.env("XDG_RUNTIME_DIR", folder),
            None => command.env_remove("XDG_RUNTIME_DIR"),
        };
        let said = finish(&mut command, "").ok();
        let lines: Vec<_> = said.lines().collect();
        assert!(
            !lines[0].starts_with(runtime.to_str().unwrap())
                && !lines[0].starts_with(closed.to_str().unwrap())
        );
        assert_eq!(&lines[1..], ["700", "tmpfs"], "{folder:?}");
        assert!(!Path::new(lines[0]).exists() && entries(&closed).is_empty());
    }
}

#[test]
fn idle_is_idle() {
    let it = logged_in(&[]);
    let running = Resting::start(&it.home);
    // The file is watched and the daemon asked once it sleeps for the first time.
    until("it sleeps", || (state(running.process.pid()) == 'S').then_some(()));
    let switches = || {
        let text = fs::read_to_string(format!("/proc/{}/status", running.process.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    let mut before = switches();
    // It settles; and then for two seconds on end it is not woken once.
    until("two quiet seconds", || {
        std::thread::sleep(Duration::from_secs(2));
        let now = switches();
        (std::mem::replace(&mut before, now) == now).then_some(())
    });
    running.end();
}

fn state(pid: u32) -> char {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    text.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or('?')
}

#[test]
fn an_orphans_command_is_none_of_our_business() {
    let it = logged_in(&[]);
    let script = "sleep 1000 >/dev/null 2>&1 & echo $!";
    let pid: i32 = it.home.run(&["exec", "--", "sh", "-c", script]).ok().parse().unwrap();
    assert!(entries(&folder(&it.home)).is_empty());
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}
