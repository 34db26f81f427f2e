//! The state of the screen. It changes by messages and by nothing else, and asks for what it wants done
//! outside: no I/O, no clock, no terminal.
//!
//! - [`message`]: what can happen, and what can be asked for; an [`outbox`] collects the latter
//! - [`daemon`] and [`history`]: what is known of the daemon
//! - [`keys`]: what keys do
//! - [`dialog`], with [`log_in`], [`log_out`], [`passwd`], [`api_token`] and [`revoke`]: what is asked of a person;
//!   [`doctor`] and [`identity`]: what is told. A key or an [`answer`] is a [`step`] on, or the end of it
//! - [`field`] and [`type_ahead`]: what a person types
//! - [`notice`]: what is said when something was done
//! - `mouse`: what clicks and the wheel do

pub(crate) mod answer;
pub(crate) mod api_token;
pub(crate) mod daemon;
pub(crate) mod dialog;
pub(crate) mod doctor;
pub(crate) mod field;
pub(crate) mod history;
pub(crate) mod identity;
pub(crate) mod keys;
pub(crate) mod log_in;
pub(crate) mod log_out;
pub(crate) mod message;
mod mouse;
pub(crate) mod notice;
pub(crate) mod outbox;
pub(crate) mod passwd;
pub(crate) mod revoke;
pub(crate) mod step;
pub(crate) mod type_ahead;

use crate::model::answer::Answer;
use crate::model::api_token::ApiToken;
use crate::model::daemon::Daemon;
use crate::model::dialog::Dialog;
use crate::model::doctor::Doctor;
use crate::model::identity::Identity;
use crate::model::keys::Action;
use crate::model::log_in::LogIn;
use crate::model::log_out::LogOut;
use crate::model::message::{Effect, Message, Now};
use crate::model::mouse::WHEEL;
use crate::model::notice::{Notice, Tone, nothing_selected, told};
use crate::model::outbox::{Outbox, PATIENCE_MS};
use crate::model::passwd::Passwd;
use crate::model::revoke::Revoke;
use crate::model::step::{Instead, Step};
use crate::model::type_ahead::{TypeAhead, Typed};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use secret::Password;
use std::time::Duration;
use weka_token::failure::{FAILED, Failure};
use wire::{ProfileStatus, Request, Response};

/// The smallest screen that everything fits on, in columns and rows.
pub(crate) const SMALLEST: (u16, u16) = (60, 16);
/// The exit status of whoever was interrupted by Ctrl-C, as a shell has it.
const INTERRUPTED: u8 = 130;

pub(crate) use mouse::{Hit, Target};

/// Everything the screen shows.
#[derive(Debug)]
pub(crate) struct Model {
    /// When the last message came.
    pub(crate) now: Now,
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    /// What is known of the daemon.
    pub(crate) daemon: Daemon,
    /// The selected profile, by name.
    pub(crate) selected: Option<String>,
    /// What is asked, if anything.
    pub(crate) dialog: Option<Dialog>,
    /// What is said, if anything.
    pub(crate) notice: Option<Notice>,
    /// How many lines of the details, or of a dialog, are above what is seen.
    pub(crate) scroll: u16,
    /// Where a click does something, as it was drawn last.
    pub(crate) hits: Vec<Hit>,
    /// The profile to begin with, until it was looked for.
    wanted: Option<String>,
    /// What was typed before anything was known.
    ahead: TypeAhead,
    out: Outbox,
}

