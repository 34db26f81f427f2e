//! `describe`, `probe`, `login` and `trust`: how a profile comes to a cluster, an account and trust.

use crate::account::{Account, ROOT_ORG};
use crate::clock;
use crate::config::changes::ProfileChanges;
use crate::config::{ProfileConfig, ProfileName, TokenFile};
use crate::dirs::Service;
use crate::file_claims::FileClaim;
use crate::keeper::order::{Candidate, Handle, LoginOrder, Order, TrustOrder, gone};
use crate::registry::{Registry, deadline};
use crate::report;
use crate::token_file::try_place;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime;
use tokio::sync::mpsc::WeakSender;
use tokio::sync::oneshot;
use weka_rest::{ApiError, Client, Endpoint, Fingerprint, PeerCertificate, Trust};
use wire::{Certificate, Code, Login, ProfileSettings, Refusal, Response, Target, TokenFileChoice, Verdict};

/// How long the look at a token file's place may hold up a login.
const PLACE_LIMIT: Duration = Duration::from_secs(1);

impl Registry {
    /// What is known of a profile that need not exist.
    pub(crate) fn describe(&self, asked: Option<&str>) -> Result<Response, Refusal> {
        let name = self.name(asked)?;
        let handle = self.known(asked)?;
        let (config, view) = match &handle {
            Some(handle) => (Arc::clone(&handle.settings.borrow()), Some(handle.board.view().1)),
            None => (Arc::new(ProfileConfig::default()), None),
        };
        let now = clock::now();
        let locked = view.iter().flat_map(|view| view.locked_accounts.iter().map(|(_, until)| *until));
        let locked_until = locked.filter(|until| *until > now).max();
        let endpoints: &[Endpoint] = if config.endpoints_configured { &config.endpoints } else { &[] };
        Ok(Response::Profile(ProfileSettings {
            name: name.to_string(),
            exists: handle.is_some(),
            endpoints: endpoints.iter().map(ToString::to_string).collect(),
            org: config.org.clone(),
            username: config.username.clone(),
            trust: match &config.trust {
                Trust::SystemRoots => wire::Trust::AsConfigured,
                Trust::CaFile(path) => wire::Trust::CaFile(path.display().to_string()),
                Trust::Fingerprint(pin) => wire::Trust::Fingerprint(pin.to_string()),
            },
            token_file: view.as_ref().and_then(|view| view.token_file.clone()),
            saved_to: self.surroundings.dirs.config_file.as_ref().map(|path| path.display().to_string()),
            state: view.map_or(wire::State::LoginRequired, |view| report::state(view.condition)),
            locked_for_s: locked_until.map(|until| now.until(until).as_secs().max(1)),
        }))
    }

    /// A handshake, for a person to judge.
    pub(crate) async fn probe(&self, target: &Target, timeout_ms: u32) -> Result<Response, Refusal> {
        let (config, _) = self.candidate(target)?;
        let certificate = self.handshake(&config, timeout_ms).await?;
        Ok(Response::Certificate(certificate))
    }

    async fn handshake(&self, config: &ProfileConfig, timeout_ms: u32) -> Result<Certificate, Refusal> {
        let client = Client::new(config.rest_settings());
        let until = deadline(timeout_ms);
        let mut last: Option<ApiError> = None;
        for endpoint in &config.endpoints {
            if endpoint.is_http() {
                return plain_http(endpoint, config);
            }
            let left = clock::now().until(until);
            match tokio::time::timeout(left, client.probe(endpoint)).await {
                Ok(Ok(seen)) => return Ok(certificate(endpoint, seen)),
                Ok(Err(error)) => last = Some(error),
                Err(_) => break,
            }
        }
        let names = config.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let unreachable = |message| {
            Refusal::new(Code::Unreachable, message)
                .then("check the endpoint (--endpoint) and that the cluster is up")
        };
        Err(match last {
            Some(ApiError::Misconfigured { reason }) => Refusal::new(Code::BadRequest, reason)
                .then("it has to be a file that weka-tokend can read, with certificates in PEM form"),
            Some(error) => unreachable(error.to_string()),
            None => unreachable(format!("{names} did not answer in time")),
        })
    }

    /// A person's login. It goes on whether or not the caller waits for it.
    pub(crate) async fn login(self: &Arc<Self>, login: Login) -> Result<Response, Refusal> {
        let registry = Arc::clone(self);
        let done = tokio::spawn(async move { registry.log_in(login).await });
        done.await
            .unwrap_or_else(|_| Err(Refusal::new(Code::Failed, "the login failed; see the daemon's log")))
    }

