//! `profiles`: which ones there are, one more, one less, another name, another default.
//!
//! What is changed stands in the configuration file first, and then holds at once. Nothing is changed where it could
//! not be written down.

use crate::account::ROOT_ORG;
use crate::config::save::{self, SaveError};
use crate::config::{Loaded, ProfileConfig, ProfileName};
use crate::dirs::{Dirs, Service};
use crate::keeper::order::Order;
use crate::registry::Registry;
use crate::report::{self, command};
use std::sync::Arc;
use std::time::Duration;
use wire::{Code, ProfileEdit, ProfileEntry, Refusal, Response};

/// How much goes into one answer, in bytes, so that it fits in a frame.
const PAGE: usize = 32 * 1024;
/// What of an entry is not text, at most.
const OVERHEAD: usize = 64;
/// How long a change of the configuration file may take.
const SAVE_LIMIT: Duration = Duration::from_secs(3);
/// How long forgetting a profile may take.
const REMOVAL_LIMIT: Duration = Duration::from_secs(8);

/// Whether a change stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filed {
    Yes,
    /// The profile is in no file, so neither is the change.
    No,
}

impl Registry {
    /// The profiles, or a page of them.
    pub(crate) fn profiles(&self, after: Option<&str>) -> Response {
        let default = self.surroundings.default_profile();
        let (mut profiles, mut size, mut more) = (Vec::new(), 0, false);
        for (name, entry) in self.list() {
            if after.is_some_and(|after| name.as_str() <= after) {
                continue;
            }
            let is_default = name == default;
            let name = name.to_string();
            let entry = match entry {
                Ok(handle) => {
                    let config = Arc::clone(&handle.settings.borrow());
                    let (_, view) = handle.board.view();
                    ProfileEntry {
                        name,
                        is_default,
                        endpoints: config.endpoints.iter().map(ToString::to_string).collect(),
                        org: view.org.or_else(|| config.org.clone()),
                        username: view.username.or_else(|| config.username.clone()),
                        state: Some(report::state(view.condition)),
                    }
                }
                Err(_) => ProfileEntry {
                    name,
                    is_default,
                    endpoints: Vec::new(),
                    org: None,
                    username: None,
                    state: None,
                },
            };
            size += size_of_entry(&entry);
            if size > PAGE && !profiles.is_empty() {
                more = true;
                break;
            }
            profiles.push(entry);
        }
        Response::Profiles { profiles, more }
    }

    /// Changes which profiles there are. It goes on whether or not the caller waits for it.
    pub(crate) async fn edit_profiles(self: &Arc<Self>, edit: ProfileEdit) -> Result<Response, Refusal> {
        let registry = Arc::clone(self);
        let done = tokio::spawn(async move {
            let _turn = registry.changes.lock().await;
            match edit {
                ProfileEdit::Add { name } => registry.add(named(&name)?).await,
                ProfileEdit::Remove { name } => registry.remove(named(&name)?).await,
                ProfileEdit::Rename { old, new } => registry.rename(named(&old)?, named(&new)?).await,
                ProfileEdit::SetDefault { name } => registry.set_default(named(&name)?).await,
            }
        });
        let notes = done.await.map_err(|_| Refusal::new(Code::Failed, "the change of profiles failed"))??;
        Ok(Response::Done { notes })
    }

    async fn add(&self, name: ProfileName) -> Result<Vec<String>, Refusal> {
        if self.list().iter().any(|(known, _)| *known == name) {
            return Err(self.exists(&name));
        }
        let added = name.clone();
        self.change(move |dirs| save::add_profile(dirs, &added)).await?;
        self.apply_change().await?;
        let default = self.surroundings.default_profile();
        let next = command("login", name.as_str(), default.as_str());
        Ok(vec![format!("profile {name} is added to {}", self.file()), next])
    }

