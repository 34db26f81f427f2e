//! The environment variables that matter, read once. An empty variable counts as unset.

use std::ffi::OsString;
use std::path::PathBuf;

/// What the environment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// `WEKA_TOKEN_SOCKET`.
    pub(crate) socket: Option<PathBuf>,
    /// `WEKA_TOKEN_PROFILE`.
    pub(crate) profile: Option<OsString>,
    /// `XDG_RUNTIME_DIR`, where it is absolute as its specification wants.
    pub(crate) runtime_dir: Option<PathBuf>,
    /// `TMPDIR`, where it is absolute.
    pub(crate) temporary_dir: Option<PathBuf>,
    /// `HOME`, to look for a user unit.
    pub(crate) home: Option<PathBuf>,
    /// `WEKA_HOST`.
    pub(crate) host: Option<OsString>,
    /// `WEKA_PORT`.
    pub(crate) port: Option<OsString>,
    /// `WEKA_ORG`.
    pub(crate) org: Option<OsString>,
    /// `WEKA_USERNAME`.
    pub(crate) username: Option<OsString>,
    /// `TMUX` is set: the terminal is tmux's.
    pub(crate) in_tmux: bool,
    /// Neither `NO_COLOR` nor `TERM=dumb`: colour is welcome on a terminal.
    pub(crate) colour: bool,
}

impl Environment {
    /// Reads this process's environment.
    pub(crate) fn read() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name| lookup(name).filter(|value| !value.is_empty());
        let path = |name| value(name).map(PathBuf::from);
        Self {
            socket: path("WEKA_TOKEN_SOCKET"),
            profile: value("WEKA_TOKEN_PROFILE"),
            runtime_dir: path("XDG_RUNTIME_DIR").filter(|path| path.is_absolute()),
            temporary_dir: path("TMPDIR").filter(|path| path.is_absolute()),
            home: path("HOME"),
            host: value("WEKA_HOST"),
            port: value("WEKA_PORT"),
            org: value("WEKA_ORG"),
            username: value("WEKA_USERNAME"),
            in_tmux: value("TMUX").is_some(),
            colour: value("NO_COLOR").is_none() && value("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_lookup(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn empty_variables_count_as_unset() {
        let empty = from(&[
            ("WEKA_TOKEN_SOCKET", ""),
            ("WEKA_TOKEN_PROFILE", ""),
            ("WEKA_HOST", ""),
            ("NO_COLOR", ""),
            ("XDG_RUNTIME_DIR", ""),
        ]);
        assert_eq!(empty, Environment { colour: true, ..Environment::default() });
    }

    #[test]
    fn a_relative_runtime_dir_is_ignored() {
        assert_eq!(from(&[("XDG_RUNTIME_DIR", "run")]).runtime_dir, None);
        assert_eq!(from(&[("XDG_RUNTIME_DIR", "/run/user/7")]).runtime_dir, Some("/run/user/7".into()));
    }

    #[test]
    fn no_color_and_dumb_terminals_stay_plain() {
        assert!(from(&[("TERM", "xterm")]).colour);
        assert!(!from(&[("NO_COLOR", "1")]).colour);
        assert!(!from(&[("TERM", "dumb")]).colour);
    }
}
