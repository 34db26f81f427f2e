//! Text that fits: without what could move the cursor, wrapped at words, or cut off.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Text from outside, on one line.
pub(super) fn clean(text: &str) -> String {
    weka_token::client::printable(text).replace('\n', " ")
}

/// Lines of at most `width` columns, broken between words where that is possible.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in clean(text).split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            if line.width() + letter.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The text in exactly `width` columns, its end cut off or filled up.
pub(super) fn fit(text: &str, width: usize, cut: &str) -> String {
    let mut text = clean(text);
    if text.width() > width {
        while text.width() + cut.width() > width && text.pop().is_some() {}
        text.push_str(cut);
    }
    let missing = width.saturating_sub(text.width());
    text + &" ".repeat(missing)
}

/// The end of a text that fits into `width` columns: where it is being typed.
pub(super) fn tail(text: &str, width: usize) -> String {
    let mut text = clean(text);
    while text.width() > width && !text.is_empty() {
        text.remove(0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrap("a bc  def ghij", 6), ["a bc", "def", "ghij"]);
        assert_eq!(wrap("sha256:0123456789 x", 10), ["sha256:012", "3456789 x"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("ab", 0), ["a", "b"]);
    }

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        assert_eq!(clean("a\x1b[2J\nb"), "a\u{fffd}[2J b");
        assert!(wrap("x\ty\r\x07z", 80).iter().all(|line| !line.contains(char::is_control)));
    }

    #[test]
    fn what_is_too_long_is_cut_off_and_what_is_short_is_filled_up() {
        assert_eq!((fit("abcdef", 4, "…").as_str(), fit("ab", 4, "…").as_str()), ("abc…", "ab  "));
        assert_eq!(fit("日本語", 5, "…"), "日本…");
        assert_eq!(fit("abc", 0, ""), "");
        assert_eq!((tail("abcdef", 3).as_str(), tail("ab", 3).as_str()), ("def", "ab"));
    }
}
