//! Colours and shapes: the terminal's own 16 colours or none, and ASCII where the locale is not UTF-8. Nobody knows
//! whether the background is dark or light: yellow and cyan, which cannot be read on white, are never a text's colour.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;
use std::ffi::OsString;
use wire::State;

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Whether there are colours.
    pub(crate) colour: bool,
    /// Whether there is more than ASCII.
    pub(crate) unicode: bool,
}

impl Look {
    /// Whether the locale names UTF-8, as the C library decides it: the first variable that is set counts.
    pub(crate) fn is_utf8(lookup: impl Fn(&str) -> Option<OsString>) -> bool {
        let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| {
            lookup(name).filter(|value| !value.is_empty()).map(|value| value.to_string_lossy().to_lowercase())
        });
        set.is_some_and(|locale| locale.contains("utf-8") || locale.contains("utf8"))
    }

    /// Titles.
    #[must_use]
    pub(crate) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What may be overlooked.
    #[must_use]
    pub(crate) fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Keys that may be pressed.
    #[must_use]
    pub(crate) fn key(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is well.
    #[must_use]
    pub(crate) fn good(self) -> Style {
        self.coloured(Color::Green, Modifier::empty())
    }

    /// A sentence that wants attention.
    #[must_use]
    pub(crate) fn warning(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A word that wants attention.
    #[must_use]
    pub(crate) fn flag(self) -> Style {
        match self.colour {
            true => Style::new().fg(Color::Black).bg(Color::Yellow),
            false => self.warning(),
        }
    }

    /// What is wrong.
    #[must_use]
    pub(crate) fn bad(self) -> Style {
        self.coloured(Color::Red, Modifier::BOLD)
    }

    /// What is selected.
    #[must_use]
    pub(crate) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A state's word.
    #[must_use]
    pub(crate) fn state(self, state: State) -> Style {
        match state {
            State::Ready => self.good(),
            State::Starting | State::Degraded => self.flag(),
            _ => self.bad(),
        }
    }

    /// What is left of a token in that state.
    #[must_use]
    pub(crate) fn left(self, state: State) -> Style {
        match state {
            State::Ready => self.good(),
            State::Starting | State::Degraded => self.coloured(Color::Yellow, Modifier::empty()),
            _ => self.bad(),
        }
    }

    /// The frame of a dialog.
    #[must_use]
    pub(crate) const fn border(self) -> border::Set<'static> {
        if self.unicode {
            return border::PLAIN;
        }
        border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        }
    }

    /// A horizontal line.
    #[must_use]
    pub(crate) const fn rule(self) -> &'static str {
        if self.unicode { "─" } else { "-" }
    }

    /// Before what is selected.
    #[must_use]
    pub(crate) const fn pointer(self) -> &'static str {
        if self.unicode { "▸" } else { ">" }
    }

    /// For a character that is not shown.
    #[must_use]
    pub(crate) const fn mask(self) -> &'static str {
        if self.unicode { "•" } else { "*" }
    }

    /// At the end of what was cut off.
    #[must_use]
    pub(crate) const fn cut(self) -> &'static str {
        if self.unicode { "…" } else { "~" }
    }

    /// A gauge of this width: what is left of the whole.
    #[must_use]
    pub(crate) fn gauge(self, left: u64, whole: u64, width: usize) -> (String, String) {
        let (full, empty) = if self.unicode { ("█", "░") } else { ("#", ".") };
        let share = |cells: u64| left.min(whole).saturating_mul(cells).div_ceil(whole.max(1));
        let filled = usize::try_from(share(u64::try_from(width).unwrap_or(0))).unwrap_or(0).min(width);
        (full.repeat(filled), empty.repeat(width - filled))
    }

    /// A sparkline: one column per value, the largest one full.
    #[must_use]
    pub(crate) fn sparkline(self, values: &[u64]) -> String {
        const UNICODE: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        const ASCII: [char; 9] = ['_', '.', '.', ':', ':', '-', '=', '*', '#'];
        let levels = if self.unicode { UNICODE } else { ASCII };
        let largest = values.iter().copied().max().unwrap_or(0).max(1);
        let level =
            |value: u64| usize::try_from(value.saturating_mul(8).div_ceil(largest)).unwrap_or(8).min(8);
        values.iter().filter_map(|value| levels.get(level(*value))).collect()
    }

    fn coloured(self, colour: Color, otherwise: Modifier) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new().add_modifier(otherwise) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNICODE: Look = Look { colour: true, unicode: true };

    #[test]
    fn the_locale_is_read_as_the_c_library_does() {
        let locale = |pairs: &[(&str, &str)]| {
            Look::is_utf8(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        assert!(locale(&[("LANG", "C.UTF-8")]) && locale(&[("LC_CTYPE", "de_DE.utf8"), ("LANG", "C")]));
        assert!(locale(&[("LC_ALL", ""), ("LANG", "en_US.UTF-8")]));
        assert!(!locale(&[]) && !locale(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")]));
    }

    #[test]
    fn no_text_is_in_a_colour_that_cannot_be_read_on_white() {
        use State::{Degraded, LockedOut, Ready, Starting};
        let states = [Starting, Ready, Degraded, LockedOut].map(|state| UNICODE.state(state));
        let others = [
            UNICODE.title(),
            UNICODE.key(),
            UNICODE.warning(),
            UNICODE.good(),
            UNICODE.bad(),
            UNICODE.flag(),
        ];
        for style in states.into_iter().chain(others) {
            assert!(!matches!(style.fg, Some(Color::Yellow | Color::Cyan | Color::White)), "{style:?}");
            assert!(style.bg.is_none() || style.fg == Some(Color::Black), "{style:?}");
        }
    }

    #[test]
    fn a_gauge_drains_and_is_empty_only_at_the_end() {
        let gauge = |left, whole| UNICODE.gauge(left, whole, 4).0.chars().count();
        let drained: Vec<_> = [300, 299, 225, 150, 1, 0].map(|left| gauge(left, 300)).to_vec();
        assert_eq!(drained, [4, 4, 3, 2, 1, 0]);
        assert_eq!((gauge(5, 0), gauge(9, 3)), (0, 4));
    }

    #[test]
    fn a_sparkline_shows_whatever_is_more_than_nothing() {
        assert_eq!(UNICODE.sparkline(&[0, 1, 100, 50, 0]), "·▁█▄·");
        assert_eq!(UNICODE.sparkline(&[0, 0]), "··");
        let ascii = Look { colour: false, unicode: false };
        assert_eq!(ascii.sparkline(&[0, 1, 8]), "_.#");
    }
}
