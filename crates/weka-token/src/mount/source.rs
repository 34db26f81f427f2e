//! Where the token comes from: a daemon that may not be up yet, and a cluster that may not be either.

use super::failed::in_terms_of_mount;
use crate::connection::{ConnectError, Connection, ExchangeError};
use crate::failure::{Failure, USAGE};
use crate::follower::Owed;
use crate::session::{self, Session, accepted, no_answer_within};
use std::time::{Duration, Instant};
use wire::{Code, MountGrant, Pair, Request, Response};

/// The first pause before a repetition, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// The least time that a daemon is given to answer.
const LEAST: Duration = Duration::from_secs(1);
/// How long the daemon may take to be told of a renewed pair.
const TELLING_MS: u32 = 5_000;

/// The daemon, asked until there is an answer or the time is up.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) session: Session<'a>,
    pub(super) timeout_ms: u32,
}

/// Why there is no answer yet.
enum Attempt {
    /// It may be otherwise in a moment.
    Again(Failure),
    Over(Failure),
}

impl Source<'_> {
    /// The pair that is current.
    ///
    /// # Errors
    /// There is none within the time, or there never will be.
    pub(super) fn pair(&self) -> Result<Pair, Failure> {
        let answer = self.ask(self.timeout_ms, |left_ms| self.session.current_pair(left_ms))?;
        match answer {
            Response::Pair(pair) => Ok(pair),
            _ => Err(in_terms_of_mount(session::unexpected())),
        }
    }

    /// A token that mounts one filesystem and nothing else.
    ///
    /// # Errors
    /// As [`Self::pair`], or the cluster does not grant it.
    pub(super) fn mount_token(&self, filesystem: &str) -> Result<MountGrant, Failure> {
        let profile = &self.session.profile;
        let answer = self.ask(self.timeout_ms, |timeout_ms| Request::MountToken {
            profile: profile.clone(),
            filesystem: filesystem.to_owned(),
            read_only: false,
            expires_s: None,
            timeout_ms,
        })?;
        match answer {
            Response::MountToken(grant) => Ok(grant),
            _ => Err(in_terms_of_mount(session::unexpected())),
        }
    }

    /// Gives the daemon a pair that was renewed from one of its own.
    ///
    /// # Errors
    /// It does not want it, or cannot be told.
    pub(super) fn adopt(&self, owed: &Owed) -> Result<Vec<String>, Failure> {
        let answer = self.ask(TELLING_MS, |_| owed.request())?;
        match answer {
            Response::Done { notes } => Ok(notes),
            _ => Err(in_terms_of_mount(session::unexpected())),
        }
    }

    /// Asks until `timeout_ms` is over: a socket may be on its way, a daemon about to come back, a cluster to answer.
    fn ask(&self, timeout_ms: u32, request: impl Fn(u32) -> Request) -> Result<Response, Failure> {
        let deadline = Instant::now() + Duration::from_millis(timeout_ms.into());
        let mut pause = PAUSES.0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let failure = match self.attempt(left.max(LEAST), &request) {
                Ok(response) => return Ok(response),
                Err(Attempt::Over(failure)) => return Err(in_terms_of_mount(failure)),
                Err(Attempt::Again(failure)) => failure,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left < pause {
                let seconds = timeout_ms.div_ceil(1000);
                return Err(in_terms_of_mount(failure).then(format!("given up after {seconds} s")));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Asks once, and is back within `bound` whatever happens. The daemon is given a little less, so that it can say
    /// what it has waited for.
    fn attempt(&self, bound: Duration, request: &impl Fn(u32) -> Request) -> Result<Response, Attempt> {
        let bound_ms = u32::try_from(bound.as_millis()).unwrap_or(u32::MAX);
        let mut connection = match Connection::open(&self.session.places, bound) {
            Ok(connection) => connection,
            Err(ConnectError::TimedOut(path)) => {
                return Err(Attempt::Over(no_answer_within(bound, ExchangeError::TimedOut, &path)));
            }
            Err(error) => {
                let passing = matches!(error, ConnectError::NotThere | ConnectError::Refused(_));
                let failure = self.session.no_connection(error, bound_ms);
                return Err(if passing { Attempt::Again(failure) } else { Attempt::Over(failure) });
            }
        };
        let answer = connection.ask(&request(bound_ms - bound_ms.min(2000) / 4));
        let response = answer.map_err(|error| {
            let passing = matches!(error, ExchangeError::Closed);
            let failure = no_answer_within(bound, error, connection.path());
            if passing { Attempt::Again(failure) } else { Attempt::Over(failure) }
        })?;
        let code = match &response {
            Response::Refused(refusal) => Some(refusal.code),
            _ => None,
        };
        accepted(response).map_err(|failure| match code {
            Some(Code::Busy | Code::Unreachable) => Attempt::Again(failure),
            // What was asked for is not there to be had.
            Some(Code::NoSuchProfile) => Attempt::Over(Failure { status: USAGE, ..failure }),
            _ => Attempt::Over(failure),
        })
    }
}
