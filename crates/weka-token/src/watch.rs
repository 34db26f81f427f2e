//! `weka-token status --watch`: the daemon answers when something has changed; in between, the remaining
//! times are counted down here.

use crate::args::StatusOptions;
use crate::connection::{Connection, ExchangeError};
use crate::failure::{FAILED, Failure};
use crate::output::{self, Reader};
use crate::screen::Screen;
use crate::session::{self, Session};
use crate::status_json;
use crate::status_pages::{status_in, whole};
use crate::status_table;
use crate::sys;
use crate::terminal::Signals;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use std::io::{IsTerminal, stdout};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use wire::{Request, Status};

/// How long the daemon is asked to hold an answer back.
const WAIT_S: u32 = 50;
/// How long an answer may take that is not held back.
const PATIENCE: Duration = Duration::from_secs(5);
/// The shortest time between two questions: a busy daemon changes with each `get`.
const CALM: Duration = Duration::from_millis(200);
/// Pauses between attempts to reach a daemon that has gone.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// What ended a wait.
enum Woken {
    /// The connection has something.
    Ready,
    /// The time is up.
    TimeUp,
    /// Leave with this exit status.
    Leave(u8),
}

pub(crate) fn run(session: &Session<'_>, options: &StatusOptions) -> Result<u8, Failure> {
    let signals = Signals::block(&[&Signals::OF_A_TERMINAL[..], &[Signal::SIGWINCH]].concat())?;
    let on_screen = !options.json && stdout().is_terminal();
    let mut watch = Watch {
        session,
        json: options.json,
        coloured: on_screen && session.environment.colour,
        screen: on_screen.then(Screen::default),
        signals,
        shown: None,
        lost: None,
    };
    let mut connection = Some(session.connect(WAIT_S * 1000)?);
    let mut pause = PAUSES.0;
    loop {
        let Some(open) = &mut connection else {
            if let Woken::Leave(status) = watch.wait(None, pause)? {
                return Ok(status);
            }
            pause = (pause * 2).min(PAUSES.1);
            connection = session.try_connect(WAIT_S * 1000).ok();
            continue;
        };
        match watch.next(open) {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => pause = PAUSES.0,
            Err(Stopped::Failure(failure)) => return Err(failure),
            Err(Stopped::Lost(error)) => {
                if watch.shown.is_none() {
                    return Err(session::no_answer(error, open.path(), 3000));
                }
                connection = None;
                watch.lost.get_or_insert_with(Instant::now);
                watch.redraw()?;
            }
        }
    }
}

/// Why there was no next status.
enum Stopped {
    Failure(Failure),
    /// The daemon has gone, perhaps to come back.
    Lost(ExchangeError),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

struct Watch<'a> {
    session: &'a Session<'a>,
    json: bool,
    coloured: bool,
    screen: Option<Screen>,
    signals: Signals,
    shown: Option<(Status, Instant)>,
    lost: Option<Instant>,
}

