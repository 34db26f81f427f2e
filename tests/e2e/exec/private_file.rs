//! Where the command's token file is, who may see it, and that it goes.

use super::{Resting, entries, folder, logged_in};
use crate::LoggedIn;
use e2e::home::finish;
use e2e::until::PATIENCE;
use e2e::{Daemon, until};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

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
