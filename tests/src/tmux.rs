//! A screen that can be looked at: a shell in a tmux of its own, with hands to type with.

use crate::home::{Home, finish};
use crate::terminal::Terminal;
use crate::until::PATIENCE;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A tmux server with one session, in which a shell waits; dropped, all of it ends.
#[derive(Debug)]
pub struct Tmux<'a> {
    home: &'a Home,
    socket: PathBuf,
}

impl<'a> Tmux<'a> {
    /// Starts one of this many columns and rows. Every byte that is written to its screen is kept in a file, too.
    ///
    /// # Panics
    /// tmux is missing, or does not start.
    #[must_use]
    pub fn start(home: &'a Home, columns: u16, rows: u16) -> Self {
        let tmux = Self { home, socket: home.path().join("tmux.sock") };
        let deadline = Instant::now() + PATIENCE;
        let mut command = tmux.command();
        let folder = crate::binaries::folder();
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("LANG", "C.UTF-8")
            .env("SHELL", "/bin/sh")
            .env("ENV", "")
            .env("PS1", "> ")
            .args([
                "new-session",
                "-d",
                "-x",
                &columns.to_string(),
                "-y",
                &rows.to_string(),
                "/bin/sh",
                "-i",
            ]);
        // It has been seen to end at once where many start at the same time; it says so, and another try will do.
        while finish(&mut command, "").status != 0 {
            assert!(Instant::now() < deadline, "tmux does not start");
            std::thread::sleep(PAUSE);
        }
        let keep = format!("cat >> {}", tmux.bytes_file().display());
        tmux.run(&["pipe-pane", "-O", &keep]);
        tmux.until_shown(">");
        tmux
    }

    fn bytes_file(&self) -> PathBuf {
        self.home.path().join("screen.bytes")
    }

    fn command(&self) -> Command {
        let mut command = self.home.command("tmux");
        command.arg("-S").arg(&self.socket).args(["-f", "/dev/null"]);
        command
    }

    /// Runs a command of tmux, and gives what it prints.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        finish(self.command().args(arguments), "").ok()
    }

    /// Types a text as it is.
    pub fn type_in(&self, text: &str) {
        self.run(&["send-keys", "-l", "--", text]);
    }

    /// Types a line.
    pub fn enter(&self, line: &str) {
        if !line.is_empty() {
            self.type_in(line);
        }
        self.press("Enter");
    }

    /// Presses a key by tmux's name, such as `Escape`, `C-z` or `F1`.
    pub fn press(&self, key: &str) {
        self.run(&["send-keys", key]);
    }

    /// What is on the screen.
    #[must_use]
    pub fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    /// Waits until the screen is as it should be, and gives it.
    ///
    /// # Panics
    /// It never is.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "never: {what}\n{screen}");
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until a text is on the screen.
    ///
    /// # Panics
    /// It never is.
    #[track_caller]
    pub fn until_shown(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// A format of tmux, such as `#{alternate_on}`.
    #[must_use]
    pub fn value(&self, format: &str) -> String {
        self.run(&["display-message", "-p", format])
    }

    /// Changes the size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.run(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// Every byte that was written to the screen so far.
    #[must_use]
    pub fn bytes(&self) -> String {
        fs::read(self.bytes_file())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The process that the shell has started, or that this one has become.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    #[must_use]
    pub fn job(&self) -> i32 {
        let shell = self.value("#{pane_pid}");
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("a shell");
        let first = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
        first.unwrap_or_else(|| panic!("the shell has no child\n{}", self.screen()))
    }

    /// Somebody looks at it from a terminal of their own, which has a clipboard.
    #[must_use]
    pub fn attach(&self) -> Terminal {
        let mut command = self.command();
        // The harness's terminal says `xterm`, of which tmux knows the clipboard.
        command.env("LANG", "C.UTF-8").arg("attach-session");
        Terminal::run(&command)
    }

    /// Takes the terminal away from whatever runs on it.
    pub fn hang_up(&self) {
        drop(finish(self.command().arg("kill-server"), ""));
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.hang_up();
    }
}
