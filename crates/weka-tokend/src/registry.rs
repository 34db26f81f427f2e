//! Which profiles there are, and what each request comes to.

use crate::board::{Published, View};
use crate::clock;
use crate::config::{Loaded, ProfileConfig, ProfileName};
use crate::keeper::Keeper;
use crate::keeper::order::{Handle, Order};
use crate::peer::Peer;
use crate::surroundings::Surroundings;
use engine::Moment;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wire::{Code, Refusal, Request, Response, Token, Whoami};

/// The longest time a caller may ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A profile by name.
#[derive(Debug)]
enum Entry {
    /// It has a keeper.
    Running(Handle),
    /// Its configuration is wrong: the mistakes, with file and line.
    Broken(String),
}

#[derive(Debug, Default)]
struct Inner {
    profiles: BTreeMap<ProfileName, Entry>,
    /// The keepers' tasks, those of removed profiles included.
    tasks: Vec<JoinHandle<()>>,
    notes: Vec<String>,
}

/// All profiles.
#[derive(Debug)]
pub struct Registry {
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) socket: String,
    pub(crate) started: Moment,
    own_uid: u32,
    inner: Mutex<Inner>,
}

impl Registry {
    /// An empty registry of a daemon that answers on `socket`.
    #[must_use]
    pub fn new(surroundings: Arc<Surroundings>, socket: String) -> Self {
        let own_uid = nix::unistd::geteuid().as_raw();
        Self { surroundings, socket, started: clock::now(), own_uid, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a configuration over: unchanged profiles keep their tokens, a bad one is disabled alone.
    pub fn apply(&self, loaded: Loaded) {
        self.surroundings.set_default_profile(loaded.config.default_profile.clone());
        let mut inner = self.inner();
        let mut broken: BTreeMap<ProfileName, Vec<String>> = BTreeMap::new();
        for error in &loaded.errors {
            tracing::error!("{error}");
            if let Some(profile) = &error.profile {
                broken.entry(profile.clone()).or_default().push(error.to_string());
            }
        }
        inner.notes =
            loaded.errors.iter().filter(|error| error.profile.is_none()).map(ToString::to_string).collect();
        let wanted = loaded.config.profiles;
        inner.profiles.retain(|name, _| wanted.contains_key(name) || broken.contains_key(name));
        for (name, mistakes) in broken {
            inner.profiles.insert(name, Entry::Broken(mistakes.join("; ")));
        }
        for (name, config) in wanted {
            if let Some(Entry::Running(handle)) = inner.profiles.get(&name) {
                let (orders, config) = (handle.orders.clone(), Box::new(config));
                tokio::spawn(async move { orders.send(Order::Reconfigure(config)).await });
                continue;
            }
            match Keeper::spawn(name.clone(), config, Arc::clone(&self.surroundings)) {
                Ok((handle, task)) => {
                    inner.tasks.push(task);
                    inner.profiles.insert(name, Entry::Running(handle));
                }
                Err(error) => {
                    inner.profiles.insert(name, Entry::Broken(error.to_string()));
                }
            }
        }
        drop(inner);
        self.surroundings.revision.bump();
    }

    /// Says in `status` what is wrong with a configuration that was not taken over.
    pub fn note(&self, notes: Vec<String>) {
        self.inner().notes = notes;
        self.surroundings.revision.bump();
    }

    /// Lets all keepers end, each with what it has under way, and waits for them.
    pub async fn close(&self) {
        let tasks = {
            let mut inner = self.inner();
            inner.profiles.clear();
            std::mem::take(&mut inner.tasks)
        };
        for task in tasks {
            // Keepers bound their own ends; one that panicked is over as well.
            drop(task.await);
        }
    }

    /// One request's answer. `stop` cuts long polls short.
    pub async fn answer(&self, request: Request, peer: Peer, stop: &mut watch::Receiver<bool>) -> Response {
        if !peer.is_owner(self.own_uid) {
            tracing::warn!(%peer, "refused: not the daemon's own user");
            return Response::Refused(
                Refusal::new(Code::NotPermitted, "this weka-tokend serves another user")
                    .then("run your own: systemctl --user start weka-tokend.socket"),
            );
        }
        self.serve(request, stop).await.unwrap_or_else(Response::Refused)
    }

    async fn serve(&self, request: Request, stop: &mut watch::Receiver<bool>) -> Result<Response, Refusal> {
        match request {
            Request::Get { profile, min_ttl_s, timeout_ms } => {
                let handle = self.find(profile.as_deref())?;
                let min_ttl = min_ttl_s.map(Duration::from_secs);
                // Nearly every get ends here: no keeper, no waiting, no allocation but the answer's.
                if let Some((published, view)) = handle.board.token(min_ttl, clock::now()) {
                    return Ok(token(&handle, published, view));
                }
                let published = handle.get(min_ttl, deadline(timeout_ms)).await?;
                handle.board.count_get();
                let (_, view) = handle.board.view();
                Ok(token(&handle, published, view))
            }
            Request::Status { profile, after_revision, wait_s, after_name } => {
                let seen = after_revision.filter(|seen| *seen == self.surroundings.revision.current());
                if let Some(seen) = seen {
                    let wait = Duration::from_secs(u64::from(wait_s.min(60)));
                    tokio::select! {
                        () = self.surroundings.revision.past(seen) => {}
                        () = tokio::time::sleep(wait) => {}
                        _ = stop.wait_for(|stop| *stop) => {}
                    }
                }
                Ok(Response::Status(self.status(profile.as_deref(), after_name.as_deref())?))
            }
            Request::Describe { profile } => self.describe(profile.as_deref()),
            Request::Probe { target, timeout_ms } => self.probe(&target, timeout_ms).await,
            Request::Login(login) => self.login(*login).await,
            Request::Trust { target, save, timeout_ms } => self.trust(target, save, timeout_ms).await,
            Request::Logout { profile, revoke, timeout_ms } => {
                let handle = self.find(profile.as_deref())?;
                let mut notes = Vec::new();
                if revoke {
                    notes.push(self.revoke(&handle, deadline(timeout_ms)).await?);
                }
                notes.extend(handle.ask(|reply| Order::Logout { reply }).await?);
                Ok(Response::Done { notes })
            }
            Request::Refresh { profile, timeout_ms } => {
                let handle = self.find(profile.as_deref())?;
                let published = handle.renew(deadline(timeout_ms)).await?;
                let expires_in_s = published.lease.remaining(clock::now()).as_secs();
                Ok(Response::Refreshed { profile: handle.name.to_string(), expires_in_s })
            }
            Request::Whoami { profile, timeout_ms } => {
                let handle = self.find(profile.as_deref())?;
                let identity = self.identity(&handle, deadline(timeout_ms)).await?;
                Ok(Response::Whoami(Whoami {
                    profile: handle.name.to_string(),
                    data_json: identity.data.to_string(),
                    username: identity.username,
                    org: identity.org_name,
                    role: identity.role,
                    source: identity.source,
                }))
            }
        }
    }

    /// The name a request means.
    pub(crate) fn name(&self, asked: Option<&str>) -> Result<ProfileName, Refusal> {
        match asked {
            None => Ok(self.surroundings.default_profile()),
            Some(text) => ProfileName::try_from(text)
                .map_err(|error| Refusal::new(Code::BadRequest, format!("profile: {error}"))),
        }
    }

    /// The profile a request means.
    pub(crate) fn find(&self, asked: Option<&str>) -> Result<Handle, Refusal> {
        let name = self.name(asked)?;
        let inner = self.inner();
        match inner.profiles.get(&name) {
            Some(Entry::Running(handle)) => Ok(handle.clone()),
            Some(Entry::Broken(mistakes)) => Err(Refusal::new(
                Code::Misconfigured,
                format!("profile {name} is disabled by its configuration: {mistakes}"),
            )
            .then("mend it, then: systemctl --user reload weka-tokend (or send SIGHUP)")),
            None => {
                let names: Vec<_> = inner.profiles.keys().map(ProfileName::as_str).collect();
                let message = format!("there is no profile {name}; there are: {}", names.join(", "));
                Err(Refusal::new(Code::NoSuchProfile, message)
                    .then(format!("run: weka-token login -p {name}")))
            }
        }
    }

    /// The profile of that name, with a keeper even if it is new; `true` if it is.
    pub(crate) fn find_or_create(
        &self,
        name: &ProfileName,
        config: &ProfileConfig,
    ) -> Result<(Handle, bool), Refusal> {
        if self.inner().profiles.contains_key(name) {
            return self.find(Some(name.as_str())).map(|handle| (handle, false));
        }
        let (handle, task) = Keeper::spawn(name.clone(), config.clone(), Arc::clone(&self.surroundings))
            .map_err(|error| Refusal::new(Code::Failed, format!("profile {name}: {error}")))?;
        let mut inner = self.inner();
        inner.tasks.retain(|task| !task.is_finished());
        inner.tasks.push(task);
        inner.profiles.insert(name.clone(), Entry::Running(handle.clone()));
        drop(inner);
        Ok((handle, true))
    }

    /// Takes a profile away again whose first login failed.
    pub(crate) fn remove(&self, name: &ProfileName) {
        self.inner().profiles.remove(name);
        self.surroundings.revision.bump();
    }

    /// The profiles in order of name: running ones, or what is wrong with them.
    pub(crate) fn list(&self) -> Vec<(ProfileName, Result<Handle, String>)> {
        let inner = self.inner();
        let entry = |entry: &Entry| match entry {
            Entry::Running(handle) => Ok(handle.clone()),
            Entry::Broken(mistakes) => Err(mistakes.clone()),
        };
        inner.profiles.iter().map(|(name, found)| (name.clone(), entry(found))).collect()
    }

    /// Things a person should know about the daemon as a whole.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.inner().notes.clone()
    }
}

/// When a caller wants its answer.
pub(crate) fn deadline(timeout_ms: u32) -> Moment {
    clock::now() + Duration::from_millis(u64::from(timeout_ms)).min(LONGEST_WAIT)
}

fn token(handle: &Handle, published: Published, view: View) -> Response {
    Response::Token(Token {
        expires_in_s: published.lease.remaining(clock::now()).as_secs(),
        access_token: published.access_token,
        token_type: published.token_type,
        profile: handle.name.to_string(),
        endpoint: view.endpoint,
        org: view.org,
        username: view.username,
    })
}
