//! `cargo xtask install` and `uninstall`, and the package, each into a place of its own.

mod deb;

use crate::{mode, profile};
use e2e::home::finish;
use e2e::systemd::{self, Shell, Units, UserManager, units};
use e2e::{Cluster, Home, Ran, binaries};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const SERVICE: &str = "weka-tokend.service";
const SOCKET: &str = "weka-tokend.socket";

/// What is installed below the programs' prefix, for whomever.
const FILES: [&str; 15] = [
    "bin/weka-token",
    "bin/weka-tokend",
    "bin/weka-token-ui",
    "share/bash-completion/completions/weka-token",
    "share/bash-completion/completions/weka-tokend",
    "share/bash-completion/completions/weka-token-ui",
    "share/fish/vendor_completions.d/weka-token.fish",
    "share/fish/vendor_completions.d/weka-tokend.fish",
    "share/fish/vendor_completions.d/weka-token-ui.fish",
    "share/zsh/site-functions/_weka-token",
    "share/zsh/site-functions/_weka-tokend",
    "share/zsh/site-functions/_weka-token-ui",
    "share/man/man1/weka-token.1",
    "share/man/man1/weka-tokend.1",
    "share/man/man1/weka-token-ui.1",
];

/// The tree's programs as they are installed here: without symbols, as far as that can be had, for they are large.
fn stripped() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["weka-token", "weka-tokend", "weka-token-ui"] {
        let copy = folder.path().join(name);
        binaries::copy(&binaries::path(name), &copy);
        drop(Command::new("strip").arg(&copy).output());
    }
    folder
}

fn xtask(home: &Home, programs: &Path, arguments: &[&str]) -> Ran {
    let mut command = home.command(binaries::path("xtask"));
    command.args(arguments);
    if arguments.first() == Some(&"install") {
        command.arg("--binaries").arg(programs);
    }
    finish(&mut command, "")
}

/// Every file and link below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path());
        }
    }
    found
}

#[track_caller]
fn assert_installed(prefix: &Path) {
    for file in FILES {
        let path = prefix.join(file);
        assert!(fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).len() > 0);
        assert_eq!(mode(&path), if file.starts_with("bin/") { 0o755 } else { 0o644 }, "{file}");
    }
    for page in fs::read_dir(prefix.join("share/man/man1")).unwrap() {
        let page = page.unwrap().path();
        let text = fs::read_to_string(&page).unwrap();
        let name = page.file_stem().unwrap().to_str().unwrap();
        assert!(text.contains(&format!(".TH {name} 1 ")) && text.contains(".SH SYNOPSIS"), "{text}");
        // As a reader sees it, where there is one.
        if let Ok(read) = Command::new("man")
            .args(["--warnings", "-l"])
            .arg(&page)
            .envs([("MANPAGER", "cat"), ("LC_ALL", "C")])
            .output()
        {
            assert!(read.status.success() && read.stderr.is_empty(), "{read:#?}");
            assert!(String::from_utf8_lossy(&read.stdout).contains("SEE ALSO"), "{read:#?}");
        }
    }
    for (program, typed, completed) in [
        ("weka-token", "sta", "status"),
        ("weka-tokend", "--che", "--check"),
        ("weka-token-ui", "--prof", "--profile"),
    ] {
        let script = prefix.join("share/bash-completion/completions").join(program);
        assert_eq!(completions(&script, program, typed), completed, "{program}");
    }
}

/// What bash makes of a word after a program's name.
fn completions(script: &Path, program: &str, typed: &str) -> String {
    let line = r#"source "$1"; COMP_WORDS=("$2" "$3") COMP_CWORD=1
        read -ra words < <(complete -p "$2"); for i in "${!words[@]}"; do
            if [ "${words[i]}" = -F ]; then "${words[i+1]}" "$2" "$3" "$2"; fi
        done; echo "${COMPREPLY[*]}""#;
    let mut command = Command::new("bash");
    command.args(["-c", line, "bash"]).arg(script).args([program, typed]);
    finish(&mut command, "").ok()
}

