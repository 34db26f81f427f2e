//! Where the daemon may listen, and whom to believe there.

use crate::environment::Environment;
use nix::unistd::Uid;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folder of a daemon that serves a whole host.
const HOST_FOLDER: &str = "/run/weka-token";

/// The sockets to try, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// Whether the caller named the socket; then whoever listens there is the caller's choice.
    pub(crate) named: bool,
    /// Paths to try; the first that exists is used.
    pub(crate) paths: Vec<PathBuf>,
    /// The caller.
    pub(crate) uid: Uid,
}

/// `--socket`, `WEKA_TOKEN_SOCKET`, then `$XDG_RUNTIME_DIR`, `/run/user/UID` (cron, Slurm and su set no
/// variable) and the host's folder.
pub(crate) fn places(flag: Option<&Path>, environment: &Environment, uid: Uid) -> Places {
    if let Some(path) = flag.or(environment.socket.as_deref()) {
        return Places { named: true, paths: vec![path.to_owned()], uid };
    }
    let in_folder = |folder: &Path| folder.join("weka-token/agent.sock");
    let mut paths = Vec::with_capacity(3);
    paths.extend(environment.runtime_dir.as_deref().map(in_folder));
    let usual = PathBuf::from(format!("/run/user/{uid}/weka-token/agent.sock"));
    if paths.first() != Some(&usual) {
        paths.push(usual);
    }
    paths.push(Path::new(HOST_FOLDER).join("agent.sock"));
    Places { named: false, paths, uid }
}

/// The host's daemon alone.
pub(crate) fn of_host(uid: Uid) -> Places {
    Places { named: false, paths: vec![Path::new(HOST_FOLDER).join("agent.sock")], uid }
}

/// The option of `systemctl` and `journalctl` for the manager of the daemon on a socket.
pub(crate) fn manager_option(socket: &Path) -> &'static str {
    if socket.starts_with(HOST_FOLDER) { "" } else { " --user" }
}

impl Places {
    /// Whether a socket that was found, and not named, may be spoken to: its other end must be the caller's
    /// own, root's, or the owner of the host's folder.
    pub(crate) fn believes(&self, peer: Uid) -> bool {
        self.named || peer == self.uid || peer.is_root() || folder_owner(Path::new(HOST_FOLDER)) == Some(peer)
    }

    /// The paths, for a message.
    pub(crate) fn listed(&self) -> String {
        let paths: Vec<_> = self.paths.iter().map(|path| path.display().to_string()).collect();
        paths.join(", ")
    }

    /// The command that starts a daemon where this caller would find it.
    pub(crate) fn start_command(&self, environment: &Environment) -> String {
        if let [path] = self.paths.as_slice() {
            if path.parent() == Some(Path::new(HOST_FOLDER)) {
                return "systemctl enable --now weka-tokend.socket".into();
            }
            return format!("weka-tokend --socket {} &", shell_word(&path.display().to_string()));
        }
        let manager = environment.runtime_dir.clone();
        let manager = manager.unwrap_or_else(|| PathBuf::from(format!("/run/user/{}", self.uid)));
        // A daemon that is started without a place for its socket ends; both sides heed the variable.
        if environment.runtime_dir.is_none() && !manager.is_dir() {
            let socket = match &environment.home {
                Some(home) => shell_word(&home.join(".weka-token.sock").display().to_string()),
                None => "PATH".to_owned(),
            };
            return format!("export WEKA_TOKEN_SOCKET={socket}; weka-tokend &");
        }
        let config = environment.home.as_ref().map(|home| home.join(".config/systemd/user"));
        let folders = ["/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"];
        let mut folders = config.into_iter().chain(folders.map(PathBuf::from));
        let installed = folders.any(|folder| folder.join("weka-tokend.socket").exists());
        if installed && manager.join("systemd").exists() {
            "systemctl --user start weka-tokend.socket".into()
        } else {
            "weka-tokend &".into()
        }
    }
}

