//! Answers of a daemon, and a person in front of the screen, for tests.

use crate::model::Model;
use crate::model::message::{Effect, Message, Now, Ticket};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use secret::AccessToken;
use std::time::Duration;
use weka_token::client::Offers;
use weka_token::failure::Failure;
use wire::{
    Certificate, DaemonStatus, LoggedIn, LongLived, ProfileSettings, ProfileStatus, Request, Response, State,
    Status, Token, Trust, Verdict,
};

pub(crate) fn profile(name: &str, state: State, access_expires_in_s: Option<u64>) -> ProfileStatus {
    ProfileStatus {
        name: name.into(),
        state,
        username: access_expires_in_s.map(|_| "alice".into()),
        org: access_expires_in_s.map(|_| "Root".into()),
        endpoint: Some("https://weka01:14000".into()),
        access_expires_in_s,
        access_life_s: access_expires_in_s.map(|_| 300),
        next_refresh_in_s: access_expires_in_s.map(|seconds| seconds.saturating_sub(60)),
        refreshes_total: 12,
        refresh_failures_total: 1,
        gets_total: 70,
        last_error: None,
        locked_for_s: None,
        token_file: None,
        next_step: None,
        notes: vec![],
    }
}

pub(crate) fn status(profiles: Vec<ProfileStatus>) -> Status {
    Status {
        revision: 5,
        daemon: DaemonStatus {
            version: "0.1.0".into(),
            pid: 4711,
            uptime_s: 7380,
            socket: "/run/user/1000/weka-token/agent.sock".into(),
            default_profile: "default".into(),
            notes: vec![],
        },
        profiles,
        more: false,
    }
}

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
        person.hears(Message::Status(status(profiles)));
        person
    }

    pub(crate) fn hears(&mut self, message: Message) {
        let effects = self.model.update(self.now, message);
        self.asked.extend(effects);
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
        line.chars().for_each(|letter| self.presses(KeyCode::Char(letter)));
        self.presses(KeyCode::Enter);
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
        let (ticket, request) = self.request();
        self.hears(Message::Answer(ticket, Err(Failure::new(4, message).then(step))));
        request
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
        self.is_told(settings(known), offers);
    }
}

pub(crate) fn settings(known: bool) -> ProfileSettings {
    ProfileSettings {
        name: "default".into(),
        exists: known,
        endpoints: if known { vec!["https://weka01:14000".into()] } else { vec![] },
        org: known.then(|| "Root".into()),
        username: known.then(|| "alice".into()),
        trust: Trust::AsConfigured,
        token_file: None,
        saved_to: None,
        state: State::LoginRequired,
        locked_for_s: None,
    }
}

pub(crate) fn certificate(verdict: Verdict) -> Response {
    Response::Certificate(Certificate {
        endpoint: "https://weka01:14000".into(),
        fingerprint: format!("sha256:{}", "0f".repeat(32)),
        subject: "O=WEKA, CN=weka01".into(),
        issuer: "O=WEKA, CN=weka01".into(),
        not_before_unix_s: 1_700_000_000,
        not_after_unix_s: 2_000_000_000,
        verdict,
    })
}

pub(crate) fn long_lived(expires_in_s: u64, asked_s: u64) -> Response {
    Response::LongLived(LongLived {
        token: Token {
            access_token: AccessToken::new("eyJTOKEN.".repeat(66)),
            token_type: "Bearer".into(),
            expires_in_s,
            profile: "default".into(),
            endpoint: "https://weka01:14000".into(),
            org: Some("Root".into()),
            username: Some("alice".into()),
        },
        asked_s,
        notes: vec![],
    })
}

pub(crate) fn logged_in() -> Response {
    Response::LoggedIn(LoggedIn {
        profile: "default".into(),
        endpoint: "https://weka01:14000".into(),
        org: "Root".into(),
        username: "alice".into(),
        expires_in_s: 300,
        saved_to: None,
        token_file: None,
        password_change_required: false,
        notes: vec![],
    })
}
