//! A sheet on top of everything: lines, perhaps a field with the cursor, and the keys that it knows.

use super::text::{fit, tail, wrap};
use super::{Drawn, Look, lines, rows};
use crate::model::field::Field;
use crate::model::{Hit, Target};
use ratatui::Frame;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};
use unicode_width::UnicodeWidthStr;
use weka_token::failure::Failure;

/// The widest sheet.
const WIDEST: u16 = 78;
/// Border and padding, on both sides together.
const AROUND: u16 = 4;
/// Border, an empty line and the keys.
const ABOVE_AND_BELOW: u16 = 4;
/// The column of names.
const NAMES: usize = 14;
/// The column of keys in the help.
const KEYS: usize = 21;
/// The columns of marks and of what was looked at.
const MARK: usize = 5;
const CHECK: usize = 14;

/// What is drawn.
#[derive(Debug)]
pub(super) struct Sheet {
    title: String,
    rows: Vec<(Line<'static>, Option<Target>)>,
    keys: Vec<(&'static str, KeyCode, &'static str)>,
    /// Row and column.
    cursor: Option<(usize, usize)>,
    look: Look,
    /// Of the whole sheet.
    width: u16,
}

impl Sheet {
    pub(super) fn new(title: String, look: Look, screen_width: u16) -> Self {
        let width = screen_width.saturating_sub(2).min(WIDEST);
        Self { title, rows: Vec::new(), keys: Vec::new(), cursor: None, look, width }
    }

    fn inner(&self) -> usize {
        usize::from(self.width.saturating_sub(AROUND))
    }

    pub(super) fn key(&mut self, name: &'static str, code: KeyCode, what: &'static str) {
        self.keys.push((name, code, what));
    }

    pub(super) fn gap(&mut self) {
        self.rows.push((Line::default(), None));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.styled(text, Style::new());
    }

    pub(super) fn styled(&mut self, text: &str, style: Style) {
        for part in wrap(text, self.inner()) {
            self.rows.push((Line::from(Span::styled(part, style)), None));
        }
    }

    pub(super) fn item(&mut self, text: &str) {
        for (index, part) in wrap(text, self.inner().saturating_sub(2)).into_iter().enumerate() {
            let bullet = if index == 0 { "- " } else { "  " };
            self.rows.push((Line::from(format!("{bullet}{part}")), None));
        }
    }

    pub(super) fn fact(&mut self, name: &str, value: &str) {
        self.named(name, value, Style::new(), None);
    }

    /// Keys, and what they do.
    pub(super) fn keys(&mut self, names: &str, what: &str) {
        self.beside(&[(names, KEYS, self.look.faint())], what, Style::new(), None);
    }

    /// A mark, what it is about, and a sentence.
    pub(super) fn marked(&mut self, (mark, style): (&str, Style), about: &str, sentence: &str) {
        let before = [(mark, MARK, style), (about, CHECK, self.look.faint())];
        self.beside(&before, sentence, Style::new(), None);
    }

    /// A name, and what it stands for.
    pub(super) fn named(&mut self, name: &str, value: &str, style: Style, target: Option<Target>) {
        self.beside(&[(name, NAMES, self.look.faint())], value, style, target);
    }

    /// Columns that are there once, and a text that is wrapped beside them.
    fn beside(&mut self, columns: &[(&str, usize, Style)], text: &str, style: Style, target: Option<Target>) {
        let before: usize = columns.iter().map(|(_, width, _)| width).sum();
        for (index, part) in wrap(text, self.inner().saturating_sub(before)).into_iter().enumerate() {
            let once = |text| if index == 0 { text } else { "" };
            let columns =
                columns.iter().map(|(name, width, style)| Span::styled(fit(once(*name), *width, ""), *style));
            let line = columns.chain([Span::styled(part, style)]).collect::<Vec<_>>();
            self.rows.push((Line::from(line), target.clone()));
        }
    }

    /// A line to type on; `target` is what a click on it means.
    pub(super) fn field(&mut self, name: &str, field: &Field, focused: bool, target: Option<Target>) {
        let style = if field.is_offer() { self.look.faint() } else { Style::new() };
        let room = self.inner().saturating_sub(NAMES + 1);
        let before = tail(field.before(), room);
        if focused {
            self.cursor = Some((self.rows.len(), NAMES + before.width()));
        }
        let whole = field.whole();
        let after = whole.get(field.before().len()..).unwrap_or_default();
        let after = fit(after, room.saturating_sub(before.width()), "");
        self.typed(name, Span::styled(before, style), Span::styled(after, style), focused, target);
    }

    /// The line of a password of so many characters.
    pub(super) fn secret(&mut self, name: &str, count: usize, focused: bool, target: Option<Target>) {
        let room = self.inner().saturating_sub(NAMES + 1);
        let shown = count.min(room);
        if focused {
            self.cursor = Some((self.rows.len(), NAMES + shown));
        }
        let mask = Span::raw(self.look.mask().repeat(shown));
        self.typed(name, mask, Span::raw(" ".repeat(room - shown)), focused, target);
    }

