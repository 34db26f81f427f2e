//! `weka-token revoke-tokens`: ends all tokens of a user.

use crate::args::RevokeOptions;
use crate::failure::{FAILED, Failure, USAGE};
use crate::session::{self, Session};
use crate::terminal::Terminal;
use wire::{Request, Response};

/// Revokes, after a confirmation.
///
/// # Errors
/// Nobody confirmed it, or it was refused.
pub(crate) fn run(session: &Session<'_>, options: &RevokeOptions) -> Result<u8, Failure> {
    let username = options.username.clone();
    if !options.yes {
        confirm(session, username.as_deref())?;
    }
    let timeout_ms = options.timeout.milliseconds();
    let request = Request::Revoke { profile: session.profile.clone(), username, timeout_ms };
    let Response::Done { notes } = session.ask_once(timeout_ms, &request)? else {
        return Err(session::unexpected());
    };
    for note in &notes {
        session.say(note);
    }
    Ok(0)
}

fn confirm(session: &Session<'_>, username: Option<&str>) -> Result<(), Failure> {
    let Some(terminal) = Terminal::open() else {
        return Err(
            Failure::new(USAGE, "nobody is there to confirm that all tokens are to end").then("add: --yes")
        );
    };
    let whose = match (username, &session.profile) {
        (Some(username), _) => username.to_owned(),
        (None, Some(profile)) => format!("the user of profile {profile}"),
        (None, None) => "the user of the default profile".to_owned(),
    };
    terminal.show(&format!(
        "This ends every token of {whose}, at once and everywhere: long-lived ones, those of WEKA's own tools and GUI, \
         and those of other hosts. What is mounted stays mounted; new mounts need a new login."
    ));
    match terminal.ask("Type yes to go on", Some("no"))?.as_str() {
        "yes" => Ok(()),
        _ => Err(Failure::new(FAILED, "nothing was revoked")),
    }
}