    async fn remove(&self, name: ProfileName) -> Result<Vec<String>, Refusal> {
        let running = self.running(&name);
        let removed = name.clone();
        let filed = self.change_if_filed(&name, move |dirs| save::remove_profile(dirs, &removed)).await?;
        let config = running.as_ref().map(|(handle, _)| Arc::clone(&handle.settings.borrow()));
        let mut notes = vec![match filed {
            Filed::Yes => {
                format!("profile {name} is removed from {}, and its tokens are forgotten", self.file())
            }
            Filed::No => format!("profile {name} is removed, and its tokens are forgotten"),
        }];
        if let Some((handle, _)) = running {
            let forget = handle.ask(|reply| Order::Remove { reply });
            match tokio::time::timeout(REMOVAL_LIMIT, forget).await {
                Ok(Ok(left)) => notes.extend(left),
                // It has ended by itself.
                Ok(Err(_)) => {}
                Err(_) => notes.push("a file system does not answer; they are forgotten once it does".into()),
            }
        } else {
            notes.extend(self.forget_name(&name, &[]).await);
        }
        let before = self.surroundings.default_profile();
        self.drop_profile(&name);
        if filed == Filed::Yes {
            self.apply_change().await?;
        }
        if before == name {
            let default = self.surroundings.default_profile();
            notes.push(format!("profile {default} is the default one now"));
        }
        if let Some(config) = config {
            notes.push(format!("to have it again, {}", self.login_again(&name, &config)));
        }
        Ok(notes)
    }

    async fn set_default(&self, name: ProfileName) -> Result<Vec<String>, Refusal> {
        let handle = self.find(Some(name.as_str())).map_err(to_be_listed)?;
        if self.surroundings.default_profile() == name {
            return Ok(vec![format!("profile {name} is the default one already")]);
        }
        if let Some((_, None)) = self.running(&name) {
            let message =
                format!("profile {name} is not in the configuration, so it cannot be the default one");
            let config = Arc::clone(&handle.settings.borrow());
            return Err(Refusal::new(Code::Failed, message)
                .then(format!("save it first; {}", self.login_again(&name, &config))));
        }
        let chosen = name.clone();
        self.change(move |dirs| save::set_default_profile(dirs, &chosen)).await?;
        self.apply_change().await?;
        Ok(vec![format!("profile {name} is the default one now")])
    }

    /// Changes the file; where the profile is in none, and never was, that is no hindrance.
    pub(crate) async fn change_if_filed(
        &self,
        name: &ProfileName,
        change: impl FnOnce(&Dirs) -> Result<(), SaveError> + Send + 'static,
    ) -> Result<Filed, Refusal> {
        let known = self.list().iter().any(|(known, _)| known == name);
        let unsaved = matches!(self.running(name), Some((_, None)));
        match self.try_change(change).await? {
            Ok(()) => Ok(Filed::Yes),
            Err(SaveError::NoSuchProfile { .. } | SaveError::NoPlace | SaveError::NotOurs { .. })
                if unsaved =>
            {
                Ok(Filed::No)
            }
            Err(SaveError::NoSuchProfile { .. } | SaveError::NoPlace) if known => Err(self.goes_unsaid(name)),
            Err(SaveError::NoSuchProfile { .. }) => {
                // Neither here nor in the file.
                let unknown = self.find(Some(name.as_str())).err().map(to_be_listed);
                Err(unknown.unwrap_or_else(|| self.goes_unsaid(name)))
            }
            Err(error) => Err(self.not_saved(error)),
        }
    }

    pub(crate) async fn change(
        &self,
        change: impl FnOnce(&Dirs) -> Result<(), SaveError> + Send + 'static,
    ) -> Result<(), Refusal> {
        self.try_change(change).await?.map_err(|error| self.not_saved(error))
    }

    async fn try_change(
        &self,
        change: impl FnOnce(&Dirs) -> Result<(), SaveError> + Send + 'static,
    ) -> Result<Result<(), SaveError>, Refusal> {
        let dirs = self.surroundings.dirs.clone();
        let changing = tokio::task::spawn_blocking(move || change(&dirs));
        match tokio::time::timeout(SAVE_LIMIT, changing).await {
            Ok(Ok(changed)) => Ok(changed),
            Ok(Err(_)) | Err(_) => {
                Err(Refusal::new(Code::Failed, format!("{} does not answer", self.file()))
                    .then("see what became of it: weka-token profiles"))
            }
        }
    }

