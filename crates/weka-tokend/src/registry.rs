//! Which profiles there are, and what each request comes to.

use crate::access::Access;
use crate::board::Board;
use crate::clock;
use crate::config::{Loaded, ProfileConfig, ProfileName};
use crate::falls::Falls;
use crate::file_claims::FileClaims;
use crate::keeper::Keeper;
use crate::keeper::order::{Handle, Order};
use crate::surroundings::Surroundings;
use engine::Moment;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire::{Code, Refusal};

/// The longest time that profiles may take to end. Open requests have had theirs (2 s), and the service manager waits for
/// 10 s in all before it kills.
const CLOSING_LIMIT: Duration = Duration::from_secs(6);
/// The longest time a caller may ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A profile by name.
#[derive(Debug)]
enum Entry {
    /// It has a keeper.
    Running {
        /// How to reach it; shared with whoever asks at the moment.
        handle: Arc<Handle>,
        /// What the configuration file last said of it; `None` for what never was in one. A reload changes only
        /// what differs from this, so that what a login settled without saving stays.
        file: Option<Box<ProfileConfig>>,
    },
    /// Its configuration is wrong: the mistakes, with file and line.
    Broken(String),
}

#[derive(Debug, Default)]
struct Inner {
    profiles: BTreeMap<ProfileName, Entry>,
    /// The keepers' tasks, those of removed profiles included.
    tasks: Vec<JoinHandle<()>>,
    /// Names that profiles had before, for those who began with them.
    renamed: BTreeMap<ProfileName, ProfileName>,
    falls: Falls,
    /// The registry itself, for those who watch over the keepers.
    registry: Weak<Registry>,
    notes: Vec<String>,
    /// Whether the configuration that holds came from a file, or stands in one by now.
    had_file: bool,
}

/// All profiles.
#[derive(Debug)]
pub struct Registry {
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) socket: String,
    pub(crate) started: Moment,
    pub(crate) own_uid: u32,
    /// Who else may have what.
    pub(crate) access: Access,
    /// One change of which profiles there are after the other.
    pub(crate) changes: tokio::sync::Mutex<()>,
    /// The token files that logins under way are to fill.
    pub(crate) file_claims: FileClaims,
    inner: Mutex<Inner>,
}

impl Inner {
    /// A keeper for that name, and whatever was called so before is not.
    fn put(
        &mut self,
        name: ProfileName,
        handle: Arc<Handle>,
        task: JoinHandle<()>,
        file: Option<ProfileConfig>,
    ) {
        self.tasks.retain(|task| !task.is_finished());
        let (registry, board) = (Weak::clone(&self.registry), Arc::clone(&handle.board));
        let fallen = name.clone();
        self.tasks.push(tokio::spawn(async move {
            if task.await.is_err_and(|error| error.is_panic())
                && let Some(registry) = registry.upgrade()
            {
                registry.begin_anew(&fallen, &board).await;
            }
        }));
        self.renamed.remove(&name);
        self.profiles.insert(name, Entry::Running { handle, file: file.map(Box::new) });
    }
}

