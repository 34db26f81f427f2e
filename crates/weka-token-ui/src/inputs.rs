//! What comes in by the terminal and by signals, from a thread that waits for both.

use crate::decoder::Decoder;
use crate::model::message::Message;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use weka_token::client::Signals;
use zeroize::Zeroizing;

/// Signals that stop the program or tell of the terminal. Those that end it are looked at, too, whichever they are: the
/// terminal is to be given back.
pub(crate) const SIGNALS: [Signal; 3] = [Signal::SIGTSTP, Signal::SIGCONT, Signal::SIGWINCH];
/// As much as is read at once.
const READ: usize = 1024;
/// How long after Escape something may come that makes it the beginning of another key, in milliseconds.
const AFTER_ESCAPE_MS: u16 = 50;

/// What comes in.
#[derive(Debug)]
pub(crate) enum Input {
    /// For the model.
    Message(Message),
    /// A signal, by its number.
    Signal(i32),
    /// The terminal has gone.
    Gone,
}

/// Waits for whatever comes, until the terminal goes or nobody listens any more.
pub(crate) fn wait(signals: Arc<Signals>, to: Sender<Input>) -> io::Result<()> {
    let wait = move || {
        let mut decoder = Decoder::default();
        while pass_on(&signals, &mut decoder, &to).is_some() {}
    };
    thread::Builder::new().name("inputs".into()).spawn(wait).map(drop)
}

/// Passes on what comes next; none once there is nothing more, or nobody to hear it.
fn pass_on(signals: &Signals, decoder: &mut Decoder, to: &Sender<Input>) -> Option<()> {
    let stdin = io::stdin();
    let mut fds =
        [PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    let limit = if decoder.is_waiting() { PollTimeout::from(AFTER_ESCAPE_MS) } else { PollTimeout::NONE };
    match poll(&mut fds, limit) {
        Ok(0) => {
            return decoder.flush().into_iter().try_for_each(|it| to.send(Input::Message(it)).ok());
        }
        Ok(_) => {}
        // An interrupted wait is begun anew.
        Err(_) => return Some(()),
    }
    while let Some(signal) = signals.take_number() {
        to.send(Input::Signal(signal)).ok()?;
    }
    if !fds.last().and_then(PollFd::any).unwrap_or(false) {
        return Some(());
    }
    let mut buffer = Zeroizing::new([0; READ]);
    match nix::unistd::read(&stdin, &mut *buffer) {
        Ok(count) if count > 0 => {
            let bytes = buffer.get(..count).unwrap_or_default();
            decoder.feed(bytes).into_iter().try_for_each(|it| to.send(Input::Message(it)).ok())
        }
        Err(Errno::EINTR | Errno::EAGAIN) => Some(()),
        Ok(_) | Err(_) => {
            to.send(Input::Gone).unwrap_or_default();
            None
        }
    }
}
