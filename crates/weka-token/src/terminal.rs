//! Asking a person. Questions go to the terminal; a password is read without echo, and whatever ends the
//! wait (Ctrl-C, Ctrl-Z, a kill) leaves the terminal as it was.

use crate::failure::{FAILED, Failure, USAGE};
use crate::held_signals;
use crate::output::printable;
use crate::sys;
use crate::wrap::wrapped;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use secret::Password;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use zeroize::Zeroizing;

/// A terminal gives at most a line of 4095 bytes (N_TTY), and nobody's password is longer.
const LONGEST_LINE: usize = 4096;

/// Signals that are read from a descriptor instead of acting by themselves, until this is dropped.
#[derive(Debug)]
pub struct Signals {
    source: SignalFd,
    blocked: SigSet,
    before: SigSet,
}

impl Signals {
    /// What a terminal, or the end of one, sends to whatever runs on it.
    pub(crate) const OF_A_TERMINAL: [Signal; 5] =
        [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP];

    /// Takes these signals over, in this thread and in those it starts from then on.
    ///
    /// # Errors
    /// The system does not have what it takes.
    pub fn block(signals: &[Signal]) -> Result<Self, Failure> {
        Self::block_set(signals.iter().copied().collect())
    }

    /// The same of all that would end this process, and of these.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub fn block_all_that_end(more: &[Signal]) -> Result<Self, Failure> {
        let mut blocked = held_signals::ending();
        more.iter().for_each(|signal| blocked.add(*signal));
        Self::block_set(blocked)
    }

    fn block_set(blocked: SigSet) -> Result<Self, Failure> {
        let prepare = || -> Result<Self, Errno> {
            let source = SignalFd::with_flags(&blocked, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
            let before = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
            Ok(Self { source, blocked, before })
        };
        prepare().map_err(|error| Failure::new(FAILED, format!("cannot wait for signals: {error}")))
    }

    /// The next signal that has come, if any.
    #[must_use]
    pub fn take(&self) -> Option<Signal> {
        Signal::try_from(self.take_number()?).ok()
    }

    /// The same by its number: real-time signals have no name.
    #[must_use]
    pub fn take_number(&self) -> Option<i32> {
        i32::try_from(self.source.read_signal().ok().flatten()?.ssi_signo).ok()
    }

    /// Stops the process as Ctrl-Z would have, and returns once it goes on.
    pub fn stop_here(&self) {
        // Each of these can only fail for a wrong argument.
        self.before.thread_set_mask().unwrap_or_default();
        raise(Signal::SIGTSTP).unwrap_or_default();
        self.blocked.thread_block().unwrap_or_default();
    }

    /// The exit status of a process that a signal has ended, as a shell reports it.
    #[must_use]
    pub fn exit_status(signal: Signal) -> u8 {
        Self::exit_status_of(signal as i32)
    }

    /// The same for a signal by its number.
    #[must_use]
    pub fn exit_status_of(signal: i32) -> u8 {
        u8::try_from(128 + signal).unwrap_or(FAILED)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.before.thread_set_mask().unwrap_or_default();
    }
}

/// A terminal with a person at it.
#[derive(Debug)]
pub(crate) struct Terminal {
    input: File,
    output: File,
}

impl Terminal {
    /// Standard input, where it is a terminal, and standard error or `/dev/tty` to ask on.
    pub(crate) fn open() -> Option<Self> {
        let (stdin, stderr) = (io::stdin(), io::stderr());
        if !stdin.is_terminal() {
            return None;
        }
        let input = stdin.as_fd().try_clone_to_owned().ok()?.into();
        let output = if stderr.is_terminal() {
            stderr.as_fd().try_clone_to_owned().ok()?.into()
        } else {
            OpenOptions::new().write(true).open("/dev/tty").ok()?
        };
        Some(Self { input, output })
    }

    /// Asks until there is an answer; an empty one takes the default.
    pub(crate) fn ask(&self, question: &str, default: Option<&str>) -> Result<String, Failure> {
        let prompt = match default {
            Some(default) => format!("{} [{}]: ", printable(question), printable(default)),
            None => format!("{}: ", printable(question)),
        };
        loop {
            let line = self.read_line(&prompt, true)?;
            let answer = std::str::from_utf8(&line).unwrap_or_default().trim();
            match (answer, default) {
                ("", Some(default)) => return Ok(default.to_owned()),
                ("", None) => {}
                (answer, _) => return Ok(answer.to_owned()),
            }
        }
    }

    /// Asks for a password, without echo.
    pub(crate) fn ask_password(&self, question: &str) -> Result<Password, Failure> {
        password(self.read_line(&format!("{}: ", printable(question)), false)?)
    }

    /// Shows a few lines, broken between words where they are longer than the terminal is wide.
    pub(crate) fn show(&self, text: &str) {
        let text = wrapped(&printable(text), sys::columns(&self.output));
        self.write(&format!("{text}\n"));
    }

    fn write(&self, text: &str) {
        // A terminal that has gone will be noticed by the read that follows.
        (&self.output).write_all(text.as_bytes()).unwrap_or_default();
    }

