//! What a configuration file is to say of a profile once a login or a decision about trust has settled it.

use super::changes::ProfileChanges;
use super::save::{SaveError, save_profile};
use super::{ProfileConfig, ProfileName, TokenFile, load};
use crate::dirs::Dirs;
use weka_rest::Trust;

/// What is to be saved of a profile.
#[derive(Debug, Clone)]
pub struct Filing {
    /// What was changed.
    pub changes: ProfileChanges,
    /// The profile that the file is to make.
    pub wanted: ProfileConfig,
}

/// Saves what was changed, and looks at what the file makes of the profile then: it need not be what it made when it was
/// read last. Blocks.
///
/// # Errors
///
/// See [`SaveError`]; the file does not make that profile then.
pub fn file(dirs: &Dirs, name: &ProfileName, filing: &Filing) -> Result<(), SaveError> {
    if !filing.changes.is_empty() {
        save_profile(dirs, name, &filing.changes)?;
    }
    let loaded = load(dirs);
    let filed = match loaded.config.profiles.get(name) {
        Some(filed) => filed.clone(),
        None => {
            let is_its = |profile: &ProfileName| profile == name;
            let mut mistakes = loaded.errors.into_iter();
            if let Some(mistake) = mistakes.find(|mistake| mistake.profile.as_ref().is_none_or(is_its)) {
                return Err(SaveError::Mistake(Box::new(mistake)));
            }
            ProfileConfig::default()
        }
    };
    let (gaps, others) = compare(&filed, &filing.wanted);
    if !gaps.is_empty() {
        save_profile(dirs, name, &gaps)?;
    }
    match (others.is_empty(), &dirs.config_file) {
        (false, Some(path)) => {
            Err(SaveError::Otherwise { path: path.clone(), name: name.clone(), keys: others.join(", ") })
        }
        _ => Ok(()),
    }
}

/// What the file does not say of the profile, and the keys of which it says something else: somebody has written that, and
/// it stays.
fn compare(filed: &ProfileConfig, wanted: &ProfileConfig) -> (ProfileChanges, Vec<&'static str>) {
    let mut gaps = ProfileChanges::default();
    gaps.complete(filed, wanted);
    let mut others = Vec::new();
    if filed.endpoints_configured && gaps.endpoints.take().is_some() {
        others.push("endpoints");
    }
    if filed.org.is_some() && gaps.org.take().is_some() {
        others.push("org");
    }
    if filed.username.is_some() && gaps.username.take().is_some() {
        others.push("username");
    }
    if filed.trust != Trust::SystemRoots && gaps.trust.take().is_some() {
        others.push(if matches!(filed.trust, Trust::CaFile(_)) { "ca_file" } else { "fingerprint" });
    }
    if matches!(filed.token_file, TokenFile::Kept(_)) && gaps.token_file.take().is_some() {
        others.push("token_file");
    }
    (gaps, others)
}
