//! Changing a configuration file in place: comments, order and formatting stay, and nothing else is touched.
//!
//! Everything here blocks. What would not load afterwards is not written.

use super::changes::{ProfileChanges, TrustChange};
use super::load::{self, Problem};
use super::{ConfigError, ProfileName, parse};
use crate::atomic::{self, FileMode, Links, Manner, ReplaceError, ReplaceProblem};
use crate::dirs::{Dirs, PRIVATE_FILE, make_missing_folder};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};
use weka_rest::Endpoint;

/// Why a configuration file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// There is no home folder to keep one in.
    #[error("there is no home folder for a configuration")]
    NoPlace,
    /// It belongs to someone else, who would not expect it to change.
    #[error("{} belongs to uid {owner}, not to the daemon's user", .path.display())]
    NotOurs {
        /// The file, or what its symlinks lead to.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// It cannot be read as a configuration.
    #[error("{}: {problem}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// It has a mistake, or would have one afterwards.
    #[error("{0}")]
    Mistake(Box<ConfigError>),
    /// There is no such profile in it.
    #[error("{} has no profile {name}", .path.display())]
    NoSuchProfile {
        /// The file.
        path: PathBuf,
        /// The name.
        name: ProfileName,
    },
    /// There is such a profile already.
    #[error("{} has a profile {name} already", .path.display())]
    ProfileExists {
        /// The file.
        path: PathBuf,
        /// The name.
        name: ProfileName,
    },
    /// It was edited since it was read, and says something else of the profile.
    #[error(
        "{} was edited meanwhile and says otherwise of profile {name} ({keys}); to go by it, have weka-tokend read it: SIGHUP, or a reload",
        .path.display()
    )]
    Otherwise {
        /// The file.
        path: PathBuf,
        /// The profile.
        name: ProfileName,
        /// The keys.
        keys: String,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] ReplaceError),
}

/// One change after the other: each reads the file, changes what it read, and puts it in place.
static CHANGING: Mutex<()> = Mutex::new(());

/// What becomes of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It is saved. Mistakes that were there before may stay, elsewhere; a new one may not come.
    Saved,
    /// It is saved where the whole file can be taken over at once: no mistake may stay.
    SavedWhole,
    /// The same, but nothing is written.
    Tried,
}

/// Saves what changed of a profile, in the file that `dirs` names; profile, file and folder are made if need be.
///
/// # Errors
///
/// See [`SaveError`]; the file is untouched then.
pub fn save_profile(dirs: &Dirs, name: &ProfileName, changes: &ProfileChanges) -> Result<(), SaveError> {
    edit(dirs, Effect::Saved, |document, path| {
        let table = profile_table(document, path, name)?;
        apply(table, dirs, changes);
        Ok(())
    })
}

/// Adds an empty profile.
///
/// # Errors
///
/// See [`SaveError`]; the file is untouched then.
pub fn add_profile(dirs: &Dirs, name: &ProfileName) -> Result<(), SaveError> {
    edit(dirs, Effect::SavedWhole, |document, path| {
        if find(document, name) {
            return Err(SaveError::ProfileExists { path: path.to_owned(), name: name.clone() });
        }
        profile_table(document, path, name).map(drop)
    })
}

/// Removes a profile; where it is the default one, `default` takes its place.
///
/// # Errors
///
/// See [`SaveError`]; the file is untouched then.
pub fn remove_profile(dirs: &Dirs, name: &ProfileName) -> Result<(), SaveError> {
    edit(dirs, Effect::SavedWhole, |document, path| {
        let profiles = document.get_mut("profile").and_then(Item::as_table_like_mut);
        let removed = profiles.and_then(|profiles| profiles.remove(name.as_str()));
        let Some(removed) = removed else { return Err(no_such(path, name)) };
        keep_heading(document, &removed);
        if default_of(document) == Some(name.as_str()) {
            set_default(document, &ProfileName::default());
        }
        Ok(())
    })
}

/// Another name for a profile.
#[derive(Debug, Clone)]
pub struct Renaming {
    /// Its name so far.
    pub old: ProfileName,
    /// Its name from now on.
    pub new: ProfileName,
    /// What `token_file` is to say, where the old name went without saying.
    pub token_file: Option<PathBuf>,
}

/// Gives a profile another name; where it is the default one, the setting follows.
///
/// # Errors
///
/// See [`SaveError`]; the file is untouched then.
pub fn rename_profile(dirs: &Dirs, renaming: &Renaming) -> Result<(), SaveError> {
    edit(dirs, Effect::SavedWhole, |document, path| rename(document, path, dirs, renaming))
}