    async fn log_in(self: Arc<Self>, login: Login) -> Result<Response, Refusal> {
        let name = self.name(login.target.profile.as_deref())?;
        let (mut config, mut changes) = self.candidate(&login.target)?;
        let org = login.org.clone().or_else(|| config.org.clone()).unwrap_or_else(|| ROOT_ORG.into());
        if login.username.is_empty() {
            return Err(Refusal::new(Code::BadRequest, "the user name is empty"));
        }
        if config.username.as_deref() != Some(&login.username) {
            changes.username = Some(login.username.clone());
        }
        if config.org.as_deref() != Some(&org) {
            changes.org = Some(org.clone());
        }
        config.username = Some(login.username.clone());
        config.org = Some(org.clone());
        let chosen = self.chosen_file(&login.token_file)?;
        if let Some(path) = &chosen {
            if config.token_file != TokenFile::Kept(path.clone()) {
                changes.token_file = Some(path.clone());
            }
            config.token_file = TokenFile::Kept(path.clone());
        }
        if login.save {
            changes.complete(&self.filed(&name), &config);
        }
        self.not_locked(&name, &Account::of(&config))?;
        if let Some(path) = chosen {
            look_at_place(path).await?;
        }
        let claim = self.claim_file(&name, &config.token_file).await?;
        // What lies in the file is of another cluster, or of somebody else, for all that is known: it becomes the
        // profile's with the login's own pair in it, and is not looked at before.
        let before = ProfileConfig { token_file: TokenFile::None, ..config.clone() };
        let handle = self.find_or_create(&name, &before)?;
        let candidate = Candidate { config, changes, save: login.save };
        let (told, worked) = oneshot::channel();
        let board = Arc::clone(&handle.board);
        board.login_begins();
        let answer = handle
            .order(|reply| {
                Order::Login(Box::new(LoginOrder {
                    candidate,
                    claim,
                    username: login.username,
                    org,
                    password: login.password,
                    deadline: deadline(login.timeout_ms),
                    reply,
                    worked: told,
                }))
            })
            .await;
        // The daemon may end meanwhile, and the keeper with its last handle.
        drop(handle);
        let result = answer.await.unwrap_or_else(|_| Err(gone(&name, &board)));
        match &result {
            Ok(logged_in) => {
                board.login_ends();
                if logged_in.saved_to.is_some() {
                    self.is_filed(&name);
                }
            }
            // The answer may still come.
            Err(refusal) if refusal.code == Code::Unreachable => {
                tokio::spawn(async move {
                    let worked = worked.await;
                    board.login_ends();
                    match worked {
                        Ok(true) => self.is_filed(&name),
                        Ok(false) => {}
                        Err(_) => self.remove_unproved(&name, &board),
                    }
                });
            }
            Err(_) => {
                board.login_ends();
                self.remove_unproved(&name, &board);
            }
        }
        result.map(Response::LoggedIn)
    }

    /// Whether a password for an account may be sent now.
    pub(crate) fn may_log_in(
        &self,
        target: &Target,
        org: Option<String>,
        username: Option<String>,
    ) -> Result<Response, Refusal> {
        let name = self.name(target.profile.as_deref())?;
        let (config, _) = self.candidate(target)?;
        let account = Account::of(&config);
        let account = Account {
            org: org.or(account.org).or_else(|| Some(ROOT_ORG.into())),
            username: username.or(account.username),
            ..account
        };
        self.not_locked(&name, &account)?;
        Ok(Response::Done { notes: Vec::new() })
    }

    /// The cluster locks an account, whichever profile has met that: here, it is known of all of them.
    fn not_locked(&self, name: &ProfileName, account: &Account) -> Result<(), Refusal> {
        let now = clock::now();
        let mut longest = None;
        for (other, entry) in self.list() {
            let Ok(handle) = entry else { continue };
            for (locked, until) in handle.board.view().1.locked_accounts {
                // What another profile has met counts where it is known to be this one.
                if (other == *name || locked.is_named()) && locked.may_be(account) && until > now {
                    longest = longest.max(Some(until));
                }
            }
        }
        let Some(until) = longest else { return Ok(()) };
        let default = self.surroundings.default_profile();
        Err(report::locked_account(account, until, name.as_str(), default.as_str(), now))
    }

