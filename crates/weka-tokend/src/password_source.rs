//! Where a password comes from without a person.

use crate::atomic::is_denied;
use crate::note::Note;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use secret::Password;
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How long a source may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How many bytes of output, or of a file, are looked at for the first line.
const MAX_OUTPUT: usize = 64 * 1024;
/// How many bytes of complaints are kept, the last ones.
const MAX_COMPLAINT: usize = 4 * 1024;
/// How many characters of a complaint are shown.
const MAX_SHOWN: usize = 200;
/// How long the rest of a complaint is waited for when the program has ended.
const COMPLAINT_GRACE: Duration = Duration::from_millis(200);
/// What systemd tells the daemon is none of its children's business.
const NOT_FOR_CHILDREN: [&str; 7] = [
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "FDSTORE",
];

/// Where a profile's password comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// A credential of this name, which systemd provides (`LoadCredential=`).
    Credential(String),
    /// The first line that this program prints; no shell is involved.
    Command(Vec<String>),
    /// The first line of this file.
    File(PathBuf),
}

/// A password that could not be had; the words never hold any of it.
#[derive(Debug, thiserror::Error)]
#[error("password from {origin}: {problem}")]
pub struct PasswordSourceError {
    /// The source, as [`PasswordSource`] names itself.
    pub origin: String,
    /// What went wrong.
    pub problem: PasswordProblem,
}

/// What went wrong with a source of a password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordProblem {
    /// The service manager provides none at all.
    #[error(
        "there are no credentials (CREDENTIALS_DIRECTORY is not set); the unit needs LoadCredential={0}:..."
    )]
    NoCredentials(String),
    /// It provides others.
    #[error("there is no such credential; the unit needs LoadCredential={0}:...")]
    NoSuchCredential(String),
    /// No such file.
    #[error("there is no such file")]
    NoSuchFile,
    /// Not a file.
    #[error("it is not a regular file")]
    NotAFile,
    /// Everybody on this machine can read it.
    #[error("every user of this machine may read or write it (mode {mode:04o}); run: chmod o-rwx {}", .path.display())]
    OpenToAll {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[source] io::Error),
    /// The program cannot be run.
    #[error("it cannot be run: {0}")]
    Spawn(#[source] io::Error),
    /// The program says that it failed.
    #[error("it failed ({how}){complaint}")]
    Failed {
        /// The exit status or the signal.
        how: String,
        /// What it complained of, ready to show: empty, or `: ` and one line.
        complaint: String,
    },
    /// It took too long, and was ended.
    #[error("it did not answer within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// The first line has no end in sight.
    #[error("the first line is longer than 64 KiB")]
    TooLong,
    /// The first line is empty, or there is none.
    #[error("it gave no password")]
    Empty,
    /// The first line is not UTF-8, or holds a NUL.
    #[error("the first line is not text")]
    NotText,
}

impl PasswordSourceError {
    /// The same, for people. What a program does not do now it may do later.
    pub(crate) fn note(&self) -> Note {
        let passes = match &self.problem {
            PasswordProblem::Failed { .. } | PasswordProblem::TooSlow(_) => true,
            PasswordProblem::Io(error) | PasswordProblem::Spawn(error) => {
                !is_denied(error) && error.kind() != io::ErrorKind::NotFound
            }
            _ => false,
        };
        Note { needs_person: !passes, ..Note::passing("password", self.to_string()) }
    }
}

impl fmt::Display for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(f, "credential {name}"),
            // Arguments may be anybody's business, so only the program is named.
            Self::Command(words) => write!(f, "command {}", words.first().map_or("", String::as_str)),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

impl PasswordSource {
    /// Reads the password; takes at most 30 s. `credentials` is `CREDENTIALS_DIRECTORY`.
    ///
    /// When the future is dropped, a program that is still running is killed with all its children.
    ///
    /// # Errors
    ///
    /// See [`PasswordProblem`].
    pub async fn read(&self, credentials: Option<&Path>) -> Result<Password, PasswordSourceError> {
        self.read_within(credentials, LIMIT).await
    }

