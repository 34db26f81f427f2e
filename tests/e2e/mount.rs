//! `mount -t weka-token`: a real mount(8), our helper, and a recorder in the place of WEKA's own.

use crate::{LoggedIn, read_json};
use e2e::home::finish;
use e2e::mounts::Machine;
use e2e::{Cluster, Daemon, Home, Ran, until};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Duration;

pub(crate) const SPEC: &str = "weka01,weka02/secure";
pub(crate) const SECURE: &str = "/mnt/secure";

/// A machine whose host's daemon is logged in.
pub(crate) struct Host {
    pub(crate) machine: Machine,
    pub(crate) it: LoggedIn,
}

impl Host {
    pub(crate) fn to(cluster: Cluster) -> Option<Self> {
        Self::as_user(cluster, "alice", "Alice-Pass1")
    }

    fn as_user(cluster: Cluster, username: &str, password: &str) -> Option<Self> {
        let machine = Machine::start()?;
        let host = Self { machine, it: LoggedIn::as_user(cluster, username, password) };
        host.listen();
        Some(host)
    }

    /// Has the daemon's socket where the host's is.
    pub(crate) fn listen(&self) {
        self.machine.bind(&self.it.home.runtime().join("weka-token"), "/run/weka-token");
    }

    pub(crate) fn mount(&self, options: &str, folder: &str) -> Ran {
        self.machine.run(&["mount", "-t", "weka-token", "-o", options, SPEC, folder])
    }
}

/// Nothing of ours is left where private files were.
#[track_caller]
pub(crate) fn assert_nothing_is_left(machine: &Machine) {
    let left = machine.run(&["find", "/run", "-name", "*mount.weka-token*"]).ok();
    assert_eq!(left, "");
}

#[test]
fn the_helper_gets_its_options_in_order_and_a_private_file_with_the_pair() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let (machine, it) = (&host.machine, &host.it);
    let options = "rw,noatime,token_profile=default,net=\"eth1,eth2\",token_timeout=1m,num_cores=1,_netdev";
    let mounted = host.mount(options, SECURE);
    assert_eq!((mounted.status, mounted.stderr.as_str()), (0, ""), "{mounted:#?}");
    assert_eq!(machine.mounted(SECURE).as_deref(), Some(SPEC));
    let [call] = machine.calls().try_into().unwrap();
    assert_eq!(call.what_and_where(), (SPEC, SECURE));
    let file = call.token_file().expect("a token file");
    let expected =
        format!("rw,noatime,net=\"eth1,eth2\",num_cores=1,_netdev,auth_token_path={}", file.display());
    assert_eq!(call.options(), expected);
    assert!(file.starts_with("/run/mount.weka-token") && file.is_absolute(), "{file:?}");
    assert_eq!(call.modes, ["700 0 directory", "700 0 directory", "600 0 regular file"]);
    assert_eq!(call.token["access_token"], it.token());
    assert_eq!(call.token["token_type"], "Bearer");
    let refresh = call.token["refresh_token"].as_str().expect("the whole pair");
    assert!(call.arguments.iter().all(|word| !word.contains(refresh) && !word.contains(&it.token())));
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!((call.environment, call.stdin.as_str()), (vec![path.to_owned()], "/dev/null"));
    assert_nothing_is_left(machine);
    for secret in [refresh, &it.token()] {
        let found = machine.run(&["grep", "-rlsF", "--devices=skip", secret, "/run", "/mnt/secure"]);
        assert_eq!((found.status, found.stdout.as_str()), (1, ""), "what mount(8) keeps, too");
    }
    // What is mounted is known to umount(8) by its own type.
    machine.run(&["umount", SECURE]).ok();
    assert_eq!(machine.mounted(SECURE), None);
}

#[test]
fn by_hand_it_is_a_command_like_the_others() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let client = e2e::binaries::path("weka-token").display().to_string();
    let words =
        [&client, "mount", "-sfn", "-v", "-o", "_netdev", "-o", "ro", "-N", "/proc/1/ns/mnt", ":/fs", SECURE];
    let said = host.machine.run(&words);
    assert_eq!((said.status, said.stdout.as_str()), (0, ""), "{said:#?}");
    let lines: Vec<_> = said.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{said:#?}");
    assert!(lines[0].contains("the token of profile default at https://127.0.0.1:"), "{said:#?}");
    let running =
        "running /sbin/mount.wekafs :/fs /mnt/secure -s -f -n -v -o _netdev,ro,auth_token_path=/run/";
    assert!(lines[1].contains(running), "{said:#?}");
    let [call] = host.machine.calls().try_into().unwrap();
    let options = call.options();
    let expected =
        [":/fs", SECURE, "-s", "-f", "-n", "-v", "-o", options, "-N", "/proc/1/ns/mnt"].map(str::to_owned);
    assert_eq!(call.arguments, expected);
    // Faked: the token was ready, and nothing is mounted.
    assert_eq!(call.token["access_token"], host.it.token());
    assert_eq!(host.machine.mounted(SECURE), None);
    let subtype = [&client, "mount", "-t", "weka-token.x", "-o", "_netdev", "fs", SECURE];
    host.machine.run(&subtype).ok();
    let calls = host.machine.calls();
    assert!(calls[1].arguments.ends_with(&["-t".to_owned(), "wekafs.x".to_owned()]), "{calls:?}");
}

