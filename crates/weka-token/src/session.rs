//! A command's dealings with the daemon: what may be repeated is repeated, and what goes wrong becomes a
//! [`Failure`] with a next step.

use crate::args::Global;
use crate::connection::{ConnectError, Connection, ExchangeError};
use crate::environment::Environment;
use crate::failure::{FAILED, Failure, NO_DAEMON, NOT_PERMITTED, USAGE};
use crate::output;
use crate::profile_name;
use crate::socket_search::{self, Places, manager_option};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{Duration, Instant};
use wire::{FrameError, Request, Response};

/// How long the daemon may take to answer, in milliseconds; it has everything at hand.
pub(crate) const ANSWER_MS: u32 = 10_000;
/// What the client waits beyond the wait it asked the daemon for.
const GRACE: Duration = Duration::from_secs(2);
/// The longest path that a socket can have, in bytes: unix(7), less the NUL that ends it.
const LONGEST_PATH: usize = 107;
/// The first pause before a repetition, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(200));

/// What names a socket, for all commands but `mount`.
pub(crate) const SOCKET_OPTION: &str = "--socket ";

/// What every command needs.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) places: Places,
    pub(crate) profile: Option<String>,
    pub(crate) quiet: bool,
    /// What names a socket on this command line, for messages.
    pub(crate) socket_option: &'static str,
}

impl<'a> Session<'a> {
    /// Where the daemon is to be looked for, and which profile is meant: options come before the environment.
    ///
    /// # Errors
    /// `WEKA_TOKEN_PROFILE` names no profile.
    pub(crate) fn new(global: &Global, environment: &'a Environment) -> Result<Self, Failure> {
        let profile = match &global.profile {
            Some(profile) => Some(profile.clone()),
            None => environment.profile.as_deref().map(profile_name::from_environment).transpose()?,
        };
        let places = socket_search::places(global.socket.as_deref(), environment, nix::unistd::geteuid());
        Ok(Self { environment, places, profile, quiet: global.quiet, socket_option: SOCKET_OPTION })
    }
}

impl Session<'_> {
    /// Connects; `timeout_ms` is what the daemon will be asked to wait.
    pub(crate) fn connect(&self, timeout_ms: u32) -> Result<Connection, Failure> {
        self.try_connect(timeout_ms).map_err(|error| self.no_connection(error, timeout_ms))
    }

    /// Asks something that must not be repeated by itself.
    pub(crate) fn ask_once(&self, timeout_ms: u32, request: &Request) -> Result<Response, Failure> {
        let mut connection = self.connect(timeout_ms)?;
        let answer = connection.ask(request).map_err(|error| {
            let open = left_open(request, &self.profile_option()).filter(|_| may_have_been_served(&error));
            let failure = no_answer(error, connection.path(), timeout_ms);
            open.into_iter().fold(failure, Failure::then)
        })?;
        accepted(answer)
    }

    /// Asks something that only reads: a connection that ends before the answer (the daemon is being
    /// restarted) is made again until the time is up. `request` is given the milliseconds left.
    pub(crate) fn ask_again(
        &self,
        timeout_ms: u32,
        request: impl Fn(u32) -> Request,
    ) -> Result<Response, Failure> {
        let deadline = Instant::now() + Duration::from_millis(timeout_ms.into());
        let mut connection = self.connect(timeout_ms)?;
        let first = connection.ask(&request(timeout_ms));
        if !matches!(first, Err(ExchangeError::Closed)) {
            return accepted(first.map_err(|error| no_answer(error, connection.path(), timeout_ms))?);
        }
        let mut pause = PAUSES.0;
        // What is there at the end is what is told: nobody, or somebody who does not answer.
        let mut nobody = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left < pause {
                return Err(match nobody {
                    Some(error) => self.no_connection(error, timeout_ms),
                    None => no_answer(ExchangeError::Closed, connection.path(), timeout_ms),
                });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
            let left_ms = u32::try_from(left.as_millis()).unwrap_or(timeout_ms);
            match self.try_connect(left_ms) {
                Ok(again) => {
                    connection = again;
                    nobody = None;
                }
                Err(error @ (ConnectError::NotThere | ConnectError::Refused(_))) => {
                    nobody = Some(error);
                    continue;
                }
                Err(error) => return Err(self.no_connection(error, left_ms)),
            }
            match connection.ask(&request(left_ms)) {
                Err(ExchangeError::Closed) => {}
                answer => return accepted(answer.map_err(|it| no_answer(it, connection.path(), left_ms))?),
            }
        }
    }

    /// Says something on stderr unless `-q` was given.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            output::say(text);
        }
    }

    /// ` -p NAME` where a profile was chosen, for commands in messages.
    pub(crate) fn profile_option(&self) -> String {
        self.profile.as_ref().map(|name| format!(" -p {name}")).unwrap_or_default()
    }

    /// Asks for the current pair.
    pub(crate) fn current_pair(&self, timeout_ms: u32) -> Request {
        Request::Follow { profile: self.profile.clone(), after: None, wait_s: 0, timeout_ms }
    }

    pub(crate) fn try_connect(&self, timeout_ms: u32) -> Result<Connection, ConnectError> {
        Connection::open(&self.places, Duration::from_millis(timeout_ms.into()) + GRACE)
    }

    pub(crate) fn no_connection(&self, error: ConnectError, timeout_ms: u32) -> Failure {
        let start = || format!("run: {}", self.places.start_command(self.environment));
        match error {
            ConnectError::NotThere => {
                let message = format!("no daemon: no socket at {}", self.places.listed());
                Failure::new(NO_DAEMON, message).then(start())
            }
            ConnectError::Refused(path) if !is_socket(&path) => {
                let option = self.socket_option.trim_end();
                // Nothing in the environment counts for a mount.
                let variable = if option == "--socket" { ", WEKA_TOKEN_SOCKET" } else { "" };
                Failure::new(NO_DAEMON, format!("no daemon: {} is no socket", path.display())).then(format!(
                    "name the socket of a daemon ({option}{variable}), or none for the usual ones"
                ))
            }
            ConnectError::Refused(path) => {
                let message = format!("no daemon: nobody listens on {} (left behind)", path.display());
                Failure::new(NO_DAEMON, message).then(start())
            }
            ConnectError::Denied(path) => {
                let message = format!("permission denied to connect to {}", path.display());
                Failure::new(NOT_PERMITTED, message).then(format!("look at: ls -l {}", path.display()))
            }
            ConnectError::Foreign(path, uid) => {
                let message = format!(
                    "{} belongs to uid {uid}, which is neither yours nor root's nor the host service's; \
                     nothing was sent",
                    path.display()
                );
                let step = format!("if that is meant, name it: {}{}", self.socket_option, path.display());
                Failure::new(NOT_PERMITTED, message).then(step)
            }
            ConnectError::TimedOut(path) => no_answer(ExchangeError::TimedOut, &path, timeout_ms),
            ConnectError::Other(path, _) if path.as_os_str().len() > LONGEST_PATH => {
                let length = path.as_os_str().len();
                let message = format!(
                    "the path of the socket is too long: {length} bytes, and {LONGEST_PATH} are the most: {}",
                    path.display()
                );
                Failure::new(FAILED, message)
                    .then(format!("choose a shorter one, on both sides: {}PATH", self.socket_option))
            }
            ConnectError::Other(path, error) => {
                Failure::new(FAILED, format!("cannot connect to {}: {error}", path.display()))
            }
        }
    }
}

