//! A pseudo-terminal with a command on it, and hands to type with.

use crate::until::PATIENCE;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::time::Instant;

/// A terminal and the command that runs on it; dropped, the command is killed.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    child: Child,
    seen: String,
}

impl Terminal {
    /// Runs a command on a large terminal; see [`Terminal::of_size`].
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn run(command: &Command) -> Self {
        Self::of_size(command, 40, 160)
    }

    /// Runs a command with a terminal of this many rows and columns as its standard streams and its controlling terminal.
    /// `setsid --ctty` does what would take unsafe code here.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn of_size(command: &Command, rows: u16, columns: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a pseudo-terminal");
        let stream = || pty.slave.try_clone().expect("a descriptor");
        let mut on_terminal = Command::new("setsid");
        on_terminal.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                on_terminal.env(name, value);
            }
        }
        let child = on_terminal
            .env("TERM", "xterm")
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .expect("setsid starts");
        Self { keyboard: pty.master.into(), child, seen: String::new() }
    }

    /// Presses keys.
    ///
    /// # Panics
    /// The terminal is gone.
    pub fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the keys arrive");
    }

    /// Waits until this appears, forgets everything up to its end, and returns what came before.
    ///
    /// # Panics
    /// It never does.
    pub fn expect(&mut self, text: &str) -> String {
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
    ///
    /// # Panics
    /// The terminal is gone.
    #[must_use]
    pub fn echoes(&self) -> bool {
        tcgetattr(&self.keyboard).expect("a terminal").local_flags.contains(LocalFlags::ECHO)
    }

    /// The process id of the command.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives the terminal another number of rows.
    ///
    /// # Panics
    /// `stty` does not do it.
    pub fn resize(&self, rows: u16) {
        let terminal = self.keyboard.try_clone().expect("a descriptor");
        let status = Command::new("stty").args(["rows", &rows.to_string()]).stdin(terminal).status();
        assert!(status.is_ok_and(|status| status.success()), "stty sets the rows");
    }

    /// The exit status, and what was shown since the last `expect`.
    ///
    /// # Panics
    /// It does not end.
    #[must_use]
    pub fn finish(self) -> (i32, String) {
        let (status, shown, _) = self.finish_and_look();
        (status, shown)
    }

    /// As [`Terminal::finish`]; and whether the terminal that is left behind shows what is typed.
    ///
    /// # Panics
    /// It does not end.
    #[must_use]
    pub fn finish_and_look(mut self) -> (i32, String, bool) {
        let deadline = Instant::now() + PATIENCE;
        while self.read_more(deadline) {}
        let echoes = self.echoes();
        let status = self.child.wait().expect("it ends");
        (status.code().unwrap_or(-1), std::mem::take(&mut self.seen), echoes)
    }

    /// Whether there was more; a terminal whose last program has ended gives an error.
    fn read_more(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(self.keyboard.as_fd(), PollFlags::POLLIN)];
        let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        let ready = poll(&mut fds, wait).expect("a terminal");
        assert!(ready > 0, "still running; seen: {:?}", self.seen);
        let mut buffer = [0; 4096];
        let Ok(count) = self.keyboard.read(&mut buffer) else { return false };
        let (read, _) = buffer.split_at(count);
        self.seen.push_str(&String::from_utf8_lossy(read));
        count > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
