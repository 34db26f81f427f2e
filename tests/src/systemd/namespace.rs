//! Mounts and processes of their own, which end with their owner.

use crate::home::{Ran, finish};
use crate::process::Process;
use crate::systemd::cgroup::Cgroup;
use crate::until::until;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The longest time a command inside may take, in seconds: less than what [`finish`] waits for.
const LIMIT: &str = "280";

/// A shell script as PID 1 of namespaces of its own.
#[derive(Debug)]
pub struct Namespace {
    /// `unshare`, whose end is the end of all inside. Declared first, so that it goes first.
    outside: Process,
    pid: u32,
    output: PathBuf,
    _cgroup: Option<Cgroup>,
}

impl Namespace {
    /// Runs `script` in new namespaces for mounts, processes and the host name. Its `$1`, `$2`, ... are `arguments`,
    /// its `$CGROUPS` the control groups, its `$CGROUP_VIEWS` what [`Cgroup::views`] says, and what it says is kept in `output`.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start(script: &str, arguments: &[&Path], cgroup: Cgroup, output: &Path) -> Self {
        Self::with(script, arguments, Some(cgroup), output)
    }

    /// The same for what needs no control groups of its own.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn plain(script: &str, arguments: &[&Path], output: &Path) -> Self {
        Self::with(script, arguments, None, output)
    }

    fn with(script: &str, arguments: &[&Path], cgroup: Option<Cgroup>, output: &Path) -> Self {
        let folders = cgroup.iter().flat_map(Cgroup::folders);
        let groups: Vec<_> = folders.map(|folder| folder.display().to_string()).collect();
        let views = cgroup.iter().flat_map(Cgroup::views).map(String::as_str).collect::<Vec<_>>().join(" ");
        let file = File::create(output).expect("a file for what is said inside");
        let mut command = Command::new("setpriv");
        // The first ends it all if this thread is killed, the second if `unshare` is.
        command
            .args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"])
            .args(["--propagation", "private", "/bin/sh", "-c", script, "sh"])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("CGROUPS", groups.join(" "))
            .env("CGROUP_VIEWS", views)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a descriptor"))
            .stderr(file);
        let outside = Process::start(&mut command).expect("setpriv starts");
        let children = format!("/proc/{0}/task/{0}/children", outside.pid());
        let pid = until("the first process inside", || {
            fs::read_to_string(&children).ok()?.split_whitespace().next()?.parse().ok()
        });
        Self { outside, pid, output: output.to_owned(), _cgroup: cgroup }
    }

    /// Whether the script is still running; what follows would otherwise wait in vain.
    ///
    /// # Panics
    /// It has ended.
    #[track_caller]
    pub fn assert_alive(&mut self) {
        let ended = self.outside.ended_within(std::time::Duration::ZERO);
        assert!(ended.is_none(), "it ended: {ended:?}\n{}", self.output());
    }

    /// What was said inside.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// A path inside, as seen from outside.
    #[must_use]
    pub fn path(&self, inside: &Path) -> PathBuf {
        Path::new("/proc")
            .join(self.pid.to_string())
            .join("root")
            .join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// A command inside, as root, with an environment of nothing but a search path.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        // It ends the whole group: the one inside would go on when `nsenter` is killed, and keep our pipes open.
        command
            .args(["--signal=KILL", LIMIT, "nsenter", "--mount", "--pid", "--uts", "--root"])
            .args(["--target", &self.pid.to_string(), "--"])
            .args(words)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command inside, as root, to its end.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> Ran {
        finish(&mut self.command(words), "")
    }
}

impl Drop for Namespace {
    /// The kernel ends what is inside; the files and groups of it can be removed only after that.
    fn drop(&mut self) {
        self.outside.signal(nix::sys::signal::Signal::SIGKILL);
        self.outside.ended_within(crate::until::PATIENCE);
        let stat = format!("/proc/{}/stat", self.pid);
        for _ in 0..500 {
            // Its new parent may take its time to notice.
            let gone = fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
            if gone {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}