impl Model {
    /// An empty screen; `wanted` is the profile to begin with.
    #[must_use]
    pub(crate) fn new(size: (u16, u16), wanted: Option<String>) -> Self {
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
            ahead: TypeAhead::default(),
            out: Outbox::default(),
        }
    }

    /// Takes a message in, and says what is to be done outside.
    pub(crate) fn update(&mut self, now: Now, message: Message) -> Vec<Effect> {
        self.now = now;
        self.daemon.advance(now.boot);
        if self.notice.as_ref().and_then(|notice| notice.until).is_some_and(|until| until <= now.boot) {
            self.notice = None;
        }
        match message {
            Message::Tick => {}
            Message::Key(key) => self.key(key),
            Message::Paste(text) => self.paste(&text),
            Message::Mouse(event) => self.mouse(event),
            Message::Size(columns, rows) => self.size = (columns, rows),
            Message::Status(status) => {
                let is_first = self.daemon.status.is_none();
                self.daemon.answered(now.boot, status);
                self.select_something();
                if is_first {
                    self.miss_the_wanted_one();
                }
                self.take_type_ahead();
            }
            Message::Lost(failure) => {
                self.daemon.lost(failure);
                // It was meant for a screen that does not come.
                self.ahead = TypeAhead::default();
            }
            Message::Described(ticket, answer) => self.answer(ticket, Answer::Described(answer)),
            Message::Examined(ticket, findings) => self.answer(ticket, Answer::Examined(findings)),
            Message::Answer(ticket, answer) => self.answer(ticket, Answer::Response(answer)),
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
    pub(crate) fn wakes_at(&self) -> Option<Duration> {
        let notice = self.notice.as_ref().and_then(|notice| notice.until);
        self.daemon.next_change(self.now.boot).into_iter().chain(notice).min()
    }

    /// The selected profile.
    #[must_use]
    pub(crate) fn profile(&self) -> Option<&ProfileStatus> {
        let selected = self.selected.as_deref()?;
        self.daemon.profiles().iter().find(|profile| profile.name == selected)
    }

    /// The place of the selected profile in the list.
    #[must_use]
    pub(crate) fn selected_index(&self) -> Option<usize> {
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
        if self.is_too_small() {
            return self.key_unseen(key);
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
        if self.waits_for_the_daemon(action) {
            self.ahead.key(key);
        } else if self.dialog.is_some() {
            self.key_in_dialog(key, action);
        } else if let Some(action) = action {
            self.act(action);
        }
    }

    /// Whether the screen has no room for anything but the advice to enlarge it.
    pub(crate) const fn is_too_small(&self) -> bool {
        self.size.0 < SMALLEST.0 || self.size.1 < SMALLEST.1
    }

    /// A key does what that screen says, and nothing to what cannot be seen.
    fn key_unseen(&mut self, key: KeyEvent) {
        if let Some(action @ (Action::Quit | Action::Suspend | Action::Redraw)) = keys::action(key) {
            self.act(action);
        }
    }

    fn key_in_dialog(&mut self, key: KeyEvent, action: Option<Action>) {
        let Some(dialog) = &mut self.dialog else { return };
        let page = (self.size.1 / 2).max(WHEEL);
        let is_read = dialog.is_read();
        match (key.code, action) {
            (KeyCode::PageDown, _) => self.scroll = self.scroll.saturating_add(page),
            (KeyCode::PageUp, _) => self.scroll = self.scroll.saturating_sub(page),
            (_, Some(Action::PageDown)) if is_read => self.scroll = self.scroll.saturating_add(page),
            (_, Some(Action::PageUp)) if is_read => self.scroll = self.scroll.saturating_sub(page),
            (_, Some(Action::Down)) if is_read => self.scroll = self.scroll.saturating_add(1),
            (_, Some(Action::Up)) if is_read => self.scroll = self.scroll.saturating_sub(1),
            (_, Some(Action::First)) if is_read => self.scroll = 0,
            (_, Some(Action::Last)) if is_read => self.scroll = u16::MAX,
            _ => {
                let step = dialog.key(key, &mut self.out);
                self.step(step);
            }
        }
    }

    /// Whether a key is kept until it is known which profiles there are. Some need no profile.
    fn waits_for_the_daemon(&self, action: Option<Action>) -> bool {
        let is_known = self.daemon.status.is_some() || self.daemon.trouble.is_some();
        let needs_none = matches!(action, Some(Action::Quit | Action::Help)) && self.ahead.is_empty();
        !is_known && self.dialog.is_none() && !needs_none
    }

    fn take_type_ahead(&mut self) {
        for typed in self.ahead.take() {
            match typed {
                Typed::Key(key) => self.key(key),
                Typed::Paste(text) => self.paste(&text),
            }
        }
    }

    fn paste(&mut self, text: &Password) {
        if self.is_too_small() {
            return;
        }
        if self.waits_for_the_daemon(None) {
            self.ahead.paste(text);
        } else if let Some(dialog) = &mut self.dialog {
            dialog.paste(text);
        }
    }

    /// What was drawn: where a click does something, and how many lines are above what is seen.
    pub(crate) fn drawn(&mut self, hits: Vec<Hit>, above: u16) {
        (self.hits, self.scroll) = (hits, above);
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
            Action::Doctor => {
                let dialog = Doctor::of(self.selected.clone(), &mut self.out);
                self.open(Dialog::Doctor(dialog));
            }
            Action::Refresh
            | Action::ApiToken
            | Action::Revoke
            | Action::LogOut
            | Action::RevokeAndLogOut
            | Action::Passwd
            | Action::WhoAmI => match self.profile().cloned() {
                Some(profile) => self.act_on(action, &profile),
                None => self.notice = Some(Notice::bad(&nothing_selected())),
            },
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
            Action::Revoke | Action::RevokeAndLogOut => {
                let logs_out = action == Action::RevokeAndLogOut;
                let dialog = Revoke::of(profile, self.daemon.profiles(), logs_out);
                self.open(Dialog::Revoke(dialog));
            }
            Action::Passwd => {
                let dialog = Passwd::of(&profile.name, false, &mut self.out);
                self.open(Dialog::Passwd(Box::new(dialog)));
            }
            Action::WhoAmI => {
                let dialog = Identity::of(&profile.name, &mut self.out);
                self.open(Dialog::Identity(dialog));
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
            Step::Instead(instead) => self.open_instead(instead),
        }
    }

    /// The profile is the dialog's, which need not be the selected one any more.
    fn open_instead(&mut self, instead: Instead) {
        self.dialog = None;
        let (name, action) = match instead {
            Instead::Revoke(name) => (name, Action::Revoke),
            Instead::RevokeAndLogOut(name) => (name, Action::RevokeAndLogOut),
            Instead::Passwd(name, notice) => {
                self.notice = Some(notice);
                let dialog = Passwd::of(&name, true, &mut self.out);
                return self.open(Dialog::Passwd(Box::new(dialog)));
            }
        };
        match self.daemon.profiles().iter().find(|profile| profile.name == name).cloned() {
            Some(profile) => self.act_on(action, &profile),
            None => {
                let failure = Failure::new(FAILED, format!("there is no profile {name} any more"));
                self.notice = Some(Notice::bad(&failure));
            }
        }
    }

    fn answer(&mut self, ticket: message::Ticket, answer: Answer) {
        if let Answer::Response(Ok(response)) = &answer
            && let Response::LoggedIn(done) = response.as_ref()
        {
            // A new one is in the list with the next status.
            self.wanted = Some(done.profile.clone());
            self.select_something();
        }
        let answer = match &mut self.dialog {
            Some(dialog) => dialog.answer(self.now, ticket, answer, &mut self.out),
            None => Err(answer),
        };
        match answer {
            Ok(step) => self.step(step),
            // Nobody waits for it: a refresh, or a dialog that was closed meanwhile.
            Err(Answer::Response(answer)) => self.notice = told(self.now, answer),
            Err(Answer::Described(_) | Answer::Examined(_)) => {}
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

    /// Says so where the profile that was asked for is not there. What was typed meanwhile was meant for it.
    fn miss_the_wanted_one(&mut self) {
        let known: Vec<_> = self.daemon.profiles().iter().map(|profile| profile.name.as_str()).collect();
        let Some(wanted) = self.wanted.as_deref().filter(|_| !known.is_empty()) else { return };
        let message = format!("there is no profile {wanted}; there are: {}", known.join(", "));
        self.notice =
            Some(Notice::bad(&Failure::new(FAILED, message).then("press n to log in to a new one")));
        self.ahead = TypeAhead::default();
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

#[cfg(test)]
mod tests;
