//! Another password: the old one, the new one, and the new one again.

use crate::model::answer::{Answer, unexpected};
use crate::model::field::{SecretField, Used};
use crate::model::message::{Now, Ticket};
use crate::model::notice::Notice;
use crate::model::outbox::{Outbox, PATIENCE_MS};
use crate::model::step::Step;
use crate::model::type_ahead::{TypeAhead, Typed};
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use secret::Password;
use weka_token::client;
use weka_token::failure::{Failure, PERSON_NEEDED, USAGE};
use wire::{ChangePassword, Request, Response};

/// The dialog. Dropped, it takes the passwords with it.
#[derive(Debug)]
pub(crate) struct Passwd {
    /// Which profile.
    pub(crate) profile: String,
    /// Whose password, where that is known.
    pub(crate) username: Option<String>,
    /// Whether the cluster wants it changed.
    pub(crate) is_wanted: bool,
    /// How far it has come.
    pub(crate) stage: Stage,
    /// What is typed.
    pub(crate) fields: [SecretField; 3],
    /// Which of the fields has the cursor.
    pub(crate) focus: usize,
    /// What went wrong the last time.
    pub(crate) wrong: Option<Failure>,
    ahead: TypeAhead,
}

/// How far it has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The daemon says whether the account is locked.
    Describing(Ticket),
    /// A person types.
    Form,
    /// The passwords are with the daemon.
    Changing(Ticket),
    /// It cannot go on.
    Refused(Failure),
}

/// What the fields are for, in their order.
pub(crate) const NAMES: [&str; 3] = ["Old password", "New password", "New again"];
/// The same within a sentence.
const MISSING: [&str; 3] = ["the old password", "the new password", "the new password, typed again,"];
/// The places of the old password and of the first of the new ones.
const OLD: usize = 0;
const NEW: usize = 1;

impl Passwd {
    /// For the user of a profile; `is_wanted` where the cluster wants it.
    pub(crate) fn of(profile: &str, is_wanted: bool, out: &mut Outbox) -> Self {
        Self {
            profile: profile.to_owned(),
            username: None,
            is_wanted,
            stage: Stage::Describing(out.describe(profile)),
            fields: Default::default(),
            focus: OLD,
            wrong: None,
            ahead: TypeAhead::default(),
        }
    }

    pub(super) fn key(&mut self, key: KeyEvent, out: &mut Outbox) -> Step {
        match self.stage {
            _ if key.code == KeyCode::Esc => return Step::Close(None),
            Stage::Describing(_) => self.ahead.key(key),
            Stage::Form => self.key_in_form(key, out),
            Stage::Refused(_) if matches!(key.code, KeyCode::Enter | KeyCode::Char('q')) => {
                return Step::Close(None);
            }
            Stage::Changing(_) | Stage::Refused(_) => {}
        }
        Step::Stay
    }

    fn key_in_form(&mut self, key: KeyEvent, out: &mut Outbox) {
        let count = self.fields.len();
        let used = self.fields.get_mut(self.focus).map_or(Used::No, |field| field.key(key));
        match key.code {
            _ if used == Used::Yes => self.wrong = None,
            KeyCode::Tab | KeyCode::Down => self.focus = (self.focus + 1) % count,
            KeyCode::BackTab | KeyCode::Up => self.focus = (self.focus + count - 1) % count,
            KeyCode::Enter => match self.missing() {
                // On the way down, Enter goes to the next gap.
                Some((place, name)) => {
                    let gap = format!("{name} is missing");
                    self.wrong = (self.focus == place).then(|| Failure::new(USAGE, gap));
                    self.focus = place;
                }
                None => self.change(out),
            },
            _ => {}
        }
    }

    fn missing(&self) -> Option<(usize, &'static str)> {
        let place = self.fields.iter().position(SecretField::is_empty)?;
        Some((place, MISSING.get(place).copied().unwrap_or_default()))
    }

    fn change(&mut self, out: &mut Outbox) {
        let [old, new, again] = &mut self.fields;
        if let Err(failure) = client::check_new_password(&*old, &*new, &*again) {
            return self.once_more(failure);
        }
        self.wrong = None;
        again.clear();
        // The old one stays while it may be needed for another try.
        let change = ChangePassword {
            profile: Some(self.profile.clone()),
            old_password: old.copy(),
            new_password: new.take(),
            timeout_ms: PATIENCE_MS,
        };
        self.stage = Stage::Changing(out.ask(Request::ChangePassword(Box::new(change))));
    }

    /// Another new password is to be typed, and another old one where that was refused.
    fn once_more(&mut self, failure: Failure) {
        let [old, new, again] = &mut self.fields;
        new.clear();
        again.clear();
        // A policy refuses the new one; the old one is typed again where it was that.
        self.focus = if failure.status == PERSON_NEEDED { OLD } else { NEW };
        if self.focus == OLD {
            old.clear();
        }
        self.wrong = Some(failure);
        self.stage = Stage::Form;
    }

    pub(super) fn paste(&mut self, text: &Password) {
        match self.stage {
            Stage::Describing(_) => self.ahead.paste(text),
            Stage::Form => {
                if let Some(field) = self.fields.get_mut(self.focus) {
                    field.paste(text);
                }
            }
            Stage::Changing(_) | Stage::Refused(_) => {}
        }
    }

    pub(super) fn focus(&mut self, index: usize) {
        if matches!(self.stage, Stage::Form) {
            self.focus = index.min(self.fields.len() - 1);
        }
    }

    pub(super) fn awaits(&self, ticket: Ticket) -> bool {
        matches!(self.stage, Stage::Describing(own) | Stage::Changing(own) if own == ticket)
    }

    pub(super) fn answer(&mut self, now: Now, answer: Answer, out: &mut Outbox) -> Step {
        match answer {
            Answer::Described(Ok((settings, _))) => {
                // Other accounts may be locked as well, which is nothing to this one.
                let lockout = client::lockout(&settings);
                self.username = settings.username;
                if let Some(lockout) = lockout {
                    self.stage = Stage::Refused(client::after_the_lockout(lockout, ""));
                    return Step::Stay;
                }
                self.stage = Stage::Form;
                for typed in self.ahead.take() {
                    match typed {
                        Typed::Key(key) => drop(self.key(key, out)),
                        Typed::Paste(text) => self.paste(&text),
                    }
                }
            }
            Answer::Described(Err(failure)) => self.stage = Stage::Refused(failure),
            Answer::Response(Ok(response)) => match *response {
                Response::Done { notes } => {
                    let said = format!("the password of profile {} is changed", self.profile);
                    let lines = if notes.is_empty() { vec![said] } else { notes };
                    return Step::Close(Some(Notice::good(now, lines)));
                }
                _ => self.once_more(unexpected()),
            },
            Answer::Response(Err(failure)) => self.once_more(failure),
            Answer::Examined(_) => {}
        }
        Step::Stay
    }
}
