//! `profiles rename`: a profile's tokens, and what must be remembered, go on under another name.

use crate::config::save::{self, Renaming};
use crate::config::{ProfileConfig, ProfileName, TokenFile};
use crate::keeper::handover;
use crate::keeper::order::Order;
use crate::keeper::surrendered::Surrendered;
use crate::profiles::Filed;
use crate::registry::Registry;
use crate::systemd::state::{Restored, State};
use crate::systemd::store::{EntryName, Owner};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use wire::{Code, Refusal};

/// How long an exchange with the cluster may hold up another name.
const HANDOVER_LIMIT: Duration = Duration::from_secs(20);
/// How long the state folder and the service manager may take each time: the profile has no keeper meanwhile.
const MOVE_LIMIT: Duration = Duration::from_secs(3);

impl Registry {
    pub(crate) async fn rename(&self, old: ProfileName, new: ProfileName) -> Result<Vec<String>, Refusal> {
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
        let mut left_over = surrendered.all_entries();
        left_over.extend(made_way.iter().flat_map(Surrendered::all_entries));
        let (restored, unmoved) = self.move_state(&new, &surrendered, made_way.as_ref()).await;
        if filed == Filed::Yes {
            let renaming = renaming.clone();
            if let Err(refusal) = self.change(move |dirs| save::rename_profile(dirs, &renaming)).await {
                let moved: Vec<_> = restored.into_iter().flat_map(|(_, restored)| restored.entries).collect();
                if made_way.is_none() {
                    self.forget_name(&new, &moved).await;
                }
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
        let went_on = self.go_on(&old, &new, restored, filed).await;
        self.is_renamed(&old, &new);
        went_on?;
        notes.extend(unmoved);
        notes.extend(self.forget_name(&old, &left_over).await);
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
        restored: Vec<(Owner, Restored)>,
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
        for (owner, restored) in restored {
            self.surroundings.put_restored(owner, restored);
        }
        let started = self.start(new, config, named);
        self.drop_profile(old);
        if let Some(loaded) = loaded {
            self.settle(loaded)?;
        }
        started.map_err(|error| Refusal::new(Code::Failed, format!("profile {new}: {error}")))
    }

    /// Puts everything where the keeper of the new name, or a daemon that is started in the middle of this, finds it; says
    /// what a restart would not find.
    async fn move_state(
        &self,
        new: &ProfileName,
        surrendered: &Surrendered,
        made_way: Option<&Surrendered>,
    ) -> (Vec<(Owner, Restored)>, Option<String>) {
        let taken = made_way.map(Surrendered::all_entries).unwrap_or_default();
        let number = taken.iter().map(|entry| entry.number).max().unwrap_or(0).saturating_add(1);
        let states: Vec<_> = surrendered
            .states()
            .map(|(session, state)| {
                let owner = Owner { profile: new.clone(), session: session.map(ToOwned::to_owned) };
                (EntryName { owner, number }, state.clone())
            })
            .collect();
        let (dirs, to_write) = (self.surroundings.dirs.clone(), states.clone());
        let writing = spawn_blocking(move || {
            let write = |(EntryName { owner, .. }, state): &(EntryName, State)| {
                let file = dirs.remembered_file(&owner.profile, owner.session.as_deref());
                file.map_or(Ok(()), |file| state.remembered.write(&file))
            };
            to_write.iter().map(write).find_map(Result::err)
        });
        let (store, to_store) = (self.surroundings.store.clone(), states.clone());
        let storing = spawn_blocking(move || {
            let put = |(entry, state): &(EntryName, State)| {
                store.as_ref()?.put(entry, &state.to_bytes(), &[]).err()
            };
            // As many as there are answers for: a manager that does not answer is asked no more.
            let failed = to_store.iter().enumerate().find_map(|(at, it)| Some((at, put(it)?)));
            (
                failed.as_ref().map_or(to_store.len(), |(at, _)| *at),
                failed.map(|(_, error)| error.to_string()),
            )
        });
        let (written, stored) = tokio::join!(timeout(MOVE_LIMIT, writing), timeout(MOVE_LIMIT, storing));
        let unwritten = match written {
            Ok(Ok(None)) => None,
            Ok(Ok(Some(error))) => Some(error.to_string()),
            Ok(Err(_)) | Err(_) => Some("the state folder does not answer".to_owned()),
        };
        let (stored, unstored) = match stored {
            Ok(Ok(stored)) => stored,
            Ok(Err(_)) | Err(_) => (0, Some("it does not answer".to_owned())),
        };
        if let Some(error) = unstored {
            tracing::warn!("{new} is not in the service manager's store yet: {error}");
        }
        let unmoved =
            unwritten.map(|error| format!("a restart would forget what {new} must remember: {error}"));
        unmoved.iter().for_each(|words| tracing::warn!("{words}"));
        let is_there = self.surroundings.store.is_some();
        let restored = states.into_iter().enumerate().map(|(at, (entry, state))| {
            let owner = entry.owner.clone();
            let entries = if is_there && at < stored { vec![entry] } else { Vec::new() };
            (owner, Restored { state: Some(state), entries })
        });
        (restored.collect(), unmoved)
    }

    /// Takes what stands under a name away; says what is left behind.
    pub(crate) async fn forget_name(&self, name: &ProfileName, entries: &[EntryName]) -> Option<String> {
        if let Some(store) = &self.surroundings.store {
            entries.iter().for_each(|entry| store.remove(entry));
        }
        let (dirs, forgotten) = (self.surroundings.dirs.clone(), name.clone());
        let forgetting = spawn_blocking(move || handover::forget_on_disk(&dirs, &forgotten));
        let error = match timeout(MOVE_LIMIT, forgetting).await {
            Ok(Ok(Ok(()))) => return None,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) | Err(_) => "the state folder does not answer".to_owned(),
        };
        let words = format!("what was remembered of {name} is left behind: {error}");
        tracing::warn!("{words}");
        Some(words)
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
        match timeout(HANDOVER_LIMIT, answer).await {
            Ok(Ok(surrendered)) => surrendered.map(Some),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// Goes on under the old name with what was surrendered in vain.
    fn resume(&self, name: &ProfileName, surrendered: Option<Surrendered>) {
        let (Some(surrendered), Some((handle, file))) = (surrendered, self.running(name)) else { return };
        let config = handle.settings.borrow().as_ref().clone();
        let Surrendered { state, entries, sessions } = surrendered;
        let own = Owner { profile: name.clone(), session: None };
        self.surroundings.put_restored(own, Restored { state: Some(state), entries });
        for (session, Surrendered { state, entries, .. }) in sessions {
            let owner = Owner { profile: name.clone(), session: Some(session) };
            self.surroundings.put_restored(owner, Restored { state: Some(state), entries });
        }
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
}
