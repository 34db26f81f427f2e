//! A home folder, an environment, and the commands that run in it.

use crate::binaries;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Far longer than any command here takes; only one that hangs is killed for it.
const LIMIT: Duration = Duration::from_secs(300);

thread_local! {
    static LAST_BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// When the last command began that this thread has run to its end; now, where it has run none.
pub(crate) fn last_began() -> Instant {
    LAST_BEGAN.get().unwrap_or_else(Instant::now)
}

/// A user's home on a machine of its own: nothing of the real one is seen.
#[derive(Debug)]
pub struct Home {
    folder: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit status; 128 + N after signal N.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Ran {
    /// Its output without the newline at the end.
    ///
    /// # Panics
    /// It failed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.status, 0, "{self:#?}");
        self.stdout.trim_end_matches('\n').to_owned()
    }

    /// Its standard error, if it failed in this way.
    ///
    /// # Panics
    /// It ended otherwise, or said nothing, or said something on standard output.
    #[track_caller]
    pub fn refused(self, status: i32) -> String {
        assert_eq!(self.status, status, "{self:#?}");
        assert_eq!(self.stdout, "", "a refusal prints nothing on standard output");
        assert_ne!(self.stderr, "", "a refusal says why");
        self.stderr
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty home with a runtime folder of mode 0700.
    ///
    /// # Panics
    /// There is no room for it.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("weka-token-").tempdir().expect("a temporary folder");
        let home = Self { folder };
        for folder in [home.path().to_owned(), home.runtime()] {
            fs::create_dir_all(&folder).expect("a folder");
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("mode 0700");
        }
        home
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `XDG_RUNTIME_DIR`.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.path().join("run")
    }

    /// The usual socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.runtime().join("weka-token/agent.sock")
    }

    /// The usual token file.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.path().join(".weka/auth-token.json")
    }

    /// The usual configuration.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.path().join(".config/weka-token/config.toml")
    }

    /// Writes a file below the home, with its folders, mode 0600.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, path: &Path, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode 0600");
    }

    /// Writes the usual configuration, mode 0600.
    pub fn configure(&self, text: &str) {
        self.write(&self.config_file(), text);
    }

    /// A command with this home's environment and nothing else of ours but the search path.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("XDG_RUNTIME_DIR", self.runtime())
            .env("TZ", "UTC")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// `weka-token` with these arguments, not yet started.
    pub fn weka_token(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(binaries::path("weka-token"));
        command.args(arguments);
        command
    }

    /// `weka-tokend` with these arguments, not yet started.
    pub fn weka_tokend(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(binaries::path("weka-tokend"));
        command.args(arguments);
        command
    }

    /// `weka-token-ui` with these arguments, not yet started.
    pub fn weka_token_ui(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(binaries::path("weka-token-ui"));
        command.args(arguments);
        command
    }

    /// Runs `weka-token` to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        finish(&mut self.weka_token(arguments), "")
    }

    /// Runs `weka-token` with this standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        finish(&mut self.weka_token(arguments), input)
    }
}

/// Does again what came to no connection: one may take two seconds, and a machine may stand still for as long. Nothing was
/// sent then.
pub fn connected(mut run: impl FnMut() -> Ran) -> Ran {
    let mut ran = run();
    for _ in 0..10 {
        if ran.status != 5 || !ran.stderr.contains("no connection within") {
            break;
        }
        ran = run();
    }
    ran
}

/// Runs a command to its end.
///
/// # Panics
/// It cannot be started, or does not end.
pub fn finish(command: &mut Command, input: &str) -> Ran {
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let began = Instant::now();
    LAST_BEGAN.set(Some(began));
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (ended, watched) = mpsc::channel::<()>();
    let pid = i32::try_from(child.id()).expect("a process id");
    let watcher = std::thread::spawn(move || {
        let hangs = watched.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
        if hangs {
            let _ended = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        hangs
    });
    if let Some(mut stdin) = child.stdin.take() {
        // It may refuse before it has read everything.
        drop(stdin.write_all(input.as_bytes()));
    }
    let output = child.wait_with_output().expect("the command ends");
    drop(ended);
    assert!(!watcher.join().expect("the watcher ends"), "{command:?} did not end within {LIMIT:?}");
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    Ran {
        status: output.status.code().unwrap_or_else(|| 128 + signal.unwrap_or_default()),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: began.elapsed(),
    }
}
