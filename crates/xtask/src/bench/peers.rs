//! Other agents that keep a secret in memory, each with one secret, and how they are asked for it.

use crate::bench::spawn::{Contender, installed};
use crate::problem::Problem;
use e2e::Home;
use e2e::home::finish;
use e2e::process::Process;
use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Far longer than any of them needs to start.
const LIMIT: Duration = Duration::from_secs(20);
/// Between two looks at whether one answers.
const PAUSE: Duration = Duration::from_millis(2);
/// What git is asked for.
const QUESTION: &str = "protocol=https\nhost=weka01\nusername=alice\n";

/// git-credential-cache(1), with a password as long as a token.
#[derive(Debug)]
pub(crate) struct GitCache {
    daemon: Process,
    socket: PathBuf,
    git: PathBuf,
    question: PathBuf,
}

impl GitCache {
    /// Starts one; `None` where it is not installed.
    pub(crate) fn start(home: &Home) -> Result<Option<Self>, Problem> {
        let Some(git) = installed("git") else { return Ok(None) };
        let path = finish(home.command(&git).arg("--exec-path"), "").stdout;
        let program = Path::new(path.trim_end()).join("git-credential-cache--daemon");
        if !program.is_file() {
            return Ok(None);
        }
        let socket = private_folder(home, "git")?.join("socket");
        let mut command = home.command(&program);
        command.arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Process::start(&mut command).map_err(|error| Problem::at(&program, error))?;
        let question = home.path().join("git/question");
        home.write(&question, &format!("{QUESTION}\n"));
        let cache = Self { daemon, socket, git, question };
        wait_for(&cache.socket)?;
        let secret = format!("{QUESTION}password={}\n\n", "t".repeat(600));
        let stored = finish(&mut cache.command(home, "store"), &secret);
        if stored.status != 0 {
            return Err(Problem::new(format!("git credential-cache store: {}", stored.stderr.trim_end())));
        }
        Ok(Some(cache))
    }

    fn command(&self, home: &Home, verb: &str) -> Command {
        let mut command = home.command(&self.git);
        command.args(["credential-cache", "--timeout", "86400", "--socket"]).arg(&self.socket).arg(verb);
        command
    }

    /// `git credential-cache get`.
    pub(crate) fn client(&self, home: &Home) -> Contender {
        Contender::new("git credential-cache get", self.command(home, "get")).reading(self.question.clone())
    }

    /// Asks on its socket, as git does: the question, its end, and everything that comes.
    pub(crate) fn ask(&self) -> io::Result<()> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.write_all(b"action=get\ntimeout=86400\nprotocol=https\nhost=weka01\nusername=alice\n\n")?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = [0; 4096];
        let mut filled = 0;
        loop {
            match stream.read(answer.get_mut(filled..).unwrap_or_default())? {
                0 => break,
                count => filled += count,
            }
        }
        if filled > 600 { Ok(()) } else { Err(io::Error::other("git credential-cache knows no password")) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.pid()
    }
}

/// ssh-agent(1), with one key.
#[derive(Debug)]
pub(crate) struct SshAgent {
    daemon: Process,
    socket: PathBuf,
    add: PathBuf,
}

impl SshAgent {
    /// Starts one; `None` where it is not installed.
    pub(crate) fn start(home: &Home) -> Result<Option<Self>, Problem> {
        let [Some(agent), Some(add), Some(keygen)] = ["ssh-agent", "ssh-add", "ssh-keygen"].map(installed)
        else {
            return Ok(None);
        };
        let folder = private_folder(home, "ssh")?;
        let (socket, key) = (folder.join("socket"), folder.join("key"));
        let mut command = home.command(&agent);
        command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Process::start(&mut command).map_err(|error| Problem::at(&agent, error))?;
        wait_for(&socket)?;
        let mut make = home.command(&keygen);
        make.args(["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f"]).arg(&key);
        let mut learn = home.command(&add);
        learn.arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket);
        for command in [&mut make, &mut learn] {
            let ran = finish(command, "");
            if ran.status != 0 {
                return Err(Problem::new(format!("ssh-agent's key: {}", ran.stderr.trim_end())));
            }
        }
        Ok(Some(Self { daemon, socket, add }))
    }

    /// `ssh-add -l`.
    pub(crate) fn client(&self, home: &Home) -> Contender {
        let mut command = home.command(&self.add);
        command.arg("-l").env("SSH_AUTH_SOCK", &self.socket);
        Contender::new("ssh-add -l", command)
    }

    /// Asks on its socket: SSH2_AGENTC_REQUEST_IDENTITIES (11), answered by SSH2_AGENT_IDENTITIES_ANSWER (12), of
    /// draft-ietf-sshm-ssh-agent.
    pub(crate) fn ask(&self) -> io::Result<()> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.write_all(&[0, 0, 0, 1, 11])?;
        let mut answer = [0; 4096];
        let mut filled = 0;
        loop {
            let count = stream.read(answer.get_mut(filled..).unwrap_or_default())?;
            filled += count;
            let [a, b, c, d, kind, ..] = answer;
            let whole = 4 + usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            if filled >= 5 && filled >= whole {
                return if kind == 12 { Ok(()) } else { Err(io::Error::other("ssh-agent refuses")) };
            }
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.pid()
    }
}

fn private_folder(home: &Home, name: &str) -> Result<PathBuf, Problem> {
    let folder = home.path().join(name);
    let made = fs::create_dir_all(&folder)
        .and_then(|()| fs::set_permissions(&folder, Permissions::from_mode(0o700)));
    made.map_err(|error| Problem::at(&folder, error))?;
    Ok(folder)
}

fn wait_for(socket: &Path) -> Result<(), Problem> {
    let until = Instant::now() + LIMIT;
    loop {
        match UnixStream::connect(socket) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > until => return Err(Problem::at(socket, error)),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
