//! The state of the screen. It changes by messages and by nothing else, and asks for what it wants done
//! outside: no I/O, no clock, no terminal.
//!
//! - [`message`]: what can happen, and what can be asked for
//! - [`daemon`] and [`history`]: what is known of the daemon
//! - [`keys`]: what keys do
//! - [`dialog`], with [`log_in`], [`log_out`], [`api_token`] and [`revoke`]: what is asked of a person
//! - [`field`]: what a person types

pub mod api_token;
pub mod daemon;
pub mod dialog;
pub mod field;
pub mod history;
pub mod keys;
pub mod log_in;
pub mod log_out;
pub mod message;
pub mod revoke;

use crate::model::api_token::ApiToken;
use crate::model::daemon::Daemon;
use crate::model::dialog::{Answer, Dialog, Notice, Outbox, PATIENCE_MS, Step, Tone};
use crate::model::keys::Action;
use crate::model::log_in::LogIn;
use crate::model::log_out::LogOut;
use crate::model::message::{Effect, Message, Now};
use crate::model::revoke::Revoke;
use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::{Position, Rect};
use std::time::Duration;
use weka_token::failure::Failure;
use wire::{ProfileStatus, Request, Response};

/// The exit status of whoever was interrupted by Ctrl-C, as a shell has it.
const INTERRUPTED: u8 = 130;
/// How many lines one turn of the wheel reads on.
const WHEEL: u16 = 3;

/// Everything the screen shows.
#[derive(Debug)]
pub struct Model {
    /// When the last message came.
    pub now: Now,
    /// Columns and rows.
    pub size: (u16, u16),
    /// What is known of the daemon.
    pub daemon: Daemon,
    /// The selected profile, by name.
    pub selected: Option<String>,
    /// What is asked, if anything.
    pub dialog: Option<Dialog>,
    /// What is said, if anything.
    pub notice: Option<Notice>,
    /// How many lines of the details, or of a dialog, are above what is seen.
    pub scroll: u16,
    /// Where a click does something, as it was drawn last.
    pub hits: Vec<Hit>,
    /// The profile to begin with, until it was looked for.
    wanted: Option<String>,
    out: Outbox,
}

/// A place that can be clicked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where.
    pub area: Rect,
    /// What it stands for.
    pub target: Target,
}

/// What a click stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A profile in the list.
    Profile(String),
    /// A key.
    Key(KeyCode),
    /// One of several things in a dialog.
    Choice(usize),
}

impl Model {
    /// An empty screen; `wanted` is the profile to begin with.
    #[must_use]
    pub fn new(size: (u16, u16), wanted: Option<String>) -> Self {
        Self {
            now: Now::default(),
            size,
            daemon: Daemon::default(),
            selected: None,
            dialog: None,
            notice: None,
            scroll: 0,
            hits: Vec::new(),
            wanted,
            out: Outbox::default(),
        }
    }

