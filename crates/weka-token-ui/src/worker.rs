//! Carries out what the model asks for; what takes time, in a thread of its own.

use crate::inputs::Input;
use crate::model::answer::unexpected;
use crate::model::message::{Message, Ticket};
use secret::AccessToken;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use weka_token::client::{Client, Offers};
use weka_token::failure::{FAILED, Failure};
use wire::{Finding, Level, ProfileSettings, Request, Response};

/// How long the daemon may take for what it has at hand, in milliseconds.
const AT_HAND_MS: u32 = 10_000;

/// Whom the answers go to, and whom to ask.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    client: Arc<Client>,
    to: Sender<Input>,
}

impl Worker {
    pub(crate) const fn new(client: Arc<Client>, to: Sender<Input>) -> Self {
        Self { client, to }
    }

    /// Asks the daemon.
    pub(crate) fn ask(&self, ticket: Ticket, timeout_ms: u32, request: Box<Request>) {
        self.begin(
            move |client| client.ask(timeout_ms, &request).map(Box::new),
            move |answer| Message::Answer(ticket, answer),
        );
    }

    /// Asks the daemon what it knows of a profile, and the environment for the rest.
    pub(crate) fn describe(&self, ticket: Ticket, profile: String) {
        self.begin(
            move |client| described(client, profile),
            move |answer| Message::Described(ticket, answer),
        );
    }

    /// Looks for whatever is wrong.
    pub(crate) fn examine(&self, ticket: Ticket, profile: Option<String>) {
        self.begin(
            move |client| Ok(client.examine(profile.as_deref())),
            move |found| Message::Examined(ticket, found.unwrap_or_else(not_examined)),
        );
    }

    /// Puts a token onto the clipboard.
    pub(crate) fn copy(&self, token: AccessToken) {
        self.begin(move |client| client.copy(token.expose()), Message::Copied);
    }

    fn begin<T: 'static>(
        &self,
        work: impl FnOnce(&Client) -> Result<T, Failure> + Send + 'static,
        told: impl Fn(Result<T, Failure>) -> Message + Send + Clone + 'static,
    ) {
        let worker = self.clone();
        let tell = told.clone();
        let work = move || {
            let outcome = work(&worker.client);
            // Nobody may be there any more to hear it.
            worker.to.send(Input::Message(tell(outcome))).unwrap_or_default();
        };
        if let Err(error) = thread::Builder::new().name("worker".into()).spawn(work) {
            let failure = Failure::new(FAILED, format!("no thread can be started: {error}"));
            self.to.send(Input::Message(told(Err(failure)))).unwrap_or_default();
        }
    }
}

/// That it could not be looked for is a finding, too.
fn not_examined(failure: Failure) -> Vec<Finding> {
    vec![Finding::new("doctor", Level::Bad, failure.message)]
}

fn described(client: &Client, profile: String) -> Result<(Box<ProfileSettings>, Offers), Failure> {
    let request = Request::Describe { profile: Some(profile) };
    match client.ask(AT_HAND_MS, &request)? {
        Response::Profile(settings) => {
            let offers = client.offers(&settings)?;
            Ok((Box::new(settings), offers))
        }
        _ => Err(unexpected()),
    }
}