    /// One line, without its newline.
    fn read_line(&self, prompt: &str, echo: bool) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let signals = Signals::block(&Signals::OF_A_TERMINAL)?;
        let failed = |error: Errno| Failure::new(FAILED, format!("cannot read from the terminal: {error}"));
        // Large enough at once: growing would leave a copy of a password behind.
        let mut line = Zeroizing::new(Vec::with_capacity(2 * LONGEST_LINE));
        let mut buffer = Zeroizing::new([0; LONGEST_LINE]);
        loop {
            let silence = if echo { None } else { Some(Silence::over(&self.input).map_err(failed)?) };
            self.write(prompt);
            let stopped = loop {
                let mut fds = [
                    PollFd::new(signals.as_fd(), PollFlags::POLLIN),
                    PollFd::new(self.input.as_fd(), PollFlags::POLLIN),
                ];
                match poll(&mut fds, PollTimeout::NONE) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(error) => return Err(failed(error)),
                }
                let readable = fds.last().and_then(PollFd::any).unwrap_or(false);
                if let Some(signal) = signals.take() {
                    if signal == Signal::SIGTSTP {
                        break true;
                    }
                    drop(silence);
                    self.write("\n");
                    return Err(Failure::silent(Signals::exit_status(signal)));
                }
                if !readable {
                    continue;
                }
                match nix::unistd::read(&self.input, &mut *buffer) {
                    Ok(0) => {
                        drop(silence);
                        self.write("\n");
                        return Err(Failure::new(FAILED, "the question was not answered"));
                    }
                    Ok(count) => line.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                    Err(Errno::EINTR | Errno::EAGAIN) => {}
                    Err(error) => return Err(failed(error)),
                }
                if line.contains(&b'\n') || line.len() > LONGEST_LINE {
                    break false;
                }
            };
            drop(silence);
            if !stopped {
                return Ok(first_line(line));
            }
            self.write("\n");
            signals.stop_here();
        }
    }
}

/// A terminal that does not echo, until this is dropped.
struct Silence<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn over(terminal: &'a File) -> Result<Self, Errno> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        // The newline at the end is shown all the same.
        silent.local_flags.insert(LocalFlags::ECHONL | LocalFlags::ICANON | LocalFlags::ISIG);
        tcsetattr(terminal, SetArg::TCSAFLUSH, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        tcsetattr(self.terminal, SetArg::TCSADRAIN, &self.before).unwrap_or_default();
    }
}

/// The first line of standard input, which is no terminal, as a password.
pub(crate) fn password_from_stdin() -> Result<Password, Failure> {
    let line = password(first_line(lines_of_stdin(1)?));
    line.map_err(|failure| in_line(1, failure).then("put the password into its first line"))
}

/// The first two lines of standard input as passwords.
pub(crate) fn two_passwords_from_stdin() -> Result<(Password, Password), Failure> {
    let lines = lines_of_stdin(2)?;
    let end = lines.iter().position(|&byte| byte == b'\n').map_or(lines.len(), |end| end + 1);
    let (first, second) = lines.split_at(end);
    let line = |number, bytes: &[u8]| {
        let line = password(first_line(Zeroizing::new(bytes.to_vec())));
        let next = "put the old password into its first line, and the new one into its second";
        line.map_err(|failure| in_line(number, failure).then(next))
    };
    Ok((line(1, first)?, line(2, second)?))
}

/// A failure about a line of standard input.
fn in_line(number: u8, failure: Failure) -> Failure {
    Failure { message: format!("line {number} of standard input: {}", failure.message), ..failure }
}

/// At least so many lines of standard input, where there are as many.
fn lines_of_stdin(count: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let stdin = io::stdin();
    let most = count * LONGEST_LINE;
    let mut lines = Zeroizing::new(Vec::with_capacity(most + LONGEST_LINE));
    let mut buffer = Zeroizing::new([0; LONGEST_LINE]);
    let complete = |lines: &[u8]| lines.iter().filter(|&&byte| byte == b'\n').count() >= count;
    while !complete(&lines) && lines.len() <= most {
        match nix::unistd::read(&stdin, &mut *buffer) {
            Ok(0) => break,
            Ok(count) => lines.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(Errno::EINTR) => {}
            Err(error) => {
                let reason = io::Error::from(error);
                return Err(Failure::new(FAILED, format!("cannot read standard input: {reason}")));
            }
        }
    }
    Ok(lines)
}

/// Cuts a line's end, LF or CRLF, and what follows it.
fn first_line(mut line: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if let Some(end) = line.iter().position(|&byte| byte == b'\n') {
        line.truncate(end);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    line
}

fn password(mut line: Zeroizing<Vec<u8>>) -> Result<Password, Failure> {
    if line.is_empty() {
        return Err(Failure::new(USAGE, "the password is empty"));
    }
    if line.len() > LONGEST_LINE {
        return Err(Failure::new(USAGE, format!("the password is longer than {LONGEST_LINE} bytes")));
    }
    match String::from_utf8(std::mem::take(&mut *line)) {
        Ok(text) => Ok(Password::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Failure::new(USAGE, "the password is not UTF-8"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bytes: &[u8]) -> Result<String, u8> {
        let password = password(first_line(Zeroizing::new(bytes.to_vec())));
        password.map(|it| it.expose().to_owned()).map_err(|failure| failure.status)
    }

    #[test]
    fn a_password_is_the_first_line_without_its_end() {
        assert_eq!(taken(b"secret"), Ok("secret".into()));
        assert_eq!(taken(b"secret\n"), Ok("secret".into()));
        assert_eq!(taken(b"secret\r\nmore\n"), Ok("secret".into()));
        assert_eq!(taken(b" with spaces \n"), Ok(" with spaces ".into()));
        assert_eq!(taken("pä\n".as_bytes()), Ok("pä".into()));
    }

    #[test]
    fn no_password_is_refused() {
        for bytes in [&b""[..], b"\n", b"\r\n", b"\nsecond", b"\xff\n", &[b'x'; LONGEST_LINE + 1]] {
            assert_eq!(taken(bytes), Err(USAGE));
        }
    }

    #[test]
    fn exit_statuses_of_signals() {
        assert_eq!(Signals::exit_status(Signal::SIGINT), 130);
        assert_eq!(Signals::exit_status(Signal::SIGTERM), 143);
    }
}