fn folder_owner(folder: &Path) -> Option<Uid> {
    std::fs::symlink_metadata(folder).ok().filter(std::fs::Metadata::is_dir).map(|it| Uid::from_raw(it.uid()))
}

/// Quotes what a shell would not take as one word.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=:@%,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Uid = Uid::from_raw(1234);

    fn strings(places: &Places) -> Vec<&str> {
        places.paths.iter().map(|path| path.to_str().unwrap()).collect()
    }

    #[test]
    fn a_named_socket_is_the_only_one() {
        let environment = Environment { socket: Some("/from/env".into()), ..Environment::default() };
        let flag = places(Some(Path::new("/from/flag")), &environment, ME);
        assert_eq!((flag.named, strings(&flag)), (true, vec!["/from/flag"]));
        let variable = places(None, &environment, ME);
        assert_eq!((variable.named, strings(&variable)), (true, vec!["/from/env"]));
    }

    #[test]
    fn otherwise_three_places_in_order() {
        let environment = Environment { runtime_dir: Some("/tmp/run".into()), ..Environment::default() };
        assert_eq!(
            strings(&places(None, &environment, ME)),
            [
                "/tmp/run/weka-token/agent.sock",
                "/run/user/1234/weka-token/agent.sock",
                "/run/weka-token/agent.sock"
            ]
        );
    }

    #[test]
    fn the_same_place_is_not_tried_twice() {
        let environment =
            Environment { runtime_dir: Some("/run/user/1234".into()), ..Environment::default() };
        let expected = ["/run/user/1234/weka-token/agent.sock", "/run/weka-token/agent.sock"];
        assert_eq!(strings(&places(None, &environment, ME)), expected);
        assert_eq!(strings(&places(None, &Environment::default(), ME)), expected);
    }

    #[test]
    fn whom_to_believe() {
        let found = Places { named: false, paths: vec![], uid: ME };
        assert!(found.believes(ME));
        assert!(found.believes(Uid::from_raw(0)));
        assert!(!found.believes(Uid::from_raw(4321)));
        let named = Places { named: true, ..found };
        assert!(named.believes(Uid::from_raw(4321)));
    }

    #[test]
    fn the_owner_of_a_folder_counts_and_of_a_link_does_not() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(folder_owner(home.path()), Some(nix::unistd::geteuid()));
        std::os::unix::fs::symlink(home.path(), home.path().join("link")).unwrap();
        assert_eq!(folder_owner(&home.path().join("link")), None);
        assert_eq!(folder_owner(&home.path().join("nothing")), None);
    }

    #[test]
    fn the_start_command_fits_the_place() {
        let home = tempfile::tempdir().unwrap();
        let named = Places { named: true, paths: vec!["/tmp/it's here".into()], uid: ME };
        assert_eq!(
            named.start_command(&Environment::default()),
            r"weka-tokend --socket '/tmp/it'\''s here' &"
        );
        let environment = Environment {
            home: Some(home.path().into()),
            runtime_dir: Some(home.path().join("run")),
            ..Environment::default()
        };
        // Without a home there is no better place than the one that somebody names, for both sides.
        let nowhere = Places { uid: Uid::from_raw(4_000_000), ..places(None, &Environment::default(), ME) };
        let step = nowhere.start_command(&Environment::default());
        assert_eq!(step, "export WEKA_TOKEN_SOCKET=PATH; weka-tokend &");
        let found = places(None, &environment, ME);
        let units = home.path().join(".config/systemd/user");
        std::fs::create_dir_all(&units).unwrap();
        std::fs::write(units.join("weka-tokend.socket"), "").unwrap();
        assert_eq!(found.start_command(&environment), "weka-tokend &", "no manager runs");
        std::fs::create_dir_all(home.path().join("run/systemd")).unwrap();
        assert_eq!(found.start_command(&environment), "systemctl --user start weka-tokend.socket");
    }
}
