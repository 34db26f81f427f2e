//! `weka-token refresh`.

use crate::args::Timeout;
use crate::failure::Failure;
use crate::session::{self, Session};
use wire::{Request, Response};

pub(crate) fn run(session: &Session<'_>, timeout: Timeout) -> Result<u8, Failure> {
    let timeout_ms = timeout.milliseconds();
    let request = Request::Refresh { profile: session.profile.clone(), timeout_ms };
    let Response::Refreshed { expires_in_s, .. } = session.ask_once(timeout_ms, &request)? else {
        return Err(session::unexpected());
    };
    session.say(&format!("renewed; valid for {expires_in_s} s"));
    Ok(0)
}
