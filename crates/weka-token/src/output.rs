//! Results on stdout, in one write; everything else on stderr.

use crate::failure::{FAILED, Failure};
use crate::sys;
use crate::wrap::wrapped;
use nix::errno::Errno;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::process::ExitCode;

/// Whether anybody still reads stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    There,
    Gone,
}

/// Writes a result to stdout. A reader that has gone away is no failure.
///
/// # Errors
/// Anything else that keeps the bytes from being written, such as a full disk.
pub(crate) fn result(bytes: &[u8]) -> Result<Reader, Failure> {
    let stdout = io::stdout();
    let mut rest = bytes;
    // Not through the standard library's buffer, which would keep a copy of a token.
    while !rest.is_empty() {
        match nix::unistd::write(&stdout, rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(Errno::EPIPE) => return Ok(Reader::Gone),
            Err(error) => {
                let reason = io::Error::from(error);
                return Err(Failure::new(FAILED, format!("cannot write to standard output: {reason}")));
            }
        }
    }
    Ok(Reader::There)
}

/// Looked at before something is made that only its reader will have: a program that is started with its standard
/// output closed writes to /dev/null as well.
///
/// # Errors
/// What is written to stdout goes nowhere.
pub(crate) fn would_be_kept() -> Result<(), Failure> {
    let null = nix::sys::stat::stat("/dev/null").map(|null| null.st_rdev);
    let stdout = nix::sys::stat::fstat(io::stdout()).map(|stdout| stdout.st_rdev);
    if null.is_ok_and(|null| stdout == Ok(null)) {
        return Err(Failure::new(
            FAILED,
            "standard output is closed or /dev/null, so nobody would have the token; none was made",
        ));
    }
    Ok(())
}

/// Says something on stderr; if nobody can hear it, so be it.
pub(crate) fn say(text: &str) {
    let mut line = wrapped(&printable(text), sys::columns(io::stderr()));
    line.push('\n');
    io::stderr().write_all(line.as_bytes()).unwrap_or_default();
}

/// Reports a failure on stderr and gives its exit status.
pub(crate) fn report(program: &str, failure: &Failure, colour: bool) -> ExitCode {
    if !failure.message.is_empty() {
        let coloured = colour && io::stderr().is_terminal();
        let text = describe(program, failure, coloured, sys::columns(io::stderr()));
        io::stderr().write_all(text.as_bytes()).unwrap_or_default();
    }
    ExitCode::from(failure.status)
}

/// The message is broken between words where it is longer than the terminal is wide; a next step stays in one piece,
/// since it may be a command to copy.
fn describe(program: &str, failure: &Failure, coloured: bool, columns: Option<usize>) -> String {
    let (on, off) = if coloured { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    let message = wrapped(&format!("{program}: {}", printable(&failure.message)), columns);
    let message = message.strip_prefix(program).and_then(|rest| rest.strip_prefix(':')).unwrap_or(&message);
    let mut text = format!("{on}{program}:{off}{message}\n");
    for step in &failure.next_steps {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = writeln!(text, "  {}", printable(step));
    }
    text
}

/// Text that may come from a cluster, without what could move a terminal's cursor, change its colours, or turn the
/// order of what follows around.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_harmless = |letter: char| letter == '\n' || !(letter.is_control() || turns_around(letter));
    text.chars().map(|letter| if is_harmless(letter) { letter } else { '\u{fffd}' }).collect()
}

/// Unicode's marks for the direction of text (UAX 9).
const fn turns_around(letter: char) -> bool {
    matches!(letter, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_a_line_and_its_next_steps() {
        let failure = Failure::new(4, "profile prod needs a login").then("run: weka-token login -p prod");
        assert_eq!(
            describe("weka-token", &failure, false, None),
            "weka-token: profile prod needs a login\n  run: weka-token login -p prod\n"
        );
        let coloured = describe("weka-token", &failure, true, Some(80));
        assert!(coloured.starts_with("\x1b[1;31mweka-token:\x1b[0m profile"));
    }

    #[test]
    fn a_long_message_is_broken_between_words_and_a_command_is_not() {
        let failure = Failure::new(4, "profile prod needs a login").then("run: weka-token login -p prod");
        assert_eq!(
            describe("weka-token", &failure, false, Some(25)),
            "weka-token: profile prod\nneeds a login\n  run: weka-token login -p prod\n"
        );
    }

    #[test]
    fn a_name_cannot_turn_the_line_around() {
        assert_eq!(printable("admin\u{202e}x\u{2066}é日\n"), "admin\u{fffd}x\u{fffd}é日\n");
    }

    #[test]
    fn a_cluster_cannot_write_to_the_terminal() {
        let failure = Failure::new(1, "bad\x1b[2Jnews\u{9b}31m").then("a\rb");
        let text = describe("weka-token", &failure, false, None);
        assert!(!text.contains(['\x1b', '\u{9b}', '\r']), "{text:?}");
    }
}
