//! `profiles`: which ones there are, one more, one less, another name, another default.
//!
//! What is changed stands in the configuration file first, and then holds at once. Nothing is changed where it could
//! not be written down.

use crate::config::save::{self, Renaming, SaveError};
use crate::config::{Loaded, ProfileConfig, ProfileName, TokenFile};
use crate::dirs::{Dirs, Service};
use crate::keeper::handover::Surrendered;
use crate::keeper::order::Order;
use crate::keeper::report::{self, command};
use crate::onboarding::ROOT_ORG;
use crate::registry::Registry;
use crate::remembered::Remembered;
use crate::systemd::state::Restored;
use crate::systemd::store::{EntryName, Owner};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use wire::{Code, ProfileEdit, ProfileEntry, Refusal, Response};

/// How much goes into one answer, in bytes, so that it fits in a frame.
const PAGE: usize = 32 * 1024;
/// What of an entry is not text, at most.
const OVERHEAD: usize = 64;
/// How long a change of the configuration file may take.
const SAVE_LIMIT: Duration = Duration::from_secs(3);
/// How long an exchange with the cluster may hold up another name.
const HANDOVER_LIMIT: Duration = Duration::from_secs(20);
/// How long forgetting a profile may take.
const REMOVAL_LIMIT: Duration = Duration::from_secs(8);

