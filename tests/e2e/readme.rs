//! Every command in the README, run as it stands there: one story in one home.

use crate::{login, profile, weka_user_login};
use e2e::home::finish;
use e2e::terminal::Terminal;
use e2e::{Cluster, Daemon, Home};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use wire::State;

/// The README's shell blocks, in order.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("```sh\n") {
        let (block, after) = after.split_once("```").expect("each block ends");
        blocks.push(block.to_owned());
        rest = after;
    }
    blocks
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// In the place of `podman`: an image with nothing in it, and what is mounted there.
const PODMAN: &str = r#"#!/bin/bash
set -eu
[ "$1 $2" = "run --rm" ]
shift 2
root=$(mktemp -d "$HOME/container.XXXXXX")
mounts=
while [ "$1" = -v ]; do
    IFS=: read -r from to options <<< "$2"
    shift 2
    if [ -d "$from" ]; then mkdir -p "$root$to"; else mkdir -p "$root${to%/*}"; : > "$root$to"; fi
    mounts+="mount --bind -o $options '$from' '$root$to'; "
done
[ "$1" = debian:12 ]
shift
exec unshare --mount --propagation private sh -euc "$mounts"'exec chroot "$@"' sh "$root" "$@"
"#;

/// What stands for the reader: a cluster where alice may ask who she is, and a home.
struct Reader {
    home: Home,
    cluster: Cluster,
}

impl Reader {
    fn new() -> Self {
        let home = Home::new();
        let users = home.path().join("users.toml");
        home.write(
            &users,
            "[[user]]\nusername = \"alice\"\npassword = \"Alice-Pass1\"\norg = \"Root\"\nrole = \"ClusterAdmin\"\n",
        );
        let cluster = Cluster::start(&["--users", &users.display().to_string()]);
        home.write(Path::new("password.txt"), "Alice-Pass1\n");
        Self { home, cluster }
    }

    /// A block in the reader's place: the names of the README's cluster are those of the simulated one.
    fn localized(&self, block: &str) -> String {
        let address = self.cluster.endpoint().trim_start_matches("https://");
        block
            .replace("weka01:14000", address)
            .replace("weka01", address)
            .replace("/etc/weka/ca.pem", &self.cluster.certificate.display().to_string())
            .replace("sha256:FINGERPRINT", &self.cluster.fingerprint)
    }

