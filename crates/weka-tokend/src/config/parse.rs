//! The text of a configuration file, read into types.

use super::section::{Reader, Section};
use super::{Config, ConfigError, Loaded, ProfileName, TokenFile, profile};
use crate::dirs::Dirs;
use std::collections::BTreeMap;
use std::path::Path;
use toml_edit::Document;

/// Reads `text`, which came from `file`.
pub(super) fn parse(file: &Path, text: &str, dirs: &Dirs) -> Loaded {
    let mut reader = Reader::new(file, text, dirs.home.as_deref());
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let mut words = first_line(error.message());
            let named = error.span().and_then(|span| text.get(span)).and_then(|named| named.lines().next());
            // No more than the key: what follows it may be anything.
            let key = named.and_then(|named| named.split('=').next()).map(str::trim).unwrap_or_default();
            if words == "duplicate key" && !key.is_empty() {
                words.push_str(&format!(" {key}"));
            }
            reader.report_at(error.span(), None, words);
            return unusable(file, reader.errors);
        }
    };
    let root = Section::root(document.as_table());
    reader.refuse_unknown_keys(&root, &["default_profile", "profile"]);
    let default_profile = read_default_profile(&mut reader, &root).unwrap_or_default();

    let mut profiles = BTreeMap::new();
    let mut disabled = Vec::new();
    if let Some(tables) = reader.table(&root, "profile") {
        for (key, _) in tables.iter() {
            let name = match ProfileName::try_from(key) {
                Ok(name) => name,
                Err(error) => {
                    reader.report(&tables, Some(key), error.to_string());
                    continue;
                }
            };
            reader.profile = Some(name.clone());
            let before = reader.errors.len();
            if let Some(table) = reader.table(&tables, key) {
                let config = profile::read(&mut reader, &table, profile::unsaid(dirs, &name));
                if reader.errors.len() == before {
                    profiles.insert(name.clone(), config);
                }
            }
            if reader.errors.len() > before {
                disabled.push(name);
            }
            reader.profile = None;
        }
    }
    // Only the profile of the usual name may go unsaid.
    if default_profile != ProfileName::default()
        && !profiles.contains_key(&default_profile)
        && !disabled.contains(&default_profile)
    {
        let names: Vec<_> = profiles.keys().map(ToString::to_string).collect();
        let others = match names.as_slice() {
            [] => "there is no other either".to_owned(),
            names => format!("there are: {}", names.join(", ")),
        };
        reader.report(
            &root,
            Some("default_profile"),
            format!("there is no [profile.{default_profile}]; {others}"),
        );
    } else if !disabled.contains(&default_profile) {
        profiles.entry(default_profile.clone()).or_insert_with(|| profile::unsaid(dirs, &default_profile));
    }
    // Whoever names the usual token file gets it; the default profile only takes what nobody claims.
    for config in profiles.values_mut() {
        if let TokenFile::AdoptOnly(path) = &config.token_file
            && reader.is_claimed(path)
        {
            config.token_file = TokenFile::None;
        }
    }
    let mut sessions = reader.sessions;
    sessions.sort_by_key(|session| session.line);
    let files = reader.claimed.into_iter().collect();
    let mut errors = reader.errors;
    // As one goes through the file to mend them.
    errors.sort_by_key(|error| error.line);
    let config = Config { default_profile, profiles, source: Some(file.to_owned()) };
    Loaded { config, errors, files, sessions }
}

/// What is left of a file that cannot be used at all.
pub(super) fn unusable(file: &Path, errors: Vec<ConfigError>) -> Loaded {
    let config = Config {
        default_profile: ProfileName::default(),
        profiles: BTreeMap::new(),
        source: Some(file.to_owned()),
    };
    Loaded { config, errors, files: Vec::new(), sessions: Vec::new() }
}

fn read_default_profile(reader: &mut Reader<'_>, root: &Section<'_>) -> Option<ProfileName> {
    let text = reader.raw_text(root, "default_profile")?;
    ProfileName::try_from(text.as_str())
        .map_err(|error| reader.report(root, Some("default_profile"), error.to_string()))
        .ok()
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or("it is not TOML").to_owned()
}
