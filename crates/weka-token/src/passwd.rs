//! `weka-token passwd`: another password for the profile's user.

use crate::args::PasswdOptions;
use crate::cluster_trust;
use crate::failure::{FAILED, Failure, USAGE};
use crate::login;
use crate::session::{self, Session};
use crate::terminal::{self, Terminal};
use secret::Password;
use wire::{ChangePassword, Request, Response};

/// Asks for the old and the new password, and has them changed.
///
/// # Errors
/// The cluster refused, or nobody could be asked.
pub(crate) fn run(session: &Session<'_>, options: &PasswdOptions) -> Result<u8, Failure> {
    let settings = cluster_trust::describe(session)?;
    login::may_log_in(session, &settings, Vec::new(), None, None)
        .map_err(|failure| after_the_lockout(failure, &session.profile_option()))?;
    let (old_password, new_password) = match (options.password_stdin, Terminal::open()) {
        (true, _) => terminal::two_passwords_from_stdin()?,
        (false, Some(terminal)) => ask(&terminal, settings.username.as_deref())?,
        (false, None) => {
            let profile = session.profile_option();
            return Err(Failure::new(USAGE, "no terminal to ask for the passwords on").then(format!(
                "pipe them in, the old one first: weka-token passwd{profile} --password-stdin"
            )));
        }
    };
    let timeout_ms = options.timeout.milliseconds();
    let profile = session.profile.clone();
    let change = ChangePassword { profile, old_password, new_password, timeout_ms };
    let Response::Done { notes } =
        session.ask_once(timeout_ms, &Request::ChangePassword(Box::new(change)))?
    else {
        return Err(session::unexpected());
    };
    for note in &notes {
        session.say(note);
    }
    Ok(0)
}

/// What to do about a lockout that keeps a password from being changed. `option` is ` -p NAME` where the profile has to be
/// named.
#[must_use]
pub fn after_the_lockout(lockout: Failure, option: &str) -> Failure {
    Failure { next_steps: vec![format!("wait, then run: weka-token passwd{option}")], ..lockout }
}

fn ask(terminal: &Terminal, username: Option<&str>) -> Result<(Password, Password), Failure> {
    let old = match username {
        Some(username) => terminal.ask_password(&format!("Old password of {username}"))?,
        None => terminal.ask_password("Old password")?,
    };
    let new = terminal.ask_password("New password")?;
    check(&old, &new, &terminal.ask_password("New password again")?)?;
    Ok((old, new))
}

/// What can be said of a new password without the cluster: whether it is the one that was meant, and another one.
///
/// # Errors
/// The two are not the same, or it is the old one.
pub fn check<T: PartialEq>(old: &T, new: &T, again: &T) -> Result<(), Failure> {
    if again != new {
        return Err(Failure::new(FAILED, "the two are not the same; nothing was changed"));
    }
    if new == old {
        return Err(Failure::new(FAILED, "that is the old one; nothing was changed"));
    }
    Ok(())
}
