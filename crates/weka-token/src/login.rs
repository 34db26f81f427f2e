//! `weka-token login`.

use crate::args::LoginOptions;
use crate::cluster_trust::{self, absolute, text};
use crate::environment::Environment;
use crate::failure::{Failure, PERSON_NEEDED, USAGE};
use crate::session::{self, ANSWER_MS, Session};
use crate::span;
use crate::terminal::{self, Terminal};
use wire::{LoggedIn, Login, ProfileSettings, Request, Response, State, Target, TokenFileChoice, Trust};

pub(crate) fn run(session: &Session<'_>, options: &LoginOptions) -> Result<u8, Failure> {
    let timeout_ms = options.timeout.milliseconds();
    let token_file = token_file(options, session.environment)?;
    let settings = cluster_trust::describe(session)?;
    let terminal = Terminal::open();
    let terminal = terminal.as_ref();
    // What can be refused without the cluster is refused first.
    let username = username(session, options, &settings)?;
    if terminal.is_none() && username.is_none() {
        return Err(Failure::new(USAGE, format!("profile {} has no user name", settings.name))
            .then("add: --user USER, or set WEKA_USERNAME"));
    }
    if terminal.is_none() && !options.password_stdin {
        return Err(Failure::new(USAGE, "no terminal to ask for the password on")
            .then(format!("pipe it in: weka-token login{} --password-stdin", session.profile_option())));
    }
    if username.is_some() {
        let endpoints = options.cluster.endpoints.clone();
        let org = options.org.clone().or_else(|| settings.org.clone());
        may_log_in(session, &settings, endpoints, org, username.clone())?;
    }
    let target = cluster_trust::settle(session, &options.cluster, &settings, terminal, timeout_ms)?;
    let org = org(session, options, &settings, terminal)?;
    let username = match (username, terminal) {
        (None, Some(terminal)) => terminal.ask("User", None)?,
        (username, _) => username.unwrap_or_default(),
    };
    may_log_in(session, &settings, target.endpoints.clone(), org.clone(), Some(username.clone()))?;
    let password = match terminal {
        Some(terminal) => terminal.ask_password(&format!("Password of {username}"))?,
        None => terminal::password_from_stdin()?,
    };
    let save = !options.no_save;
    let login = Login { target, org, username, password, token_file, save, timeout_ms };
    match session.ask_once(timeout_ms, &Request::Login(Box::new(login)))? {
        Response::LoggedIn(done) => {
            for line in summary(&done) {
                session.say(&line);
            }
            Ok(0)
        }
        _ => Err(session::unexpected()),
    }
}

/// Nobody is asked for a password that would not be sent: the daemon knows which accounts are locked.
pub(crate) fn may_log_in(
    session: &Session<'_>,
    settings: &ProfileSettings,
    endpoints: Vec<String>,
    org: Option<String>,
    username: Option<String>,
) -> Result<(), Failure> {
    let Some(seconds) = settings.locked_for_s else { return Ok(()) };
    let target = Target { profile: session.profile.clone(), endpoints, trust: Trust::AsConfigured };
    let request = Request::MayLogIn { target, org, username };
    match session.ask_again(ANSWER_MS, |_| request.clone()) {
        Ok(_) => Ok(()),
        Err(failure) if failure.status == PERSON_NEEDED => Err(failure),
        // An older daemon lets nobody log in meanwhile.
        Err(_) => Err(locked(&settings.name, seconds, &session.profile_option())),
    }
}

/// Why no password is sent now, as far as that can be told before it is known for which account; nothing, where a lockout
/// is known to be another account's.
#[must_use]
pub fn lockout(settings: &ProfileSettings) -> Option<Failure> {
    let seconds = settings.locked_for_s?;
    match settings.state {
        State::LockedOut => Some(locked(&settings.name, seconds, "")),
        // It may be that of any account that was tried.
        State::LoggedOut => {
            let account = format!("an account that was tried for profile {}", settings.name);
            Some(locked_account(&account, seconds, ""))
        }
        _ => None,
    }
}

/// During a lockout a password would be refused whatever it is, and prolong it. `option` is ` -p NAME` where the profile
/// has to be named.
fn locked(name: &str, seconds: u64, option: &str) -> Failure {
    locked_account(&format!("the account of profile {name}"), seconds, option)
}

fn locked_account(account: &str, seconds: u64, option: &str) -> Failure {
    let message = format!(
        "the cluster has locked {account} for another {}; no password is sent meanwhile, which would only prolong that",
        span::short(seconds)
    );
    Failure::new(PERSON_NEEDED, message)
        .then(format!("wait, then run: weka-token login{option}"))
        .then("another user may log in meanwhile")
}

fn token_file(options: &LoginOptions, environment: &Environment) -> Result<TokenFileChoice, Failure> {
    match &options.token_file {
        None => Ok(TokenFileChoice::AsConfigured),
        Some(None) => Ok(TokenFileChoice::Usual),
        Some(Some(path)) => absolute("--token-file", path, environment).map(TokenFileChoice::Path),
    }
}

fn username(
    session: &Session<'_>,
    options: &LoginOptions,
    settings: &ProfileSettings,
) -> Result<Option<String>, Failure> {
    if let Some(user) = options.user.as_ref().or(settings.username.as_ref()) {
        return Ok(Some(user.clone()));
    }
    session.environment.username.as_deref().map(|user| text("WEKA_USERNAME", user)).transpose()
}

/// `None` leaves it to the daemon, which takes the profile's or Root.
fn org(
    session: &Session<'_>,
    options: &LoginOptions,
    settings: &ProfileSettings,
    terminal: Option<&Terminal>,
) -> Result<Option<String>, Failure> {
    if let Some(org) = options.org.as_ref().or(settings.org.as_ref()) {
        return Ok(Some(org.clone()));
    }
    if let Some(org) = &session.environment.org {
        return text("WEKA_ORG", org).map(Some);
    }
    terminal.map(|terminal| terminal.ask("Organization", Some("Root"))).transpose()
}

/// What a person should know of a login that worked, in sentences.
#[must_use]
pub fn summary(done: &LoggedIn) -> Vec<String> {
    let mut lines = vec![
        format!(
            "logged in to {} as {} (organization {}); tokens live {} and are renewed by themselves",
            done.endpoint,
            done.username,
            done.org,
            span::short(done.expires_in_s)
        ),
        match &done.saved_to {
            Some(path) => format!("profile {} is saved in {path}", done.profile),
            None => format!("profile {} is not saved", done.profile),
        },
        match &done.token_file {
            Some(path) => format!("{path} is kept fresh"),
            None => "tokens stay in the daemon's memory only".to_owned(),
        },
    ];
    if done.password_change_required {
        lines.push(format!(
            "the cluster wants this password changed, and may refuse everything else until then; run: weka-token passwd -p {}",
            done.profile
        ));
    }
    lines.extend(done.notes.iter().cloned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_to_choose_a_token_file() {
        let choose = |token_file| token_file_of(LoginOptions { token_file, ..LoginOptions::default() });
        assert_eq!(choose(None), Ok(TokenFileChoice::AsConfigured));
        assert_eq!(choose(Some(None)), Ok(TokenFileChoice::Usual));
        assert_eq!(choose(Some(Some("/t.json".into()))), Ok(TokenFileChoice::Path("/t.json".into())));
        assert!(choose(Some(Some("".into()))).is_err());
    }

    fn token_file_of(options: LoginOptions) -> Result<TokenFileChoice, u8> {
        token_file(&options, &Environment::default()).map_err(|failure| failure.status)
    }
}
