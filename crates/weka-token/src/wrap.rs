//! Text that is broken between words where a terminal would break it within them.

/// A terminal narrower than this is no place to read anything.
const NARROWEST: usize = 20;
/// What follows these is to be copied, and stays in one piece.
const COMMANDS: [&str; 2] = ["run:", "add:"];

/// The text with no line longer than `columns`, but for words that are, for commands to copy, and for lines that are
/// indented: those are tables, and values to compare. Without a number of columns nothing is broken.
pub(crate) fn wrapped(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.filter(|&columns| columns >= NARROWEST) else { return text.to_owned() };
    let lines: Vec<_> = text.split('\n').map(|line| line_wrapped(line, columns)).collect();
    lines.join("\n")
}

fn line_wrapped(line: &str, columns: usize) -> String {
    if line.starts_with(' ') || line.chars().count() <= columns {
        return line.to_owned();
    }
    let (mut text, mut length) = (String::with_capacity(line.len() + 8), 0);
    let mut rest = line;
    while !rest.is_empty() {
        let (piece, behind) = first_piece(rest);
        let wanted = piece.trim_end_matches(' ').chars().count();
        if length > 0 && length + wanted > columns {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
            length = 0;
        }
        text.push_str(piece);
        length += piece.chars().count();
        rest = behind;
    }
    text
}

/// A word with the spaces behind it, or a command as far as it goes: to a comma, a semicolon or the end.
fn first_piece(text: &str) -> (&str, &str) {
    let word = text.split(' ').next().unwrap_or_default();
    let end = if COMMANDS.contains(&word) {
        text.find([',', ';']).map_or(text.len(), |at| at + 1)
    } else {
        word.len()
    };
    let behind = text.get(end..).unwrap_or_default();
    text.split_at(end + behind.len() - behind.trim_start_matches(' ').len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let text = "This ends every token of alice, at once and everywhere";
        assert_eq!(wrapped(text, Some(25)), "This ends every token of\nalice, at once and\neverywhere");
        assert_eq!(wrapped(text, Some(54)), text);
        assert_eq!(wrapped(text, None), text);
        assert_eq!(wrapped(text, Some(3)), text);
    }

    #[test]
    fn what_is_indented_and_a_long_word_are_left_whole() {
        let long = "x".repeat(30);
        let table = format!("short\n  fingerprint  {long}");
        assert_eq!(wrapped(&table, Some(20)), table);
        assert_eq!(wrapped(&format!("a {long} and more"), Some(20)), format!("a\n{long}\nand more"));
        assert_eq!(wrapped("", Some(20)), "");
        assert_eq!(wrapped("a\n", Some(20)), "a\n");
    }

    #[test]
    fn a_command_to_copy_is_in_one_piece() {
        assert_eq!(
            wrapped("the password is to be changed; run: weka-token passwd -p prod", Some(20)),
            "the password is to\nbe changed;\nrun: weka-token passwd -p prod"
        );
        assert_eq!(
            wrapped("run: chmod go-w /srv/weka, or choose another folder", Some(20)),
            "run: chmod go-w /srv/weka,\nor choose another\nfolder"
        );
    }
}
