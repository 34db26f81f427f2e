//! The help of every program and command, word for word: `tests/snapshots/help`.

use e2e::home::finish;
use e2e::snapshot::{assert_no_others, assert_snapshot};
use e2e::{Home, binaries};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a terminal has at least; a longer line would be broken there in the middle of a word.
const COLUMNS: usize = 80;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/help")
}

/// What a program prints for `--help`, and what for `-h` where that is something else.
fn help(command: impl Fn() -> Command, name: &str) -> String {
    let text = |option: &str| {
        let ran = finish(command().arg(option), "");
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{name} {option}: {ran:#?}");
        let wide: Vec<_> = ran.stdout.lines().filter(|line| line.chars().count() > COLUMNS).collect();
        assert!(wide.is_empty(), "wider than {COLUMNS} columns: {name} {option}: {wide:#?}");
        format!("$ {name} {option}\n{}", ran.stdout)
    };
    let (long, short) = (text("--help"), text("-h"));
    let is_same = long.lines().skip(1).eq(short.lines().skip(1));
    if is_same { long } else { format!("{long}\n{short}") }
}

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// The help of a program and of every command below it, with the names of their files.
fn all(home: &Home, program: &str, words: &[String]) -> Vec<(String, String)> {
    let name = [&[program.to_owned()], words].concat();
    let command = || {
        let mut command = home.command(binaries::path(program));
        command.args(words);
        command
    };
    let text = help(command, &name.join(" "));
    let below = listed(&text);
    let mut found = vec![(name.join("_"), text)];
    for command in below.into_iter().filter(|command| command != "help") {
        found.extend(all(home, program, &[words, &[command]].concat()));
    }
    found
}

#[test]
fn the_help_of_every_command_is_as_it_was_read() {
    let home = Home::new();
    let mut texts = Vec::new();
    for program in ["weka-token", "weka-tokend", "weka-token-ui", "weka-sim", "xtask"] {
        texts.extend(all(&home, program, &[]));
    }
    let helper = home.path().join("mount.weka-token");
    symlink(binaries::path("weka-token"), &helper).unwrap();
    texts.push(("mount.weka-token".into(), help(|| home.command(&helper), "mount.weka-token")));
    for (name, text) in &texts {
        assert_snapshot(&folder().join(format!("{name}.txt")), text);
    }
    let names: Vec<_> = texts.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"weka-token_profiles_set-default"), "{names:?}");
    assert_no_others(&folder(), &names);
}

/// `mount.weka-token --version` said that it was "weka-token-mount", and its usage was that of another program.
#[test]
fn the_mount_helper_called_itself_by_another_name() {
    let home = Home::new();
    let helper = home.path().join("mount.weka-token");
    symlink(binaries::path("weka-token"), &helper).unwrap();
    let said = |argument: &str| finish(home.command(&helper).arg(argument), "");
    assert_eq!(said("--version").ok(), format!("mount.weka-token {}", env!("CARGO_PKG_VERSION")));
    assert!(said("--help").ok().contains("Usage: mount.weka-token [OPTIONS] <SPEC> <DIR>"));
    let refusal = said("-x").refused(1);
    assert!(refusal.contains("Usage: mount.weka-token "), "{refusal}");
}