    /// Takes a message in, and says what is to be done outside.
    pub fn update(&mut self, now: Now, message: Message) -> Vec<Effect> {
        self.now = now;
        self.daemon.advance(now.boot);
        if self.notice.as_ref().and_then(|notice| notice.until).is_some_and(|until| until <= now.boot) {
            self.notice = None;
        }
        match message {
            Message::Tick => {}
            Message::Key(key) => self.key(key),
            Message::Paste(text) => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.paste(&text);
                }
            }
            Message::Mouse(event) => self.mouse(event),
            Message::Size(columns, rows) => self.size = (columns, rows),
            Message::Status(status) => {
                self.daemon.answered(now.boot, status);
                self.select_something();
            }
            Message::Lost(failure) => self.daemon.lost(failure),
            Message::Described(ticket, answer) => {
                let answer = Answer::Described(answer);
                if let Some(dialog) = &mut self.dialog
                    && let Ok(step) = dialog.answer(now, ticket, answer, &mut self.out)
                {
                    self.step(step);
                }
            }
            Message::Answer(ticket, answer) => self.answer(ticket, answer),
            Message::Copied(outcome) => {
                if let Some(Dialog::ApiToken(dialog)) = &mut self.dialog {
                    dialog.copied(outcome);
                }
            }
        }
        self.out.take()
    }

    /// When the screen changes by itself, if it does.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Duration> {
        let notice = self.notice.as_ref().and_then(|notice| notice.until);
        self.daemon.next_change(self.now.boot).into_iter().chain(notice).min()
    }

    /// The selected profile.
    #[must_use]
    pub fn profile(&self) -> Option<&ProfileStatus> {
        let selected = self.selected.as_deref()?;
        self.daemon.profiles().iter().find(|profile| profile.name == selected)
    }

    /// The place of the selected profile in the list.
    #[must_use]
    pub fn selected_index(&self) -> Option<usize> {
        let selected = self.selected.as_deref()?;
        self.daemon.profiles().iter().position(|profile| profile.name == selected)
    }

    fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && key.code == KeyCode::Char('c') {
            return self.out.push(Effect::Leave(INTERRUPTED));
        }
        if self.notice.as_ref().is_some_and(|notice| notice.tone != Tone::Busy) {
            self.notice = None;
        }
        let action = keys::action(key);
        if let Some(action @ (Action::Suspend | Action::Redraw)) = action
            && control
        {
            return self.act(action);
        }
        if let Some(dialog) = &mut self.dialog {
            match key.code {
                KeyCode::PageDown => self.scroll = self.scroll.saturating_add(WHEEL),
                KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(WHEEL),
                _ => {
                    let step = dialog.key(self.now, key, &mut self.out);
                    self.step(step);
                }
            }
        } else if let Some(action) = action {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Quit => self.out.push(Effect::Leave(0)),
            Action::Suspend => self.out.push(Effect::Suspend),
            Action::Redraw => self.out.push(Effect::Redraw),
            Action::Help => self.open(Dialog::Help),
            Action::Up => self.move_selection(|index, _| index.saturating_sub(1)),
            Action::Down => self.move_selection(|index, last| (index + 1).min(last)),
            Action::First => self.move_selection(|_, _| 0),
            Action::Last => self.move_selection(|_, last| last),
            Action::PageDown => self.scroll = self.scroll.saturating_add(WHEEL),
            Action::PageUp => self.scroll = self.scroll.saturating_sub(WHEEL),
            Action::LogInElsewhere => self.log_in_elsewhere(),
            Action::LogIn => match self.selected.clone() {
                Some(profile) => {
                    let dialog = LogIn::to(&profile, &mut self.out);
                    self.open(Dialog::LogIn(Box::new(dialog)));
                }
                None => self.log_in_elsewhere(),
            },
            Action::Refresh | Action::ApiToken | Action::Revoke | Action::LogOut => {
                match self.profile().cloned() {
                    Some(profile) => self.act_on(action, &profile),
                    None => self.notice = Some(Notice::bad(&nothing_selected())),
                }
            }
        }
    }

    fn act_on(&mut self, action: Action, profile: &ProfileStatus) {
        match action {
            Action::Refresh => {
                let name = profile.name.clone();
                self.notice = Some(Notice::busy(format!("renewing the token of profile {name}...")));
                self.out.ask(Request::Refresh { profile: Some(name), timeout_ms: PATIENCE_MS });
            }
            Action::ApiToken => self.open(Dialog::ApiToken(Box::new(ApiToken::of(profile)))),
            Action::Revoke => {
                let dialog = Revoke::of(profile, self.daemon.profiles());
                self.open(Dialog::Revoke(dialog));
            }
            Action::LogOut => self.open(Dialog::LogOut(LogOut::of(profile))),
            _ => {}
        }
    }

    fn log_in_elsewhere(&mut self) {
        let known = |name: &str| self.daemon.profiles().iter().any(|profile| profile.name == name);
        let offers = [self.wanted.as_deref(), self.default_profile()];
        let offered = offers.into_iter().flatten().find(|name| !known(name)).unwrap_or_default();
        let dialog = LogIn::elsewhere(offered);
        self.open(Dialog::LogIn(Box::new(dialog)));
    }

    fn default_profile(&self) -> Option<&str> {
        Some(self.daemon.status.as_ref()?.daemon.default_profile.as_str())
    }

    fn open(&mut self, dialog: Dialog) {
        self.scroll = 0;
        self.dialog = Some(dialog);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Stay => {}
            Step::Close(notice) => {
                self.dialog = None;
                self.scroll = 0;
                self.notice = notice.or_else(|| self.notice.take());
            }
            Step::Revoke => {
                self.dialog = None;
                self.act(Action::Revoke);
            }
        }
    }

    fn answer(&mut self, ticket: message::Ticket, answer: Result<Box<Response>, Failure>) {
        let answer = match &mut self.dialog {
            Some(dialog) => dialog.answer(self.now, ticket, Answer::Response(answer), &mut self.out),
            None => Err(Answer::Response(answer)),
        };
        match answer {
            Ok(step) => self.step(step),
            // Nobody waits for it: a refresh, or a dialog that was closed meanwhile.
            Err(Answer::Response(answer)) => self.notice = told(self.now, answer),
            Err(Answer::Described(_)) => {}
        }
    }

    fn mouse(&mut self, event: MouseEvent) {
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(Position::new(event.column, event.row)),
            MouseEventKind::ScrollDown if self.dialog.is_some() => {
                self.scroll = self.scroll.saturating_add(WHEEL);
            }
            MouseEventKind::ScrollUp if self.dialog.is_some() => {
                self.scroll = self.scroll.saturating_sub(WHEEL);
            }
            MouseEventKind::ScrollDown => self.act(Action::Down),
            MouseEventKind::ScrollUp => self.act(Action::Up),
            _ => {}
        }
    }

    fn click(&mut self, at: Position) {
        let Some(hit) = self.hits.iter().rev().find(|hit| hit.area.contains(at)) else { return };
        match hit.target.clone() {
            Target::Key(code) => self.key(KeyEvent::new(code, KeyModifiers::NONE)),
            Target::Profile(name) => self.select(Some(name)),
            Target::Choice(index) => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.choose(index);
                }
            }
        }
    }

    fn move_selection(&mut self, to: impl Fn(usize, usize) -> usize) {
        let profiles = self.daemon.profiles();
        let index = to(self.selected_index().unwrap_or(0), profiles.len().saturating_sub(1));
        let name = profiles.get(index).map(|profile| profile.name.clone());
        self.select(name);
    }

    fn select(&mut self, name: Option<String>) {
        if self.selected != name {
            (self.selected, self.scroll) = (name, 0);
        }
    }

    /// After an answer: the profile that was wanted, else the one that was selected, else the default one.
    fn select_something(&mut self) {
        let known = |name: &str| self.daemon.profiles().iter().any(|profile| profile.name == name);
        let wanted = self.wanted.clone().filter(|name| known(name));
        if wanted.is_some() {
            self.wanted = None;
            return self.select(wanted);
        }
        if self.selected.as_deref().is_some_and(known) {
            return;
        }
        let first = self.daemon.profiles().first().map(|profile| profile.name.clone());
        let default = self.default_profile().filter(|name| known(name)).map(str::to_owned);
        self.select(default.or(first));
    }
}

/// What is said of an answer that no dialog waits for.
fn told(now: Now, answer: Result<Box<Response>, Failure>) -> Option<Notice> {
    match answer.map(|response| *response) {
        Ok(Response::Refreshed { profile, expires_in_s }) => {
            let life = weka_token::span::short(expires_in_s);
            Some(Notice::good(
                now,
                vec![format!("the token of profile {profile} is renewed and lives {life}")],
            ))
        }
        Ok(Response::LoggedIn(done)) => Some(Notice::good(now, weka_token::client::summary(&done))),
        Ok(Response::Done { notes }) => Some(Notice::good(now, notes)).filter(|it| !it.lines.is_empty()),
        Ok(_) => None,
        Err(failure) => Some(Notice::bad(&failure)),
    }
}

fn nothing_selected() -> Failure {
    Failure::new(weka_token::failure::FAILED, "there is no profile yet").then("press n to log in to one")
}

#[cfg(test)]
mod tests;
