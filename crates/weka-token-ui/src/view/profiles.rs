//! The list of profiles: state, what is left of the token, and when it is renewed.

use super::text::{clean, fit};
use super::{Look, lines, rule};
use crate::model::{Hit, Model, Target};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;
use weka_token::span;
use wire::ProfileStatus;

/// The title and the headings.
const ABOVE: u16 = 2;
/// The rows that the details need at least.
const FOR_DETAILS: u16 = 7;
const STATE: usize = 14;
const GAUGE: usize = 10;
const SPAN: usize = 8;
/// How much of a name is always shown.
const NAME: usize = 20;

/// How many rows the list takes, of those there are.
pub(super) fn rows(profiles: usize, available: u16) -> u16 {
    let wanted = super::rows(profiles).max(1).saturating_add(ABOVE + 1);
    wanted.min(available.saturating_sub(FOR_DETAILS)).max(ABOVE + 1)
}

/// Which columns there is room for, and how wide they are.
#[derive(Debug, Clone, Copy)]
struct Columns {
    name: usize,
    next: bool,
    user: usize,
    endpoint: usize,
}

impl Columns {
    fn of(profiles: &[ProfileStatus], width: u16) -> Self {
        let widest = |texts: &mut dyn Iterator<Item = String>, least: usize| {
            texts.map(|text| text.width()).max().unwrap_or(0).max(least)
        };
        // A name's end tells it from others as much as its beginning: on a wide screen it is whole.
        let longest = usize::from(width / 3).max(NAME);
        let name = widest(&mut profiles.iter().map(|profile| clean(&profile.name)), 7).min(longest);
        let mut room = usize::from(width).saturating_sub(3 + name + 2 + STATE + 2 + GAUGE + 1 + SPAN);
        let next = room > SPAN;
        room -= if next { SPAN + 1 } else { 0 };
        let user = widest(&mut profiles.iter().map(who), 4);
        let user = if room > user.min(10) { user.min(room - 1) } else { 0 };
        room -= if user > 0 { user + 1 } else { 0 };
        let endpoint = if room > 20 { room - 1 } else { 0 };
        Self { name, next, user, endpoint }
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, look: Look, area: Rect) -> Vec<Hit> {
    let mut rest = area;
    rule(frame, look, "Profiles", super::cut_top(&mut rest, 1));
    let profiles = model.daemon.profiles();
    if profiles.is_empty() {
        let text =
            if model.daemon.status.is_some() { " none yet; n logs in to one" } else { " not known yet" };
        lines(frame, rest, vec![Line::from(Span::styled(text, look.faint()))]);
        return Vec::new();
    }
    let columns = Columns::of(profiles, area.width);
    lines(frame, super::cut_top(&mut rest, 1), vec![headings(columns, look)]);
    let room = usize::from(rest.height);
    let selected = model.selected_index().unwrap_or(0);
    // The selected one is always seen, and the list moves no further than it has to.
    let first = (selected + 1).saturating_sub(room).min(profiles.len().saturating_sub(room));
    let mut hits = Vec::new();
    for (index, profile) in profiles.iter().enumerate().skip(first).take(room) {
        let area = super::cut_top(&mut rest, 1);
        let line = row(model, profile, columns, look, Some(index) == model.selected_index());
        frame.render_widget(line, area);
        hits.push(Hit { area, target: Target::Profile(profile.name.clone()) });
    }
    let below = profiles.len().saturating_sub(first + room);
    if first > 0 || below > 0 {
        let text = format!(" {} of {} ", selected + 1, profiles.len());
        let place = Rect { height: 1, ..area };
        frame.render_widget(Line::from(Span::styled(text, look.faint())).right_aligned(), place);
    }
    hits
}

fn headings(columns: Columns, look: Look) -> Line<'static> {
    let mut text = format!("   {:<name$}  {:<STATE$}  ", "PROFILE", "STATE", name = columns.name);
    text.push_str(&format!("{:<1$} ", "LIFE LEFT", GAUGE + 1 + SPAN));
    if columns.next {
        text.push_str(&format!("{:<1$} ", "REFRESH", SPAN));
    }
    if columns.user > 0 {
        text.push_str(&format!("{:<1$} ", "USER", columns.user));
    }
    if columns.endpoint > 0 {
        text.push_str("CLUSTER");
    }
    Line::from(Span::styled(text.trim_end().to_owned(), look.faint()))
}

fn row(
    model: &Model,
    profile: &ProfileStatus,
    columns: Columns,
    look: Look,
    selected: bool,
) -> Line<'static> {
    let left = |seconds| model.daemon.left(model.now.boot, seconds);
    let away = model.daemon.trouble.is_some();
    let pointer = if selected { look.pointer() } else { " " };
    let name = fit(&profile.name, columns.name, look.cut());
    // Only the word is coloured. What it is by now, only the daemon knew.
    let state = if away { "unknown" } else { profile.state.as_str() };
    let behind = " ".repeat(STATE.saturating_sub(state.width()) + 2);
    let name_style = if selected { look.selected() } else { Default::default() };
    let state_style = if away { look.faint() } else { look.state(profile.state) };
    let mut spans = vec![
        Span::raw(format!(" {pointer} ")),
        Span::styled(name, name_style),
        Span::raw("  "),
        Span::styled(state, state_style),
        Span::raw(behind),
    ];
    match (left(profile.access_expires_in_s), profile.access_life_s, left(profile.locked_for_s)) {
        (Some(seconds), life, _) => {
            let (full, empty) = look.gauge(seconds, life.unwrap_or(seconds), GAUGE);
            spans.push(Span::styled(full, look.left(profile.state)));
            spans.push(Span::styled(empty, look.faint()));
            spans.push(Span::raw(format!(" {:<SPAN$} ", span::short(seconds))));
        }
        (None, _, Some(seconds)) => {
            let text = format!("locked for {}", span::short(seconds));
            spans.push(Span::styled(format!("{text:<width$} ", width = GAUGE + 1 + SPAN), look.bad()));
        }
        (None, _, None) => spans.push(Span::styled(format!("{:<1$} ", "-", GAUGE + 1 + SPAN), look.faint())),
    }
    if columns.next {
        let next = left(profile.next_refresh_in_s).map_or_else(|| "-".to_owned(), span::short);
        spans.push(Span::raw(format!("{next:<SPAN$} ")));
    }
    if columns.user > 0 {
        spans.push(Span::raw(fit(&who(profile), columns.user, look.cut()) + " "));
    }
    if columns.endpoint > 0 {
        let endpoint = profile.endpoint.as_deref().unwrap_or("-");
        spans.push(Span::styled(fit(endpoint, columns.endpoint, look.cut()), look.faint()));
    }
    Line::from(spans)
}

fn who(profile: &ProfileStatus) -> String {
    match (&profile.username, &profile.org) {
        (Some(user), Some(org)) => format!("{}@{}", clean(user), clean(org)),
        (Some(user), None) => clean(user),
        (None, _) => "-".to_owned(),
    }
}
