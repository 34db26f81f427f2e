//! Everything that is known of the selected profile. What wants attention comes first.

use super::text::wrap;
use super::{Look, lines, rule};
use crate::model::Model;
use crate::model::history::STEP_S;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;
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

/// Draws it; says how many lines are above what is seen.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, look: Look, area: Rect) -> u16 {
    let mut rest = area;
    let Some(profile) = model.profile() else { return 0 };
    let title = title(model, profile);
    rule(frame, look, &title, super::cut_top(&mut rest, 1));
    let all = Facts::of(model, profile, look, usize::from(area.width));
    let room = usize::from(rest.height);
    let hidden = all.len().saturating_sub(room);
    let above = usize::from(model.scroll).min(hidden);
    lines(frame, rest, all.into_iter().skip(above).take(room).collect());
    if hidden > 0 {
        let (text, short) = match (above, hidden - above) {
            (0, below) => (format!(" {below} more below: PgDn "), " PgDn "),
            (above, 0) => (format!(" {above} more above: PgUp "), " PgUp "),
            (above, below) => (format!(" {above} more above, {below} below: PgUp, PgDn "), " PgUp "),
        };
        // Nowhere else is a long name whole.
        let is_room = 4 + title.width() + text.width() <= usize::from(area.width);
        let text = if is_room { text } else { short.to_owned() };
        let place = Rect { height: 1, ..area };
        frame.render_widget(Line::from(Span::styled(text, look.faint())).right_aligned(), place);
    }
    super::rows(above)
}

/// The profile's name, and whether it is the one that is meant where none is named.
fn title(model: &Model, profile: &ProfileStatus) -> String {
    let is_default =
        model.daemon.status.as_ref().is_some_and(|status| status.daemon.default_profile == profile.name);
    let is_chosen = is_default && model.daemon.profiles().len() > 1 && profile.name != "default";
    if is_chosen { format!("{} (the default profile)", profile.name) } else { profile.name.clone() }
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

/// The step, and the key that takes it here.
fn with_key(step: &str) -> String {
    let keys = [
        ("weka-token login", "l"),
        ("weka-token trust", "l"),
        ("weka-token passwd", "p"),
        ("weka-token refresh", "r"),
    ];
    match keys.into_iter().find(|(command, _)| step.contains(command)) {
        Some((_, key)) => format!("{step} (here: {key})"),
        None => step.to_owned(),
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
        if model.daemon.trouble.is_some() {
            let was = format!("it was {} when the daemon last answered", profile.state);
            facts.text("state", &was, look.faint());
        } else {
            facts.state(profile.state);
        }
        if let Some(seconds) = left(profile.locked_for_s) {
            facts.text("locked", &format!("for another {}", span::short(seconds)), look.bad());
        }
        if let Some(error) = &profile.last_error {
            facts.text("last error", error, look.warning());
        }
        if let Some(step) = &profile.next_step {
            facts.text("next step", &with_key(step), look.title());
        }
        for note in &profile.notes {
            facts.text("note", note, look.warning());
        }
        if let Some(seconds) = left(profile.access_expires_in_s) {
            facts.gauge(seconds, profile.access_life_s.unwrap_or(seconds), look.left(profile.state));
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

    /// The word in its colour, and what it means.
    fn state(&mut self, state: State) {
        let word = state.as_str();
        let parts = wrap(&format!("{word}: {}", meaning(state)), self.width);
        for (index, part) in parts.into_iter().enumerate() {
            let mut spans = vec![self.name(if index == 0 { "state" } else { "" })];
            match part.strip_prefix(word).filter(|_| index == 0) {
                Some(rest) => {
                    spans.extend([Span::styled(word, self.look.state(state)), Span::raw(rest.to_owned())]);
                }
                None => spans.push(Span::raw(part)),
            }
            self.lines.push(Line::from(spans));
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