impl Watch<'_> {
    /// Asks once, waits, and shows the answer; an exit status ends it all.
    fn next(&mut self, connection: &mut Connection) -> Result<Option<u8>, Stopped> {
        // A daemon that has just started counts its revisions anew.
        let known = self.shown.as_ref().filter(|_| self.lost.is_none());
        let after_revision = known.map(|(status, _)| status.revision);
        connection.send(&self.question(after_revision, None)).map_err(|error| stopped(error, connection))?;
        let held_back_s = if after_revision.is_some() { WAIT_S } else { 0 };
        match self.wait(Some(connection), Duration::from_secs(held_back_s.into()) + PATIENCE)? {
            Woken::Leave(status) => return Ok(Some(status)),
            Woken::Ready => {}
            Woken::TimeUp => return Err(stopped(ExchangeError::TimedOut, connection)),
        }
        let mut first = Some(self.receive(connection)?);
        let status = whole(|after_name| match first.take() {
            Some(page) => Ok(page),
            None => {
                let question = self.question(None, after_name);
                connection.send(&question).map_err(|error| stopped(error, connection))?;
                self.receive(connection)
            }
        })?;
        let changed = after_revision != Some(status.revision);
        self.lost = None;
        self.shown = Some((status, Instant::now()));
        if (changed || self.screen.is_some()) && self.redraw()? == Reader::Gone {
            return Ok(Some(0));
        }
        match self.wait(None, CALM)? {
            Woken::Leave(status) => Ok(Some(status)),
            Woken::Ready | Woken::TimeUp => Ok(None),
        }
    }

    fn question(&self, after_revision: Option<u64>, after_name: Option<String>) -> Request {
        let wait_s = if after_revision.is_some() { WAIT_S } else { 0 };
        Request::Status { profile: self.session.profile.clone(), after_revision, wait_s, after_name }
    }

    fn receive(&self, connection: &mut Connection) -> Result<Status, Stopped> {
        let answer = connection.receive().map_err(|error| stopped(error, connection))?;
        Ok(status_in(session::accepted(answer)?)?)
    }

    /// Waits for the connection or for `limit`, counting down on the screen and minding signals.
    fn wait(&mut self, connection: Option<&Connection>, limit: Duration) -> Result<Woken, Failure> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Woken::TimeUp);
            }
            let nap = if self.screen.is_some() { left.min(self.until_next_second()) } else { left };
            // A pipe whose reader has gone reports an error without being asked.
            let out = stdout();
            let mut fds = vec![
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(out.as_fd(), PollFlags::empty()),
            ];
            fds.extend(connection.map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN)));
            let nap = PollTimeout::try_from(nap + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
            match poll(&mut fds, nap) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(Failure::new(FAILED, format!("cannot wait: {error}"))),
            }
            let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
            if ready.get(1) == Some(&true) {
                return Ok(Woken::Leave(0));
            }
            if ready.first() == Some(&true)
                && let Some(status) = self.on_signal()?
            {
                return Ok(Woken::Leave(status));
            }
            if ready.get(2) == Some(&true) {
                return Ok(Woken::Ready);
            }
            if self.screen.is_some() && self.redraw()? == Reader::Gone {
                return Ok(Woken::Leave(0));
            }
        }
    }

    /// The remaining times change when a whole second has passed since the last answer.
    fn until_next_second(&self) -> Duration {
        let into = self.shown.as_ref().map_or(0, |(_, at)| at.elapsed().subsec_millis());
        Duration::from_millis(u64::from(1000 - into.min(999)))
    }

    fn on_signal(&mut self) -> Result<Option<u8>, Failure> {
        match self.signals.take() {
            Some(Signal::SIGTSTP) => {
                if let Some(screen) = &mut self.screen {
                    screen.release();
                }
                self.signals.stop_here();
            }
            Some(Signal::SIGWINCH) => {
                if let Some(screen) = &mut self.screen {
                    screen.clear()?;
                }
            }
            Some(signal) => return Ok(Some(Signals::exit_status(signal))),
            None => {}
        }
        Ok(None)
    }

    fn redraw(&mut self) -> Result<Reader, Failure> {
        let Some((status, at)) = &self.shown else { return Ok(Reader::There) };
        if self.json || self.screen.is_none() {
            // Off a terminal, a line per change and nothing else.
            if self.lost.is_some() {
                return Ok(Reader::There);
            }
            let text = if self.json {
                status_json::line(status)
            } else {
                format!("{}\n", status_table::lines(status, 0, self.coloured, None).join("\n"))
            };
            return output::result(text.as_bytes());
        }
        let columns = sys::columns(stdout());
        let mut lines = status_table::lines(status, at.elapsed().as_secs(), self.coloured, columns);
        if self.lost.is_some() {
            lines.push("the daemon has gone; waiting for it to come back".to_owned());
        }
        match &mut self.screen {
            Some(screen) => screen.draw(&lines),
            None => Ok(Reader::There),
        }
    }
}

fn stopped(error: ExchangeError, connection: &Connection) -> Stopped {
    match error {
        gone @ (ExchangeError::Closed | ExchangeError::TimedOut) => Stopped::Lost(gone),
        other => Stopped::Failure(session::no_answer(other, connection.path(), WAIT_S * 1000)),
    }
}