#[test]
fn a_user_installs_twice_and_nothing_of_ours_is_left_after_uninstall() {
    let (home, programs) = (Home::new(), stripped());
    home.configure("");
    let local = home.path().join(".local");
    let installed = xtask(&home, programs.path(), &["install", "--user"]).ok();
    assert_installed(&local);
    let units = home.path().join(".config/systemd/user");
    let service = fs::read_to_string(units.join(SERVICE)).unwrap();
    let start = format!("\nExecStart={}\n", local.join("bin/weka-tokend").display());
    assert!(service.contains(&start), "{service}");
    assert_eq!(mode(&units.join(SOCKET)), 0o644);
    for line in ["  systemctl --user daemon-reload", "  systemctl --user enable --now weka-tokend.socket"] {
        assert!(installed.lines().any(|said| said == line), "{installed}");
    }
    assert!(installed.contains(&format!("{} is not in PATH", local.join("bin").display())), "{installed}");
    // Enabled is what somebody enables.
    let links: Vec<_> = files(home.path()).into_iter().filter(|path| path.is_symlink()).collect();
    assert!(links.is_empty(), "{links:?}");
    let version = finish(home.command(local.join("bin/weka-token")).arg("--version"), "").ok();
    assert!(version.starts_with("weka-token "), "{version}");

    let before = files(home.path());
    let inode = fs::metadata(local.join("bin/weka-tokend")).unwrap().ino();
    let again = xtask(&home, programs.path(), &["install", "--user"]).ok();
    assert!(
        again.contains("unchanged ") && !again.contains("installed ") && !again.contains("replaced "),
        "{again}"
    );
    assert_eq!(files(home.path()), before);
    assert_eq!(fs::metadata(local.join("bin/weka-tokend")).unwrap().ino(), inode);

    let gone = xtask(&home, programs.path(), &["uninstall", "--user"]).ok();
    assert!(gone.contains(&format!("kept    {}", home.config_file().parent().unwrap().display())), "{gone}");
    assert_eq!(files(home.path()), BTreeSet::from([home.config_file()]));
    assert!(!units.exists() && !local.join("share/man").exists() && local.join("bin").exists());
    assert!(
        xtask(&home, programs.path(), &["uninstall", "--user"])
            .ok()
            .starts_with("nothing was installed here")
    );
}

#[test]
fn folders_follow_xdg_and_a_home_may_have_any_name_that_systemd_takes() {
    let (home, programs) = (Home::new(), stripped());
    let odd = home.path().join("A B 100%h");
    fs::create_dir(&odd).unwrap();
    let install = |house: &Path, config: &Path| {
        let mut command = home.command(binaries::path("xtask"));
        command.args(["install", "--user", "--binaries"]).arg(programs.path());
        command.env("HOME", house).env("XDG_CONFIG_HOME", config).env("XDG_DATA_HOME", "not/absolute");
        finish(&mut command, "")
    };
    install(&odd, &home.path().join("etc")).ok();
    assert_installed(&odd.join(".local"));
    let unit = home.path().join("etc/systemd/user").join(SERVICE);
    let quoted = format!("\nExecStart=\"{}/A B 100%%h/.local/bin/weka-tokend\"\n", home.path().display());
    assert!(fs::read_to_string(&unit).unwrap().contains(&quoted), "{quoted}");
    if systemd::available().is_ok() {
        let mut verify = home.command("systemd-analyze");
        verify.args(["--user", "--man=no", "verify"]).arg(&unit).arg(unit.with_file_name(SOCKET));
        let verified = finish(&mut verify, "");
        assert_eq!((verified.status, verified.stderr.as_str()), (0, ""), "{verified:#?}");
    }
    let impossible = install(Path::new("/home/o\"brien"), Path::new("")).refused(1);
    assert!(impossible.contains("/home/o\"brien/.local/bin/weka-tokend: "), "{impossible}");
}

#[test]
fn a_staged_tree_is_a_packages_and_an_empty_one_after_uninstall() {
    let (home, programs) = (Home::new(), stripped());
    let root = home.path().join("root");
    let here = ["--system", "--root", root.to_str().unwrap()];
    xtask(&home, programs.path(), &[&["install"], &here[..]].concat()).ok();
    let usr = root.join("usr");
    assert_installed(&usr);
    for (scope, folder) in [("user", "lib/systemd/user"), ("system", "lib/systemd/system")] {
        for unit in [SOCKET, SERVICE] {
            // As they are in the tree: packages have their programs where systemd looks for them.
            let installed = fs::read_to_string(usr.join(folder).join(unit)).unwrap();
            assert_eq!(
                installed,
                fs::read_to_string(units().join(scope).join(unit)).unwrap(),
                "{scope}/{unit}"
            );
            assert_eq!(mode(&usr.join(folder).join(unit)), 0o644);
        }
    }
    assert!(usr.join("lib/sysusers.d/weka-token.conf").exists());
    let (links, plain): (Vec<_>, Vec<_>) = files(&root).into_iter().partition(|path| path.is_symlink());
    assert!(plain.iter().all(|path| path.starts_with(&usr)), "{plain:#?}");
    let helper = usr.join("sbin/mount.weka-token");
    assert_eq!(links, std::slice::from_ref(&helper));
    assert_eq!(fs::canonicalize(&helper).unwrap(), fs::canonicalize(usr.join("bin/weka-token")).unwrap());
    let page = fs::read_to_string(usr.join("share/man/man8/mount.weka-token.8")).unwrap();
    for line in [
        ".TH mount.weka-token 8 ",
        "\\fBmount.weka\\-token\\fR [",
        ".SH \"EXIT STATUS\"",
        "token_profile=NAME",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    let again = xtask(&home, programs.path(), &[&["install"], &here[..]].concat()).ok();
    assert!(again.contains(&format!("unchanged {}", helper.display())), "{again}");
    // One of somebody else's is replaced by an installation, and is not ours to remove.
    fs::remove_file(&helper).unwrap();
    symlink("/opt/other", &helper).unwrap();
    let kept = xtask(&home, programs.path(), &[&["uninstall"], &here[..]].concat()).ok();
    assert!(kept.contains(&format!("kept    {}: it does not lead to", helper.display())), "{kept}");
    let replaced = xtask(&home, programs.path(), &[&["install"], &here[..]].concat()).ok();
    assert!(replaced.contains(&format!("replaced  {}", helper.display())), "{replaced}");
    assert_eq!(fs::read_link(&helper).unwrap(), Path::new("../bin/weka-token"));
    xtask(&home, programs.path(), &[&["uninstall"], &here[..]].concat()).ok();
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "{:#?}", files(&root));
}