#[test]
fn the_environment_counts_for_nothing() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let mut command = host.machine.command(&[
        "mount",
        "-t",
        "weka-token",
        "-o",
        "_netdev,token_profile=default",
        SPEC,
        SECURE,
    ]);
    for (name, value) in [
        ("WEKA_TOKEN_SOCKET", "/nowhere/agent.sock"),
        ("WEKA_TOKEN_PROFILE", "../other"),
        ("WEKA_TOKEN", "/root/stale.json"),
        ("WEKA_USERNAME", "admin"),
        ("XDG_RUNTIME_DIR", "/mnt"),
        ("LD_PRELOAD", ""),
    ] {
        command.env(name, value);
    }
    finish(&mut command, "").ok();
    let [call] = host.machine.calls().try_into().unwrap();
    assert!(call.environment.iter().all(|entry| entry.starts_with("PATH=")), "{call:?}");
}

#[test]
fn what_wekas_helper_says_and_how_it_ends_is_passed_on() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    for (behaviour, status, words) in [
        ("echo no such filesystem >&2; exit 17", 17, "no such filesystem"),
        ("exit 32", 32, ""),
        ("exit 255", 255, ""),
        ("kill -KILL $$", 32, ": /sbin/mount.wekafs was ended by SIGKILL"),
    ] {
        host.machine.behave(behaviour);
        let failed = host.mount("_netdev", SECURE);
        assert_eq!(failed.status, status, "{behaviour}: {failed:#?}");
        assert!(failed.stderr.contains(words), "{behaviour}: {failed:#?}");
        assert_nothing_is_left(&host.machine);
    }
    // It asks for a password, as WEKA's own does, and there is nobody.
    host.machine.behave("read password || exit 5");
    assert_eq!(host.mount("_netdev", SECURE).status, 5);
}

/// It waits until it is told to go on.
const WAITS: &str = "touch $records/waits; until [ -e $records/go ]; do sleep 0.02; done";

/// Starts a mount that waits in WEKA's helper, and gives the private file.
fn waiting(host: &Host, folder: &str) -> (e2e::process::Process, std::path::PathBuf) {
    host.machine.behave(WAITS);
    let mut command = host.machine.command(&["/sbin/mount.weka-token", SPEC, folder, "-o", "_netdev"]);
    let mount = e2e::process::Process::start(&mut command).unwrap();
    let path = host.machine.path("/mnt/.recorded/waits");
    until("the helper waits", || path.exists().then_some(()));
    let file = host.machine.calls().last().unwrap().token_file().unwrap();
    assert!(host.machine.path(&file).exists());
    (mount, file)
}

fn signal_ours(host: &Host, signal: &str) {
    // The kernel keeps fifteen letters of a name.
    host.machine.run(&["pkill", "--signal", signal, "--exact", "mount.weka-toke"]).ok();
}

#[test]
fn a_signal_goes_on_to_wekas_helper_and_nothing_is_left() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    for signal in ["TERM", "INT", "HUP"] {
        let (mut mount, file) = waiting(&host, SECURE);
        signal_ours(&host, signal);
        let ended = mount.ended_within(Duration::from_secs(60)).expect("it ends");
        assert_eq!(ended.code(), Some(32), "{signal}");
        assert!(!host.machine.path(&file).exists(), "{signal}");
        assert_nothing_is_left(&host.machine);
        fs::remove_file(host.machine.path("/mnt/.recorded/waits")).unwrap();
    }
}

#[test]
fn what_a_kill_leaves_is_swept_by_the_next_mount_and_not_under_a_helper_that_still_reads_it() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let machine = &host.machine;
    let (mut mount, file) = waiting(&host, SECURE);
    signal_ours(&host, "KILL");
    mount.ended_within(Duration::from_secs(60)).expect("it ends");
    machine.behave("");
    host.mount("_netdev", "/mnt/other").ok();
    assert!(machine.path(&file).exists(), "the orphan may yet read it");
    fs::write(machine.path("/mnt/.recorded/go"), "").unwrap();
    until("the orphan has mounted", || machine.mounted(SECURE));
    host.mount("_netdev", "/mnt/other").ok();
    assert!(!machine.path(&file).exists());
    assert_nothing_is_left(machine);
}

