//! A pseudo-terminal with the binary on it, and hands to type with.

use crate::daemon::Daemon;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Far longer than anything here takes; only a broken program waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Terminal {
    keyboard: File,
    child: Child,
    seen: String,
}

impl Terminal {
    /// Runs a command line with a terminal as its standard streams and its controlling terminal.
    /// `setsid --ctty` does what would take unsafe code here.
    pub(crate) fn run(daemon: &Daemon, words: &[&str]) -> Self {
        let size = Winsize { ws_row: 12, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let stream = || pty.slave.try_clone().unwrap();
        let child = Command::new("setsid")
            .arg("--ctty")
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("WEKA_TOKEN_SOCKET", daemon.socket())
            .env("TERM", "xterm")
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .unwrap();
        Self { keyboard: pty.master.into(), child, seen: String::new() }
    }

    pub(crate) fn weka_token(daemon: &Daemon, arguments: &[&str]) -> Self {
        Self::run(daemon, &[&[env!("CARGO_BIN_EXE_weka-token")], arguments].concat())
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this appears, and forgets everything up to its end.
    pub(crate) fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            assert!(self.read_more(deadline), "no {text:?} in {:?}", self.seen);
        }
    }

    /// Whether what is typed would be shown.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.keyboard).unwrap().local_flags.contains(LocalFlags::ECHO)
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub(crate) fn resize(&self, rows: u16) {
        let rows = rows.to_string();
        let status = Command::new("stty")
            .args(["rows", &rows])
            .stdin(self.keyboard.try_clone().unwrap())
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// The exit status, and what was shown since the last `expect`.
    pub(crate) fn finish(mut self) -> (i32, String, bool) {
        let deadline = Instant::now() + PATIENCE;
        while self.read_more(deadline) {}
        let echoes = self.echoes();
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), std::mem::take(&mut self.seen), echoes)
    }

    /// Whether there was more; a terminal whose last program has ended gives an error.
    fn read_more(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(self.keyboard.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut fds, PollTimeout::try_from(left).unwrap()).unwrap();
        if ready == 0 {
            self.child.kill().unwrap();
            panic!("still running; seen: {:?}", self.seen);
        }
        let mut buffer = [0; 4096];
        let Ok(count) = self.keyboard.read(&mut buffer) else { return false };
        self.seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        count > 0
    }
}