#[test]
fn what_cannot_or_must_not_be_written_is_named() {
    let (home, programs) = (Home::new(), stripped());
    let units = home.path().join(".config/systemd/user");
    fs::create_dir_all(&units).unwrap();
    let mask = units.join(SERVICE);
    symlink("/dev/null", &mask).unwrap();
    let words = xtask(&home, programs.path(), &["install", "--user"]).refused(1);
    assert!(words.contains(&format!("{}: the unit is masked", mask.display())), "{words}");
    assert!(words.contains("\n  first run: systemctl --user unmask weka-tokend.service"), "{words}");
    assert!(!home.path().join(".local").exists());
    fs::remove_file(&mask).unwrap();

    let words = xtask(&home, Path::new("/nowhere"), &["install", "--user"]).refused(1);
    assert!(words.contains("/nowhere/weka-token: No such file"), "{words}");
    assert!(!home.path().join(".local").exists());
    home.write(Path::new(".local/share"), "a file");
    // What comes before it is in place by then.
    let words = xtask(&home, programs.path(), &["install", "--user"]);
    assert_eq!(words.status, 1, "{words:?}");
    let named = format!("xtask: {}", home.path().join(".local/share: ").display());
    assert!(words.stderr.starts_with(&named), "{words:?}");
    fs::remove_file(home.path().join(".local/share")).unwrap();
    xtask(&home, programs.path(), &["install", "--user"]).ok();

    let wants = units.join("sockets.target.wants");
    fs::create_dir(&wants).unwrap();
    symlink(units.join(SOCKET), wants.join(SOCKET)).unwrap();
    let words = xtask(&home, programs.path(), &["uninstall", "--user"]).refused(1);
    assert!(words.contains(&format!("{}: the unit is enabled", wants.join(SOCKET).display())), "{words}");
    assert!(
        words.contains("systemctl --user disable --now weka-tokend.socket weka-tokend.service"),
        "{words}"
    );
    assert!(home.path().join(".local/bin/weka-tokend").exists());
    for usage in
        [&["install"][..], &["install", "--user", "--system"], &["install", "--user", "--root", "/x"]]
    {
        assert_eq!(xtask(&home, programs.path(), usage).status, 2, "{usage:?}");
    }
}

#[test]
fn a_users_installation_starts_at_the_first_get_and_an_upgrade_under_it_keeps_the_tokens() {
    if !systemd::is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let (manager, programs) = (UserManager::start(), stripped());
    let home = manager.home();
    xtask(home, programs.path(), &["install", "--user"]).ok();
    // This gives all of the home to the user.
    manager.configure(&profile("default", &cluster, ""));
    manager.systemctl(&["daemon-reload"]).ok();
    for unit in [SOCKET, SERVICE] {
        let path = format!("{}/.config/systemd/user/{unit}", home.path().display());
        assert_eq!(manager.show(unit, "FragmentPath"), path);
        let verified = manager.run(&["systemd-analyze", "--user", "--man=no", "verify", &path]);
        assert_eq!((verified.status, verified.stderr.as_str()), (0, ""), "{verified:#?}");
    }
    assert_eq!(manager.systemctl(&["is-enabled", SOCKET]).stdout.trim(), "disabled");
    manager.enable();
    let client = home.path().join(".local/bin/weka-token").display().to_string();
    let login = [&client, "login", "--user", "alice", "--password-stdin"];
    finish(&mut manager.command(&login), "Alice-Pass1\n").ok();
    let token = manager.run(&[&client, "get"]).ok();
    let daemon = home.path().join(".local/bin/weka-tokend");
    let running = |pid: u32| fs::read_link(manager.path(Path::new(&format!("/proc/{pid}/exe")))).unwrap();
    let old = manager.pid();
    assert_eq!(running(old), daemon);

    cluster.fault(&json!({"kind": "refuse"}));
    let newer = programs.path().join("weka-tokend");
    let bytes = [fs::read(&newer).unwrap(), b"newer".to_vec()].concat();
    fs::write(&newer, bytes).unwrap();
    let replaced = xtask(home, programs.path(), &["install", "--user"]).ok();
    assert!(replaced.contains(&format!("replaced  {}", daemon.display())), "{replaced}");
    assert!(replaced.contains("systemctl --user try-restart weka-tokend.service"), "{replaced}");
    // The one that runs goes on, with the file that it was started from.
    assert_eq!((manager.pid(), manager.run(&[&client, "get"]).ok()), (old, token.clone()));
    manager.systemctl(&["try-restart", SERVICE]).ok();
    assert_ne!(manager.pid(), old);
    assert_eq!(running(manager.pid()), daemon);
    assert_eq!(manager.run(&[&client, "get"]).ok(), token);
}
