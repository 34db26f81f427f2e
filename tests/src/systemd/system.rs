//! A small host: a system manager as PID 1, on a copy of this machine's root file system that keeps nothing.

use crate::binaries;
use crate::home::Ran;
use crate::recorder::{self, Call};
use crate::systemd::cgroup::{self, Cgroup};
use crate::systemd::namespace::Namespace;
use crate::systemd::shell::{Shell, Units};
use crate::systemd::{PROGRAM, units, usual_modes};
use crate::until::until;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The daemon's unit.
const SERVICE: &str = "weka-tokend.service";
/// What is started at boot besides what a test asks for. Everything else that this machine starts is masked.
const WANTED: &str = "systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket \
                      systemd-tmpfiles-setup.service systemd-sysusers.service";

/// Arguments: a folder to mount all on, files to put over the root file system, commands to prepare it, the binaries.
/// What belongs to the kernel (`/sys`, `/proc/sys`) can be read only: this machine keeps its settings. The root file system
/// is shared among the mounts inside, else credentials come out empty: a manager does that itself, but not in a container.
const SCRIPT: &str = r#"
set -eu
base=$1; files=$2; prepare=$3; shift 3
mount -t tmpfs -o mode=755 tmpfs "$base"
root=$base/root
mkdir "$base/upper" "$base/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t sysfs -o ro sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount --bind /sys/fs/cgroup "$root/sys/fs/cgroup"
else
    mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
    for hierarchy in /sys/fs/cgroup/*/; do
        name=$root/sys/fs/cgroup/$(basename "$hierarchy")
        mkdir "$name"
        mount --bind "$hierarchy" "$name"
    done
    for view in $CGROUP_VIEWS; do
        seen=$root${view#*=}
        if [ -d "$seen" ]; then mount --bind "${view%%=*}" "$seen"; fi
    done
fi
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
minor=$(sed -n 's/ autofs$//p' /proc/misc)
if [ -n "$minor" ]; then mknod "$root/dev/autofs" c 10 $minor; fi
touch "$root/dev/console"
mount --bind /dev/null "$root/dev/console"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

: > "$root/etc/fstab"
rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/*.requires
for unit in "$root"/lib/systemd/system/*.wants/*; do
    name=$(basename "$unit")
    case " WANTED " in *" $name "*) continue ;; esac
    ln -sf /dev/null "$root/etc/systemd/system/$name"
done
ln -sf /dev/null "$root/etc/systemd/system/getty.target"
for binary; do
    name=$root/usr/bin/$(basename "$binary")
    touch "$name"
    mount --bind "$binary" "$name"
done
cp -a "$files/." "$root/"
chroot "$root" /bin/sh -euc "$prepare"
for group in $CGROUPS; do echo 0 > "$group/cgroup.procs"; done
cd "$root"
mkdir -p .before
pivot_root . .before
exec chroot . /bin/sh -euc '
    umount -l /.before
    rmdir /.before
    mount --make-rshared /
    exec env -i PATH="$PATH" container=weka-token-test PROGRAM --system --unit=multi-user.target --log-target=journal
'
"#;

/// A host that has not been started yet.
#[derive(Debug)]
pub struct Setup {
    files: TempDir,
    prepare: String,
}

/// A running system manager with the tree's units and binaries installed.
#[derive(Debug)]
pub struct SystemManager {
    namespace: Namespace,
    _base: TempDir,
    _files: TempDir,
}

/// Somebody on the host.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    manager: &'a SystemManager,
    name: &'a str,
}

impl Setup {
    /// Writes a file.
    ///
    /// # Panics
    /// It cannot be written.
    #[must_use]
    pub fn write(self, path: &str, mode: u32, text: &str) -> Self {
        let path = self.files.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        self
    }

    /// Writes the host's configuration.
    #[must_use]
    pub fn configure(self, text: &str) -> Self {
        self.write("/etc/weka-token/config.toml", 0o644, text)
    }

    /// Adds to a unit.
    #[must_use]
    pub fn drop_in(self, unit: &str, name: &str, text: &str) -> Self {
        self.write(&format!("/etc/systemd/system/{unit}.d/{name}.conf"), 0o644, text)
    }

    /// A shell command that is run on the host before it starts.
    #[must_use]
    pub fn prepare(mut self, command: &str) -> Self {
        self.prepare.push_str(command);
        self.prepare.push('\n');
        self
    }

    /// Puts an example of the tree's in its place.
    ///
    /// # Panics
    /// There is none of that name.
    #[must_use]
    pub fn example(self, name: &str, path: &str) -> Self {
        let text =
            fs::read_to_string(units().join("system").join(name)).expect("an example of the source tree");
        self.write(path, 0o644, &text)
    }

    /// Has a recorder in the place of WEKA's own mount helper, and our own beside it.
    #[must_use]
    pub fn recorder(self) -> Self {
        self.write("/usr/sbin/mount.wekafs", 0o755, recorder::SCRIPT)
            .prepare("ln -sf ../bin/weka-token /usr/sbin/mount.weka-token")
            .prepare(&format!("mkdir {}", recorder::FOLDER))
    }

    /// A user, in these further groups, which are made where they are missing.
    #[must_use]
    pub fn user(self, name: &str, groups: &[&str]) -> Self {
        let made = groups.iter().fold(self, |setup, group| setup.prepare(&format!("groupadd -f {group}")));
        made.prepare(&format!("useradd -m -U -G '{}' {name}", groups.join(",")))
    }

    /// Starts the host.
    ///
    /// # Panics
    /// It does not come up.
    #[must_use]
    pub fn boot(self) -> SystemManager {
        let base = tempfile::Builder::new().prefix("weka-token-host-").tempdir().expect("a folder");
        let script = SCRIPT.replace("PROGRAM", PROGRAM).replace("WANTED", WANTED);
        let binaries = [binaries::path("weka-token"), binaries::path("weka-tokend")];
        let mut arguments = vec![base.path(), self.files.path(), Path::new(&self.prepare)];
        arguments.extend(binaries.iter().map(PathBuf::as_path));
        let output = self.files.path().join("host.log");
        let namespace = Namespace::start(&script, &arguments, Cgroup::new(None), &output);
        let mut manager = SystemManager { namespace, _base: base, _files: self.files };
        until("the manager's socket", || {
            manager.namespace.assert_alive();
            manager.path("/run/systemd/private").exists().then_some(())
        });
        let came_up = manager.run(&["systemctl", "is-system-running", "--wait"]);
        let units = manager.run(&["systemctl", "list-units", "--failed", "--no-legend", "--plain"]);
        assert_eq!(came_up.stdout.trim(), "running", "{units:#?}\n{}", manager.namespace.output());
        manager
    }
}

impl SystemManager {
    /// A host with the tree's units as a package installs them, and nothing enabled.
    ///
    /// # Panics
    /// The source tree is not there.
    #[must_use]
    pub fn setup() -> Setup {
        usual_modes();
        let files = tempfile::Builder::new().prefix("weka-token-files-").tempdir().expect("a folder");
        fs::set_permissions(files.path(), fs::Permissions::from_mode(0o755)).expect("the mode of /");
        let from = units().join("system");
        let read = |name: &str| fs::read_to_string(from.join(name)).expect("a file of the source tree");
        Setup { files, prepare: String::new() }
            .write("/usr/lib/systemd/system/weka-tokend.socket", 0o644, &read("weka-tokend.socket"))
            .write("/usr/lib/systemd/system/weka-tokend.service", 0o644, &read(SERVICE))
            .write("/usr/lib/sysusers.d/weka-token.conf", 0o644, &read("weka-token.sysusers.conf"))
            .drop_in(SERVICE, "log", "[Service]\nEnvironment=WEKA_TOKEN_LOG=debug\n")
            .prepare("systemd-sysusers")
    }

    /// A path on the host, as seen from outside.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.namespace.path(path.as_ref())
    }

    /// Writes a file, mode 0644.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Runs a command as root.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> Ran {
        self.namespace.run(words)
    }

    /// The memory in bytes that the control group of a process may have, where the kernel holds it to that: not where the
    /// manager was given no memory controller, nor where what is too much goes to swap instead.
    #[must_use]
    pub fn memory_limit(&self, pid: &str) -> Option<u64> {
        cgroup::memory_limit(&self.run(&["cat", &format!("/proc/{pid}/cgroup")]).ok())
    }

    /// All that the recorder has written down.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        recorder::calls(&self.path(recorder::FOLDER))
    }

    /// Somebody on the host.
    #[must_use]
    pub const fn user<'a>(&'a self, name: &'a str) -> User<'a> {
        User { manager: self, name }
    }

    /// What the daemon has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.run(&["journalctl", "--no-pager", "--output=cat", "--unit", SERVICE]).stdout
    }
}

impl Units for SystemManager {
    fn systemctl(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["systemctl"], arguments].concat())
    }
}

impl Shell for User<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut all = vec!["setpriv", "--reuid", self.name, "--regid", self.name, "--init-groups"];
        all.extend(words);
        let mut command = self.manager.namespace.command(&all);
        let home = if self.name == "root" { "/root".to_owned() } else { format!("/home/{}", self.name) };
        command.env("HOME", home).env("USER", self.name).env("LOGNAME", self.name);
        command
    }
}