fn is_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Whether the daemon may have done what it was asked to, for all that this says.
const fn may_have_been_served(error: &ExchangeError) -> bool {
    !matches!(
        error,
        ExchangeError::Request(_)
            | ExchangeError::Frame(FrameError::Unsupported { .. } | FrameError::Version { .. })
    )
}

/// What may have been done by a daemon that was asked and gave no answer. `profile` is ` -p NAME` where one was chosen.
fn left_open(request: &Request, profile: &str) -> Option<String> {
    let open = match request {
        Request::Login(_) => "the login may have worked all the same; see: weka-token status",
        Request::Logout { revoke: true, .. } => {
            "all sessions of the user may have ended all the same; to be sure, run it again"
        }
        Request::Logout { .. } => "the tokens may be forgotten all the same; see: weka-token status",
        Request::Revoke { .. } => "the tokens may be revoked all the same; to be sure, run it again",
        Request::Generate { .. } => {
            return Some(format!(
                "a token may have been made all the same, which nobody has; to end it, run: weka-token \
                 revoke-tokens{profile}"
            ));
        }
        Request::MountToken { .. } => "a mount token may have been made all the same, which nobody has",
        Request::ChangePassword(_) => {
            return Some(format!(
                "the password may be changed all the same: try the new one with weka-token login{profile}"
            ));
        }
        Request::EditProfiles(_) => "it may have been done all the same; see: weka-token profiles",
        _ => return None,
    };
    Some(open.to_owned())
}

/// Turns a refusal into a failure.
pub(crate) fn accepted(response: Response) -> Result<Response, Failure> {
    match response {
        Response::Refused(refusal) => Err(refusal.into()),
        other => Ok(other),
    }
}

/// The answer belongs to another question.
pub(crate) fn unexpected() -> Failure {
    Failure::new(FAILED, "the daemon's answer does not fit the question")
        .then("upgrade weka-token and weka-tokend to the same version")
}

/// What to say when no answer came.
pub(crate) fn no_answer(error: ExchangeError, path: &Path, timeout_ms: u32) -> Failure {
    no_answer_within(Duration::from_millis(timeout_ms.into()) + GRACE, error, path)
}

/// The same for who has waited for just so long.
pub(crate) fn no_answer_within(waited: Duration, error: ExchangeError, path: &Path) -> Failure {
    let manager = manager_option(path);
    let path = path.display();
    match error {
        ExchangeError::Closed => {
            Failure::new(FAILED, format!("the daemon on {path} ended the connection without an answer"))
                .then(format!("look at the daemon's log: journalctl{manager} -u weka-tokend"))
        }
        ExchangeError::Request(error) => {
            Failure::new(USAGE, format!("the request is too long: {error}")).then("shorten what you typed")
        }
        ExchangeError::TimedOut => {
            let seconds = waited.as_secs_f64().round();
            Failure::new(FAILED, format!("the daemon on {path} has not answered within {seconds} s"))
                .then(format!("it may be stopped or stuck; look at: systemctl{manager} status weka-tokend"))
        }
        ExchangeError::Failed(error) => {
            Failure::new(FAILED, format!("the connection to {path} failed: {error}"))
        }
        ExchangeError::Frame(FrameError::Unsupported { sentence, .. }) => Failure::new(FAILED, sentence),
        ExchangeError::Frame(FrameError::Version { version }) => {
            let message = format!("the daemon on {path} answers in version {version} of the protocol");
            Failure::new(FAILED, message).then("upgrade weka-token")
        }
        ExchangeError::Frame(error) => {
            Failure::new(FAILED, format!("the daemon on {path} sent what is no answer: {error}"))
                .then("upgrade weka-token and weka-tokend to the same version")
        }
    }
}
