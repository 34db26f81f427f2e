//! Rows as a table for a terminal: each cell has as many lines as it needs.

use crate::bench::row::{Figure, Row};

/// Between two columns.
const GAP: &str = "  ";
/// Words of the first two columns are put on the next line after so many characters.
const WIDTH: usize = 34;
/// And those of notes.
const NOTE: usize = 52;

/// The table, with a line of titles.
pub(crate) fn render(rows: &[Row]) -> String {
    let titles = ["what", "goal", "seen: median (p10 to p90)", "peers", "met"];
    let mut cells = vec![titles.map(|title| vec![title.to_owned()])];
    cells.extend(rows.iter().map(row_cells));
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let lines = cells.iter().filter_map(|row| row.get(column)).flatten();
        lines.map(|line| line.chars().count()).max().unwrap_or_default()
    });
    let mut table = String::new();
    for (number, row) in cells.iter().enumerate() {
        for line in 0..row.iter().map(Vec::len).max().unwrap_or_default() {
            let columns = row.iter().zip(widths).map(|(cell, width)| {
                let text = cell.get(line).map(String::as_str).unwrap_or_default();
                format!("{text:width$}")
            });
            table.push_str(columns.collect::<Vec<_>>().join(GAP).trim_end());
            table.push('\n');
        }
        if number == 0 {
            let rules = widths.map(|width| "-".repeat(width));
            table.push_str(&(rules.join(GAP) + "\n"));
        }
    }
    table
}

fn row_cells(row: &Row) -> [Vec<String>; 5] {
    let lines = |figures: &[Figure]| figures.iter().map(Figure::line).collect::<Vec<_>>();
    let mut seen = lines(&row.seen);
    seen.extend(row.notes.iter().flat_map(|note| wrapped(note, NOTE)));
    [
        wrapped(row.what, WIDTH),
        wrapped(row.goal, WIDTH),
        seen,
        lines(&row.peers),
        vec![row.verdict.as_str().to_owned()],
    ]
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::row::{Unit, Verdict};
    use crate::bench::samples::Spread;

    #[test]
    fn cells_stand_below_their_titles_however_many_lines_they_have() {
        let peer = |name: &str, value| Figure::new(name, Unit::Milliseconds, Spread::exactly(value));
        let row = Row {
            what: "start",
            goal: "at most 5 ms",
            seen: vec![Figure::pieces("starts", 3)],
            peers: vec![peer("one", 1.0), peer("another", 20.5)],
            notes: vec!["a note".into()],
            verdict: Verdict::Met,
        };
        let expected = "\
what   goal          seen: median (p10 to p90)  peers              met
-----  ------------  -------------------------  -----------------  ---
start  at most 5 ms  starts 3                   one 1.000 ms       yes
                     a note                     another 20.500 ms
";
        assert_eq!(render(&[row]), expected);
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        let text = "gets per second over kept connections, one core";
        assert_eq!(
            wrapped(text, WIDTH),
            ["gets per second over kept", "connections, one core"].map(str::to_owned)
        );
        assert_eq!(wrapped(&"x".repeat(99), WIDTH), ["x".repeat(99)]);
    }
}