/// Whether [`rename_profile`] would work. Nothing is written.
///
/// # Errors
///
/// See [`SaveError`].
pub fn try_rename(dirs: &Dirs, renaming: &Renaming) -> Result<(), SaveError> {
    edit(dirs, Effect::Tried, |document, path| rename(document, path, dirs, renaming))
}

fn rename(
    document: &mut DocumentMut,
    path: &Path,
    dirs: &Dirs,
    renaming: &Renaming,
) -> Result<(), SaveError> {
    let Renaming { old, new, token_file } = renaming;
    if !find(document, old) {
        return Err(no_such(path, old));
    }
    if find(document, new) {
        return Err(SaveError::ProfileExists { path: path.to_owned(), name: new.clone() });
    }
    let profiles = document.get_mut("profile").and_then(Item::as_table_like_mut);
    if let Some(profiles) = profiles
        && let Some(mut profile) = profiles.remove(old.as_str())
    {
        if let Some(table) = profile.as_table_like_mut() {
            let changes = ProfileChanges { token_file: token_file.clone(), ..ProfileChanges::default() };
            apply(table, dirs, &changes);
        }
        // The table remembers its place in the file.
        profiles.insert(new.as_str(), profile);
    }
    if default_of(document).unwrap_or("default") == old.as_str() {
        set_default(document, new);
    }
    Ok(())
}

/// Makes a profile the default one. It need not be in the file.
///
/// # Errors
///
/// See [`SaveError`]; the file is untouched then.
pub fn set_default_profile(dirs: &Dirs, name: &ProfileName) -> Result<(), SaveError> {
    edit(dirs, Effect::SavedWhole, |document, _| {
        if default_of(document).unwrap_or("default") != name.as_str() {
            set_default(document, name);
        }
        Ok(())
    })
}

/// Reads the file, changes it, checks the result, and puts it in place.
fn edit(
    dirs: &Dirs,
    effect: Effect,
    change: impl FnOnce(&mut DocumentMut, &Path) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    let path = dirs.config_file.as_deref().ok_or(SaveError::NoPlace)?;
    let _turn = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    refuse_foreign(path)?;
    let before = match load::read(path) {
        Ok(text) => text,
        Err(Problem::Missing) => String::new(),
        Err(problem) => {
            return Err(SaveError::Unreadable { path: path.to_owned(), problem: problem.words(path) });
        }
    };
    let mut document: DocumentMut = before.parse().map_err(|_| {
        let mistake = parse::parse(path, &before, dirs).errors.into_iter().next();
        mistake.map_or_else(
            || SaveError::Unreadable { path: path.to_owned(), problem: "it is not TOML".to_owned() },
            |mistake| SaveError::Mistake(Box::new(mistake)),
        )
    })?;
    change(&mut document, path)?;
    let after = document.to_string();
    if after == before {
        return Ok(());
    }
    let old = match effect {
        Effect::Saved => parse::parse(path, &before, dirs).errors,
        Effect::SavedWhole | Effect::Tried => Vec::new(),
    };
    let is_new = |mistake: &ConfigError| {
        !old.iter().any(|known| known.key == mistake.key && known.message == mistake.message)
    };
    if let Some(mistake) = parse::parse(path, &after, dirs).errors.into_iter().find(is_new) {
        return Err(SaveError::Mistake(Box::new(mistake)));
    }
    if effect == Effect::Tried {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        make_missing_folder(folder)
            .map_err(|error| ReplaceError { path: path.to_owned(), problem: error.into() })?;
    }
    let manner = Manner { mode: FileMode::KeepOr(PRIVATE_FILE), links: Links::Follow, group: None };
    atomic::replace(path, after.as_bytes(), manner)?;
    Ok(())
}

/// Only the daemon's own file is changed, wherever symlinks lead.
fn refuse_foreign(path: &Path) -> Result<(), SaveError> {
    let us = nix::unistd::geteuid().as_raw();
    match atomic::resolve(path, Links::Follow) {
        Ok((target, Some(found))) if found.uid() != us => {
            Err(SaveError::NotOurs { path: target, owner: found.uid() })
        }
        Ok(_) => Ok(()),
        Err(ReplaceProblem::Io(error)) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(SaveError::Write(ReplaceError { path: path.to_owned(), problem: ReplaceProblem::NoFolder }))
        }
        Err(problem) => Err(SaveError::Write(ReplaceError { path: path.to_owned(), problem })),
    }
}

fn no_such(path: &Path, name: &ProfileName) -> SaveError {
    SaveError::NoSuchProfile { path: path.to_owned(), name: name.clone() }
}

fn find(document: &DocumentMut, name: &ProfileName) -> bool {
    let profiles = document.get("profile").and_then(Item::as_table_like);
    profiles.is_some_and(|profiles| profiles.contains_key(name.as_str()))
}

fn default_of(document: &DocumentMut) -> Option<&str> {
    document.get("default_profile").and_then(Item::as_str)
}