#[test]
fn a_pair_that_wekas_helper_renewed_is_the_daemons_before_the_mount_returns() {
    let Some(host) = Host::to(Cluster::start(&["--single-use-refresh"])) else { return };
    let (it, machine) = (&host.it, &host.machine);
    let renews = format!(
        "refresh=$(sed -n 's/.*\"refresh_token\": *\"\\([^\"]*\\)\".*/\\1/p' \"$token_file\")\n\
         curl -sS --insecure -H 'Content-Type: application/json' -d \"{{\\\"refresh_token\\\":\\\"$refresh\\\"}}\" \
         {}/api/v2/login/refresh | sed 's/^{{\"data\"://; s/}}}}$/}}/' > \"$record/renewed\"\n\
         cat \"$record/renewed\" > \"$token_file\"\n",
        it.cluster.endpoint()
    );
    machine.behave(&renews);
    let before = it.token();
    let mounted = host.mount("_netdev", SECURE);
    assert_eq!((mounted.status, mounted.stderr.as_str()), (0, ""), "{mounted:#?}");
    let renewed = read_json(&machine.path("/mnt/.recorded/0/renewed"));
    assert_eq!(renewed["access_token"], it.token());
    assert_ne!(before, it.token());
    // The pair before it is used up, so this shows which one the daemon has.
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert_eq!((it.cluster.logins().len(), it.daemon.profile().refresh_failures_total), (1, 0));
    assert_nothing_is_left(machine);
}

#[test]
fn the_file_is_kept_current_for_as_long_as_wekas_helper_takes() {
    let Some(host) = Host::to(Cluster::start(&["--single-use-refresh"])) else { return };
    let (mut mount, file) = waiting(&host, SECURE);
    let path = host.machine.path(&file);
    let first = read_json(&path);
    host.it.home.run(&["refresh", "--timeout", "1m"]).ok();
    let token = host.it.token();
    assert_ne!(first["access_token"], token);
    until("the next pair is in the file", || (read_json(&path)["access_token"] == token).then_some(()));
    fs::write(host.machine.path("/mnt/.recorded/go"), "").unwrap();
    assert_eq!(mount.ended_within(Duration::from_secs(60)).and_then(|ended| ended.code()), Some(0));
    assert_eq!(host.it.token(), token);
    assert_nothing_is_left(&host.machine);
}

#[test]
fn a_pair_that_cannot_be_given_back_is_said_and_the_mount_stands() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    host.machine.behave(
        "umount /run/weka-token\nprintf '{\"access_token\":\"a.b.c\",\"refresh_token\":\"d.e.f\"}' > \"$token_file\"\n",
    );
    let mounted = host.mount("_netdev", SECURE);
    assert_eq!(mounted.status, 0, "{mounted:#?}");
    assert!(mounted.stderr.contains("warning: mount.wekafs has renewed the token"), "{mounted:#?}");
    assert!(mounted.stderr.contains("no socket at /run/weka-token/agent.sock"), "{mounted:#?}");
    assert_nothing_is_left(&host.machine);
}

#[test]
fn a_mount_token_goes_into_the_options_where_that_is_asked_for_and_there_is_no_file() {
    let Some(host) = Host::as_user(Cluster::start(&[]), "admin", "Admin-Pass1") else { return };
    let words = ["mount", "-v", "-t", "weka-token", "-o", "_netdev,token_via=mount-token,ro", SPEC, SECURE];
    let mounted = host.machine.run(&words);
    assert_eq!(mounted.status, 0, "{mounted:#?}");
    let [call] = host.machine.calls().try_into().unwrap();
    let (others, token) = call.options().split_once(",token=").expect("a token");
    assert!(others.ends_with("_netdev,ro") || others.ends_with("ro,_netdev"), "{others}");
    assert_eq!((token.split('.').count(), &call.token), (3, &serde_json::Value::Null));
    assert_eq!(call.modes.len(), 0);
    // It says what that means, and not the token.
    assert!(mounted.stderr.contains("the mount token of filesystem secure"), "{mounted:#?}");
    assert!(mounted.stderr.contains("all on this host can see it there"), "{mounted:#?}");
    assert!(mounted.stderr.contains(",token=...") && !mounted.stderr.contains(token), "{mounted:#?}");
    assert_nothing_is_left(&host.machine);
    let unknown =
        ["mount", "-t", "weka-token", "-o", "_netdev,token_via=mount-token", "weka01/nothing", SECURE];
    let failed = host.machine.run(&unknown);
    assert_eq!(failed.status, 32, "{failed:#?}");
    assert!(failed.stderr.contains("mount.weka-token: ") && failed.stderr.contains("nothing"), "{failed:#?}");
    assert_eq!(host.machine.calls().len(), 1);
}

