//! Who may have what of the host service: three users, two profiles, every verb.

use crate::{SERVICE, profile};
use e2e::Cluster;
use e2e::process::Process;
use e2e::systemd::{self, Shell, SystemManager, Units};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// What `allow` grants.
const GRANTED: [&[&str]; 6] = [
    &["get"],
    &["get", "--format", "header"],
    &["status"],
    &["status", "--json"],
    &["status", "--prometheus"],
    &["whoami"],
];
/// What is for the daemon's own user and root.
const KEPT: &[&[&str]] = &[
    &["login", "--password-stdin"],
    &["login", "--user", "admin", "--password-stdin", "--no-save"],
    &["logout"],
    &["trust", "--fingerprint", "sha256:0000000000000000000000000000000000000000000000000000000000000000"],
    &["refresh"],
    &["filesystems"],
    &["mount-token", "secure"],
    &["mount-token", "secure", "--read-only", "--expires", "1h"],
    &["generate-token"],
    &["generate-token", "--access-token-timeout", "1h", "--json"],
    &["revoke-tokens", "--yes"],
    &["revoke-tokens", "admin", "--yes"],
    &["passwd", "--password-stdin"],
];
/// The same, about no profile in particular.
const KEPT_AS_A_WHOLE: &[&[&str]] = &[
    &["profiles"],
    &["profiles", "--json"],
    &["profiles", "add", "mine"],
    &["profiles", "remove", "lab"],
    &["profiles", "rename", "lab", "mine"],
    &["profiles", "set-default", "prod"],
];

/// Opens as many connections as it is given, says how many, and holds them.
const HOG: &str = r#"
import socket, sys
held = []
try:
    for _ in range(9000):
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].settimeout(5)
        held[-1].connect("/run/weka-token/agent.sock")
except OSError:
    pass
print(len(held), flush=True)
sys.stdin.read()
"#;

fn host(cluster: &Cluster) -> SystemManager {
    // One that is not allowed everything by the cluster would say little about ours.
    let admin = |table: String| table.replace("alice", "admin");
    let password = "password = { credential = \"weka-password\" }\n";
    let lab = admin(profile("lab", cluster, &format!("{password}allow = [\"user:ann\", \"group:hpc\"]")));
    let prod =
        admin(profile("prod", cluster, &format!("{password}allow = [\"group:ops\", \"user:nobody-knows\"]")));
    SystemManager::setup()
        .user("ann", &[])
        .user("ben", &["hpc"])
        .user("eve", &["games"])
        .prepare("groupadd -f ops")
        .configure(&format!("default_profile = \"lab\"\n{lab}{prod}"))
        .write("/etc/weka-token/password", 0o600, "Admin-Pass1\n")
        .drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:/etc/weka-token/password\n")
        .prepare("systemctl enable weka-tokend.socket")
        .boot()
}