    fn typed(
        &mut self,
        name: &str,
        before: Span<'static>,
        after: Span<'static>,
        focused: bool,
        target: Option<Target>,
    ) {
        let style = if focused { self.look.title() } else { self.look.faint() };
        let name = Span::styled(fit(name, NAMES, ""), style);
        self.rows.push((Line::from(vec![name, before, after]), target));
    }

    /// One of several things, of which one is chosen.
    pub(super) fn choice(&mut self, text: &str, chosen: bool, index: usize) {
        let mark = if chosen { "(*)" } else { "( )" };
        let style = if chosen { self.look.title() } else { Style::new() };
        let line = Line::from(Span::styled(format!("  {mark} {text}"), style));
        self.rows.push((line, Some(Target::Choice(index))));
    }

    /// The same, with a line to type on beside it.
    pub(super) fn typed_choice(&mut self, text: &str, field: &Field, chosen: bool, index: usize) {
        self.choice(&format!("{text}{}", field.whole()), chosen, index);
        if chosen {
            self.cursor = Some((self.rows.len() - 1, 6 + text.width() + field.before().width()));
        }
    }

    pub(super) fn failure(&mut self, failure: &Failure) {
        self.styled(&failure.message, self.look.bad());
        for step in &failure.next_steps {
            self.text(step);
        }
    }

    /// Rows of exactly what is given, as wide as there is room.
    pub(super) fn block(&mut self, text: &str, style: Style) {
        let letters: Vec<char> = text.chars().collect();
        for part in letters.chunks(self.inner().max(1)) {
            self.rows.push((Line::from(Span::styled(part.iter().collect::<String>(), style)), None));
        }
    }

    /// Draws it in the middle, `scroll` lines down.
    pub(super) fn draw(self, frame: &mut Frame<'_>, look: Look, screen: Rect, scroll: u16) -> Drawn {
        let height = rows(self.rows.len()).saturating_add(ABOVE_AND_BELOW).min(screen.height);
        let area = Rect {
            x: screen.x + screen.width.saturating_sub(self.width) / 2,
            y: screen.y + screen.height.saturating_sub(height) / 2,
            width: self.width,
            height,
        };
        let title = format!(" {} ", self.title);
        let block = Block::bordered().border_set(look.border()).title(Span::styled(title, look.title()));
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        let room = usize::from(height.saturating_sub(ABOVE_AND_BELOW));
        let hidden = self.rows.len().saturating_sub(room);
        let mut above = usize::from(scroll).min(hidden);
        if let Some((row, _)) = self.cursor {
            // Where something is typed is always seen.
            above = above.clamp((row + 1).saturating_sub(room), row.max((row + 1).saturating_sub(room)));
        }
        let inner = Rect {
            x: area.x + AROUND / 2,
            y: area.y + 1,
            width: area.width.saturating_sub(AROUND),
            height: rows(room),
        };
        let mut hits = Vec::new();
        for (index, (_, target)) in self.rows.iter().skip(above).take(room).enumerate() {
            if let Some(target) = target {
                let place = Rect { y: inner.y + rows(index), height: 1, ..inner };
                hits.push(Hit { area: place, target: target.clone() });
            }
        }
        if let Some((row, column)) = self.cursor {
            let x = inner.x + rows(column).min(inner.width.saturating_sub(1));
            frame.set_cursor_position(Position { x, y: inner.y + rows(row.saturating_sub(above)) });
        }
        let shown = self.rows.into_iter().skip(above).take(room).map(|(line, _)| line).collect();
        lines(frame, inner, shown);
        let below = Rect { y: area.y + area.height.saturating_sub(2), height: 1, ..inner };
        hits.extend(keys(frame, look, below, &self.keys, hidden > 0));
        Drawn { hits, above: rows(above) }
    }
}

fn keys(
    frame: &mut Frame<'_>,
    look: Look,
    area: Rect,
    keys: &[(&'static str, KeyCode, &'static str)],
    longer: bool,
) -> Vec<Hit> {
    let (mut spans, mut hits, mut x) = (Vec::new(), Vec::new(), area.x);
    let more = longer.then_some(("PgDn", KeyCode::PageDown, "more"));
    for (name, code, what) in keys.iter().copied().chain(more) {
        let width = rows(name.width() + 1 + what.width());
        hits.push(Hit { area: Rect { x, width, ..area }.intersection(area), target: Target::Key(code) });
        spans.extend([Span::styled(name, look.key()), Span::raw(format!(" {what}  "))]);
        x += width + 2;
    }
    frame.render_widget(Line::from(spans), area);
    hits
}
