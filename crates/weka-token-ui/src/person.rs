//! A person in front of the screen, for tests.

use crate::model::Model;
use crate::model::message::{Effect, Message, Now, Ticket};
use crate::samples;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use secret::Password;
use std::time::Duration;
use weka_token::client::Offers;
use weka_token::failure::{FAILED, Failure, PERSON_NEEDED};
use wire::{Finding, ProfileSettings, ProfileStatus, Request, Response};

/// A screen with somebody in front of it.
pub(crate) struct Person {
    pub(crate) model: Model,
    pub(crate) now: Now,
    pub(crate) asked: Vec<Effect>,
}

impl Person {
    /// Before a screen of this size, at noon of a certain day.
    pub(crate) fn before(size: (u16, u16)) -> Self {
        let now = Now { boot: Duration::from_secs(1000), unix_s: 1_795_608_000 };
        Self { model: Model::new(size, None), now, asked: Vec::new() }
    }

    /// Who sees these profiles.
    pub(crate) fn seeing(size: (u16, u16), profiles: Vec<ProfileStatus>) -> Self {
        let mut person = Self::before(size);
        person.hears(Message::Status(samples::status(profiles)));
        person
    }

    pub(crate) fn hears(&mut self, message: Message) {
        let effects = self.model.update(self.now, message);
        self.asked.extend(effects);
    }

    pub(crate) fn pastes(&mut self, text: &str) {
        self.hears(Message::Paste(Password::new(text.into())));
    }

    pub(crate) fn waits(&mut self, seconds: u64) {
        self.now.boot += Duration::from_secs(seconds);
        self.hears(Message::Tick);
    }

    pub(crate) fn presses(&mut self, code: KeyCode) {
        self.hears(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    pub(crate) fn holds_control_and_presses(&mut self, letter: char) {
        self.hears(Message::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)));
    }

    /// Types a line and Enter.
    pub(crate) fn types(&mut self, line: &str) {
        self.begins(line);
        self.presses(KeyCode::Enter);
    }

    /// Types a line without its end.
    pub(crate) fn begins(&mut self, line: &str) {
        line.chars().for_each(|letter| self.presses(KeyCode::Char(letter)));
    }

    /// What was asked for since the last time.
    pub(crate) fn wishes(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.asked)
    }

    /// The one request that was sent since the last time.
    #[track_caller]
    pub(crate) fn request(&mut self) -> (Ticket, Request) {
        match self.wishes().pop() {
            Some(Effect::Ask { ticket, request, .. }) => (ticket, *request),
            other => panic!("no request: {other:?}"),
        }
    }

    /// Has the last request answered.
    #[track_caller]
    pub(crate) fn is_answered(&mut self, response: Response) -> Request {
        let (ticket, request) = self.request();
        self.hears(Message::Answer(ticket, Ok(Box::new(response))));
        request
    }

    /// Has the last request refused.
    #[track_caller]
    pub(crate) fn is_refused(&mut self, message: &str, step: &str) -> Request {
        self.meets(Failure::new(PERSON_NEEDED, message).then(step))
    }

    /// Has the last request fail for a reason that is no person's fault.
    #[track_caller]
    pub(crate) fn is_failed(&mut self, message: &str) -> Request {
        self.meets(Failure::new(FAILED, message))
    }

    #[track_caller]
    fn meets(&mut self, failure: Failure) -> Request {
        let (ticket, request) = self.request();
        self.hears(Message::Answer(ticket, Err(failure)));
        request
    }

    /// Has the examination that was asked for end; says of which profile it was.
    #[track_caller]
    pub(crate) fn is_examined(&mut self, findings: Vec<Finding>) -> Option<String> {
        match self.wishes().pop() {
            Some(Effect::Examine { ticket, profile }) => {
                self.hears(Message::Examined(ticket, findings));
                profile
            }
            other => panic!("nothing is examined: {other:?}"),
        }
    }

    /// Has the daemon tell what it knows of the profile.
    #[track_caller]
    pub(crate) fn is_told(&mut self, settings: ProfileSettings, offers: Offers) {
        match self.wishes().pop() {
            Some(Effect::Describe { ticket, .. }) => {
                self.hears(Message::Described(ticket, Ok((Box::new(settings), offers))));
            }
            other => panic!("nothing was asked: {other:?}"),
        }
    }

    /// Logs in as far as the form, with a profile of which everything is known or nothing.
    pub(crate) fn opens_login(&mut self, known: bool) {
        self.presses(KeyCode::Char('l'));
        let offers = Offers {
            endpoint: "https://localhost:14000".into(),
            org: "Root".into(),
            username: if known { "alice".into() } else { String::new() },
        };
        self.is_told(samples::settings(known), offers);
    }
}
