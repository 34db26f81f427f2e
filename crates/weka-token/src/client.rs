//! The client as a library: for a program that speaks to the daemon as `weka-token` does, and shows what it
//! learns in another way. Nothing here may do more than the commands do.

use crate::args::Global;
use crate::clipboard::Clipboard;
use crate::connection::{Connection, ExchangeError};
use crate::environment::Environment;
use crate::failure::{FAILED, Failure};
use crate::session::{self, SOCKET_OPTION, Session};
use crate::socket_search::Places;
use crate::{cluster_trust, doctor, output, status_pages};
use std::path::PathBuf;
use std::process::ExitCode;
use wire::{Finding, ProfileSettings, Request, Response, Status};

pub use crate::cluster_trust::{Decision, certificate_facts, decision, mismatch};
pub use crate::doctor::{in_short as diagnosis_in_short, word as word_for};
pub use crate::login::{lockout, summary};
pub use crate::output::printable;
pub use crate::passwd::{after_the_lockout, check as check_new_password};
pub use crate::terminal::Signals;

/// The daemon, wherever it is found, and what the caller's environment says.
#[derive(Debug, Clone)]
pub struct Client {
    environment: Environment,
    places: Places,
    profile: Option<String>,
}

/// What `login` would offer as answers to its questions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    /// The cluster's address; the profile's own are not repeated here.
    pub endpoint: String,
    /// Organisation.
    pub org: String,
    /// WEKA user name; empty where nobody knows.
    pub username: String,
}

impl Client {
    /// Decides where to look for the daemon; does not connect yet.
    ///
    /// # Errors
    /// `WEKA_TOKEN_PROFILE` names no profile.
    pub fn new(socket: Option<PathBuf>, profile: Option<String>) -> Result<Self, Failure> {
        let environment = Environment::read();
        let global = Global { socket, profile, quiet: true };
        let Session { places, profile, .. } = Session::new(&global, &environment)?;
        Ok(Self { environment, places, profile })
    }

    /// The profile that was chosen, by an option or by the environment.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// Whether colours are welcome: neither `NO_COLOR` nor `TERM=dumb`.
    #[must_use]
    pub const fn colour(&self) -> bool {
        self.environment.colour
    }

    /// Asks once; what only reads is asked again where the daemon is being restarted.
    ///
    /// # Errors
    /// There is no daemon, no answer, or the answer is a refusal.
    pub fn ask(&self, timeout_ms: u32, request: &Request) -> Result<Response, Failure> {
        let session = self.session();
        match request {
            Request::Describe { .. } => session.ask_again(timeout_ms, |_| request.clone()),
            _ => session.ask_once(timeout_ms, request),
        }
    }

    /// What a login would ask a person, and the answers it would offer.
    ///
    /// # Errors
    /// A variable of the environment is not UTF-8.
    pub fn offers(&self, settings: &ProfileSettings) -> Result<Offers, Failure> {
        let environment = &self.environment;
        let of_environment = |name, value: &Option<std::ffi::OsString>| {
            value.as_deref().map(|value| cluster_trust::text(name, value)).transpose()
        };
        let org = match &settings.org {
            Some(org) => Some(org.clone()),
            None => of_environment("WEKA_ORG", &environment.org)?,
        };
        let username = match &settings.username {
            Some(username) => Some(username.clone()),
            None => of_environment("WEKA_USERNAME", &environment.username)?,
        };
        Ok(Offers {
            endpoint: cluster_trust::endpoint_of(environment)?
                .unwrap_or_else(|| cluster_trust::DEFAULT_ENDPOINT.to_owned()),
            org: org.unwrap_or_else(|| "Root".to_owned()),
            username: username.unwrap_or_default(),
        })
    }

    /// Puts a secret onto the clipboard of whoever sits in front of the terminal; whether the terminal took it
    /// cannot be known.
    ///
    /// # Errors
    /// There is no terminal, or it cannot be written to.
    pub fn copy(&self, text: &str) -> Result<(), Failure> {
        let clipboard = Clipboard::open(self.environment.in_tmux);
        clipboard.ok_or_else(|| Failure::new(FAILED, "there is no terminal to copy to"))?.take(text)
    }

    /// What `doctor` finds, about one profile or about all of them; a daemon that is not there is a finding, too.
    #[must_use]
    pub fn examine(&self, profile: Option<&str>) -> Vec<Finding> {
        let session = Session { profile: profile.map(str::to_owned), ..self.session() };
        doctor::examine(&session).0
    }

    /// Follows the daemon's state.
    #[must_use]
    pub fn follow(&self) -> Follower {
        Follower { client: self.clone(), connection: None, revision: None }
    }

    /// Says on standard error why `program` cannot go on, and gives the exit status.
    pub fn report(program: &str, failure: &Failure) -> ExitCode {
        output::report(program, failure, Environment::read().colour)
    }

    fn session(&self) -> Session<'_> {
        Session {
            environment: &self.environment,
            places: self.places.clone(),
            profile: self.profile.clone(),
            quiet: true,
            socket_option: SOCKET_OPTION,
        }
    }
}

/// The daemon's state, each time it has moved on.
#[derive(Debug)]
pub struct Follower {
    client: Client,
    connection: Option<Connection>,
    /// The last one seen on this connection: a daemon that has just started counts anew.
    revision: Option<u64>,
}

impl Follower {
    /// Waits for the next state: at once for the first, and else until something has changed or `wait_s` is over.
    ///
    /// # Errors
    /// The daemon has gone, or was never there. The next call connects anew; pausing in between is the caller's.
    pub fn next(&mut self, wait_s: u32) -> Result<Status, Failure> {
        let timeout_ms = wait_s.saturating_mul(1000).saturating_add(session::ANSWER_MS);
        let outcome = self.ask(wait_s, timeout_ms);
        match &outcome {
            Ok(status) => self.revision = Some(status.revision),
            Err(_) => (self.connection, self.revision) = (None, None),
        }
        outcome
    }

    fn ask(&mut self, wait_s: u32, timeout_ms: u32) -> Result<Status, Failure> {
        let after_revision = self.revision;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.client.session().connect(timeout_ms)?),
        };
        status_pages::whole(|after_name| {
            // Only the first page waits.
            let after_revision = after_revision.filter(|_| after_name.is_none());
            let wait_s = if after_revision.is_some() { wait_s } else { 0 };
            let question = Request::Status { profile: None, after_revision, wait_s, after_name };
            let answer = connection.ask(&question);
            let path = connection.path();
            let answer =
                answer.map_err(|error: ExchangeError| session::no_answer(error, path, timeout_ms))?;
            status_pages::status_in(session::accepted(answer)?)
        })
    }
}