impl Registry {
    /// An empty registry of a daemon that answers on `socket`.
    #[must_use]
    pub fn new(surroundings: Arc<Surroundings>, socket: String) -> Arc<Self> {
        let own_uid = nix::unistd::geteuid().as_raw();
        let (started, access) = (clock::now(), Access::default());
        let (changes, file_claims) = (tokio::sync::Mutex::default(), FileClaims::default());
        Arc::new_cyclic(|registry| {
            let inner = Mutex::new(Inner { registry: Weak::clone(registry), ..Inner::default() });
            Self { surroundings, socket, started, own_uid, access, changes, file_claims, inner }
        })
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
        inner.had_file = loaded.config.source.is_some();
        inner.notes =
            loaded.errors.iter().filter(|error| error.profile.is_none()).map(ToString::to_string).collect();
        let wanted = loaded.config.profiles;
        let is_gone = |name: &ProfileName, entry: &Entry| {
            let unfiled = matches!(entry, Entry::Running { file: None, .. });
            !(unfiled || wanted.contains_key(name) || broken.contains_key(name))
        };
        for (_, gone) in inner.profiles.extract_if(.., |name, entry| is_gone(name, entry)) {
            let Entry::Running { handle, .. } = gone else { continue };
            // Another profile of that name, later, is not this one.
            tokio::spawn(async move { handle.ask(|reply| Order::Remove { reply }).await });
        }
        for (name, mistakes) in broken {
            inner.profiles.insert(name, Entry::Broken(mistakes.join("; ")));
        }
        for (name, config) in wanted {
            if let Some(Entry::Running { handle, file }) = inner.profiles.get_mut(&name) {
                if file.as_deref() != Some(&config) {
                    *file = Some(Box::new(config.clone()));
                    let (orders, config) = (handle.orders.clone(), Box::new(config));
                    tokio::spawn(async move { orders.send(Order::Reconfigure(config)).await });
                }
                continue;
            }
            match Keeper::spawn(name.clone(), config.clone(), Arc::clone(&self.surroundings)) {
                Ok((handle, task)) => inner.put(name, Arc::new(handle), task, Some(config)),
                Err(error) => {
                    inner.profiles.insert(name, Entry::Broken(error.to_string()));
                }
            }
        }
        let is_whole = loaded.errors.is_empty();
        drop(inner);
        self.learn_names();
        if is_whole {
            self.surroundings.drop_restored();
        }
        self.surroundings.revision.bump();
    }

    /// Looks the names of all `allow` entries up, so that `status` can tell which are not known.
    fn learn_names(&self) {
        let running = self.list().into_iter().filter_map(|(_, entry)| entry.ok());
        let settings: Vec<_> = running.map(|handle| Arc::clone(&handle.settings.borrow())).collect();
        let (access, revision) = (self.access.clone(), self.surroundings.revision.clone());
        tokio::spawn(async move {
            for config in settings {
                access.learn(&config.allow).await;
            }
            revision.bump();
        });
    }

    /// Whether the configuration that holds came from a file, or stands in one by now.
    #[must_use]
    pub fn had_file(&self) -> bool {
        self.inner().had_file
    }

    /// Says in `status` what is wrong with a configuration that was not taken over.
    pub fn note(&self, notes: Vec<String>) {
        self.inner().notes = notes;
        self.surroundings.revision.bump();
    }

