//! Files around the daemon: its configuration, and the token files it shares with others.
#![expect(clippy::unwrap_used, reason = "a step of a test that fails is a test that fails")]

mod config;
mod config_save;
mod token_file;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use weka_tokend::dirs::{Dirs, Environment};

/// A home folder of its own, with a configuration file in it.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn with_config(text: &str) -> Self {
        let home = Self::new();
        home.write_config(text);
        home
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn config_path(&self) -> PathBuf {
        self.path().join(".config/weka-token/config.toml")
    }

    fn write_config(&self, text: &str) {
        let path = self.config_path();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
    }

    fn config_text(&self) -> String {
        fs::read_to_string(self.config_path()).unwrap()
    }

    fn environment(&self) -> Environment {
        let home = OsString::from(self.path());
        Environment::from_lookup(|name| (name == "HOME").then(|| home.clone()))
    }

    fn dirs(&self) -> Dirs {
        Dirs::new(&self.environment(), None, None)
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
