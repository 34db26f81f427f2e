//! The loop: what comes in changes the model, the model is drawn, and what it asks for is carried out.

use crate::args::{self, Options, Parsed};
use crate::follower;
use crate::inputs::{self, Input, SIGNALS};
use crate::model::Model;
use crate::model::message::{Effect, Message, Now};
use crate::screen::Screen;
use crate::view::{self, Drawn, Look};
use crate::worker::Worker;
use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_gettime};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use weka_token::client::{Client, Signals};
use weka_token::failure::{FAILED, Failure, USAGE};

const PROGRAM: &str = "weka-token-ui";

/// Runs the command line of this process and returns its exit status.
#[must_use]
pub fn run() -> ExitCode {
    let outcome = args::parse(std::env::args_os()).and_then(|parsed| match parsed {
        Parsed::Text(text) => {
            // A reader that has gone away has read enough.
            io::stdout().write_all(text.as_bytes()).unwrap_or_default();
            Ok(0)
        }
        Parsed::Run(options) => show(options),
    });
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(failure) => Client::report(PROGRAM, &failure),
    }
}

fn show(options: Options) -> Result<u8, Failure> {
    check_terminal()?;
    // Passwords and tokens pass through here: no core dump, and no debugger of the same user.
    nix::sys::prctl::set_dumpable(false).unwrap_or_default();
    let client = Arc::new(Client::new(options.socket, options.profile)?);
    let look = Look { colour: client.colour(), unicode: Look::is_utf8(|name| std::env::var_os(name)) };
    // Before any thread is started, so that all of them leave signals alone.
    let signals = Arc::new(Signals::block_all_that_end(&SIGNALS)?);
    let (to, inbox) = channel();
    let mut screen = Screen::take().map_err(|error| failed("take the terminal over", &error))?;
    let started =
        inputs::wait(Arc::clone(&signals), to.clone()).and_then(|()| follower::follow(&client, to.clone()));
    started.map_err(|error| failed("start a thread", &error))?;
    let size = screen.size().map_err(|error| failed("measure the terminal", &error))?;
    let mut ui = Ui {
        model: Model::new(size, client.profile().map(str::to_owned)),
        screen: &mut screen,
        worker: Worker::new(client, to),
        signals: &signals,
        look,
    };
    match ui.serve(&inbox) {
        Ok(status) => Ok(status),
        // A terminal that has gone takes the program with it.
        Err(_) => Ok(Signals::exit_status(Signal::SIGHUP)),
    }
}

fn check_terminal() -> Result<(), Failure> {
    let instead = "without a terminal, use: weka-token status";
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::new(USAGE, "standard input and output have to be a terminal").then(instead));
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        let message = "this terminal (TERM=dumb) cannot be drawn on";
        return Err(Failure::new(USAGE, message).then("use: weka-token status --watch"));
    }
    Ok(())
}

fn failed(what: &str, error: &io::Error) -> Failure {
    Failure::new(FAILED, format!("cannot {what}: {error}"))
}

struct Ui<'a> {
    model: Model,
    screen: &'a mut Screen,
    worker: Worker,
    signals: &'a Signals,
    look: Look,
}

impl Ui<'_> {
    /// Goes on until somebody leaves; an error means that the terminal has gone.
    fn serve(&mut self, inbox: &Receiver<Input>) -> io::Result<u8> {
        loop {
            self.draw()?;
            let first = match self.model.wakes_at() {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => inbox.recv_timeout(at.saturating_sub(now().boot)),
            };
            let first = match first {
                Ok(input) => input,
                Err(RecvTimeoutError::Timeout) => Input::Message(Message::Tick),
                Err(RecvTimeoutError::Disconnected) => Input::Gone,
            };
            // Whatever has come meanwhile makes one frame.
            for input in std::iter::once(first).chain(inbox.try_iter()) {
                if let Some(status) = self.take(input)? {
                    return Ok(status);
                }
            }
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let (model, look) = (&self.model, self.look);
        let mut drawn = Drawn::default();
        self.screen.draw(|frame| drawn = view::draw(frame, model, look))?;
        self.model.drawn(drawn.hits, drawn.above);
        Ok(())
    }

    fn take(&mut self, input: Input) -> io::Result<Option<u8>> {
        let message = match input {
            Input::Message(message) => message,
            Input::Gone => return Ok(Some(Signals::exit_status(Signal::SIGHUP))),
            Input::Signal(number) => return self.heed(number),
        };
        self.update(message)
    }

    fn heed(&mut self, number: i32) -> io::Result<Option<u8>> {
        match Signal::try_from(number) {
            Ok(Signal::SIGWINCH) => {}
            Ok(Signal::SIGTSTP) => {
                self.suspend()?;
                return Ok(None);
            }
            Ok(Signal::SIGCONT) => {
                // Whoever had the terminal meanwhile may have left it in any state.
                self.screen.resume()?;
            }
            _ => return Ok(Some(Signals::exit_status_of(number))),
        }
        let (columns, rows) = self.screen.size()?;
        self.update(Message::Size(columns, rows))
    }

    fn update(&mut self, message: Message) -> io::Result<Option<u8>> {
        for effect in self.model.update(now(), message) {
            if let Some(status) = self.carry_out(effect)? {
                return Ok(Some(status));
            }
        }
        Ok(None)
    }

    fn carry_out(&mut self, effect: Effect) -> io::Result<Option<u8>> {
        match effect {
            Effect::Ask { ticket, timeout_ms, request } => self.worker.ask(ticket, timeout_ms, request),
            Effect::Describe { ticket, profile } => self.worker.describe(ticket, profile),
            Effect::Examine { ticket, profile } => self.worker.examine(ticket, profile),
            Effect::Copy(token) => self.worker.copy(token),
            Effect::Redraw => self.screen.redraw()?,
            Effect::Suspend => self.suspend()?,
            Effect::Leave(status) => return Ok(Some(status)),
        }
        Ok(None)
    }

    /// Where there is no job control, it goes on at once.
    fn suspend(&mut self) -> io::Result<()> {
        self.screen.give_back();
        self.signals.stop_here();
        self.screen.resume()
    }
}

fn now() -> Now {
    let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default();
    let date = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { boot, unix_s: i64::try_from(date.as_secs()).unwrap_or(i64::MAX) }
}
