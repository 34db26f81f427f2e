//! Reading a configuration file.

use super::{Config, ConfigError, ProfileName, parse, profile};
use crate::dirs::Dirs;
use nix::fcntl::OFlag;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The largest configuration that is read, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// A configuration, and the mistakes that the file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The good part: profiles with a mistake are left out.
    pub config: Config,
    /// Every mistake, those of one profile with its name.
    pub errors: Vec<ConfigError>,
    /// The files that are written for others, each with the key that names it.
    pub files: Vec<(PathBuf, Mark)>,
    /// The tables that need a login of their own, in the order of the file.
    pub sessions: Vec<Mark>,
}

/// A place in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The line, from 1.
    pub line: Option<usize>,
    /// The key as a dotted path.
    pub key: String,
    /// The profile that it belongs to.
    pub profile: Option<ProfileName>,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} (line {line})", self.key),
            None => write!(f, "{}", self.key),
        }
    }
}

impl Loaded {
    /// The profiles that a mistake disables, each with its mistakes.
    #[must_use]
    pub fn disabled(&self) -> BTreeMap<ProfileName, Vec<&ConfigError>> {
        let mut disabled: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for error in &self.errors {
            if let Some(name) = &error.profile {
                disabled.entry(name.clone()).or_default().push(error);
            }
        }
        disabled
    }
}

/// Reads the configuration file that `dirs` names, or what holds without one. Blocks.
#[must_use]
pub fn load(dirs: &Dirs) -> Loaded {
    let Some(file) = &dirs.config_file else { return without_file(dirs) };
    match read(file) {
        Ok(text) => parse::parse(file, &text, dirs),
        Err(Problem::Missing) if !dirs.config_named => without_file(dirs),
        Err(problem) => {
            let error = ConfigError {
                file: file.clone(),
                line: None,
                key: None,
                message: problem.words(file),
                profile: None,
            };
            parse::unusable(file, vec![error])
        }
    }
}

/// The default profile and nothing else.
fn without_file(dirs: &Dirs) -> Loaded {
    let name = ProfileName::default();
    let profiles = BTreeMap::from([(name.clone(), profile::unsaid(dirs, &name))]);
    let config = Config { default_profile: name, profiles, source: None };
    Loaded { config, errors: Vec::new(), files: Vec::new(), sessions: Vec::new() }
}

/// Why a file cannot be read as a configuration.
#[derive(Debug)]
pub(super) enum Problem {
    Missing,
    Io(io::Error),
    NotAFile,
    TooLarge,
    WritableByOthers,
    Foreign(u32),
    NotText,
}

impl Problem {
    pub(super) fn words(&self, file: &Path) -> String {
        match self {
            Self::Missing => "there is no such file".to_owned(),
            Self::Io(error) => format!("it cannot be read: {error}"),
            Self::NotAFile => "it is not a regular file".to_owned(),
            Self::TooLarge => format!("it is larger than {MAX_SIZE} bytes"),
            Self::WritableByOthers => {
                format!("others may write to it; run: chmod go-w {}", file.display())
            }
            Self::Foreign(uid) => {
                format!("it belongs to uid {uid}, which is neither root nor the daemon's own user")
            }
            Self::NotText => "it is not UTF-8 text".to_owned(),
        }
    }
}

/// The text of a configuration file that only root and we can have written.
pub(super) fn read(path: &Path) -> Result<String, Problem> {
    let file = open(path)?;
    let found = file.metadata().map_err(Problem::Io)?;
    if !found.is_file() {
        return Err(Problem::NotAFile);
    }
    if found.mode() & 0o022 != 0 {
        return Err(Problem::WritableByOthers);
    }
    if found.uid() != 0 && found.uid() != nix::unistd::geteuid().as_raw() {
        return Err(Problem::Foreign(found.uid()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(Problem::Io)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_SIZE {
        return Err(Problem::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| Problem::NotText)
}

/// Opens without waiting, should it be a fifo.
fn open(path: &Path) -> Result<File, Problem> {
    OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound { Problem::Missing } else { Problem::Io(error) }
    })
}
