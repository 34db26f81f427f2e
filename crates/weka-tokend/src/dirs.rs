//! Where things are, and with which modes: the only place that knows.

use crate::config::ProfileName;
use crate::systemd::notify::Manager;
use directories::BaseDirs;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The mode of folders that only we may look into.
pub const PRIVATE_FOLDER: u32 = 0o700;
/// The mode of files that only we may read.
pub const PRIVATE_FILE: u32 = 0o600;
/// The folder's name under each of the base directories.
const OURS: &str = "weka-token";
/// The socket's name.
const SOCKET: &str = "agent.sock";
/// Where the host service's socket is.
const HOST_SOCKET: &str = "/run/weka-token/agent.sock";
/// The folder for sinks, beside the socket.
const SINKS: &str = "sinks";
/// Where the host service's configuration is.
const HOST_CONFIG: &str = "/etc/weka-token";

/// Everything the daemon takes from its environment, read once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The home folder of the daemon's user: `HOME`, or what the user database says.
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, or `~/.config`.
    pub config_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`, or `~/.local/state`.
    pub state_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `CREDENTIALS_DIRECTORY`, where systemd puts what `LoadCredential=` names.
    pub credentials_directory: Option<PathBuf>,
    /// `STATE_DIRECTORY`, systemd's `StateDirectory=`.
    pub state_directory: Option<PathBuf>,
    /// `RUNTIME_DIRECTORY`, systemd's `RuntimeDirectory=`.
    pub runtime_directory: Option<PathBuf>,
    /// `WEKA_TOKEN_SOCKET`.
    pub socket: Option<PathBuf>,
    /// `WEKA_TOKEN_LOG`, a tracing filter.
    pub log_filter: Option<String>,
    /// `JOURNAL_STREAM`: the device and inode of the journal's stream, where systemd made one.
    pub journal_stream: Option<String>,
    /// What the service manager says.
    pub manager: Manager,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let mut environment = Self::from_lookup(|name| std::env::var_os(name));
        // The crate knows the user database and the rules of the XDG base directories.
        if let Some(base) = BaseDirs::new() {
            environment.home = Some(base.home_dir().to_owned());
            environment.config_home = Some(base.config_dir().to_owned());
            environment.state_home = base.state_dir().map(Path::to_owned);
            environment.xdg_runtime_dir = base.runtime_dir().map(Path::to_owned);
        }
        environment
    }

    /// An environment in which `lookup` says what each variable holds.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| lookup(name).filter(|value| !value.is_empty());
        // XDG base directories: a relative path is to be ignored. systemd separates several by colons.
        let folder = |name: &str| {
            let value = PathBuf::from(text(name)?);
            value.is_absolute().then_some(value)
        };
        let first = |name: &str| {
            let value = text(name)?.into_string().ok()?;
            value.split(':').next().map(PathBuf::from).filter(|path| path.is_absolute())
        };
        let number = |name: &str| text(name)?.to_str()?.parse::<u64>().ok();
        let home = folder("HOME");
        let below_home = |tail: &str| home.as_ref().map(|home| home.join(tail));
        Self {
            config_home: folder("XDG_CONFIG_HOME").or_else(|| below_home(".config")),
            state_home: folder("XDG_STATE_HOME").or_else(|| below_home(".local/state")),
            xdg_runtime_dir: folder("XDG_RUNTIME_DIR"),
            credentials_directory: folder("CREDENTIALS_DIRECTORY"),
            state_directory: first("STATE_DIRECTORY"),
            runtime_directory: first("RUNTIME_DIRECTORY"),
            socket: text("WEKA_TOKEN_SOCKET").map(PathBuf::from),
            log_filter: text("WEKA_TOKEN_LOG").map(|value| value.to_string_lossy().into_owned()),
            journal_stream: text("JOURNAL_STREAM").and_then(|value| value.into_string().ok()),
            manager: Manager {
                notify_socket: text("NOTIFY_SOCKET"),
                watchdog_usec: text("WATCHDOG_USEC").and_then(|value| value.into_string().ok()),
                listen_pid: number("LISTEN_PID").and_then(|pid| pid.try_into().ok()),
                listen_fds: number("LISTEN_FDS").and_then(|count| count.try_into().ok()),
                listen_names: text("LISTEN_FDNAMES").and_then(|value| value.into_string().ok()),
                fd_store: number("FDSTORE").and_then(|count| count.try_into().ok()),
            },
            home,
        }
    }
}

/// For whom the daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// For the user it runs as.
    User,
    /// For many users of one host.
    Host,
}

/// The daemon's own folder for sinks: one that is made where it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkFolder {
    /// It.
    pub path: PathBuf,
    /// Whether the service manager makes it and, at a stop, removes it (`RuntimeDirectory=`).
    pub is_managed: bool,
}

/// The daemon's paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// For whom the daemon runs: the host service's configuration is in `/etc/weka-token`.
    pub service: Service,
    /// The configuration file; `None` where there is no home to look in.
    pub config_file: Option<PathBuf>,
    /// Whether it was named with `--config`: then it has to exist.
    pub config_named: bool,
    /// The socket; `None` where there is no place for one.
    pub socket: Option<PathBuf>,
    /// Where systemd puts credentials.
    pub credentials: Option<PathBuf>,
    /// What `~` means.
    pub home: Option<PathBuf>,
    /// Its own folder for sinks; `None` where there is no place for one.
    pub sinks: Option<SinkFolder>,
    state: Option<PathBuf>,
}

impl Dirs {
    /// Settles all paths: `config` and `socket` are those of the command line.
    #[must_use]
    pub fn new(environment: &Environment, config: Option<&Path>, socket: Option<&Path>) -> Self {
        let service = match config {
            Some(path) if path.starts_with(HOST_CONFIG) => Service::Host,
            _ => Service::User,
        };
        let usual_config = environment.config_home.as_ref().map(|home| home.join(OURS).join("config.toml"));
        let state_base = environment
            .state_directory
            .clone()
            .or_else(|| environment.state_home.as_ref().map(|home| home.join(OURS)));
        Self {
            service,
            config_file: config.map(absolute).or(usual_config),
            config_named: config.is_some(),
            socket: socket
                .map(absolute)
                .or_else(|| environment.socket.as_deref().map(absolute))
                .or_else(|| usual_socket(service, environment)),
            credentials: environment.credentials_directory.clone(),
            home: environment.home.clone(),
            sinks: sink_folder(service, environment),
            state: state_base.map(|base| base.join(host_id())),
        }
    }

    /// The file that WEKA's own tools keep a login in (`~/.weka/auth-token.json`).
    #[must_use]
    pub fn usual_token_file(&self) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(".weka/auth-token.json"))
    }

    /// The folder for what outlives a restart, one for each host: homes are shared by many.
    /// It need not exist: see [`make_private_folder`].
    #[must_use]
    pub fn state_folder(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// The file for what has to be remembered of one profile, or of one of its sinks' sessions.
    #[must_use]
    pub fn remembered_file(&self, profile: &ProfileName, session: Option<&str>) -> Option<PathBuf> {
        let name = match session {
            Some(session) => format!("{profile}.{session}.json"),
            None => format!("{profile}.json"),
        };
        self.state.as_ref().map(|folder| folder.join(name))
    }

    /// `path` with a leading `~/` for the home folder, as one would write it in a configuration.
    #[must_use]
    pub fn abbreviate(&self, path: &Path) -> PathBuf {
        match self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(below) if below != Path::new("") => Path::new("~").join(below),
            _ => path.to_owned(),
        }
    }
}

/// `path` as seen from the root. `std::path::absolute` fails only for an empty path or without a working folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn sink_folder(service: Service, environment: &Environment) -> Option<SinkFolder> {
    let path = usual_socket(service, environment)?.with_file_name(SINKS);
    let is_managed = environment.runtime_directory.as_ref() == Some(&path);
    Some(SinkFolder { path, is_managed })
}

fn usual_socket(service: Service, environment: &Environment) -> Option<PathBuf> {
    if service == Service::Host {
        return Some(PathBuf::from(HOST_SOCKET));
    }
    // cron, su and containers have no XDG_RUNTIME_DIR, but clients look under /run/user too.
    let of_login = || {
        let folder = PathBuf::from(format!("/run/user/{}", nix::unistd::geteuid()));
        folder.is_dir().then_some(folder)
    };
    let runtime = environment.xdg_runtime_dir.clone().or_else(of_login)?;
    Some(runtime.join(OURS).join(SOCKET))
}

/// The first 8 hexadecimal digits of the SHA-256 of this host's machine-id, or of its name without one.
///
/// machine-id(5) asks not to be shown in files that others may see.
#[must_use]
pub fn host_id() -> String {
    let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty() && text != "uninitialized")
        .or_else(|| nix::unistd::gethostname().ok().map(|name| name.to_string_lossy().into_owned()))
        .unwrap_or_default();
    hash_of_host(&id)
}

fn hash_of_host(id: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, id.as_bytes());
    let mut text = data_encoding::HEXLOWER.encode(digest.as_ref());
    text.truncate(8);
    text
}

/// Makes a folder, and those above it, that only we may look into, where it is missing; leaves an existing one alone.
///
/// # Errors
///
/// Where it cannot be made.
pub fn make_missing_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(path)
}

/// Makes a folder, and those above it, that only we may look into; an existing one of ours is tightened.
///
/// # Errors
///
/// Where it cannot be made, or belongs to someone else.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    make_missing_folder(path)?;
    let found = fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder of its own"));
    }
    if found.uid() != nix::unistd::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the folder belongs to someone else"));
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(PRIVATE_FOLDER))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_lookup(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn a_user_without_any_xdg_setting() {
        let dirs = Dirs::new(&environment(&[("HOME", "/home/alice")]), None, None);
        assert_eq!(dirs.service, Service::User);
        assert_eq!(dirs.config_file, Some("/home/alice/.config/weka-token/config.toml".into()));
        assert!(!dirs.config_named);
        assert_eq!(dirs.usual_token_file(), Some("/home/alice/.weka/auth-token.json".into()));
        let state = dirs.remembered_file(&ProfileName::default(), None).unwrap();
        assert_eq!(
            state,
            PathBuf::from(format!("/home/alice/.local/state/weka-token/{}/default.json", host_id()))
        );
    }

    #[test]
    fn xdg_and_systemd_settings_are_followed_and_relative_ones_ignored() {
        let environment = environment(&[
            ("HOME", "/home/alice"),
            ("XDG_CONFIG_HOME", "/cfg"),
            ("XDG_STATE_HOME", "not/absolute"),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
            ("STATE_DIRECTORY", "/var/lib/weka-token:/var/lib/other"),
            ("CREDENTIALS_DIRECTORY", "/run/credentials/x"),
            ("WEKA_TOKEN_LOG", "debug"),
        ]);
        assert_eq!(environment.state_home, Some("/home/alice/.local/state".into()));
        assert_eq!(environment.log_filter.as_deref(), Some("debug"));
        let dirs = Dirs::new(&environment, None, None);
        assert_eq!(dirs.config_file, Some("/cfg/weka-token/config.toml".into()));
        assert_eq!(dirs.socket, Some("/run/user/7/weka-token/agent.sock".into()));
        assert_eq!(dirs.credentials, Some("/run/credentials/x".into()));
        assert_eq!(dirs.state_folder(), Some(Path::new("/var/lib/weka-token").join(host_id()).as_path()));
    }

    #[test]
    fn the_command_line_beats_the_environment_which_beats_the_usual_place() {
        let environment = environment(&[("XDG_RUNTIME_DIR", "/run/user/7"), ("WEKA_TOKEN_SOCKET", "/tmp/s")]);
        assert_eq!(Dirs::new(&environment, None, None).socket, Some("/tmp/s".into()));
        let dirs = Dirs::new(&environment, Some(Path::new("/c.toml")), Some(Path::new("/tmp/t")));
        assert_eq!(dirs.socket, Some("/tmp/t".into()));
        assert_eq!((dirs.config_file, dirs.config_named), (Some("/c.toml".into()), true));
    }

    #[test]
    fn the_host_service_is_known_by_its_configuration() {
        let dirs = Dirs::new(&environment(&[]), Some(Path::new("/etc/weka-token/config.toml")), None);
        assert_eq!(dirs.service, Service::Host);
        assert_eq!(dirs.socket, Some(HOST_SOCKET.into()));
    }

    #[test]
    fn the_folder_for_sinks_is_beside_the_usual_socket_and_maybe_the_managers() {
        let of = |pairs: &[(&str, &str)], config: Option<&str>| {
            Dirs::new(&environment(pairs), config.map(Path::new), Some(Path::new("/tmp/s"))).sinks
        };
        let folder = |path: &str, is_managed| Some(SinkFolder { path: path.into(), is_managed });
        let runtime = ("XDG_RUNTIME_DIR", "/run/user/7");
        assert_eq!(of(&[runtime], None), folder("/run/user/7/weka-token/sinks", false));
        let managed = ("RUNTIME_DIRECTORY", "/run/user/7/weka-token/sinks:/run/user/7/other");
        assert_eq!(of(&[runtime, managed], None), folder("/run/user/7/weka-token/sinks", true));
        let host = Some("/etc/weka-token/config.toml");
        assert_eq!(of(&[], host), folder("/run/weka-token/sinks", false));
        let managed = ("RUNTIME_DIRECTORY", "/run/weka-token/sinks");
        assert_eq!(of(&[managed], host), folder("/run/weka-token/sinks", true));
    }

    #[test]
    fn paths_below_home_are_abbreviated() {
        let dirs = Dirs::new(&environment(&[("HOME", "/home/a")]), None, None);
        assert_eq!(dirs.abbreviate(Path::new("/home/a/.weka/t.json")), PathBuf::from("~/.weka/t.json"));
        assert_eq!(dirs.abbreviate(Path::new("/home/ab/t")), PathBuf::from("/home/ab/t"));
        assert_eq!(dirs.abbreviate(Path::new("/home/a")), PathBuf::from("/home/a"));
    }

    #[test]
    fn hosts_have_different_short_ids() {
        assert_eq!(hash_of_host("a"), "ca978112");
        assert_ne!(hash_of_host("a"), hash_of_host("b"));
        assert_eq!(host_id().len(), 8);
    }

    #[test]
    fn private_folders_are_made_and_tightened() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("a/b");
        make_private_folder(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        make_private_folder(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);

        std::os::unix::fs::symlink(&folder, base.path().join("link")).unwrap();
        let error = make_private_folder(&base.path().join("link")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }
}
