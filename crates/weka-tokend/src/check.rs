//! `weka-tokend --check`: what is wrong with a configuration, before a daemon has to live with it.

use crate::config::{ConfigError, Loaded};
use crate::dirs::Dirs;
use crate::systemd::store::MOST_PROFILES;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Names every mistake, and what a start would warn of; fails for mistakes alone. Blocks.
pub(crate) fn check(dirs: &Dirs, loaded: &Loaded) -> ExitCode {
    let mut errors: Vec<_> = loaded.errors.iter().cloned().chain(same_files(loaded)).collect();
    errors.sort_by_key(|error| error.line);
    for error in errors.iter().chain(&beyond_the_store(loaded)) {
        drop(writeln!(std::io::stderr(), "weka-tokend: {error}"));
    }
    if !errors.is_empty() {
        return ExitCode::from(2);
    }
    let profiles: Vec<_> = loaded.config.profiles.keys().map(ToString::to_string).collect();
    let source = loaded.config.source.as_ref().map_or_else(
        || {
            let usual = dirs.config_file.as_ref().map(|path| format!(" at {}", path.display()));
            format!("no configuration{}: the defaults hold", usual.unwrap_or_default())
        },
        |path| path.display().to_string(),
    );
    drop(writeln!(std::io::stdout(), "{source}: ok, profiles: {}", profiles.join(", ")));
    ExitCode::SUCCESS
}

/// Files that are named twice, through folders of different names. A start does not look: it must not wait for a file
/// system that hangs.
fn same_files(loaded: &Loaded) -> Vec<ConfigError> {
    let Some(file) = &loaded.config.source else { return Vec::new() };
    let mut seen = BTreeMap::new();
    let mut errors = Vec::new();
    let mut files: Vec<_> = loaded.files.iter().collect();
    files.sort_by_key(|(_, mark)| mark.line);
    for (path, mark) in files {
        let real = real_path(path, mark.key.ends_with(".token_file"));
        if let Some(other) = seen.get(&real) {
            errors.push(ConfigError {
                file: file.clone(),
                line: mark.line,
                key: Some(mark.key.clone()),
                message: format!("the same file is written for {other}: it is {}", real.display()),
                profile: mark.profile.clone(),
            });
        } else {
            seen.insert(real, mark);
        }
    }
    errors
}

/// Where a file really is. Only a token file may itself be a link.
fn real_path(path: &Path, may_be_link: bool) -> PathBuf {
    if may_be_link && let Ok(real) = path.canonicalize() {
        return real;
    }
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// The first table that the service manager's store may have no room for. A daemon starts all the same.
fn beyond_the_store(loaded: &Loaded) -> Option<ConfigError> {
    let file = loaded.config.source.clone()?;
    let count = loaded.config.sessions();
    // The default profile need not stand in the file.
    let said = MOST_PROFILES.saturating_sub(count.saturating_sub(loaded.sessions.len()));
    let first = loaded.sessions.get(said).filter(|_| count > MOST_PROFILES)?;
    Some(ConfigError {
        file,
        line: first.line,
        key: Some(first.key.clone()),
        message: format!(
            "this is no mistake, but there are {count} profiles and sinks with a session of their own, and the service \
             manager's store has room for {MOST_PROFILES} as it is shipped: beyond that a restart loses all tokens; raise \
             FileDescriptorStoreMax=, or spread them over several daemons"
        ),
        profile: first.profile.clone(),
    })
}