    async fn read_within(
        &self,
        credentials: Option<&Path>,
        limit: Duration,
    ) -> Result<Password, PasswordSourceError> {
        let reading = async {
            match self {
                Self::Credential(name) => read_credential(name, credentials).await,
                Self::File(path) => read_off_loop(path.clone(), true).await,
                Self::Command(words) => run(words).await,
            }
        };
        let read = timeout(limit, reading).await.unwrap_or(Err(PasswordProblem::TooSlow(limit)));
        read.map_err(|problem| PasswordSourceError { origin: self.to_string(), problem })
    }
}

async fn read_credential(name: &str, credentials: Option<&Path>) -> Result<Password, PasswordProblem> {
    let Some(folder) = credentials else { return Err(PasswordProblem::NoCredentials(name.to_owned())) };
    // The service manager settles who may read it; with access lists its mode says little.
    match read_off_loop(folder.join(name), false).await {
        Err(PasswordProblem::NoSuchFile) => Err(PasswordProblem::NoSuchCredential(name.to_owned())),
        other => other,
    }
}

/// The files that are being read: of each only once, as on a hung file system a read takes its thread with it.
static READING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
/// Tells those who wait that a read has ended.
static READ: Notify = Notify::const_new();

/// The right to read a file.
struct Turn(PathBuf);

impl Turn {
    async fn wait(path: &Path) -> Self {
        loop {
            let mut ended = pin!(READ.notified());
            ended.as_mut().enable();
            if let Some(turn) = Self::take(path) {
                return turn;
            }
            ended.await;
        }
    }

    fn take(path: &Path) -> Option<Self> {
        let mut reading = READING.lock().unwrap_or_else(PoisonError::into_inner);
        reading.insert(path.to_owned()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        READING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        READ.notify_waiters();
    }
}

async fn read_off_loop(path: PathBuf, check_mode: bool) -> Result<Password, PasswordProblem> {
    let turn = Turn::wait(&path).await;
    let reading = tokio::task::spawn_blocking(move || {
        let read = read_file(&turn.0, check_mode);
        drop(turn);
        read
    });
    reading.await.unwrap_or_else(|_| Err(PasswordProblem::Io(io::Error::other("the daemon is ending"))))
}

fn read_file(path: &Path, check_mode: bool) -> Result<Password, PasswordProblem> {
    let file = open(path)?;
    let found = file.metadata().map_err(PasswordProblem::Io)?;
    if !found.is_file() {
        return Err(PasswordProblem::NotAFile);
    }
    let mode = found.mode() & 0o7777;
    if check_mode && mode & 0o007 != 0 {
        return Err(PasswordProblem::OpenToAll { path: path.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT + 64));
    let limit = u64::try_from(MAX_OUTPUT).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).map_err(PasswordProblem::Io)?;
    first_line(&bytes)
}

/// Opens without waiting, should it be a fifo.
fn open(path: &Path) -> Result<File, PasswordProblem> {
    OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            PasswordProblem::NoSuchFile
        } else {
            PasswordProblem::Io(error)
        }
    })
}

/// The first line without its end, which has to be within what was read.
fn first_line(bytes: &[u8]) -> Result<Password, PasswordProblem> {
    let line = match bytes.iter().position(|b| *b == b'\n') {
        Some(end) => bytes.get(..end).unwrap_or_default(),
        None if bytes.len() >= MAX_OUTPUT => return Err(PasswordProblem::TooLong),
        None => bytes,
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(PasswordProblem::Empty);
    }
    let text = std::str::from_utf8(line).map_err(|_| PasswordProblem::NotText)?;
    if text.contains('\0') {
        return Err(PasswordProblem::NotText);
    }
    Ok(Password::new(text.to_owned()))
}