    fn shell(&self, block: &str) -> std::process::Command {
        let mut command = self.home.command("bash");
        let here = e2e::binaries::path("weka-token");
        let folder = here.parent().expect("a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{folder}:{path}", self.home.path().join("bin").display()));
        command.args(["-euo", "pipefail", "-c", &self.localized(block)]);
        command
    }

    #[track_caller]
    fn run(&self, block: &str) -> String {
        finish(&mut self.shell(block), "").ok()
    }

    /// A script of the reader's machine.
    fn install(&self, name: &str, text: &str) {
        let source = self.home.path().join("text");
        self.home.write(&source, text);
        e2e::binaries::copy(&source, &self.home.path().join("bin").join(name));
    }

    /// On a terminal: trusts the certificate when asked, and types the password if one is wanted.
    fn run_on_a_terminal(&self, block: &str, password: Option<&str>) {
        let mut terminal = Terminal::run(&self.shell(block));
        terminal.expect(&self.cluster.fingerprint);
        terminal.expect("[yes/no]");
        terminal.type_in("yes\n");
        if let Some(password) = password {
            terminal.expect("Organization [Root]: ");
            terminal.type_in("\n");
            terminal.expect("assword");
            terminal.expect(":");
            terminal.type_in(&format!("{password}\n"));
        }
        let (status, rest) = terminal.finish();
        assert_eq!(status, 0, "{block}: {rest}");
    }
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let checks = std::fs::read_to_string(root().join(".ci/run")).expect("the checks");
    let reader = Reader::new();
    let mut daemon: Option<Daemon> = None;
    let mut seen = 0;
    for block in blocks(&readme) {
        seen += 1;
        let first = block.lines().next().unwrap_or_default();
        match first {
            // Built and run by the checks themselves, which a test cannot do from within.
            _ if first.starts_with("cargo ") => {
                for line in block.lines() {
                    assert!(checks.contains(line), "{line}: not among the checks");
                }
            }
            "weka-tokend &" => daemon = Some(Daemon::start(&reader.home)),
            "weka-token login --endpoint weka01 --user alice" => {
                reader.run_on_a_terminal(&block, Some("Alice-Pass1"));
            }
            "weka-token get" => {
                let token = reader.run(&block);
                assert!(reader.cluster.honours(&token), "{token}");
            }
            _ if first.starts_with("weka-token get --format header | curl") => {
                let answer = reader.run(&block);
                assert!(answer.contains("\"username\":\"alice\""), "{answer}");
            }
            _ if first.starts_with("weka-token get --format curl | curl") => {
                let answer = reader.run(&block);
                assert!(answer.contains("\"name\":\"weka-sim\""), "{answer}");
            }
            "weka-token status" => {
                let shown = reader.run(&block);
                for expected in ["ready", "alice", "\"profiles\":[{", "ClusterAdmin"] {
                    assert!(shown.contains(expected), "{expected}: {shown}");
                }
            }
            "export WEKA_TOKEN_SOCKET=/tmp/weka-token/agent.sock" => {
                // A container of its own: its daemon ends with it.
                let other = Reader::new();
                let socket = other.home.path().join("container/agent.sock").display().to_string();
                let block = block.replace("/tmp/weka-token/agent.sock", &socket);
                let token = other.run(&format!("trap 'kill %1; wait' EXIT\n{block}"));
                assert!(other.cluster.honours(&token), "{token}");
            }
            _ if first.starts_with("podman run ") => {
                if !e2e::is_root("the README's container") {
                    continue;
                }
                reader.install("podman", PODMAN);
                let client = reader.home.path().join("bin/weka-token");
                e2e::binaries::copy(&e2e::binaries::static_client(), &client);
                let token = reader.run(&block);
                assert!(reader.cluster.honours(&token), "{token}");
            }
            _ if first.starts_with("weka-token curl") => {
                let answer = reader.run(&block);
                assert!(answer.contains("\"name\":\"weka-sim\""), "{answer}");
            }
            _ if block.contains("weka-token curl") => {
                let answer = reader.run(&block);
                assert!(answer.contains("\"filesystem_name\":\"secure\""), "{answer}");
            }
            "weka-token exec -- weka fs" => {
                // WEKA's own client, as far as it matters here: it finds the token file by its variable.
                reader.install("weka", "#!/bin/sh\n[ \"$1\" = fs ] && cat \"$WEKA_TOKEN\"\n");
                let file: serde_json::Value = serde_json::from_str(&reader.run(&block)).unwrap();
                assert!(reader.cluster.honours(file["access_token"].as_str().unwrap()), "{file}");
            }
            "weka-token filesystems" => {
                let shown = reader.run(&block);
                let (table, token) = shown.rsplit_once('\n').unwrap();
                assert!(table.contains("secure") && token.matches('.').count() == 2, "{shown}");
            }
            _ if first.starts_with("weka-token login -p prod ") => {
                let shown = reader.run(&block);
                assert!(reader.cluster.honours(shown.lines().next().unwrap_or_default()), "{shown}");
                assert!(shown.contains("*  default") && shown.contains("   prod "), "{shown}");
            }
            _ if first.starts_with("weka-token profiles rename prod hpc") => {
                let before = reader.cluster.count("requests");
                reader.run(&block);
                let listed = reader.home.run(&["profiles"]).ok();
                assert!(listed.contains("*  default") && !listed.contains("hpc"), "{listed}");
                assert_eq!(reader.cluster.count("requests"), before, "nobody had to log in again");
            }
            _ if first.starts_with("weka-token login") => {
                let before = reader.cluster.count("logins_ok");
                reader.run(&block);
                assert_eq!(reader.cluster.count("logins_ok"), before + 1, "{block}");
            }
            "weka-token trust --endpoint weka01" => {
                let other = Reader::new();
                other.home.write(
                    &other.home.token_file(),
                    &weka_user_login(&other.cluster, "alice", "Alice-Pass1"),
                );
                let daemon = Daemon::start(&other.home);
                other.run_on_a_terminal(&block, None);
                daemon.until("the file's pair is in use", |profile| profile.state == State::Ready);
            }
            "weka-token logout" => {
                reader.run(&block);
                reader.home.run(&["get"]).refused(4);
                login(&reader.home, &reader.cluster, "alice", "Alice-Pass1").ok();
            }
            _ if first.starts_with("weka-token generate-token --access-token-timeout") => {
                let made = crate::json(&reader.run(&block));
                assert!(made["expires_in"].as_u64().is_some_and(|life| life > 6 * 86_400), "{made}");
            }
            "weka-token generate-token --copy" => {
                let mut terminal = Terminal::run(&reader.shell(&block));
                terminal.expect("\x1b]52;c;");
                terminal.expect("copied to the clipboard");
                assert_eq!(terminal.finish().0, 0);
            }
            "weka-token revoke-tokens" => {
                let mut terminal = Terminal::run(&reader.shell(&block));
                terminal.expect("Type yes");
                terminal.type_in("yes\n");
                terminal.expect("needs a login now");
                assert_eq!(terminal.finish().0, 0);
                reader.home.run(&["get"]).refused(4);
                login(&reader.home, &reader.cluster, "alice", "Alice-Pass1").ok();
            }
            "weka-token doctor" => {
                let shown = reader.run(&block);
                assert!(shown.contains("ok    tls"), "{shown}");
            }
            "weka-token ui" => {
                let mut terminal = Terminal::of_size(&reader.shell(&block), 24, 80);
                // A person looks at it and leaves.
                terminal.expect("ready");
                terminal.type_in("q");
                assert_eq!(terminal.finish().0, 0);
                assert!(
                    readme.contains(
                        include_str!("../../crates/weka-token-ui/tests/screens/profiles_80x24.txt")
                            .split("\n\n\n")
                            .next()
                            .expect("the upper part")
                    ),
                    "the picture is the one that is tested"
                );
            }
            "weka-token passwd" => {
                let mut terminal = Terminal::run(&reader.shell(&block));
                for (question, answer) in [
                    ("Old password of alice", "Alice-Pass1\n"),
                    ("New password", "Alice-Pass2\n"),
                    ("again", "Alice-Pass2\n"),
                ] {
                    terminal.expect(question);
                    terminal.expect(": ");
                    terminal.type_in(answer);
                }
                terminal.expect("is changed");
                assert_eq!(terminal.finish().0, 0);
                assert!(reader.cluster.honours(&reader.home.run(&["get"]).ok()));
            }
            "weka-tokend --check" => {
                let daemon = daemon.as_ref().expect("it was started above");
                // The real one would signal every daemon of this machine.
                let text = format!(
                    "#!/bin/sh\n[ \"$*\" = \"-HUP -u $(id -u) -x weka-tokend\" ] && kill -HUP {}\n",
                    daemon.pid()
                );
                reader.install("pkill", &text);
                let before = std::fs::read_to_string(reader.home.config_file()).expect("a configuration");
                reader.home.configure(&format!("{before}\n{}", profile("other", &reader.cluster, "")));
                let shown = reader.run(&block);
                assert!(shown.contains("other"), "{shown}");
                let profiles = |count| move |status: &wire::Status| status.profiles.len() == count;
                daemon.until_status("the configuration was read again", profiles(2));
                // What the reader does next is done without it.
                reader.home.configure(&before);
                reader.run("pkill -HUP -u \"$(id -u)\" -x weka-tokend");
                daemon.until_status("the configuration is what it was", profiles(1));
            }
            _ => panic!("no test runs this: {block}"),
        }
    }
    assert!(seen >= 12, "the README's blocks were found: {seen}");
    daemon.expect("it was started").signal(Signal::SIGTERM);
}