    /// Takes the file over that was just changed.
    pub(crate) async fn apply_change(&self) -> Result<(), Refusal> {
        match self.load().await {
            Some(loaded) => self.settle(loaded),
            None => Err(Refusal::new(Code::Failed, format!("{} cannot be read again", self.file()))),
        }
    }

    pub(crate) fn settle(&self, loaded: Loaded) -> Result<(), Refusal> {
        if self.take_over(loaded) {
            return Ok(());
        }
        let message = format!("{} was changed, and somebody else has changed it since", self.file());
        Err(Refusal::new(Code::Misconfigured, message).then("see: weka-token status"))
    }

    fn not_saved(&self, error: SaveError) -> Refusal {
        let reload = match self.surroundings.dirs.service {
            Service::User => "systemctl --user reload weka-tokend (or send SIGHUP)",
            Service::Host => "systemctl reload weka-tokend",
        };
        let (code, step) = match &error {
            SaveError::NoPlace => (Code::Failed, "give weka-tokend a file: --config PATH".to_owned()),
            SaveError::NotOurs { .. } => {
                (Code::Failed, format!("change it there as its owner, then: {reload}"))
            }
            SaveError::Mistake(_) | SaveError::Unreadable { .. } => {
                (Code::Misconfigured, "mend it first; see: weka-tokend --check".to_owned())
            }
            SaveError::ProfileExists { name, .. } => return self.exists(name),
            SaveError::NoSuchProfile { .. } | SaveError::Otherwise { .. } | SaveError::Write(_) => {
                (Code::Failed, "see: weka-token profiles".to_owned())
            }
        };
        Refusal::new(code, format!("nothing was changed: {error}")).then(step)
    }

    pub(crate) fn exists(&self, name: &ProfileName) -> Refusal {
        Refusal::new(Code::Failed, format!("there is a profile {name} already"))
            .then("see: weka-token profiles")
    }

    /// The profile that is there because there is always one.
    fn goes_unsaid(&self, name: &ProfileName) -> Refusal {
        let message = format!(
            "profile {name} is in no configuration: it is there because nothing else is the default, so it has neither a \
             name to change nor anything to remove"
        );
        Refusal::new(Code::Failed, message).then(
            "to forget its tokens: weka-token logout; to have another in its place: weka-token profiles set-default NAME",
        )
    }

    fn login_again(&self, name: &ProfileName, config: &ProfileConfig) -> String {
        let mut line = format!("run: weka-token login -p {name}");
        if config.endpoints_configured {
            config.endpoints.iter().take(3).for_each(|it| line.push_str(&format!(" --endpoint {it}")));
        }
        if let Some(org) = config.org.as_deref().filter(|org| *org != ROOT_ORG) {
            line.push_str(&format!(" --org {org}"));
        }
        if let Some(username) = &config.username {
            line.push_str(&format!(" --user {username}"));
        }
        line
    }

    pub(crate) fn file(&self) -> String {
        let file = self.surroundings.dirs.config_file.as_deref();
        file.map(|path| path.display().to_string()).unwrap_or_default()
    }
}

fn named(text: &str) -> Result<ProfileName, Refusal> {
    ProfileName::try_from(text)
        .map_err(|error| Refusal::new(Code::BadRequest, format!("{text:?} names no profile: {error}")))
}

/// Where there is no such profile: whoever would remove or rename one has no use for the advice to log in to it.
fn to_be_listed(refusal: Refusal) -> Refusal {
    match refusal.code {
        Code::NoSuchProfile => refusal.then("see: weka-token profiles"),
        _ => refusal,
    }
}

fn size_of_entry(entry: &ProfileEntry) -> usize {
    let texts = entry.endpoints.iter().chain(&entry.org).chain(&entry.username);
    texts.map(|text| text.len() + 4).sum::<usize>() + entry.name.len() + OVERHEAD
}
