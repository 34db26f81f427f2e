//! What is said below the details when something was done, or was not.

use crate::model::message::Now;
use std::time::Duration;
use weka_token::client;
use weka_token::failure::{FAILED, Failure};
use weka_token::span;
use wire::Response;

/// How long good news stays.
const GOOD_NEWS: Duration = Duration::from_secs(15);

/// Something that is said below the details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Sentences.
    pub(crate) lines: Vec<String>,
    /// What kind it is.
    pub(crate) tone: Tone,
    /// Until when; without, until a key is pressed.
    pub(crate) until: Option<Duration>,
}

/// The kind of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It worked.
    Good,
    /// It did not.
    Bad,
    /// It is under way: stays until its answer comes.
    Busy,
}

impl Notice {
    /// Something that worked.
    #[must_use]
    pub(crate) fn good(now: Now, lines: Vec<String>) -> Self {
        Self { lines, tone: Tone::Good, until: Some(now.boot + GOOD_NEWS) }
    }

    /// Something that failed, with the next steps.
    #[must_use]
    pub(crate) fn bad(failure: &Failure) -> Self {
        let lines = std::iter::once(&failure.message).chain(&failure.next_steps).cloned().collect();
        Self { lines, tone: Tone::Bad, until: None }
    }

    /// Something that is under way.
    #[must_use]
    pub(crate) fn busy(line: String) -> Self {
        Self { lines: vec![line], tone: Tone::Busy, until: None }
    }
}

/// What is said of an answer that no dialog waits for.
pub(super) fn told(now: Now, answer: Result<Box<Response>, Failure>) -> Option<Notice> {
    match answer.map(|response| *response) {
        Ok(Response::Refreshed { profile, expires_in_s }) => {
            let life = span::short(expires_in_s);
            Some(Notice::good(
                now,
                vec![format!("the token of profile {profile} is renewed and lives {life}")],
            ))
        }
        Ok(Response::LoggedIn(done)) => Some(Notice::good(now, client::summary(&done))),
        Ok(Response::Done { notes }) => Some(Notice::good(now, notes)).filter(|it| !it.lines.is_empty()),
        Ok(_) => None,
        Err(failure) => Some(Notice::bad(&failure)),
    }
}

pub(super) fn nothing_selected() -> Failure {
    Failure::new(FAILED, "there is no profile yet").then("press n to log in to one")
}
