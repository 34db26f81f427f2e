//! The clipboard of whoever sits in front of the terminal, by OSC 52: also over SSH, where there is no other way.
//!
//! No terminal says whether it took the text. tmux takes it itself, and hands it on to the terminal around it
//! (`load-buffer -w`, since 3.2): it drops OSC 52 of programs unless it is told not to.

use crate::failure::{FAILED, Failure};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// The name of tmux's buffer while the text is handed on.
const BUFFER: &str = "weka-token";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A terminal that may have a clipboard.
#[derive(Debug)]
pub(crate) struct Clipboard {
    terminal: File,
    in_tmux: bool,
}

impl Clipboard {
    /// That of the terminal that this process belongs to, whatever its standard streams are.
    pub(crate) fn open(in_tmux: bool) -> Option<Self> {
        let terminal = OpenOptions::new().write(true).open("/dev/tty").ok()?;
        Some(Self { terminal, in_tmux })
    }

    /// Puts a secret onto it.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub(crate) fn take(&self, text: &str) -> Result<(), Failure> {
        if self.in_tmux && by_tmux(text) {
            return Ok(());
        }
        (&self.terminal)
            .write_all(sequence(text).as_bytes())
            .map_err(|error| Failure::new(FAILED, format!("cannot write to the terminal: {error}")))
    }
}

/// The control sequence (xterm's `ctlseqs`: OSC 52 ; c ; base64 ; BEL).
pub(crate) fn sequence(text: &str) -> Zeroizing<String> {
    // Never grown, so no copy of the secret is left behind.
    let mut sequence = Zeroizing::new(String::with_capacity(text.len().div_ceil(3) * 4 + 16));
    sequence.push_str("\x1b]52;c;");
    for chunk in text.as_bytes().chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            let letter = ALPHABET.get(index).filter(|_| place <= chunk.len());
            sequence.push(char::from(*letter.unwrap_or(&b'=')));
        }
    }
    sequence.push('\x07');
    sequence
}

fn by_tmux(text: &str) -> bool {
    let tmux = |arguments: &[&str], input: &str| {
        let child = Command::new("tmux")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else { return false };
        let written = child.stdin.take().is_some_and(|mut stdin| stdin.write_all(input.as_bytes()).is_ok());
        child.wait().is_ok_and(|status| status.success()) && written
    };
    let loaded = tmux(&["load-buffer", "-w", "-b", BUFFER, "-"], text);
    // The clipboard is where it was asked for; nowhere else.
    loaded && tmux(&["delete-buffer", "-b", BUFFER], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_holds_base64() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("a.b-c_d", "YS5iLWNfZA=="),
        ] {
            assert_eq!(*sequence(text), format!("\x1b]52;c;{encoded}\x07"));
        }
    }

    #[test]
    fn the_buffer_is_large_enough_at_once() {
        let text = "x".repeat(601);
        let sequence = sequence(&text);
        assert!(sequence.capacity() < 2 * sequence.len(), "it was not grown by doubling");
    }
}
