//! The dialog that is open, whichever it is.

use crate::model::answer::Answer;
use crate::model::api_token::ApiToken;
use crate::model::doctor::Doctor;
use crate::model::identity::Identity;
use crate::model::keys;
use crate::model::log_in::LogIn;
use crate::model::log_out::LogOut;
use crate::model::message::{Now, Ticket};
use crate::model::outbox::Outbox;
use crate::model::passwd::Passwd;
use crate::model::revoke::Revoke;
use crate::model::step::Step;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use secret::Password;

/// A dialog. Each has everything to itself, so that all of it is wiped when it closes.
#[derive(Debug)]
pub(crate) enum Dialog {
    /// Every key.
    Help,
    /// Log in.
    LogIn(Box<LogIn>),
    /// Log out.
    LogOut(LogOut),
    /// Make a long-lived token.
    ApiToken(Box<ApiToken>),
    /// End all tokens.
    Revoke(Revoke),
    /// Another password.
    Passwd(Box<Passwd>),
    /// What is wrong, and what to do.
    Doctor(Doctor),
    /// Who the cluster says the user is.
    Identity(Identity),
}

impl Dialog {
    /// A key.
    pub(crate) fn key(&mut self, key: KeyEvent, out: &mut Outbox) -> Step {
        match self {
            Self::Help | Self::LogOut(_) | Self::Doctor(_) | Self::Identity(_) if !keys::is_plain(key) => {
                Step::Stay
            }
            Self::Help => match key.code {
                KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?' | 'h') | KeyCode::F(1) => {
                    Step::Close(None)
                }
                _ => Step::Stay,
            },
            Self::LogIn(dialog) => dialog.key(key, out),
            Self::LogOut(dialog) => dialog.key(key, out),
            Self::ApiToken(dialog) => dialog.key(key, out),
            Self::Revoke(dialog) => dialog.key(key, out),
            Self::Passwd(dialog) => dialog.key(key, out),
            Self::Doctor(dialog) => dialog.key(key, out),
            Self::Identity(dialog) => dialog.key(key),
        }
    }

    /// Whether it is there to be read: keys that move a selection elsewhere read on in it.
    #[must_use]
    pub(crate) const fn is_read(&self) -> bool {
        matches!(self, Self::Help | Self::Doctor(_) | Self::Identity(_))
    }

    /// Pasted text, for the field that has the cursor.
    pub(crate) fn paste(&mut self, text: &Password) {
        match self {
            Self::LogIn(dialog) => dialog.paste(text),
            Self::ApiToken(dialog) => dialog.paste(text),
            Self::Passwd(dialog) => dialog.paste(text),
            // A word that is to be typed is not to be pasted.
            Self::Help | Self::LogOut(_) | Self::Revoke(_) | Self::Doctor(_) | Self::Identity(_) => {}
        }
    }

    /// A click on one of several things to choose from.
    pub(crate) fn choose(&mut self, index: usize) {
        match self {
            Self::LogIn(dialog) => dialog.focus(index),
            Self::ApiToken(dialog) => dialog.choose(index),
            Self::Passwd(dialog) => dialog.focus(index),
            Self::Help | Self::LogOut(_) | Self::Revoke(_) | Self::Doctor(_) | Self::Identity(_) => {}
        }
    }

    /// The answer that this dialog waits for, if it is that one; else it is given back.
    pub(crate) fn answer(
        &mut self,
        now: Now,
        ticket: Ticket,
        answer: Answer,
        out: &mut Outbox,
    ) -> Result<Step, Answer> {
        match (self, answer) {
            (Self::LogIn(dialog), answer) if dialog.awaits(ticket) => Ok(dialog.answer(now, answer, out)),
            (Self::LogOut(dialog), Answer::Response(answer)) if dialog.awaits(ticket) => {
                Ok(dialog.answer(now, answer))
            }
            (Self::ApiToken(dialog), Answer::Response(answer)) if dialog.awaits(ticket) => {
                Ok(dialog.answer(now, answer))
            }
            (Self::Revoke(dialog), Answer::Response(answer)) if dialog.awaits(ticket) => {
                Ok(dialog.answer(now, answer))
            }
            (Self::Passwd(dialog), answer) if dialog.awaits(ticket) => Ok(dialog.answer(now, answer, out)),
            (Self::Identity(dialog), Answer::Response(answer)) if dialog.awaits(ticket) => {
                Ok(dialog.answer(answer))
            }
            (Self::Doctor(dialog), Answer::Examined(findings)) if dialog.awaits(ticket) => {
                dialog.found(findings);
                Ok(Step::Stay)
            }
            (_, answer) => Err(answer),
        }
    }
}