#[test]
fn a_mount_token_was_put_on_a_command_line_without_a_word() {
    let Some(host) = Host::as_user(Cluster::start(&[]), "admin", "Admin-Pass1") else { return };
    let mounted = host.mount("_netdev,token_via=mount-token", SECURE);
    assert_eq!((mounted.status, mounted.stderr.lines().count()), (0, 1), "{mounted:#?}");
    for words in
        ["warning: the mount token of filesystem secure, which lives for ", "all on this host can see it"]
    {
        assert!(mounted.stderr.contains(words), "{mounted:#?}");
    }
}

#[test]
fn it_waits_for_the_socket_and_for_whoever_listens_there() {
    let Some(machine) = Machine::start() else { return };
    let it = LoggedIn::to(Cluster::start(&[]));
    let host = Host { machine, it };
    std::thread::scope(|scope| {
        let mounting = scope.spawn(|| host.mount("_netdev,token_timeout=1m", SECURE));
        until("the helper is there", || {
            host.machine.run(&["pgrep", "--exact", "mount.weka-toke"]).stdout.lines().next().map(|_| ())
        });
        host.listen();
        mounting.join().unwrap().ok();
    });
}

/// A host whose daemon has a password, and a cluster with this fault.
pub(crate) fn unattended(fault: &serde_json::Value) -> Option<Host> {
    let machine = Machine::start()?;
    let (home, cluster) = (Home::new(), Cluster::start(&[]));
    home.write(Path::new("password"), "Alice-Pass1\n");
    let source =
        format!("username = \"alice\"\npassword = {{ file = \"{}/password\" }}", home.path().display());
    home.configure(&crate::profile("default", &cluster, &source));
    cluster.fault(fault);
    let daemon = Daemon::start(&home);
    let host = Host { machine, it: LoggedIn { home, daemon, cluster } };
    host.listen();
    Some(host)
}

#[test]
fn it_waits_for_a_cluster_that_comes_up_later() {
    let Some(host) = unattended(&json!({"kind": "status", "status": 503, "count": 4})) else { return };
    let mounted = host.mount("_netdev,token_timeout=1m", SECURE);
    assert_eq!((mounted.status, mounted.stderr.as_str()), (0, ""), "{mounted:#?}");
    assert!(host.it.cluster.honours(host.machine.calls()[0].token["access_token"].as_str().unwrap()));
    assert!(host.it.cluster.logins().len() > 4);
}

#[test]
fn a_missing_netdev_is_said_once_and_stops_nothing() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let mounted = host.mount("ro", SECURE);
    assert_eq!(mounted.status, 0, "{mounted:#?}");
    assert_eq!(mounted.stderr.lines().count(), 1, "{mounted:#?}");
    assert!(mounted.stderr.contains("warning: without _netdev"), "{mounted:#?}");
}

#[test]
fn a_remount_needs_no_token_and_no_daemon() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    host.mount("_netdev", SECURE).ok();
    host.machine.run(&["umount", "/run/weka-token"]).ok();
    let again = host.mount("remount,ro,token_profile=default", SECURE);
    assert_eq!((again.status, again.stderr.as_str()), (0, ""), "{again:#?}");
    let calls = host.machine.calls();
    assert!(calls[1].token_file().is_none() && calls[1].options().contains("remount"), "{calls:?}");
    assert!(!calls[1].options().contains("token_"), "{calls:?}");
}

#[test]
fn many_at_once_are_as_good_as_one() {
    let Some(host) = Host::to(Cluster::start(&[])) else { return };
    let folders: Vec<_> = (0..12).map(|number| format!("/mnt/many/{number}")).collect();
    for folder in &folders {
        host.machine.run(&["mkdir", "-p", folder]).ok();
    }
    crate::at_once(&folders, |folder| {
        host.mount("_netdev", folder).ok();
        assert!(host.machine.mounted(folder).is_some());
    });
    assert_nothing_is_left(&host.machine);
    assert!(host.machine.calls().iter().all(|call| call.token["access_token"] == host.it.token()));
}

#[test]
fn the_helper_has_a_help_text_of_its_own() {
    let help = e2e::Home::new().run(&["mount", "--help"]).ok();
    for words in ["token_profile=NAME", "token_via=mount-token", "Exit status:", "<SPEC> <DIR>", "-N <NS>"] {
        assert!(help.contains(words), "{words}: {help}");
    }
    assert!(help.lines().all(|line| line.len() <= 120), "{help}");
    assert!(!Path::new("/run/mount.weka-token").exists());
}