/// Whether a change stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filed {
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

    async fn rename(&self, old: ProfileName, new: ProfileName) -> Result<Vec<String>, Refusal> {
        if old == new {
            return Err(Refusal::new(Code::BadRequest, format!("profile {old} has that name already")));
        }
        self.gives_way(&new)?;
        let token_file = self.usual_file_of(&old, &new);
        let renaming = Renaming { old: old.clone(), new: new.clone(), token_file };
        let trial = renaming.clone();
        let filed = self.change_if_filed(&old, move |dirs| save::try_rename(dirs, &trial)).await?;
        if filed == Filed::No && self.running(&new).is_some() {
            return Err(self.exists(&new));
        }
        let made_way = self.surrender(&new).await?;
        let surrendered = match self.surrender(&old).await {
            Ok(surrendered) => surrendered,
            Err(refusal) => {
                self.resume(&new, made_way);
                return Err(refusal);
            }
        };
        let Some(surrendered) = surrendered else { return self.rename_disabled(renaming, made_way).await };
        // From here on the profile has no keeper, and its tokens are in our hands.
        let mut left_over = surrendered.entries.clone();
        left_over.extend(made_way.iter().flat_map(|made_way| made_way.entries.clone()));
        let restored = self.move_state(&new, &surrendered, made_way.as_ref()).await;
        if filed == Filed::Yes {
            let renaming = renaming.clone();
            if let Err(refusal) = self.change(move |dirs| save::rename_profile(dirs, &renaming)).await {
                self.resume(&old, Some(surrendered));
                self.resume(&new, made_way);
                return Err(refusal);
            }
        }
        let mut notes = match filed {
            Filed::Yes => vec![format!("profile {old} is called {new} now; saved to {}", self.file())],
            Filed::No => vec![format!("profile {old} is called {new} now; it is in no configuration")],
        };
        let was_default = self.surroundings.default_profile() == old;
        self.go_on(&old, &new, restored, filed).await?;
        self.forget_name(&old, &left_over).await;
        if let Some(path) = renaming.token_file {
            notes.push(format!("it keeps {} fresh as before", path.display()));
        }
        if was_default {
            notes.push(format!("profile {} is the default one", self.surroundings.default_profile()));
        }
        Ok(notes)
    }

    /// A profile without a keeper: its configuration was wrong, so it is a matter of the file alone.
    async fn rename_disabled(
        &self,
        renaming: Renaming,
        made_way: Option<Surrendered>,
    ) -> Result<Vec<String>, Refusal> {
        let Renaming { old, new, .. } = renaming.clone();
        if let Err(refusal) = self.change(move |dirs| save::rename_profile(dirs, &renaming)).await {
            self.resume(&new, made_way);
            return Err(refusal);
        }
        self.drop_profile(&new);
        self.apply_change().await?;
        Ok(vec![format!("profile {old} is called {new} now; saved to {}", self.file())])
    }

    /// Starts the keeper under the new name, with what the old one had settled, and takes the file over.
    async fn go_on(
        &self,
        old: &ProfileName,
        new: &ProfileName,
        restored: Restored,
        filed: Filed,
    ) -> Result<(), Refusal> {
        let loaded = match filed {
            Filed::Yes => self.load().await,
            Filed::No => None,
        };
        let named = loaded.as_ref().and_then(|loaded| loaded.config.profiles.get(new)).cloned();
        let before = self.running(old);
        let config = match (&named, before) {
            // A login that was not saved settled more than the file says.
            (named, Some((handle, file))) if file.as_ref() != Some(&**handle.settings.borrow()) => {
                let mut config = handle.settings.borrow().as_ref().clone();
                if let (Some(named), TokenFile::AdoptOnly(_)) = (named, &config.token_file) {
                    config.token_file = named.token_file.clone();
                }
                config
            }
            (Some(named), _) => named.clone(),
            (None, Some((handle, _))) => handle.settings.borrow().as_ref().clone(),
            (None, None) => ProfileConfig::default(),
        };
        self.surroundings.put_restored(new.clone(), restored);
        let started = self.start(new, config, named);
        self.drop_profile(old);
        if let Some(loaded) = loaded {
            self.settle(loaded)?;
        }
        started.map_err(|error| Refusal::new(Code::Failed, format!("profile {new}: {error}")))
    }

    /// Puts everything where the keeper of the new name, or a daemon that is started in the middle of this, finds it.
    async fn move_state(
        &self,
        new: &ProfileName,
        surrendered: &Surrendered,
        made_way: Option<&Surrendered>,
    ) -> Restored {
        let taken = made_way.into_iter().flat_map(|made_way| &made_way.entries).map(|entry| entry.number);
        let owner = Owner { profile: new.clone(), session: None };
        let entry = EntryName { owner, number: taken.max().unwrap_or(0).saturating_add(1) };
        let state = surrendered.state.clone();
        let (store, file) =
            (self.surroundings.store.clone(), self.surroundings.dirs.remembered_file(new, None));
        let (name, stored) = (new.clone(), entry.clone());
        let moved = tokio::task::spawn_blocking(move || {
            let written = file.map_or(Ok(()), |file| state.remembered.write(&file));
            if let Err(error) = written {
                tracing::warn!("a restart would forget what {name} must remember: {error}");
            }
            let put = store.map(|store| store.put(&stored, &state.to_bytes(), &[]));
            if let Some(Err(error)) = &put {
                tracing::warn!("{name} is not in the service manager's store yet: {error}");
            }
            matches!(put, Some(Ok(())))
        });
        let is_stored = moved.await.unwrap_or(false);
        let entries = if is_stored { vec![entry] } else { Vec::new() };
        Restored { state: Some(surrendered.state.clone()), entries }
    }

    /// Takes what stands under the old name away.
    async fn forget_name(&self, old: &ProfileName, entries: &[EntryName]) {
        if let Some(store) = &self.surroundings.store {
            entries.iter().for_each(|entry| store.remove(entry));
        }
        if let Some(file) = self.surroundings.dirs.remembered_file(old, None) {
            let removed = tokio::task::spawn_blocking(move || Remembered::default().write(&file)).await;
            if let Ok(Err(error)) = removed {
                tracing::warn!("what was remembered of {old} is left behind: {error}");
            }
        }
    }

    /// Ends a keeper with everything it has, once nothing is under way; `None` where there is no such keeper.
    async fn surrender(&self, name: &ProfileName) -> Result<Option<Surrendered>, Refusal> {
        let Some((handle, _)) = self.running(name) else { return Ok(None) };
        let (reply, answer) = oneshot::channel();
        let ordered = handle.orders.send(Order::Surrender { reply }).await;
        // The daemon may end meanwhile, and the keeper with its last handle.
        drop(handle);
        let busy = || {
            let message = format!("an exchange of profile {name} with its cluster has not ended");
            Refusal::new(Code::Busy, message).then("nothing was changed; try again")
        };
        ordered.map_err(|_| busy())?;
        match tokio::time::timeout(HANDOVER_LIMIT, answer).await {
            Ok(Ok(surrendered)) => surrendered.map(Some),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// Goes on under the old name with what was surrendered in vain.
    fn resume(&self, name: &ProfileName, surrendered: Option<Surrendered>) {
        let (Some(Surrendered { state, entries }), Some((handle, file))) = (surrendered, self.running(name))
        else {
            return;
        };
        let config = handle.settings.borrow().as_ref().clone();
        self.surroundings.put_restored(name.clone(), Restored { state: Some(state), entries });
        if let Err(error) = self.start(name, config, file) {
            tracing::error!("profile {name} has no keeper any more: {error}");
        }
    }

    /// Whether a profile can have this name. The one that nobody configured makes room, unless it is in use.
    fn gives_way(&self, name: &ProfileName) -> Result<(), Refusal> {
        if !self.list().iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        let unused = *name == ProfileName::default()
            && self.running(name).is_some_and(|(handle, file)| {
                file.is_some() && handle.board.generation().is_none() && handle.board.is_unproved()
            });
        // Whether it stands in the file is for the file to say.
        if unused { Ok(()) } else { Err(self.exists(name)) }
    }

    /// Profile `default` keeps the usual token file without saying so; under another name it has to be said.
    fn usual_file_of(&self, old: &ProfileName, new: &ProfileName) -> Option<std::path::PathBuf> {
        let (handle, _) = self.running(old).filter(|_| *new != ProfileName::default())?;
        let (_, view) = handle.board.view();
        let config = Arc::clone(&handle.settings.borrow());
        match &config.token_file {
            TokenFile::AdoptOnly(path) => view.token_file.map(|_| path.clone()),
            TokenFile::None | TokenFile::Kept(_) => None,
        }
    }

    /// Changes the file; where the profile is in none, and never was, that is no hindrance.
    async fn change_if_filed(
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

    async fn change(
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
    async fn apply_change(&self) -> Result<(), Refusal> {
        match self.load().await {
            Some(loaded) => self.settle(loaded),
            None => Err(Refusal::new(Code::Failed, format!("{} cannot be read again", self.file()))),
        }
    }

    fn settle(&self, loaded: Loaded) -> Result<(), Refusal> {
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
            SaveError::NoSuchProfile { .. } | SaveError::Write(_) => {
                (Code::Failed, "see: weka-token profiles".to_owned())
            }
        };
        Refusal::new(code, format!("nothing was changed: {error}")).then(step)
    }

    fn exists(&self, name: &ProfileName) -> Refusal {
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

    fn file(&self) -> String {
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
