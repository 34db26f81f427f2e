//! A user's service manager, as it runs for somebody who has logged in.

use crate::binaries;
use crate::home::{Home, Ran};
use crate::systemd::cgroup::Cgroup;
use crate::systemd::namespace::Namespace;
use crate::systemd::shell::{Shell, Units};
use crate::systemd::{PROGRAM, units, usual_modes};
use crate::until::until;
use nix::unistd::{Uid, chown};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use wire::{Request, Response, blocking};

/// Whose manager it is: nobody that exists outside.
const UID: u32 = 64_321;
/// Where the units of this test are; on a real host packages have /usr/lib/systemd/user.
const UNITS: &str = "/etc/systemd/user";
/// The daemon's unit.
const SERVICE: &str = "weka-tokend.service";

/// Arguments: the home, the user's number, the binaries. The root file system is shared among the mounts
/// inside, else credentials come out empty; the runtime folder is on a tmpfs as in life.
const SCRIPT: &str = r#"
set -eu
home=$1; uid=$2; shift 2
mount --make-rshared /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run/systemd
mkdir /run/systemd/system
mount -t tmpfs -o mode=755 tmpfs /etc/systemd/user
mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
for binary; do
    name=/usr/local/bin/$(basename "$binary")
    touch "$name"
    mount --bind "$binary" "$name"
done
cp /etc/passwd /run/systemd/passwd
echo "wren:x:$uid:$uid:Wren:$home:/bin/sh" >> /run/systemd/passwd
mount --bind /run/systemd/passwd /etc/passwd
mkdir -p "$home/run"
mount -t tmpfs -o mode=700,uid=$uid,gid=$uid tmpfs "$home/run"
(
    for group in $CGROUPS; do echo 0 > "$group/cgroup.procs"; done
    exec setpriv --reuid "$uid" --regid "$uid" --clear-groups env -i PATH="$PATH" HOME="$home" USER=wren \
        LOGNAME=wren XDG_RUNTIME_DIR="$home/run" TZ=UTC PROGRAM --user
) &
# The first process has to reap what others leave behind.
while :; do wait; done
"#;

/// A running user manager with the tree's units and binaries installed; nothing is enabled yet.
#[derive(Debug)]
pub struct UserManager {
    namespace: Namespace,
    home: Home,
}

impl UserManager {
    /// Starts one, in a home without any configuration.
    ///
    /// # Panics
    /// It does not come up.
    #[must_use]
    pub fn start() -> Self {
        usual_modes();
        let home = Home::new();
        let uid = Uid::from_raw(UID);
        own(home.path());
        let script = SCRIPT.replace("PROGRAM", PROGRAM);
        let number = UID.to_string();
        let binaries = [binaries::path("weka-token"), binaries::path("weka-tokend")];
        let mut arguments = vec![home.path(), Path::new(&number)];
        arguments.extend(binaries.iter().map(PathBuf::as_path));
        let output = home.path().join("manager.log");
        let namespace = Namespace::start(&script, &arguments, Cgroup::new(Some(uid)), &output);
        let mut manager = Self { namespace, home };
        until("the manager's socket", || {
            manager.namespace.assert_alive();
            manager.path(&manager.home.runtime().join("systemd/private")).exists().then_some(())
        });
        manager.systemctl(&["is-system-running", "--wait"]).ok();
        for unit in ["weka-tokend.socket", SERVICE] {
            let text = fs::read_to_string(units().join("user").join(unit)).expect("a unit");
            manager.write_unit(unit, &text);
        }
        // There is no journal in here.
        manager.drop_in(
            SERVICE,
            "log",
            "[Service]\nStandardOutput=append:%h/weka-tokend.log\nStandardError=append:%h/weka-tokend.log\nEnvironment=WEKA_TOKEN_LOG=debug\n",
        );
        manager
    }

    /// The home folder.
    #[must_use]
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// A path inside, as seen from outside.
    #[must_use]
    pub fn path(&self, inside: &Path) -> PathBuf {
        self.namespace.path(inside)
    }

    /// Writes a file of the user's, below the home.
    pub fn write(&self, path: &Path, text: &str) {
        self.home.write(path, text);
        own(self.home.path());
    }

    /// Writes the usual configuration.
    pub fn configure(&self, text: &str) {
        self.write(&self.home.config_file(), text);
    }

    /// Writes a unit, and lets the manager read all of them.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write_unit(&self, name: &str, text: &str) {
        let path = self.path(&Path::new(UNITS).join(name));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a unit");
        self.systemctl(&["daemon-reload"]).ok();
    }

    /// Adds to a unit.
    pub fn drop_in(&self, unit: &str, name: &str, text: &str) {
        self.write_unit(&format!("{unit}.d/{name}.conf"), text);
    }

    /// Enables the socket and starts it, as users are told to.
    pub fn enable(&self) {
        self.systemctl(&["enable", "--now", "weka-tokend.socket"]).ok();
    }

    /// The daemon's process id inside, 0 if it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.show(SERVICE, "MainPID").parse().expect("a number")
    }

    /// Sends the daemon's process a signal, and nothing else of the unit.
    pub fn signal(&self, signal: &str) {
        let pid = self.pid();
        assert_ne!(pid, 0, "the daemon does not run\n{}", self.log());
        self.run(&["kill", "-s", signal, &pid.to_string()]).ok();
    }

    /// What the daemon has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("weka-tokend.log")).unwrap_or_default()
    }

    /// One request over a connection of its own, as root.
    ///
    /// # Errors
    /// The connection fails.
    pub fn ask(&self, request: &Request) -> Result<Response, blocking::WireError> {
        let mut stream = UnixStream::connect(self.path(&self.home.socket()))?;
        stream.set_read_timeout(Some(crate::until::PATIENCE))?;
        blocking::send(&mut stream, request)?;
        blocking::receive(&mut stream)
    }
}

impl Shell for UserManager {
    fn command(&self, words: &[&str]) -> Command {
        let uid = UID.to_string();
        let mut all = vec!["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups"];
        all.extend(words);
        let mut command = self.namespace.command(&all);
        command
            .env("HOME", self.home.path())
            .env("USER", "wren")
            .env("LOGNAME", "wren")
            .env("XDG_RUNTIME_DIR", self.home.runtime());
        command
    }
}

impl Units for UserManager {
    fn systemctl(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["systemctl", "--user"], arguments].concat())
    }
}

/// Gives the user a folder and all that is in it, links not followed. What is mounted inside is not seen from here.
fn own(path: &Path) {
    let found = fs::symlink_metadata(path).expect("it is there");
    if found.file_type().is_symlink() {
        return;
    }
    let owner = Uid::from_raw(UID);
    if found.uid() != UID {
        chown(path, Some(owner), Some(UID.into())).expect("it can be given away");
    }
    if found.is_dir() {
        for entry in fs::read_dir(path).expect("a folder").flatten() {
            own(&entry.path());
        }
    }
}
