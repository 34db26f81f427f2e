//! The text after a command's options, in sections as manual pages have them.

use clap_mangen::roff::{Roff, bold, roman};

/// A heading is short and of plain words; a sentence with a colon in it is not one.
const LONGEST_HEADING: usize = 20;

/// A section of a manual page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section<'a> {
    /// Without the colon; none where the text begins without one.
    pub(crate) heading: Option<&'a str>,
    /// Its lines, with their indentation.
    pub(crate) lines: Vec<&'a str>,
}

/// Finds the sections of a help text: each begins after an empty line, and most with `Heading:`.
pub(crate) fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut begins = true;
    for line in text.lines() {
        if line.trim().is_empty() {
            begins = true;
            continue;
        }
        match (std::mem::take(&mut begins), sections.last_mut()) {
            (false, Some(section)) => section.lines.push(line),
            _ => {
                let (heading, rest) = split_heading(line);
                let lines = if rest.is_empty() { Vec::new() } else { vec![rest] };
                sections.push(Section { heading, lines });
            }
        }
    }
    sections
}

fn split_heading(line: &str) -> (Option<&str>, &str) {
    let is_heading = |words: &str| {
        words.len() <= LONGEST_HEADING
            && words.starts_with(|letter: char| letter.is_ascii_uppercase())
            && words.chars().all(|letter| letter.is_ascii_alphabetic() || letter == ' ')
    };
    match line.split_once(':') {
        Some((words, rest)) if is_heading(words) => (Some(words), rest.trim_start()),
        _ => (None, line),
    }
}

impl Section<'_> {
    /// Sets the lines: a table as terms and what they mean, other indented lines as they are, the rest as text.
    pub(crate) fn set(&self, page: &mut Roff) {
        if self.lines.iter().any(|line| split_term(line).is_some_and(|(_, meaning)| !meaning.is_empty())) {
            self.set_table(page);
            return;
        }
        let mut literal = false;
        for line in &self.lines {
            let indented = line.starts_with(' ');
            if indented != literal {
                for request in if indented { ["RS", "nf"] } else { ["fi", "RE"] } {
                    page.control(request, []);
                }
                literal = indented;
            }
            page.text([roman(line.trim_start())]);
        }
        if literal {
            page.control("fi", []);
            page.control("RE", []);
        }
    }

    fn set_table(&self, page: &mut Roff) {
        for line in &self.lines {
            match split_term(line) {
                Some((term, meaning)) => {
                    page.control("TP", []);
                    page.text([bold(term)]);
                    if !meaning.is_empty() {
                        page.text([roman(meaning)]);
                    }
                }
                None => {
                    page.text([roman(line.trim())]);
                }
            }
        }
    }
}

/// Takes `  term   meaning` apart; a line that is indented further goes on with the meaning before it.
fn split_term(line: &str) -> Option<(&str, &str)> {
    let row = line.strip_prefix("  ").filter(|row| !row.starts_with(' '))?;
    let (term, meaning) = row.split_once("  ").unwrap_or((row, ""));
    Some((term, meaning.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> String {
        let mut page = Roff::new();
        for section in sections(text) {
            section.set(&mut page);
        }
        page.to_roff()
    }

    #[test]
    fn sections_begin_after_an_empty_line_and_headings_are_plain_words() {
        let found = sections(
            "What is not given comes from: elsewhere.\n\nExit status: 0 if all is well,\nelse 1.\n\nExamples:\n  a: b",
        );
        let expected = [
            (None, vec!["What is not given comes from: elsewhere."]),
            (Some("Exit status"), vec!["0 if all is well,", "else 1."]),
            (Some("Examples"), vec!["  a: b"]),
        ];
        let found: Vec<_> = found.into_iter().map(|section| (section.heading, section.lines)).collect();
        assert_eq!(found, expected);
        assert!(sections("").is_empty());
    }

    #[test]
    fn examples_stay_as_they_are() {
        assert_eq!(
            set("Examples:\n  weka-token get\n  .hidden"),
            ".RS\n.nf\nweka\\-token get\n\\&.hidden\n.fi\n.RE\n"
        );
        assert_eq!(set("Signals:\none\n  two"), "one\n.RS\n.nf\ntwo\n.fi\n.RE\n");
    }

    #[test]
    fn a_table_becomes_terms_and_meanings() {
        assert_eq!(
            set("Environment:\n  A_B   the first\n  C, D\n        the second"),
            ".TP\n\\fBA_B\\fR\nthe first\n.TP\n\\fBC, D\\fR\nthe second\n"
        );
    }
}
