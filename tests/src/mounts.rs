//! A machine to mount on: mounts and processes of its own, the tree's client as `mount.weka-token`, and a recorder in the
//! place of WEKA's own mount helper. It needs root.

use crate::binaries;
use crate::home::{Ran, finish};
use crate::recorder::{self, Call};
use crate::skipped::is_root;
use crate::systemd::namespace::Namespace;
use crate::until::until;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Arguments: a folder to mount on, the client, the recorder. What mount(8) keeps is in `/run`.
const PREPARE: &str = r#"
set -eu
base=$1; client=$2; recorder=$3
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /mnt
mount -t tmpfs -o mode=755 tmpfs "$base"
mkdir /mnt/.recorded /mnt/secure /mnt/other "$base/upper" "$base/work"
sbin=$(readlink -f /sbin)
mount -t overlay -o "lowerdir=$sbin,upperdir=$base/upper,workdir=$base/work" overlay "$sbin"
install -m 755 "$recorder" "$sbin/mount.wekafs"
ln -sf "$client" "$sbin/mount.weka-token"
touch /mnt/.ready
while :; do sleep 3600 & wait $!; done
"#;

/// Such a machine.
#[derive(Debug)]
pub struct Machine {
    namespace: Namespace,
    _files: TempDir,
}

impl Machine {
    /// `None` where it cannot be had, which one line says.
    ///
    /// # Panics
    /// There is root, and it cannot be had nevertheless.
    #[must_use]
    pub fn start() -> Option<Self> {
        if !is_root("mounts") {
            return None;
        }
        let files = tempfile::Builder::new().prefix("weka-token-mounts-").tempdir().expect("a folder");
        let (base, script) = (files.path().join("base"), files.path().join("mount.wekafs"));
        fs::create_dir(&base).expect("a folder");
        fs::write(&script, recorder::SCRIPT).expect("a file");
        let client = binaries::path("weka-token");
        let arguments = [base.as_path(), client.as_path(), script.as_path()];
        let namespace = Namespace::plain(PREPARE, &arguments, &files.path().join("machine.log"));
        let mut machine = Self { namespace, _files: files };
        until("the machine is ready", || {
            machine.namespace.assert_alive();
            machine.path("/mnt/.ready").exists().then_some(())
        });
        Some(machine)
    }

    /// A path on the machine, as seen from outside.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.namespace.path(path.as_ref())
    }

    /// A command as root, not yet started.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        self.namespace.command(words)
    }

    /// Runs a command as root.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> Ran {
        finish(&mut self.command(words), "")
    }

    /// Has a folder of this machine's outside at a place inside.
    pub fn bind(&self, folder: &Path, at: &str) {
        self.run(&["mkdir", "-p", at]).ok();
        self.run(&["mount", "--bind", &folder.display().to_string(), at]).ok();
    }

    /// What the recorder does besides, as shell commands.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn behave(&self, commands: &str) {
        fs::write(self.path(recorder::FOLDER).join("behaviour"), commands).expect("a file");
    }

    /// All that the recorder has written down.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        recorder::calls(&self.path(recorder::FOLDER))
    }

    /// What is mounted on a folder, or nothing.
    #[must_use]
    pub fn mounted(&self, folder: &str) -> Option<String> {
        let found = self.run(&["findmnt", "--noheadings", "--output", "SOURCE", "--mountpoint", folder]);
        Some(found.stdout.trim().to_owned()).filter(|source| !source.is_empty())
    }
}
