//! A block of lines on a terminal that is rewritten in place.

use crate::failure::Failure;
use crate::output::{self, Reader};
use crate::sys;

/// Hides the cursor and stops lines from wrapping: one line is one row, however narrow the window.
const OPEN: &str = "\x1b[?25l\x1b[?7l";
const CLOSE: &str = "\r\x1b[K\x1b[?7h\x1b[?25h";

/// The block.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    drawn: usize,
}

impl Screen {
    /// Rewrites the block, in one write and without blanking it first.
    pub(crate) fn draw(&mut self, lines: &[String]) -> Result<Reader, Failure> {
        let (text, drawn) = frame(lines, self.drawn, sys::size(std::io::stdout()).map(|(rows, _)| rows));
        self.drawn = drawn;
        output::result(text.as_bytes())
    }

    /// Starts anew on an empty screen, after the window has changed its size.
    pub(crate) fn clear(&mut self) -> Result<Reader, Failure> {
        self.drawn = 0;
        output::result(b"\x1b[H\x1b[2J")
    }

    /// Leaves the block where it is and gives the terminal back.
    pub(crate) fn release(&mut self) {
        self.drawn = 0;
        // Nothing can be done about a terminal that has gone.
        output::result(CLOSE.as_bytes()).ok();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.release();
    }
}

/// The bytes that put `lines` over a block of `drawn` lines, and how many lines there are then.
fn frame(lines: &[String], drawn: usize, rows: Option<usize>) -> (String, usize) {
    // The cursor rests below the block, so one row is not for us.
    let room = rows.map_or(usize::MAX, |rows| rows.saturating_sub(1).max(1));
    let mut text = String::from(OPEN);
    if drawn > 0 {
        text.push_str(&format!("\r\x1b[{drawn}A"));
    }
    let mut row = |line: &str| {
        text.push_str(line);
        text.push_str("\x1b[K\n");
    };
    let count = if lines.len() > room {
        lines.iter().take(room - 1).for_each(|line| row(line));
        row(&format!("({} more lines)", lines.len() - (room - 1)));
        room
    } else {
        lines.iter().for_each(|line| row(line));
        lines.len()
    };
    text.push_str("\x1b[J");
    (text, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|n| n.to_string()).collect()
    }

    #[test]
    fn a_second_frame_goes_over_the_first() {
        let (first, drawn) = frame(&lines(2), 0, Some(24));
        assert_eq!((first.as_str(), drawn), ("\x1b[?25l\x1b[?7l0\x1b[K\n1\x1b[K\n\x1b[J", 2));
        let (second, drawn) = frame(&lines(1), drawn, Some(24));
        assert_eq!((second.as_str(), drawn), ("\x1b[?25l\x1b[?7l\r\x1b[2A0\x1b[K\n\x1b[J", 1));
    }

    #[test]
    fn a_block_taller_than_the_window_is_cut() {
        let (text, drawn) = frame(&lines(30), 0, Some(10));
        assert_eq!(drawn, 9);
        assert!(text.contains("7\x1b[K\n(22 more lines)"), "{text:?}");
        assert!(!text.contains("8\x1b[K"), "{text:?}");
        assert_eq!(frame(&lines(3), 0, Some(1)).1, 1);
        assert_eq!(frame(&lines(100), 0, None).1, 100);
    }
}
