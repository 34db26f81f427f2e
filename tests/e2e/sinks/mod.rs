//! Files that are kept fresh for others.

mod life;
mod own_session;
mod place;
mod reader;

use crate::{LoggedIn, profile};
use e2e::{Cluster, Daemon, Home, until};
use std::fs;
use std::path::{Path, PathBuf};

/// The daemon's own folder for sinks.
fn own(home: &Home) -> PathBuf {
    home.runtime().join("weka-token/sinks")
}

/// A sink's table.
fn sink(path: &Path, keys: &str) -> String {
    format!("[[profile.default.sink]]\npath = {path:?}\n{keys}\n")
}

/// Alice's daemon, with sinks.
fn with_sinks(cluster: Cluster, home: Home, keys: &str, sinks: &[String]) -> LoggedIn {
    home.configure(&(profile("default", &cluster, keys) + &sinks.concat()));
    LoggedIn::in_home(home, cluster, "alice", "Alice-Pass1")
}

/// Waits until a file's content is as wanted.
fn until_holds(daemon: &Daemon, path: &Path, what: &str, wanted: impl Fn(&str) -> bool) -> String {
    until(&format!("{what} in {}: {:?}", path.display(), daemon.profile().notes), || {
        fs::read_to_string(path).ok().filter(|text| wanted(text))
    })
}

/// Waits until a path holds nothing, not even a link.
fn until_gone(daemon: &Daemon, path: &Path) {
    until(&format!("{} is gone: {:?}", path.display(), daemon.profile().notes), || {
        fs::symlink_metadata(path).err()
    });
}

/// Waits for a note with all these words.
fn until_noted(daemon: &Daemon, words: &[&str]) {
    daemon.until(&words.join(" ... "), |profile| {
        profile.notes.iter().any(|note| words.iter().all(|word| note.contains(word)))
    });
}

fn holds_token(token: &str) -> impl Fn(&str) -> bool {
    let token = token.to_owned();
    move |text| text.trim_end() == token
}
