//! Somebody else's daemon.

use super::{Scene, line};
use crate::LoggedIn;
use e2e::home::finish;
use e2e::{Cluster, binaries};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// `daemon`, on every Linux there is.
const SOMEBODY: &str = "1";

#[test]
fn what_others_may_not_do_is_said_to_be_that() {
    if !e2e::is_root("refusals to others") {
        return;
    }
    for (allowed, keys) in [(true, format!("allow = [\"user:{SOMEBODY}\"]")), (false, String::new())] {
        let it = LoggedIn::configured(Cluster::start(&[]), &keys);
        let mut scene = Scene::new(&it.home).knows(&it.cluster);
        let mode = |path: &std::path::Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for folder in [it.home.path(), &it.home.runtime(), it.home.socket().parent().unwrap()] {
            mode(folder, 0o755);
        }
        mode(&it.home.socket(), 0o666);
        let client = it.home.path().join("weka-token");
        binaries::copy(&binaries::path("weka-token"), &client);
        let socket = it.home.socket().display().to_string();
        let asks: &[&[&str]] = if allowed {
            &[
                &["refresh"],
                &["login", "--password-stdin"],
                &["logout"],
                &["generate-token"],
                &["mount-token", "secure"],
                &["revoke-tokens", "--yes"],
                &["profiles"],
                &["profiles", "add", "mine"],
            ]
        } else {
            &[&["get"], &["status"], &["whoami"], &["exec", "--", "true"], &["get", "-p", "prod"]]
        };
        for words in asks {
            let mut command = it.home.command("setpriv");
            command
                .args(["--reuid", SOMEBODY, "--regid", SOMEBODY, "--clear-groups"])
                .arg(&client)
                .args(["--socket", &socket])
                .args(*words);
            let ran = finish(&mut command, "");
            scene.shows(&line("weka-token", words), &ran);
        }
        scene.is(if allowed { "policy" } else { "policy_not_allowed" });
    }
}