    /// Lets all keepers end, each with what it has under way, and waits for them.
    pub async fn close(&self) {
        self.surroundings.end();
        let tasks = {
            let mut inner = self.inner();
            inner.profiles.clear();
            std::mem::take(&mut inner.tasks)
        };
        let all = async {
            for task in tasks {
                // One that panicked is over as well.
                drop(task.await);
            }
        };
        if timeout(CLOSING_LIMIT, all).await.is_err() {
            tracing::warn!("ended before every profile was done with its files");
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
    pub(crate) fn find(&self, asked: Option<&str>) -> Result<Arc<Handle>, Refusal> {
        let name = self.name(asked)?;
        let inner = self.inner();
        match inner.profiles.get(&name) {
            Some(Entry::Running { handle, .. }) => Ok(Arc::clone(handle)),
            Some(Entry::Broken(mistakes)) => Err(Refusal::new(
                Code::Misconfigured,
                format!("profile {name} is disabled by its configuration: {mistakes}"),
            )
            .then("mend it, then: systemctl --user reload weka-tokend (or send SIGHUP)")),
            // Nothing of the configuration could be used, so nobody knows which profiles there should be.
            None if inner.profiles.is_empty() && !inner.notes.is_empty() => Err(Refusal::new(
                Code::Misconfigured,
                format!("the configuration is wrong: {}", inner.notes.join("; ")),
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

    /// The profile of that name, with a keeper even if it is new.
    pub(crate) fn find_or_create(
        &self,
        name: &ProfileName,
        config: &ProfileConfig,
    ) -> Result<Arc<Handle>, Refusal> {
        if self.inner().profiles.contains_key(name) {
            return self.find(Some(name.as_str()));
        }
        let (handle, task) = Keeper::spawn(name.clone(), config.clone(), Arc::clone(&self.surroundings))
            .map_err(|error| Refusal::new(Code::Failed, format!("profile {name}: {error}")))?;
        let handle = Arc::new(handle);
        self.inner().put(name.clone(), Arc::clone(&handle), task, None);
        Ok(handle)
    }

    /// What a login or a decision about trust settled stands in the configuration file now.
    pub(crate) fn is_filed(&self, name: &ProfileName) {
        let mut inner = self.inner();
        if let Some(Entry::Running { handle, file }) = inner.profiles.get_mut(name) {
            *file = Some(Box::new(handle.settings.borrow().as_ref().clone()));
            inner.had_file = true;
        }
    }

    /// Takes a profile away again that a login made and that has never had a token.
    pub(crate) fn remove_unproved(&self, name: &ProfileName, made: &Arc<Board>) {
        let mut inner = self.inner();
        let is_it = inner.profiles.get(name).is_some_and(|entry| {
            matches!(entry, Entry::Running { handle, file: None } if Arc::ptr_eq(&handle.board, made))
        });
        if is_it && made.is_unproved() {
            inner.profiles.remove(name);
            drop(inner);
            self.surroundings.revision.bump();
        }
    }

    /// A profile's keeper, and what the configuration file last said of it; `None` where it has no keeper.
    pub(crate) fn running(&self, name: &ProfileName) -> Option<(Arc<Handle>, Option<ProfileConfig>)> {
        match self.inner().profiles.get(name)? {
            Entry::Running { handle, file } => Some((Arc::clone(handle), file.as_deref().cloned())),
            Entry::Broken(_) => None,
        }
    }

    /// Starts a keeper in the place of whatever there is of that name. `file` is what the configuration file says.
    pub(crate) fn start(
        &self,
        name: &ProfileName,
        config: ProfileConfig,
        file: Option<ProfileConfig>,
    ) -> std::io::Result<()> {
        let (handle, task) = Keeper::spawn(name.clone(), config, Arc::clone(&self.surroundings))?;
        self.inner().put(name.clone(), Arc::new(handle), task, file);
        Ok(())
    }

    /// A profile is called `new` now. Whoever goes on with it under the old name means this one, until there is another
    /// of that name.
    pub(crate) fn is_renamed(&self, old: &ProfileName, new: &ProfileName) {
        self.inner().renamed.insert(old.clone(), new.clone());
    }

    /// What a profile that had this name is called now.
    pub(crate) fn present_name(&self, before: &str) -> Option<ProfileName> {
        let inner = self.inner();
        let mut name = inner.renamed.get(before)?;
        // At most once through all of them.
        for _ in 0..inner.renamed.len() {
            match inner.renamed.get(name) {
                Some(next) => name = next,
                None => break,
            }
        }
        Some(name.clone())
    }

    /// A defect has ended a profile's keeper; how long to wait before there is another.
    pub(crate) fn has_fallen(&self, name: &ProfileName) -> Duration {
        self.inner().falls.add(name, clock::now())
    }

    /// Takes a profile away.
    pub(crate) fn drop_profile(&self, name: &ProfileName) {
        self.inner().profiles.remove(name);
        self.surroundings.revision.bump();
    }

    /// The profiles in order of name: running ones, or what is wrong with them.
    pub(crate) fn list(&self) -> Vec<(ProfileName, Result<Arc<Handle>, String>)> {
        let inner = self.inner();
        let entry = |entry: &Entry| match entry {
            Entry::Running { handle, .. } => Ok(Arc::clone(handle)),
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
