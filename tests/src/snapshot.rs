//! Texts that people see, compared with files: a change of one is seen in review. `UPDATE_SNAPSHOTS=1 cargo test`
//! writes the files; nothing else does.

use crate::home::Ran;
use similar::TextDiff;
use std::fs;
use std::path::Path;

/// Compares a text with a file.
///
/// # Panics
/// It differs, which is shown line by line, or there is no such file.
#[track_caller]
pub fn assert_snapshot(file: &Path, text: &str) {
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    if let Err(difference) = compare(file, text) {
        panic!(
            "{difference}\nif this is as it should be, run: UPDATE_SNAPSHOTS=1 cargo test, and look at git diff"
        );
    }
}

fn compare(file: &Path, text: &str) -> Result<(), String> {
    let expected = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    if expected == text {
        return Ok(());
    }
    let name = file.display().to_string();
    Err(TextDiff::from_lines(expected.as_str(), text)
        .unified_diff()
        .header(&name, "what was seen")
        .to_string())
}

/// Compares the files of a folder with those that belong there, by their names without `.txt`.
///
/// # Panics
/// There is one that belongs to no test, or one is missing.
#[track_caller]
pub fn assert_no_others(folder: &Path, names: &[&str]) {
    let mut expected: Vec<_> = names.iter().map(|name| format!("{name}.txt")).collect();
    expected.sort_unstable();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{}", folder.display());
}

/// Commands and what came of them, with placeholders for what is another each time.
#[derive(Debug, Default)]
pub struct Transcript {
    text: String,
    placeholders: Vec<(String, String)>,
}

impl Transcript {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has a placeholder stand for something, such as a folder's path.
    pub fn hide(&mut self, what: impl Into<String>, placeholder: &str) {
        let what = what.into();
        if !what.is_empty() {
            self.placeholders.push((what, placeholder.to_owned()));
            // So that no path is taken for the beginning of another.
            self.placeholders.sort_by_key(|(what, _)| std::cmp::Reverse(what.len()));
        }
    }

    /// Adds a heading above the next commands.
    pub fn heading(&mut self, text: &str) {
        self.separate();
        self.text.push_str(&format!("# {text}\n"));
    }

    /// Adds a command and what came of it: its exit status, and what it wrote to either stream.
    pub fn add(&mut self, line: &str, ran: &Ran) {
        if !self.text.lines().last().is_some_and(|line| line.starts_with('#')) {
            self.separate();
        }
        let mut text = format!("$ {line}\n");
        for (name, stream) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            if !stream.is_empty() {
                let newline = if stream.ends_with('\n') { "" } else { "(no newline)\n" };
                text.push_str(&format!("[{name}]\n{stream}{newline}"));
            }
        }
        text.push_str(&format!("[exit status {}]\n", ran.status));
        for (what, placeholder) in &self.placeholders {
            text = text.replace(what, placeholder);
        }
        self.text.push_str(&without_times(&text));
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn separate(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }
}

/// Days, times of day, and spans of some minutes and seconds are another each time.
fn without_times(text: &str) -> String {
    const SHAPES: [(&str, &str); 4] = [
        ("0000-00-00T00:00:00.000000Z", "TIMESTAMP"),
        ("0000-00-00", "DATE"),
        ("00:00:00", "TIME"),
        ("0m00s", "SPAN"),
    ];
    let mut steady = String::with_capacity(text.len());
    let mut rest = text;
    'text: while let Some(letter) = rest.chars().next() {
        let after_digit = steady.ends_with(|before: char| before.is_ascii_digit());
        for (shape, placeholder) in SHAPES {
            if !after_digit && let Some(behind) = behind(rest, shape) {
                steady.push_str(placeholder);
                rest = behind;
                continue 'text;
            }
        }
        steady.push(letter);
        rest = rest.split_at(letter.len_utf8()).1;
    }
    steady
}

/// What is behind a beginning of this shape, in which `0` stands for any digit; the first of a span may be two.
fn behind<'a>(text: &'a str, shape: &str) -> Option<&'a str> {
    let text = if shape.starts_with("0m") && text.as_bytes().get(2) == Some(&b'm') {
        text.strip_prefix(|letter: char| letter.is_ascii_digit())?
    } else {
        text
    };
    let (head, rest) = text.split_at_checked(shape.len())?;
    let fits = head.chars().zip(shape.chars()).all(|(letter, wanted)| match wanted {
        '0' => letter.is_ascii_digit(),
        other => letter == other,
    });
    (fits && !rest.starts_with(|letter: char| letter.is_ascii_digit())).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_differs_is_shown_line_by_line_and_what_is_missing_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("text.txt");
        let missing = compare(&file, "one\n").unwrap_err();
        assert!(missing.contains("text.txt: No such file"), "{missing}");
        assert!(!file.exists());
        fs::write(&file, "one\ntwo\n").unwrap();
        assert_eq!(compare(&file, "one\ntwo\n"), Ok(()));
        let difference = compare(&file, "one\nthree\n").unwrap_err();
        assert!(difference.ends_with(" one\n-two\n+three\n"), "{difference}");
        assert_no_others(folder.path(), &["text"]);
    }

    #[test]
    fn what_is_another_each_time_is_hidden() {
        for (text, steady) in [
            (
                "locked for another 4m59s (until 23:59:59 on 2026-11-25)",
                "locked for another SPAN (until TIME on DATE)",
            ),
            ("14m05s", "SPAN"),
            ("2026-11-25T04:40:12.320994Z ERROR x", "TIMESTAMP ERROR x"),
            ("5m 30s 1d05h 114m05s 127.0.0.1:14000", "5m 30s 1d05h 114m05s 127.0.0.1:14000"),
            ("ä 1:2", "ä 1:2"),
        ] {
            assert_eq!(without_times(text), steady);
        }
    }

    #[test]
    fn a_transcript_has_both_streams_and_the_exit_status() {
        let mut transcript = Transcript::new();
        transcript.hide("/tmp/a", "HOME");
        transcript.hide("/tmp/a/run", "RUN");
        let ran = |status, stdout: &str, stderr: &str| Ran {
            status,
            stdout: stdout.into(),
            stderr: stderr.into(),
            took: Duration::ZERO,
        };
        transcript.add("x /tmp/a", &ran(2, "", "no /tmp/a/run/s\n"));
        transcript.heading("More");
        transcript.add("y", &ran(0, "out", ""));
        assert_eq!(
            transcript.text(),
            "$ x HOME\n[stderr]\nno RUN/s\n[exit status 2]\n\n# More\n$ y\n[stdout]\nout(no newline)\n[exit status 0]\n"
        );
    }
}
