//! Units, for an installation where systemd does not look for programs.

use crate::problem::Problem;
use std::path::Path;

/// How the tree's units name the daemon: systemd looks for it in `/usr/local/bin`, `/usr/bin` and their like.
const SEARCHED: &str = "ExecStart=weka-tokend";

/// A unit that starts the daemon from where it is.
///
/// # Errors
/// The unit starts something else, or the path cannot be written in a unit.
pub(crate) fn with_daemon_at(unit: &str, daemon: &Path) -> Result<String, Problem> {
    // systemd refuses quotes and backslashes in a program's path, however they are written.
    let possible = |path: &&str| {
        path.starts_with('/') && !path.contains(|c: char| c.is_control() || "\"'\\".contains(c))
    };
    let path = daemon.to_str().filter(possible);
    let path = path.ok_or_else(|| Problem::at(daemon, "a unit cannot name a path like this"))?;
    let mut lines: Vec<String> = unit.lines().map(ToOwned::to_owned).collect();
    let rest = |line: &str| {
        let rest = line.strip_prefix(SEARCHED)?;
        (rest.is_empty() || rest.starts_with(' ')).then(|| rest.to_owned())
    };
    let found = lines.iter_mut().find_map(|line| rest(line).map(|rest| (line, rest)));
    let (line, rest) = found.ok_or_else(|| Problem::new(format!("a unit without {SEARCHED}")))?;
    *line = format!("ExecStart={}{rest}", quoted(path));
    Ok(lines.join("\n") + "\n")
}

/// As systemd.syntax(7) and systemd.unit(5) have it: `%` begins a specifier, spaces separate.
fn quoted(path: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@,=:~".contains(letter);
    if path.chars().all(plain) { path.to_owned() } else { format!("\"{}\"", path.replace('%', "%%")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_daemons_path_changes() {
        let unit = "[Service]\nExecStart=weka-tokend --config /etc/x\nExecReload=kill -HUP $MAINPID\n";
        let changed = with_daemon_at(unit, Path::new("/home/a/.local/bin/weka-tokend")).unwrap();
        assert_eq!(changed, unit.replace("=weka-tokend", "=/home/a/.local/bin/weka-tokend"));
    }

    #[test]
    fn what_systemd_would_take_apart_is_quoted() {
        let changed = with_daemon_at("ExecStart=weka-tokend", Path::new("/home/A B 5%h/bin/d")).unwrap();
        assert_eq!(changed, "ExecStart=\"/home/A B 5%%h/bin/d\"\n");
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        for (unit, path) in [
            ("ExecStart=weka-tokend", "bin/weka-tokend"),
            ("ExecStart=weka-tokend", "/home/a\nb/weka-tokend"),
            ("ExecStart=weka-tokend", "/home/a\"b/weka-tokend"),
            ("ExecStart=weka-tokend", "/home/a\\b/weka-tokend"),
            ("ExecStart=weka-tokend2", "/bin/weka-tokend"),
            ("[Service]", "/bin/weka-tokend"),
        ] {
            assert!(with_daemon_at(unit, Path::new(path)).is_err(), "{unit} {path}");
        }
    }
}
