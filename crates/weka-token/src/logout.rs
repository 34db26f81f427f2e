//! `weka-token logout`.

use crate::args::LongTimeout;
use crate::failure::Failure;
use crate::session::{self, Session};
use wire::{Request, Response};

pub(crate) fn run(session: &Session<'_>, revoke: bool, timeout: LongTimeout) -> Result<u8, Failure> {
    let timeout_ms = timeout.milliseconds();
    let request = Request::Logout { profile: session.profile.clone(), revoke, timeout_ms };
    let Response::Done { notes } = session.ask_once(timeout_ms, &request)? else {
        return Err(session::unexpected());
    };
    if notes.is_empty() {
        session.say("logged out");
    }
    for note in &notes {
        session.say(note);
    }
    Ok(0)
}
