//! A recorder in the place of `/sbin/mount.wekafs`: what it was called with, and what it was given to read.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The recorder itself, a shell script.
pub const SCRIPT: &str = include_str!("mount.wekafs");
/// Where it writes to; the folder has to be there. A file `behaviour` in it is read by the recorder as part of itself,
/// before it mounts anything.
pub const FOLDER: &str = "/mnt/.recorded";

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What it was called with.
    pub arguments: Vec<String>,
    /// `NAME=VALUE`.
    pub environment: Vec<String>,
    /// What its standard input was.
    pub stdin: String,
    /// What the token file held; null where there was none.
    pub token: Value,
    /// Mode, owner and kind of the folder of private folders, of the private folder and of the token file.
    pub modes: Vec<String>,
}

impl Call {
    /// The value of `-o`, or nothing.
    #[must_use]
    pub fn options(&self) -> &str {
        let mut words = self.arguments.iter().skip_while(|word| *word != "-o");
        words.nth(1).map_or("", String::as_str)
    }

    /// What it was to mount, and where.
    #[must_use]
    pub fn what_and_where(&self) -> (&str, &str) {
        let word = |index: usize| self.arguments.get(index).map_or("", String::as_str);
        (word(0), word(1))
    }

    /// The token file that it was told of.
    #[must_use]
    pub fn token_file(&self) -> Option<PathBuf> {
        let (_, path) = self.options().rsplit_once("auth_token_path=")?;
        Some(path.into())
    }
}

/// All calls so far, in order; `folder` is [`FOLDER`] as it is seen from here.
///
/// # Panics
/// A call was not written down as it should be.
#[must_use]
pub fn calls(folder: &Path) -> Vec<Call> {
    let record = |number: usize| folder.join(number.to_string());
    let made = (0..).map(record).take_while(|record| record.join("argv").exists());
    made.map(|record| read(&record)).collect()
}

fn read(record: &Path) -> Call {
    let text = |name: &str| fs::read_to_string(record.join(name)).unwrap_or_default();
    let lines = |name: &str| text(name).lines().map(str::to_owned).collect::<Vec<_>>();
    let token = text("token");
    Call {
        arguments: lines("argv"),
        environment: lines("environment"),
        stdin: text("stdin").trim_end().to_owned(),
        token: if token.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&token).expect("a token file")
        },
        modes: lines("modes"),
    }
}