    /// No two profiles may keep one file: each would take the other's tokens for its own. Profile `default`, which
    /// only takes over what it finds at the usual place, makes room if it has taken nothing over, and has it back if
    /// the login fails.
    async fn claim_file(&self, name: &ProfileName, wanted: &TokenFile) -> Result<Option<FileClaim>, Refusal> {
        let Some(path) = wanted.path() else { return Ok(None) };
        let taken = |how: String| {
            Refusal::new(Code::BadRequest, format!("{how}, so profile {name} cannot"))
                .then("give it a file of its own: --token-file PATH")
        };
        let shown = path.display();
        let claim = self.file_claims.claim(path, name).map_err(|other| {
            taken(format!("a login of profile {other} is under way, which is to keep {shown}"))
        })?;
        for (other, entry) in self.list() {
            let Ok(handle) = entry else { continue };
            if other == *name || handle.settings.borrow().token_file.path() != Some(path) {
                continue;
            }
            let asked = path.to_owned();
            match handle.ask(|reply| Order::GiveWay { path: asked, reply }).await {
                Ok(true) => claim.made_room(take_back(handle.orders.downgrade(), path)),
                Ok(false) => return Err(taken(format!("profile {other} keeps {shown}"))),
                // It has gone meanwhile.
                Err(_) => {}
            }
        }
        Ok(Some(claim))
    }

    /// A decision about trust: it is checked by a handshake first, and nothing secret is sent.
    pub(crate) async fn trust(
        self: &Arc<Self>,
        target: Target,
        save: bool,
        timeout_ms: u32,
    ) -> Result<Response, Refusal> {
        let name = self.name(target.profile.as_deref())?;
        let (config, mut changes) = self.candidate(&target)?;
        if save {
            changes.complete(&self.filed(&name), &config);
        }
        let seen = self.handshake(&config, timeout_ms).await?;
        match &seen.verdict {
            Verdict::Trusted | Verdict::PlainHttp => {}
            Verdict::Unknown(reason) | Verdict::Mismatch(reason) => {
                return Err(Refusal::new(
                    Code::Untrusted,
                    format!("the certificate of {} is not trusted: {reason}", seen.endpoint),
                )
                .then(format!(
                    "compare {} with the cluster's own, then give it with --fingerprint, or its CA with --ca-file",
                    seen.fingerprint
                )));
            }
        }
        let handle = self.find_or_create(&name, &config)?;
        let candidate = Candidate { config, changes, save };
        let mut notes = vec![format!("the certificate of {} is trusted for profile {name}", seen.endpoint)];
        let answer = handle.order(|reply| Order::Trust(Box::new(TrustOrder { candidate, reply }))).await;
        let board = Arc::clone(&handle.board);
        drop(handle);
        let registry = Arc::clone(self);
        // It goes on whether or not the caller waits for it.
        let done = tokio::spawn(async move {
            let (saved, note) = answer.await.unwrap_or_else(|_| Err(gone(&name, &board)))?;
            if saved {
                registry.is_filed(&name);
            }
            Ok(note)
        });
        notes.push(done.await.map_err(|_| Refusal::new(Code::Failed, "the decision could not be kept"))??);
        Ok(Response::Done { notes })
    }

    /// What the configuration file says of a profile.
    fn filed(&self, name: &ProfileName) -> ProfileConfig {
        self.running(name).and_then(|(_, filed)| filed).unwrap_or_default()
    }

