//! Everything that is known of the selected profile. What wants attention comes first.

use super::text::wrap;
use super::{Look, lines, rule};
use crate::model::Model;
use crate::model::history::STEP_S;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use weka_token::span;
use wire::{ProfileStatus, State};

/// The column of names.
const NAMES: usize = 14;
/// What stands before a sparkline: `1234 so far, 12 failed`.
const COUNTS: usize = 26;
/// What stands behind it: ` 10 min`.
const SCALE: usize = 8;
/// The longest gauge.
const GAUGE: usize = 40;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, look: Look, area: Rect) {
    let mut rest = area;
    let Some(profile) = model.profile() else { return };
    rule(frame, look, &profile.name, super::cut_top(&mut rest, 1));
    let all = Facts::of(model, profile, look, usize::from(area.width));
    let room = usize::from(rest.height);
    let hidden = all.len().saturating_sub(room);
    let above = usize::from(model.scroll).min(hidden);
    lines(frame, rest, all.into_iter().skip(above).take(room).collect());
    if hidden > 0 {
        let text = format!(" {} more lines: PgDn, PgUp ", hidden);
        let place = Rect { height: 1, ..area };
        frame.render_widget(Line::from(Span::styled(text, look.faint())).right_aligned(), place);
    }
}

/// What a state means, in words.
const fn meaning(state: State) -> &'static str {
    match state {
        State::Starting => "the daemon is looking for tokens",
        State::Ready => "a live token; the last renewal worked",
        State::Degraded => "a live token, but the last renewal or save failed",
        State::Unreachable => "no live token, and the cluster cannot be reached",
        State::Untrusted => "the cluster's certificate is not trusted yet; nothing is sent",
        State::LoginRequired => "no token, and nothing to get one with: log in",
        State::LockedOut => "the cluster has locked the account; nothing is sent until that is over",
        State::LoggedOut => "somebody has logged out",
    }
}

/// Lines of names and values.
struct Facts {
    lines: Vec<Line<'static>>,
    look: Look,
    width: usize,
}

impl Facts {
    fn of(model: &Model, profile: &ProfileStatus, look: Look, width: usize) -> Vec<Line<'static>> {
        let mut facts = Self { lines: Vec::new(), look, width: width.saturating_sub(1 + NAMES + 1) };
        let left = |seconds| model.daemon.left(model.now.boot, seconds);
        let state_style = look.state(profile.state);
        if model.daemon.trouble.is_some() {
            let was = format!("it was {} when the daemon last answered", profile.state);
            facts.text("state", &was, look.faint());
        } else {
            facts.text("state", &format!("{}: {}", profile.state, meaning(profile.state)), state_style);
        }
        if let Some(seconds) = left(profile.locked_for_s) {
            facts.text("locked", &format!("for another {}", span::short(seconds)), look.bad());
        }
        if let Some(error) = &profile.last_error {
            facts.text("last error", error, look.warning());
        }
        if let Some(step) = &profile.next_step {
            facts.text("next step", step, look.title());
        }
        if let Some(seconds) = left(profile.access_expires_in_s) {
            facts.gauge(seconds, profile.access_life_s.unwrap_or(seconds), state_style);
        }
        if let Some(seconds) = left(profile.next_refresh_in_s) {
            facts.text("next refresh", &format!("in {}", span::short(seconds)), Style::new());
        }
        facts.counts(model, profile);
        facts.maybe("cluster", profile.endpoint.as_deref());
        facts.maybe("user", profile.username.as_deref());
        facts.maybe("organization", profile.org.as_deref());
        let file = profile.token_file.as_ref().map(|path| format!("{path} is kept fresh"));
        facts.maybe("token file", file.as_deref());
        for note in &profile.notes {
            facts.text("note", note, look.warning());
        }
        facts.lines
    }

    fn name(&self, name: &str) -> Span<'static> {
        Span::styled(format!(" {name:<NAMES$} "), self.look.faint())
    }

    fn text(&mut self, name: &str, text: &str, style: Style) {
        for (index, part) in wrap(text, self.width).into_iter().enumerate() {
            let name = self.name(if index == 0 { name } else { "" });
            self.lines.push(Line::from(vec![name, Span::styled(part, style)]));
        }
    }

    fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text, Style::new());
        }
    }

    fn gauge(&mut self, left: u64, life: u64, style: Style) {
        let words = format!(" {} of {}", span::short(left), span::short(life));
        let width = self.width.saturating_sub(words.len() + 1).min(GAUGE);
        let (full, empty) = self.look.gauge(left, life, width);
        let faint = self.look.faint();
        self.lines.push(Line::from(vec![
            self.name("life left"),
            Span::styled(full, style),
            Span::styled(empty, faint),
            Span::raw(words),
        ]));
    }

    /// The two counts, with what they were lately beside them.
    fn counts(&mut self, model: &Model, profile: &ProfileStatus) {
        let failed = match profile.refresh_failures_total {
            0 => String::new(),
            failures => format!(", {failures} failed"),
        };
        let columns = self.width.saturating_sub(COUNTS + SCALE).min(60);
        let steps = model.daemon.history(&profile.name).last(columns);
        let refreshes: Vec<_> = steps.iter().map(|step| step.refreshes).collect();
        let gets: Vec<_> = steps.iter().map(|step| step.gets).collect();
        let minutes = u64::try_from(columns).unwrap_or(0) * STEP_S / 60;
        for (name, words, values) in [
            ("refreshes", format!("{} so far{failed}", profile.refreshes_total), refreshes),
            ("gets", format!("{} so far", profile.gets_total), gets),
        ] {
            self.lines.push(Line::from(vec![
                self.name(name),
                Span::raw(format!("{words:<COUNTS$}")),
                Span::styled(self.look.sparkline(&values), self.look.good()),
                Span::styled(format!(" {minutes} min"), self.look.faint()),
            ]));
        }
    }
}
