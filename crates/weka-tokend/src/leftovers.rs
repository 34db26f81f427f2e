//! What `weka-token exec` left behind where it was killed: private folders with a token file, which it holds locked for
//! as long as it lives. It sweeps them itself when it is run again; so does the daemon, once, at its start.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Folders that may hold such folders: where, and how their names begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places(Vec<(PathBuf, String)>);

impl Places {
    /// Those of the user with this id.
    #[must_use]
    pub fn of_user(uid: u32, runtime_dir: Option<&Path>) -> Self {
        let own = runtime_dir.map(|folder| (folder.join("weka-token/exec"), String::new()));
        let shared = ["/dev/shm", "/tmp"].map(|folder| (folder.into(), format!("weka-token-exec-{uid}-")));
        Self(own.into_iter().chain(shared).collect())
    }

    /// Takes away what is left there. Blocks, though never for a lock.
    pub fn sweep(&self, uid: u32) {
        for (folder, prefix) in &self.0 {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let is_one = entry.file_name().to_str().is_some_and(|name| is_named_so(name, prefix));
                match is_one.then(|| remove(&entry.path(), uid)) {
                    Some(Ok(true)) => {
                        tracing::info!(path = %entry.path().display(), "took away what was left behind")
                    }
                    Some(Err(error)) => {
                        tracing::warn!(%error, path = %entry.path().display(), "cannot take away what was left behind")
                    }
                    Some(Ok(false)) | None => {}
                }
            }
        }
    }
}

fn is_named_so(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Removes a folder of ours that nobody holds locked; whether it did.
fn remove(path: &Path, uid: u32) -> io::Result<bool> {
    let flags = nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW;
    let lock: File = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(folder) => folder,
        // It has just gone, or it is no folder, or somebody else's.
        Err(_) => return Ok(false),
    };
    if lock.metadata()?.uid() != uid || lock.try_lock().is_err() {
        return Ok(false);
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_nobody_holds_goes_and_everything_else_stays() {
        let base = tempfile::tempdir().unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        let folder = base.path().join("weka-token/exec");
        let of = |number: u64| folder.join(format!("{number:016x}"));
        for number in [1, 2] {
            fs::create_dir_all(of(number)).unwrap();
            fs::write(of(number).join("auth-token.json"), "x").unwrap();
        }
        let (elsewhere, other) = (base.path().join("elsewhere"), folder.join("other"));
        fs::create_dir(&elsewhere).unwrap();
        fs::create_dir(&other).unwrap();
        symlink(&elsewhere, of(3)).unwrap();
        let alive = File::open(of(2)).unwrap();
        alive.lock().unwrap();
        let places = Places::of_user(uid, Some(base.path()));
        places.sweep(uid.wrapping_add(1));
        assert!(of(1).exists(), "it is not that user's");
        places.sweep(uid);
        assert!(!of(1).exists());
        assert!(of(2).exists() && other.exists() && elsewhere.exists() && of(3).symlink_metadata().is_ok());
        drop(alive);
        places.sweep(uid);
        assert!(!of(2).exists());
    }
}
