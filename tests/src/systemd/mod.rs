//! A real systemd, in namespaces of its own: nothing of it is left when its owner is dropped.
//!
//! - [`user`]: a user's service manager, as an unprivileged user
//! - [`system`]: a system manager as PID 1 of a small host with users of its own
//! - [`shell`]: what those two have in common
//! - [`namespace`]: the mounts and processes around either; [`cgroup`]: the control groups
//!
//! All of it needs root.

pub mod cgroup;
pub mod namespace;
pub mod shell;
pub mod system;
pub mod user;

pub use shell::{Shell, Units};
pub use system::{SystemManager, User};
pub use user::UserManager;

use crate::skipped::skipped;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The manager's program.
const PROGRAM: &str = "/lib/systemd/systemd";

/// Whether tests in a real systemd can be run here. Without root they cannot, and one line says so.
///
/// # Panics
/// There is root but no systemd: then they would be skipped for want of a package.
#[must_use]
pub fn is_there() -> bool {
    match available() {
        Ok(()) => true,
        Err(reason) => {
            assert!(!nix::unistd::geteuid().is_root(), "{reason}");
            skipped(&format!("the tests in a real systemd: {reason}"));
            false
        }
    }
}

/// Whether a systemd can be started here.
///
/// # Errors
/// What is missing, in words.
pub fn available() -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("this is not root".into());
    }
    for program in [PROGRAM, "/sys/fs/cgroup"] {
        if !Path::new(program).exists() {
            return Err(format!("there is no {program}; install systemd"));
        }
    }
    for program in ["unshare", "nsenter", "setpriv", "systemctl", "systemd-analyze"] {
        let found = Command::new(program).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            return Err(format!("there is no {program}; install util-linux and systemd"));
        }
    }
    Ok(())
}

/// What is made from here on has the modes that are usual on a host, whatever the caller's own umask: in a root file system
/// that only root may enter nothing works.
fn usual_modes() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
}

/// The folder of units in the source tree.
///
/// # Panics
/// The tests were built elsewhere.
#[must_use]
pub fn units() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd");
    folder.canonicalize().expect("the source tree is where it was built")
}
