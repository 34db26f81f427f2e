//! A folder that does not answer, for one daemon alone: a file system whose server never says a word. It needs root.

use crate::binaries;
use crate::daemon::Daemon;
use crate::home::Home;
use crate::process::Process;
use crate::skipped::{is_root, skipped};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Arguments: the folder. The kernel waits for whoever holds the descriptor, and gives up when nobody does any more.
const HANG: &str = r#"
exec 7<>/dev/fuse
mount -i -t fuse -o fd=7,rootmode=40000,user_id=0,group_id=0 hung "$1"
echo "hung: $?"
exec sleep 3600
"#;

/// Such a folder; it answers again, with errors, once this goes away.
#[derive(Debug)]
pub struct HungFolder(#[expect(dead_code, reason = "it lives as long as this")] Process);

impl HungFolder {
    /// A daemon that sees mounts of its own, or `None` where no folder can be made to hang, which one line says.
    #[must_use]
    pub fn daemon(home: &Home) -> Option<Daemon> {
        if !is_root("a folder that hangs") {
            return None;
        }
        if fs::File::options().read(true).write(true).open("/dev/fuse").is_err() {
            skipped("a folder that hangs: there is no /dev/fuse");
            return None;
        }
        let mut command = home.command("unshare");
        command.args(["--mount", "--propagation", "private", "--"]).arg(binaries::path("weka-tokend"));
        Some(Daemon::launch(command, &home.socket(), &home.path().join("weka-tokend.log")))
    }

    /// Lets a folder hang for such a daemon from now on.
    ///
    /// # Panics
    /// It cannot be mounted on.
    #[must_use]
    pub fn hang(daemon: &Daemon, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &daemon.pid().to_string(), "sh", "-c", HANG, "sh"]);
        let mut holder = Process::start(command.arg(folder).stdout(Stdio::piped())).expect("nsenter starts");
        let mut line = String::new();
        let output = holder.child().stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line.trim_end(), "hung: 0");
        Self(holder)
    }
}