    /// The keeper of a profile; `None` where there is no such profile; an error where it is disabled.
    fn known(&self, asked: Option<&str>) -> Result<Option<Arc<Handle>>, Refusal> {
        match self.find(asked) {
            Ok(handle) => Ok(Some(handle)),
            Err(refusal) if refusal.code == Code::NoSuchProfile => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// The profile's settings with what the caller gave put over them.
    fn candidate(&self, target: &Target) -> Result<(ProfileConfig, ProfileChanges), Refusal> {
        let mut config = match self.known(target.profile.as_deref())? {
            Some(handle) => handle.settings.borrow().as_ref().clone(),
            None => ProfileConfig::default(),
        };
        let mut changes = ProfileChanges::default();
        if !target.endpoints.is_empty() {
            let endpoints = target
                .endpoints
                .iter()
                .map(|text| text.parse::<Endpoint>())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| Refusal::new(Code::BadRequest, format!("--endpoint: {error}")))?;
            for endpoint in &endpoints {
                plain_http_allowed(endpoint, &config)?;
            }
            if !config.endpoints_configured || config.endpoints != endpoints {
                changes.endpoints = Some(endpoints.clone());
            }
            config.endpoints = endpoints;
            config.endpoints_configured = true;
        }
        let trust = match &target.trust {
            wire::Trust::AsConfigured => None,
            wire::Trust::CaFile(path) => {
                let path = PathBuf::from(path);
                if !path.is_absolute() {
                    return Err(Refusal::new(Code::BadRequest, "--ca-file: the path is not absolute"));
                }
                Some(Trust::CaFile(path))
            }
            wire::Trust::Fingerprint(text) => {
                let pin = text.parse::<Fingerprint>();
                let pin =
                    pin.map_err(|error| Refusal::new(Code::BadRequest, format!("--fingerprint: {error}")))?;
                Some(Trust::Fingerprint(pin))
            }
        };
        if let Some(trust) = trust.filter(|trust| *trust != config.trust) {
            changes.trust = Some(trust.clone().into());
            config.trust = trust;
        }
        Ok((config, changes))
    }

    fn chosen_file(&self, choice: &TokenFileChoice) -> Result<Option<PathBuf>, Refusal> {
        match choice {
            TokenFileChoice::AsConfigured => Ok(None),
            TokenFileChoice::Usual if self.surroundings.dirs.service == Service::Host => Err(Refusal::new(
                Code::BadRequest,
                "--token-file: the host service has no usual place for a token file",
            )
            .then("give a path: --token-file PATH")),
            TokenFileChoice::Usual => {
                let usual = self.surroundings.dirs.usual_token_file();
                usual.map(Some).ok_or_else(|| {
                    Refusal::new(Code::BadRequest, "--token-file: the daemon has no home folder")
                        .then("give a path: --token-file PATH")
                })
            }
            TokenFileChoice::Path(path) => {
                let path = PathBuf::from(path);
                if path.is_absolute() {
                    Ok(Some(path))
                } else {
                    Err(Refusal::new(Code::BadRequest, "--token-file: the path is not absolute"))
                }
            }
        }
    }
}

/// A file that a person asks for and cannot have is refused before anything is sent or saved for it.
async fn look_at_place(path: PathBuf) -> Result<(), Refusal> {
    let looking = tokio::task::spawn_blocking(move || try_place(&path));
    // A file system that does not answer now may do so later.
    let Ok(Ok(Err(error))) = tokio::time::timeout(PLACE_LIMIT, looking).await else { return Ok(()) };
    Err(Refusal::new(Code::BadRequest, error.to_string())
        .then("nothing was sent; give another place: --token-file PATH, or leave it out"))
}

fn plain_http_allowed(endpoint: &Endpoint, config: &ProfileConfig) -> Result<(), Refusal> {
    if endpoint.is_http() && !endpoint.is_loopback() && !config.allow_http {
        return Err(Refusal::new(
            Code::BadRequest,
            format!("--endpoint: {endpoint} is plain http, which would send the password in the clear"),
        )
        .then("use https, or set allow_http = true for the profile"));
    }
    Ok(())
}

fn plain_http(endpoint: &Endpoint, config: &ProfileConfig) -> Result<Certificate, Refusal> {
    plain_http_allowed(endpoint, config)?;
    Ok(Certificate {
        endpoint: endpoint.to_string(),
        fingerprint: String::new(),
        subject: String::new(),
        issuer: String::new(),
        not_before_unix_s: 0,
        not_after_unix_s: 0,
        verdict: Verdict::PlainHttp,
    })
}

fn certificate(endpoint: &Endpoint, seen: PeerCertificate) -> Certificate {
    Certificate {
        endpoint: endpoint.to_string(),
        fingerprint: seen.fingerprint.to_string(),
        subject: seen.subject,
        issuer: seen.issuer,
        not_before_unix_s: seen.not_before_unix_s,
        not_after_unix_s: seen.not_after_unix_s,
        verdict: match seen.verdict {
            weka_rest::Verdict::Trusted => Verdict::Trusted,
            weka_rest::Verdict::Unknown { reason } => Verdict::Unknown(reason),
            weka_rest::Verdict::PinMismatch { expected } => {
                Verdict::Mismatch(format!("{expected} is expected, and the cluster shows another"))
            }
        },
    }
}

/// How a profile that made room for a login's token file has that file back. It may be gone by then.
fn take_back(orders: WeakSender<Order>, path: &Path) -> impl FnOnce() + Send + 'static {
    let path = path.to_owned();
    move || {
        if let (Some(orders), Ok(runtime)) = (orders.upgrade(), runtime::Handle::try_current()) {
            runtime.spawn(async move { orders.send(Order::TakeBack { path }).await });
        }
    }
}
