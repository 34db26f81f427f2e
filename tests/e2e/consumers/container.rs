//! Processes as in a container: a root folder with nothing in it but our client and the daemon's folder, and users that
//! are others outside.

use super::{EXPIRIES, LIFE, Source, assert_live_token, printed, through_expiries, with_client};
use crate::{LoggedIn, profile};
use e2e::home::finish;
use e2e::process::Process;
use e2e::{Cluster, Daemon, Home, Ran, binaries};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Who the container's root is outside: `daemon`, on every Linux there is.
const OUTSIDE: &str = "1";

/// What is not tested where there are no mounts to make.
const WITHOUT_ROOT: &str = "the tests in containers";

const WHOAMI: &str = "/api/v2/users/whoami";

/// A mount namespace that lives as long as this value.
struct Container {
    holder: Process,
}

impl Container {
    /// One whose mounts `script` has made; its `$1`, `$2`, ... are `arguments`.
    fn start(script: &str, arguments: &[&Path]) -> Self {
        let script = format!("set -eu; {script}; echo made; exec sleep infinity");
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"])
            .args(["/bin/sh", "-c", &script, "sh"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut holder = Process::start(&mut command).unwrap();
        let mut said = String::new();
        BufReader::new(holder.child().stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "made\n", "{script}");
        Self { holder }
    }

    /// A command inside, with nothing of our environment but the search path.
    fn command(&self, program: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--mount=/proc/{}/ns/mnt", self.holder.pid()))
            .arg("--")
            .args(program)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir("/");
        command
    }
}

/// A root folder with our client in it, and mount points for what else there may be.
fn root_folder(mount_points: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    open(root.path());
    binaries::copy(&binaries::static_client(), &root.path().join("weka-token"));
    for point in mount_points {
        fs::create_dir_all(root.path().join(point)).unwrap();
    }
    root
}

/// Lets everybody in, as into the host's folder for its socket.
fn open(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The client in a container whose root folder is this, and whose root is an ordinary user outside.
fn client(container: &Container, root: &TempDir, arguments: &[&str]) -> Ran {
    let root = root.path().display().to_string();
    let enter = [
        "setpriv",
        "--reuid",
        OUTSIDE,
        "--regid",
        OUTSIDE,
        "--clear-groups",
        "unshare",
        "--user",
        "--map-root-user",
    ];
    let mut command = container.command(&enter);
    command.args(["--root", &root, "/weka-token"]).args(arguments);
    finish(&mut command, "")
}

/// A daemon as a host has it: others may connect, and the container's root may have tokens.
fn host() -> (LoggedIn, PathBuf) {
    let it = LoggedIn::configured(
        Cluster::start(&["--access-ttl", LIFE]),
        &format!("allow = [\"user:{OUTSIDE}\"]"),
    );
    let folder = it.home.socket().parent().unwrap().to_owned();
    as_the_host_has_it(&it.home);
    (it, folder)
}

/// The modes of the host's socket unit.
fn as_the_host_has_it(home: &Home) {
    open(home.socket().parent().unwrap());
    fs::set_permissions(home.socket(), fs::Permissions::from_mode(0o666)).unwrap();
}

#[test]
fn with_the_sockets_folder_and_our_client_and_nothing_else_through_three_expiries_and_a_restart() {
    if !e2e::is_root(WITHOUT_ROOT) {
        return;
    }
    let (mut it, folder) = host();
    let root = root_folder(&["run/weka-token", "elsewhere"]);
    let script =
        "mount --bind -o ro \"$1\" \"$2/run/weka-token\"; mount --bind -o ro \"$1\" \"$2/elsewhere\"";
    let container = Container::start(script, &[&folder, root.path()]);
    let mut tokens = std::collections::BTreeSet::new();
    let named = ["get", "--socket", "/elsewhere/agent.sock"];
    while tokens.len() <= EXPIRIES + 1 {
        // The daemon is the host's root, who looks like nobody in there; so does the folder's owner.
        for arguments in [&["get"][..], &named] {
            tokens.insert(assert_live_token(&it.cluster, || client(&container, &root, arguments)));
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    // The access token is all that it can have.
    client(&container, &root, &["refresh"]).refused(6);
    client(&container, &root, &["logout"]).refused(6);
    assert!(client(&container, &root, &["status"]).ok().contains("ready"));

    it.daemon.stop();
    client(&container, &root, &["get"]).refused(3);
    // It has no tokens and no password: this is about its new socket, which the folder shows.
    it.daemon = Daemon::start(&it.home);
    as_the_host_has_it(&it.home);
    client(&container, &root, &["get"]).refused(4);
}

#[test]
fn a_socket_that_was_mounted_by_itself_is_left_behind_by_a_restart() {
    if !e2e::is_root(WITHOUT_ROOT) {
        return;
    }
    let (mut it, _) = host();
    let root = root_folder(&[]);
    fs::write(root.path().join("agent.sock"), "").unwrap();
    let container =
        Container::start("mount --bind \"$1\" \"$2/agent.sock\"", &[&it.home.socket(), root.path()]);
    let get = ["get", "--socket", "/agent.sock"];
    assert_live_token(&it.cluster, || client(&container, &root, &get));
    it.daemon.stop();
    it.daemon = Daemon::start(&it.home);
    as_the_host_has_it(&it.home);
    client(&container, &root, &get).refused(3);
}

/// Lets `curl` run where there is nothing of ours but a folder with a file that is kept fresh, as `/mnt`.
fn with_a_file(folder: &str, keys: &str, curl: &str) {
    let home = Home::new();
    let cluster = Cluster::start(&["--access-ttl", LIFE]);
    let folder = home.path().join(folder);
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    // A file waits for nobody, as `get` does: where it is read at any moment, half of a life is a good margin.
    home.configure(&profile("default", &cluster, &format!("refresh_at = 0.5\n{keys}")));
    let it = LoggedIn::in_home(home, cluster, "admin", "Admin-Pass1");
    e2e::until("the file", || fs::read_dir(&folder).unwrap().next()?.ok());
    let script = "mount --bind -o ro \"$1\" /mnt; mount -t tmpfs none \"$2\"; mount -t tmpfs none /run";
    let container = Container::start(script, &[&folder, it.home.path()]);
    let mut hidden = container.command(&["weka-token", "--socket"]);
    finish(with_client(&mut hidden).arg(it.home.socket()).arg("get"), "").refused(3);
    let curl = curl.replace(
        "curl",
        &format!(
            "curl --silent --fail --cacert {} {}{WHOAMI}",
            it.cluster.certificate.display(),
            it.cluster.endpoint()
        ),
    );
    through_expiries(&it.cluster, WHOAMI, Source::File, || {
        let ran = finish(&mut container.command(&["bash", "-o", "pipefail", "-c", &curl]), "");
        printed(&ran, "\"username\":\"admin\"")
    });
}

#[test]
fn with_the_token_files_folder_and_nothing_else_through_three_expiries() {
    if e2e::is_root(WITHOUT_ROOT) {
        with_a_file(
            ".weka",
            "token_file = \"~/.weka/auth-token.json\"",
            r#"sed -n 's/.*"access_token": "\([^"]*\)".*/header = "Authorization: Bearer \1"/p' /mnt/auth-token.json | curl --config -"#,
        );
    }
}

#[test]
fn with_a_sinks_folder_and_nothing_else_through_three_expiries() {
    if e2e::is_root(WITHOUT_ROOT) {
        let sink = "[[profile.default.sink]]\npath = \"~/for-a-container/header\"\ncontent = \"header\"";
        with_a_file("for-a-container", sink, "curl -H @/mnt/header");
    }
}
