//! What was found, for people: one line each, its remedy below it, and what to do first at the end.

use crate::output::printable;
use crate::wrap;
use wire::{Finding, Level};

/// A line of this many columns is as wide as any window.
const UNBOUND: usize = usize::MAX;

/// Where it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) coloured: bool,
    /// The rows and columns of the window, if it is one.
    pub(super) window: Option<(usize, usize)>,
}

/// All of it. What does not fit in the window is told in fewer words, where it is well.
pub(super) fn text(findings: &[Finding], style: Style) -> String {
    let whole = write(findings, style);
    match style.window {
        // The prompt wants a row, too.
        Some((rows, _)) if whole.lines().count() >= rows => write(&folded(findings), style),
        _ => whole,
    }
}

/// Of what is well, or was not looked at for one reason, the first of each kind and how many more there are.
fn folded(findings: &[Finding]) -> Vec<Finding> {
    let is_alike = |a: &Finding, b: &Finding| {
        a.level == b.level
            && match a.level {
                Level::Ok => a.check == b.check,
                Level::NotChecked => a.message == b.message,
                Level::Warn | Level::Bad => false,
            }
    };
    let mut folded: Vec<(Finding, usize)> = Vec::new();
    for finding in findings {
        match folded.iter_mut().find(|(first, _)| is_alike(first, finding)) {
            Some((_, more)) => *more += 1,
            None => folded.push((finding.clone(), 0)),
        }
    }
    let told = |(mut finding, more): (Finding, usize)| {
        if more > 0 {
            finding.message.push_str(&format!(" (and {more} more)"));
        }
        finding
    };
    folded.into_iter().map(told).collect()
}

fn write(findings: &[Finding], style: Style) -> String {
    let width = findings.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0);
    let indent = 4 + 2 + width + 2;
    let columns = style.window.map_or(UNBOUND, |(_, columns)| columns);
    let mut text = String::new();
    for finding in findings {
        let mark = mark(finding.level, style.coloured);
        let (check, message) = (one_line(&finding.check), one_line(&finding.message));
        text.push_str(&format!("{mark}  {check:<width$}  {}\n", wrapped(&message, indent, columns)));
        if let Some(fix) = &finding.fix {
            let fix = wrapped(&one_line(fix), indent + 3, columns);
            text.push_str(&format!("{:indent$}-> {fix}\n", ""));
        }
    }
    text.push('\n');
    text.push_str(&wrapped(&in_short(findings), 0, columns));
    text.push('\n');
    text
}

/// All of it in one sentence: how much is wrong, and what to do first.
#[must_use]
pub fn in_short(findings: &[Finding]) -> String {
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let (bad, warnings) = (count(Level::Bad), count(Level::Warn));
    let first = findings.iter().filter(|finding| finding.level == Level::Bad).find_map(|it| it.fix.as_ref());
    match (bad, warnings, first) {
        (0, 0, _) => "nothing is wrong".to_owned(),
        (0, _, _) => format!("nothing needs you; worth a look: {warnings}"),
        (_, _, Some(fix)) => format!("wrong: {bad}; first: {}", one_line(fix)),
        (_, _, None) => format!("wrong: {bad}"),
    }
}

/// A line that stands behind `indent` columns, broken between words where it would be wider than the window.
fn wrapped(line: &str, indent: usize, columns: usize) -> String {
    wrap::wrapped(line, columns.checked_sub(indent)).replace('\n', &format!("\n{:indent$}", ""))
}

/// How bad something is, in at most four letters, so that it is told without colour, too.
#[must_use]
pub const fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warn => "warn",
        Level::Bad => "BAD",
        Level::NotChecked => "-",
    }
}

fn mark(level: Level, coloured: bool) -> String {
    let word = format!("{:<4}", word(level));
    let colour = match level {
        Level::Ok => "32",
        Level::Warn => "33",
        Level::Bad => "31",
        Level::NotChecked => "2",
    };
    if coloured { format!("\x1b[{colour}m{word}\x1b[0m") } else { word }
}

fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { coloured: false, window: None };

    #[test]
    fn a_person_reads_marks_fixes_and_what_comes_first() {
        let sample = super::super::sample();
        let text = text(&sample, PLAIN);
        assert!(text.starts_with("ok    socket  weka-tokend answers on /run/s\nBAD   tls     "), "{text}");
        assert!(text.contains("\n              -> run: weka-token trust\n"), "{text}");
        assert!(text.ends_with("\nwrong: 1; first: run: weka-token trust\n"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
        let ok = [Finding::new("socket", Level::Ok, "it answers")];
        assert!(super::text(&ok, PLAIN).ends_with("\nnothing is wrong\n"));
        let coloured = Style { coloured: true, ..PLAIN };
        assert!(super::text(&sample, coloured).contains("\x1b[31mBAD \x1b[0m"));
    }

    #[test]
    fn long_lines_are_broken_between_words_below_where_they_began() {
        let long = [Finding::new("sink", Level::Bad, "sink /srv/weka/header: others can write to /srv/weka")
            .fix("run: chmod go-w /srv/weka, or choose another folder")];
        let text = text(&long, Style { window: Some((24, 44)), ..PLAIN });
        let expected = "\
BAD   sink  sink /srv/weka/header: others
            can write to /srv/weka
            -> run: chmod go-w /srv/weka, or
               choose another folder
";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.lines().all(|line| line.len() <= 44), "{text}");
    }

    #[test]
    fn what_is_well_is_told_in_fewer_words_where_the_window_is_too_small_for_all() {
        let mut findings: Vec<_> = (0..30)
            .map(|n| Finding::new("login", Level::Ok, format!("profile p{n} has a live token")))
            .collect();
        findings.push(Finding::new("clock", Level::Warn, "one"));
        findings.push(Finding::new("clock", Level::Warn, "two"));
        let small = Style { window: Some((24, 80)), ..PLAIN };
        let expected = "\
ok    login  profile p0 has a live token (and 29 more)
warn  clock  one
warn  clock  two

nothing needs you; worth a look: 2
";
        assert_eq!(text(&findings, small), expected);
        assert_eq!(text(&findings, PLAIN).lines().count(), 34);
        assert_eq!(text(&findings, Style { window: Some((36, 80)), ..PLAIN }).lines().count(), 34);
    }
}