#[test]
fn the_whole_table_by_user_profile_and_verb() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = host(&cluster);
    let root = host.user("root");
    for name in ["lab", "prod"] {
        root.weka_token(&["get", "-p", name]).ok();
    }
    let logins = cluster.logins().len();
    let refreshes = cluster.refreshes().len();
    let mut wrong = Vec::new();
    for (user, name, allowed) in [
        ("ann", "lab", true),
        ("ben", "lab", true),
        ("eve", "lab", false),
        ("ann", "prod", false),
        ("ben", "prod", false),
        ("eve", "prod", false),
    ] {
        for (verbs, granted) in [(&GRANTED[..], allowed), (KEPT, false), (KEPT_AS_A_WHOLE, false)] {
            for verb in verbs {
                let mut words = vec![verb[0], "-p", name];
                if verb[0] == "profiles" {
                    words.truncate(1);
                }
                words.extend(&verb[1..]);
                let ran = host.user(user).weka_token_with(&words, "Admin-Pass1\n");
                let expected = if granted { 0 } else { 6 };
                if ran.status != expected || (!granted && !ran.stdout.is_empty()) {
                    wrong.push((user, words, expected, ran));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", host.log());
    // Nothing that was refused reached the cluster, and nobody was logged out.
    assert_eq!((cluster.logins().len(), cluster.refreshes().len()), (logins, refreshes));
    root.weka_token(&["get", "-p", "prod"]).ok();
    root.weka_token(&["refresh", "-p", "lab"]).ok();
    assert!(root.weka_token(&["filesystems", "-p", "lab"]).ok().contains("secure"));
    assert!(root.weka_token(&["profiles"]).ok().contains("*  lab"));
    // The file is root's, and the daemon somebody else.
    let words = root.weka_token(&["profiles", "add", "mine"]).refused(1);
    assert!(words.contains("belongs to uid 0") && words.contains("systemctl reload"), "{words}");
}

#[test]
fn a_command_of_somebody_else_gets_the_access_token_alone_and_follows_it() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&["--access-ttl", "4s"]);
    let host = host(&cluster);
    host.user("root").weka_token(&["get"]).ok();
    let ann = host.user("ann");
    // Until the file holds another token than at first.
    let script = "cat \"$WEKA_TOKEN\"; while [ \"$(cat \"$WEKA_TOKEN\")\" = \"$(cat first)\" ]; do sleep 0.1; done; \
                  cat \"$WEKA_TOKEN\"; stat -c '%a %U' \"$WEKA_TOKEN\"";
    let whole = format!("cd; cp \"$WEKA_TOKEN\" first; {script}");
    let said = ann.weka_token(&["exec", "--", "sh", "-c", &whole]).ok();
    assert_eq!(said.matches("\"access_token\"").count(), 2, "{said}");
    assert!(!said.contains("refresh_token") && said.ends_with("600 ann"), "{said}");
    // What such a command writes into its file is nobody's business.
    let forge = "printf '{\"access_token\":\"a\",\"refresh_token\":\"r\"}' > \"$WEKA_TOKEN\"";
    ann.weka_token(&["exec", "--", "sh", "-c", forge]).ok();
    host.user("root").weka_token(&["get"]).ok();
    assert!(!host.log().contains("renewed elsewhere"), "{}", host.log());
    let refused = host.user("eve").weka_token(&["exec", "--", "echo", "ran"]).refused(125);
    assert!(refused.contains("may not use profile lab"), "{refused}");
    let with_pair = host.user("root").weka_token(&["exec", "--", "sh", "-c", "cat \"$WEKA_TOKEN\""]).ok();
    assert!(with_pair.contains("refresh_token"), "{with_pair}");
}

#[test]
fn curl_goes_with_the_access_token_and_needs_the_profiles_ca_file() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let certificate = std::fs::read_to_string(&cluster.certificate).unwrap();
    let password = "password = { credential = \"weka-password\" }\n";
    let lab = profile("lab", &cluster, &format!("{password}allow = [\"user:ann\"]"))
        .replace("alice", "admin")
        .replace(
            &format!("fingerprint = \"{}\"", cluster.fingerprint),
            "ca_file = \"/etc/weka-token/ca.pem\"",
        );
    let host = SystemManager::setup()
        .user("ann", &[])
        .user("eve", &[])
        .configure(&format!("default_profile = \"lab\"\n{lab}"))
        .write("/etc/weka-token/ca.pem", 0o644, &certificate)
        .write("/etc/weka-token/password", 0o600, "Admin-Pass1\n")
        .drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:/etc/weka-token/password\n")
        .prepare("systemctl enable weka-tokend.socket")
        .boot();
    let curl = ["curl", "/api/v2/users/whoami", "-sS"];
    let answer = host.user("ann").weka_token(&curl).ok();
    assert!(answer.contains("\"username\":\"admin\""), "{answer}");
    let words = host.user("eve").weka_token(&curl).refused(125);
    assert!(words.contains("may not use profile lab"), "{words}");
    // The daemon may read it, and this caller may not.
    host.run(&["chgrp", "weka-token", "/etc/weka-token/ca.pem"]).ok();
    host.run(&["chmod", "640", "/etc/weka-token/ca.pem"]).ok();
    let words = host.user("ann").weka_token(&curl).refused(125);
    assert!(words.contains("ca_file /etc/weka-token/ca.pem") && words.contains("chmod a+r"), "{words}");
    assert!(host.user("root").weka_token(&curl).ok().contains("admin"));
}

/// Offers the host's daemon a pair, as `exec` does when its command has renewed one, and shows the answer.
const OFFER: &str = r#"
import socket, struct
daemon = socket.socket(socket.AF_UNIX)
daemon.connect("/run/weka-token/agent.sock")
body = bytes([10, 0, 7, 1, 1, 97, 1, 114, 6]) + b"Bearer"
daemon.sendall(b"\1" + struct.pack("<I", len(body)) + body)
daemon.shutdown(socket.SHUT_WR)
print(daemon.makefile("rb").read())
"#;

#[test]
fn a_pair_is_taken_from_nobody_else() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = host(&cluster);
    let token = host.user("root").weka_token(&["get"]).ok();
    let offered = |user: &str| host.user(user).run(&["python3", "-c", OFFER]).ok();
    for user in ["ann", "eve"] {
        let answer = offered(user);
        assert!(answer.contains("only root and the daemon's own user"), "{user}: {answer}");
    }
    // The daemon's owner is listened to, and told that it knows of no such pair.
    let answer = offered("root");
    assert!(answer.contains("does not come from its present login"), "{answer}");
    assert_eq!(host.user("root").weka_token(&["get"]).ok(), token);
}