/// Sets `default_profile`; a new line of it goes above everything else, with a blank line below.
fn set_default(document: &mut DocumentMut, name: &ProfileName) {
    let is_new = default_of(document).is_none();
    set(document.as_table_mut(), "default_profile", name.as_str().into());
    let profiles = document.get_mut("profile").and_then(Item::as_table_mut);
    let first = profiles.and_then(|profiles| {
        profiles.iter_mut().filter_map(|(_, item)| item.as_table_mut()).min_by_key(|table| table.position())
    });
    if let Some(first) = first.filter(|_| is_new) {
        let own = first.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default();
        if !own.starts_with('\n') {
            let own = own.to_owned();
            first.decor_mut().set_prefix(format!("\n{own}"));
        }
    }
}

/// The table of a profile, made at the end of the file if it is not there.
fn profile_table<'d>(
    document: &'d mut DocumentMut,
    path: &Path,
    name: &ProfileName,
) -> Result<&'d mut dyn TableLike, SaveError> {
    let no_table =
        || SaveError::Unreadable { path: path.to_owned(), problem: format!("profile.{name} is not a table") };
    let is_first = document.is_empty();
    let profiles = document.entry("profile").or_insert_with(|| {
        // [profile.NAME] alone is enough of a heading.
        let mut profiles = Table::new();
        profiles.set_implicit(true);
        Item::Table(profiles)
    });
    let is_inline = profiles.is_inline_table();
    let profiles = profiles.as_table_like_mut().ok_or_else(no_table)?;
    let profile = profiles.entry(name.as_str()).or_insert_with(|| {
        // Within braces only braces are written out.
        if is_inline {
            return Item::Value(Value::InlineTable(InlineTable::new()));
        }
        let mut profile = Table::new();
        if is_first {
            profile.decor_mut().set_prefix("");
        }
        Item::Table(profile)
    });
    profile.as_table_like_mut().ok_or_else(no_table)
}

fn apply(table: &mut dyn TableLike, dirs: &Dirs, changes: &ProfileChanges) {
    let path_text = |path: &Path| dirs.abbreviate(path).to_string_lossy().into_owned();
    if let Some(endpoints) = &changes.endpoints {
        set_endpoints(table, endpoints);
    }
    if let Some(org) = &changes.org {
        let key = if table.contains_key("tenant") { "tenant" } else { "org" };
        set(table, key, org.as_str().into());
    }
    if let Some(username) = &changes.username {
        set(table, "username", username.as_str().into());
    }
    match &changes.trust {
        None => {}
        Some(TrustChange::SystemRoots) => {
            table.remove("ca_file");
            table.remove("fingerprint");
        }
        Some(TrustChange::CaFile(path)) => {
            table.remove("fingerprint");
            set(table, "ca_file", path_text(path).into());
        }
        Some(TrustChange::Fingerprint(fingerprint)) => {
            table.remove("ca_file");
            set(table, "fingerprint", fingerprint.to_string().into());
        }
    }
    if let Some(path) = &changes.token_file {
        set(table, "token_file", path_text(path).into());
    }
}

/// A list that means the same stays as it was written.
fn set_endpoints(table: &mut dyn TableLike, endpoints: &[Endpoint]) {
    let same = table.get("endpoints").and_then(Item::as_array).is_some_and(|old| {
        let old: Option<Vec<Endpoint>> = old.iter().map(|text| text.as_str()?.parse().ok()).collect();
        old.as_deref() == Some(endpoints)
    });
    if !same {
        let list: Array = endpoints.iter().map(Endpoint::to_string).collect();
        set(table, "endpoints", list.into());
    }
}

/// Sets a value and keeps the white space and the comment around it.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            if old.as_str().is_some_and(|text| value.as_str() == Some(text)) {
                return;
            }
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Comments above a blank line, over the first table of a file, are about the file and not about the table.
fn keep_heading(document: &mut DocumentMut, removed: &Item) {
    let Some(table) = removed.as_table() else { return };
    let prefix = table.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default();
    let Some(end) = prefix.rfind("\n\n") else { return };
    let Some(heading) = prefix.get(..end).map(str::trim_end).filter(|text| !text.is_empty()) else { return };
    let next = document.get_mut("profile").and_then(Item::as_table_mut).and_then(|profiles| {
        profiles.iter_mut().filter_map(|(_, item)| item.as_table_mut()).min_by_key(|t| t.position())
    });
    match next {
        Some(next) => {
            let own = next.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default();
            let own = own.trim_start_matches('\n').to_owned();
            next.decor_mut().set_prefix(format!("{heading}\n\n{own}"));
        }
        None => {
            let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
            document.set_trailing(format!("{heading}\n{trailing}"));
        }
    }
}
