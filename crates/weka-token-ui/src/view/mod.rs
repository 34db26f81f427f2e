//! The model as a picture, and where in it a click does something. Nothing here changes anything.
//!
//! - [`look`]: colours and shapes
//! - `text`: text that fits
//! - `profiles` and `detail`: the list, and what is known of the selected profile
//! - `sheet` and `dialogs`: what lies on top

pub(crate) mod look;

mod detail;
mod dialogs;
mod profiles;
mod sheet;
mod text;

pub(crate) use look::Look;

use crate::model::keys::BINDINGS;
use crate::model::notice::Tone;
use crate::model::{Hit, Model, SMALLEST, Target};
use ratatui::Frame;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use text::{clean, wrap};
use unicode_width::UnicodeWidthStr;
use weka_token::failure::NO_DAEMON;

/// How many rows a notice, or what is wrong with the daemon, may take.
const NOTICE_ROWS: usize = 4;

/// What the model has to know of a picture of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// Where a click does something.
    pub(crate) hits: Vec<Hit>,
    /// How many lines of the details, or of a dialog, are above what is seen.
    pub(crate) above: u16,
}

/// Draws the model.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model, look: Look) -> Drawn {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(frame, area);
        return Drawn::default();
    }
    let mut hits = Vec::new();
    let mut rest = area;
    header(frame, model, look, cut_top(&mut rest, 1));
    let banner = banner(model, look, usize::from(area.width) - 2);
    lines(frame, cut_top(&mut rest, rows(banner.len())), banner);
    hits.extend(footer(frame, look, cut_bottom(&mut rest, 1)));
    let notice = notice(model, look, usize::from(area.width) - 2);
    lines(frame, cut_bottom(&mut rest, rows(notice.len())), notice);
    let list = profiles::rows(model.daemon.profiles().len(), rest.height);
    hits.extend(profiles::draw(frame, model, look, cut_top(&mut rest, list)));
    hits.push(Hit { area: rest, target: Target::Details });
    let above = detail::draw(frame, model, look, rest);
    if let Some(dialog) = &model.dialog {
        let sheet = dialogs::sheet(dialog, look, area.width);
        // What lies below cannot be clicked on.
        return sheet.draw(frame, look, area, model.scroll);
    }
    Drawn { hits, above }
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let (columns, least_rows) = SMALLEST;
    let sentence = format!(
        "weka-token needs {columns} columns and {least_rows} rows; this terminal has {} and {}. Enlarge it, or press q.",
        area.width, area.height
    );
    let wrapped = wrap(&sentence, usize::from(area.width));
    lines(frame, area, wrapped.into_iter().map(Line::from).collect());
}

fn header(frame: &mut Frame<'_>, model: &Model, look: Look, area: Rect) {
    let right = match (&model.daemon.trouble, &model.daemon.status) {
        (Some(trouble), _) if trouble.status == NO_DAEMON => Span::styled("no daemon ", look.bad()),
        (Some(_), _) => Span::styled("no answer ", look.bad()),
        (None, None) => Span::styled("connecting... ", look.faint()),
        (None, Some(status)) => {
            let daemon = &status.daemon;
            let said = format!("weka-tokend {}, pid {} ", clean(&daemon.version), daemon.pid);
            Span::styled(said, look.faint())
        }
    };
    frame.render_widget(Line::from(vec![" ".into(), Span::styled("weka-token", look.title())]), area);
    frame.render_widget(Line::from(right).right_aligned(), area);
}

/// What is wrong with the daemon itself.
fn banner(model: &Model, look: Look, width: usize) -> Vec<Line<'static>> {
    let sentences: Vec<String> = match (&model.daemon.trouble, &model.daemon.status) {
        (Some(trouble), _) => {
            let steps = trouble.next_steps.iter().cloned();
            let first = format!("{}; it is tried again and again", trouble.message);
            std::iter::once(first).chain(steps).collect()
        }
        (None, Some(status)) => status.daemon.notes.clone(),
        (None, None) => Vec::new(),
    };
    let style = if model.daemon.trouble.is_some() { look.bad() } else { look.warning() };
    sentences_as_lines(&sentences, width, style)
}

fn notice(model: &Model, look: Look, width: usize) -> Vec<Line<'static>> {
    let Some(notice) = &model.notice else { return Vec::new() };
    let style = match notice.tone {
        Tone::Good => look.title(),
        Tone::Bad => look.bad(),
        Tone::Busy => look.faint(),
    };
    sentences_as_lines(&notice.lines, width, style)
}

fn sentences_as_lines(sentences: &[String], width: usize, style: Style) -> Vec<Line<'static>> {
    let wrapped = sentences.iter().flat_map(|sentence| wrap(sentence, width));
    let line = |text| Line::from(vec![Span::raw(" "), Span::styled(text, style)]);
    wrapped.take(NOTICE_ROWS).map(line).collect()
}

/// The keys, as far as there is room; the last two are always there.
fn footer(frame: &mut Frame<'_>, look: Look, area: Rect) -> Vec<Hit> {
    let shown: Vec<_> = BINDINGS.iter().filter(|binding| !binding.short.is_empty()).collect();
    let width = |binding: &&&crate::model::keys::Binding| {
        binding.first_name().width() + 1 + binding.short.width() + 2
    };
    let always: usize = shown.iter().rev().take(2).map(|binding| width(&binding)).sum();
    let mut room = usize::from(area.width).saturating_sub(always + 1);
    let (mut spans, mut hits, mut x) = (vec![Span::raw(" ")], Vec::new(), area.x + 1);
    for (index, binding) in shown.iter().enumerate() {
        let own = width(&binding);
        if index + 2 < shown.len() {
            if own > room {
                room = 0;
                continue;
            }
            room -= own;
        }
        spans.extend([Span::styled(binding.first_name(), look.key()), Span::raw(" ")]);
        spans.extend([Span::raw(binding.short), Span::raw("  ")]);
        let own = rows(own);
        let place = Rect { x, width: own.saturating_sub(1), ..area };
        if let Some(letter) = binding.first_name().chars().next() {
            hits.push(Hit { area: place, target: Target::Key(KeyCode::Char(letter)) });
        }
        x += own;
    }
    frame.render_widget(Line::from(spans), area);
    hits
}

/// A rule with a title in it.
fn rule(frame: &mut Frame<'_>, look: Look, title: &str, area: Rect) {
    let title = format!(" {} ", clean(title));
    let lead = look.rule().repeat(2);
    let rest = usize::from(area.width).saturating_sub(2 + title.width());
    let line = Line::from(vec![
        Span::styled(lead, look.faint()),
        Span::styled(title, look.title()),
        Span::styled(look.rule().repeat(rest), look.faint()),
    ]);
    frame.render_widget(line, area);
}

fn lines(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'_>>) {
    frame.render_widget(Paragraph::new(lines), area);
}

/// A count of rows or columns on a screen.
fn rows(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn cut_top(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let cut = Rect { height, ..*rest };
    *rest = Rect { y: rest.y + height, height: rest.height - height, ..*rest };
    cut
}

fn cut_bottom(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    rest.height -= height;
    Rect { y: rest.y + rest.height, height, ..*rest }
}

#[cfg(test)]
mod tests;