#[test]
fn nobody_learns_of_a_profile_that_is_not_theirs() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = host(&cluster);
    for name in ["lab", "prod"] {
        host.user("root").weka_token(&["get", "-p", name]).ok();
    }
    let ann = host.user("ann");
    for words in [&["status"][..], &["status", "--json"], &["status", "--prometheus"]] {
        let seen = ann.weka_token(words).ok();
        assert!(seen.contains("lab") && !seen.contains("prod"), "{words:?}: {seen}");
        let seen = host.user("eve").weka_token(words);
        assert!(!seen.stdout.contains("lab") && !seen.stderr.contains("prod"), "{words:?}: {seen:#?}");
    }
    // One that is there is refused in the same words as one that is not.
    let refusal = |name: &str| ann.weka_token(&["get", "-p", name]).refused(6).replace(name, "NAME");
    assert_eq!(refusal("prod"), refusal("none"));
    // The message names the profile and what would allow it.
    let uid = host.run(&["id", "-u", "eve"]).ok();
    let refusal = host.user("eve").weka_token(&["get", "-p", "lab"]).refused(6);
    assert!(refusal.contains("lab") && refusal.contains(&format!("allow = [\"user:{uid}\"]")), "{refusal}");
    // Names that nobody knows are shown to those who may see them.
    let status = host.user("root").weka_token(&["status"]).ok();
    assert!(status.contains("nobody-knows"), "{status}");
}

#[test]
fn a_name_counts_from_the_moment_that_it_is_known() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = host(&cluster);
    host.user("root").weka_token(&["get", "-p", "prod"]).ok();
    host.run(&["useradd", "-m", "-U", "nobody-knows"]).ok();
    host.user("nobody-knows").weka_token(&["get", "-p", "prod"]).ok();
    // Groups are those that the peer has had since it began, as with any file.
    host.run(&["usermod", "-a", "-G", "ops", "ann"]).ok();
    host.user("ann").weka_token(&["get", "-p", "prod"]).ok();
    host.run(&["gpasswd", "-d", "ann", "ops"]).ok();
    host.user("ann").weka_token(&["get", "-p", "prod"]).refused(6);
}

#[test]
fn one_users_connections_starve_nobody_else() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = host(&cluster);
    let token = host.user("root").weka_token(&["get"]).ok();
    // Only root may raise the limit, and then be somebody else.
    let raised =
        ["prlimit", "--nofile=10000:10000", "setpriv", "--reuid", "ann", "--regid", "ann", "--init-groups"];
    let words: Vec<_> = raised.into_iter().chain(["python3", "-c", HOG]).collect();
    let mut command = host.user("root").command(&words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut hog = Process::start(&mut command).unwrap();
    let mut held = String::new();
    BufReader::new(hog.child().stdout.take().unwrap()).read_line(&mut held).unwrap();
    assert!(held.trim().parse::<u32>().unwrap() > 2000, "{held}");
    for user in ["ben", "root"] {
        for _ in 0..3 {
            assert_eq!(host.user(user).weka_token(&["get", "--timeout", "30s"]).ok(), token);
        }
    }
}

#[test]
fn who_got_what_is_written_down_where_that_is_wanted() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let host = host(&cluster);
    let ann = host.user("ann");
    ann.weka_token(&["get"]).ok();
    assert!(!host.log().contains("handed out"), "{}", host.log());
    let wanted = "[Service]\nEnvironment=WEKA_TOKEN_LOG=info,audit=info\nProtectProc=default\n";
    host.write(&format!("/etc/systemd/system/{SERVICE}.d/wanted.conf"), wanted);
    let job = "[Service]\nType=oneshot\nUser=ann\nExecStart=weka-token get\nStandardOutput=null\n";
    host.write("/etc/systemd/system/job-7.service", job);
    host.systemctl(&["daemon-reload"]).ok();
    host.systemctl(&["restart", SERVICE]).ok();
    let uid = host.run(&["id", "-u", "ann"]).ok();
    host.systemctl(&["start", "job-7.service"]).ok();
    let token = host.user("root").weka_token(&["get"]).ok();
    let mount_token = host.user("root").weka_token(&["mount-token", "secure", "--expires", "1h"]).ok();
    ann.weka_token(&["get", "-p", "prod"]).refused(6);
    host.run(&["journalctl", "--sync"]).ok();
    let log = host.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("handed out")).collect();
    assert!(!log.contains(&token) && !log.contains(&mount_token));
    let [to_ann, to_root, mount] = lines[..] else { panic!("{lines:#?}\n{log}") };
    for field in
        [&format!("uid={uid} gid={uid} "), " pid=", " unit=job-7.service ", " profile=lab ", " expires_in_s="]
    {
        assert!(to_ann.contains(field), "{field}: {to_ann}");
    }
    assert!(to_root.contains("uid=0 gid=0 "), "{to_root}");
    for field in
        ["mount token", "uid=0 gid=0 ", " profile=lab ", " filesystem=\"secure\" ", " expires_in_s=3600"]
    {
        assert!(mount.contains(field), "{field}: {mount}");
    }
}
