//! What comes in by the terminal and by signals, each from a thread of its own.

use crate::model::message::Message;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use ratatui::crossterm::event::{self, Event};
use secret::Password;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use weka_token::client::Signals;

/// Signals that end the program, stop it, or tell of the terminal.
pub(crate) const SIGNALS: [Signal; 7] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGWINCH,
];

/// What comes in.
#[derive(Debug)]
pub(crate) enum Input {
    /// For the model.
    Message(Message),
    /// A signal.
    Signal(Signal),
    /// The terminal has gone.
    Gone,
}

/// Reads keys, clicks and pasted text until the terminal goes.
pub(crate) fn read_terminal(to: Sender<Input>) -> io::Result<()> {
    let read = move || {
        loop {
            let message = match event::read() {
                Ok(Event::Key(key)) => Message::Key(key),
                Ok(Event::Mouse(event)) => Message::Mouse(event),
                Ok(Event::Paste(text)) => Message::Paste(Password::new(text)),
                Ok(Event::Resize(..) | Event::FocusGained | Event::FocusLost) => continue,
                Err(_) => break,
            };
            if to.send(Input::Message(message)).is_err() {
                return;
            }
        }
        // Whoever would hear it may have gone first.
        to.send(Input::Gone).unwrap_or_default();
    };
    thread::Builder::new().name("terminal".into()).spawn(read).map(drop)
}

/// Waits for signals, and for the terminal to go: the other thread would not be told of that by itself.
pub(crate) fn watch_signals(signals: Arc<Signals>, to: Sender<Input>) -> io::Result<()> {
    let watch = move || {
        let stdin = io::stdin();
        loop {
            let mut fds = [
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(stdin.as_fd(), PollFlags::empty()),
            ];
            // An interrupted wait is begun anew.
            if poll(&mut fds, PollTimeout::NONE).is_err() {
                continue;
            }
            let gone = fds.last().and_then(PollFd::any).unwrap_or(false);
            while let Some(signal) = signals.take() {
                if to.send(Input::Signal(signal)).is_err() {
                    return;
                }
            }
            if gone {
                to.send(Input::Gone).unwrap_or_default();
                return;
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(watch).map(drop)
}