/// Kills a program and its children unless it has ended properly.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended just now.
            let _killed = killpg(group, Signal::SIGKILL);
        }
    }
}

async fn run(words: &[String]) -> Result<Password, PasswordProblem> {
    let mut child = spawn(words).map_err(PasswordProblem::Spawn)?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let mut group = Group(pid.map(Pid::from_raw));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let tail = Arc::new(Mutex::new(Vec::new()));
    // Ends with this future, however long somebody keeps the pipe open.
    let mut complaining = JoinSet::new();
    complaining.spawn(collect_tail(stderr, Arc::clone(&tail)));
    let (output, status) = collect(stdout, &mut child).await?;
    // What it left running on purpose, such as a key agent, goes on.
    group.0 = None;
    if status.success() {
        return first_line(&output);
    }
    // Whether it got to the end or not, what is there will do.
    let _complete = timeout(COMPLAINT_GRACE, complaining.join_next()).await;
    let complaint = std::mem::take(&mut *tail.lock().unwrap_or_else(PoisonError::into_inner));
    let how = match status.code() {
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    };
    Err(PasswordProblem::Failed { how, complaint: presentable(&complaint, &output) })
}

fn spawn(words: &[String]) -> io::Result<Child> {
    let (program, arguments) = words.split_first().ok_or_else(|| io::Error::other("no program is named"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    for name in NOT_FOR_CHILDREN {
        command.env_remove(name);
    }
    command.spawn()
}

/// Everything a program prints until it ends. A grandchild that keeps the pipe open is not waited for.
async fn collect(
    stdout: Option<impl AsyncRead + Unpin>,
    child: &mut Child,
) -> Result<(Zeroizing<Vec<u8>>, ExitStatus), PasswordProblem> {
    let mut output = Zeroizing::new(vec![0; MAX_OUTPUT]);
    let mut filled = 0;
    let mut pipe = stdout;
    let mut status = None;
    loop {
        let room = output.get_mut(filled..).unwrap_or_default();
        let no_room = room.is_empty();
        match (&mut pipe, status) {
            (None, Some(status)) => {
                output.truncate(filled);
                return Ok((output, status));
            }
            (Some(open), _) if !no_room => tokio::select! {
                biased;
                read = open.read(room) => match read.map_err(PasswordProblem::Io)? {
                    0 => pipe = None,
                    count => filled += count,
                },
                ended = child.wait(), if status.is_none() => {
                    status = Some(ended.map_err(PasswordProblem::Io)?);
                }
                () = tokio::time::sleep(COMPLAINT_GRACE), if status.is_some() => pipe = None,
            },
            // The first line is there: what follows is read, so that the program can end, and overwritten.
            (Some(_), _) => match output.iter().position(|b| *b == b'\n') {
                Some(end) if end + 1 < MAX_OUTPUT => filled = end + 1,
                _ => return Err(PasswordProblem::TooLong),
            },
            (None, None) => status = Some(child.wait().await.map_err(PasswordProblem::Io)?),
        }
    }
}

/// Keeps the last bytes of what a program complains of.
async fn collect_tail(stderr: Option<impl AsyncRead + Unpin>, tail: Arc<Mutex<Vec<u8>>>) {
    let Some(mut stderr) = stderr else { return };
    let mut chunk = [0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut chunk).await {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let surplus = tail.len().saturating_sub(MAX_COMPLAINT);
        tail.drain(..surplus);
    }
}

/// The last line of a complaint, short, printable, and without anything that was printed as the password.
fn presentable(complaint: &[u8], output: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let Some(line) = text.lines().map(str::trim).rfind(|line| !line.is_empty()) else { return String::new() };
    let mut line = line.to_owned();
    for secret in String::from_utf8_lossy(output).lines().map(str::trim).filter(|secret| !secret.is_empty()) {
        line = line.replace(secret, "***");
    }
    let shown: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_SHOWN).collect();
    format!(": {shown}")
}

#[cfg(test)]
mod tests;
