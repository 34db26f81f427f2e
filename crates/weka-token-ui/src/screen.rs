//! The terminal: taken over, drawn on in one write per frame, and given back whatever happens.

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::terminal;
use ratatui::{Frame, Terminal};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroize;

/// The alternate screen, clicks and the wheel (in the form that has no upper limit), pasted text marked as such,
/// no cursor. Moves of the mouse are not asked for: they would wake the program all the time.
const TAKE: &str = "\x1b[?1049h\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?25l";
/// All of that taken back, and colours as they were.
const GIVE_BACK: &str = "\x1b[?2004l\x1b[?1006l\x1b[?1000l\x1b[0m\x1b[?1049l\x1b[?25h";

/// Whether the terminal is ours at the moment.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours; dropped, it is given back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Paper>>,
    paper: Paper,
    output: File,
}

/// A frame before it is sent. It may show a token, so it is wiped once it is out.
#[derive(Debug, Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    /// Takes the terminal over, and sees to it that a panic gives it back.
    ///
    /// # Errors
    /// It is no terminal, or has gone.
    pub fn take() -> io::Result<Self> {
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let paper = Paper::default();
        let terminal = Terminal::new(CrosstermBackend::new(paper.clone()))?;
        give_back_on_panic();
        let mut screen = Self { terminal, paper, output };
        screen.resume()?;
        Ok(screen)
    }

    /// Takes it over again, after [`Self::give_back`] or after others may have changed it.
    ///
    /// # Errors
    /// The terminal has gone.
    pub fn resume(&mut self) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        // The library would not set what it believes to be set.
        terminal::disable_raw_mode()?;
        terminal::enable_raw_mode()?;
        self.output.write_all(TAKE.as_bytes())?;
        self.redraw()
    }

    /// Has the next frame drawn as a whole, whatever the terminal may show.
    ///
    /// # Errors
    /// The terminal has gone.
    pub fn redraw(&mut self) -> io::Result<()> {
        // Not `clear`, which would ask the terminal where its cursor is, and wait.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())?;
        self.send()
    }

    /// Gives it back for a while.
    pub fn give_back(&mut self) {
        give_back();
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// The terminal has gone.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws a frame: what has changed since the last one, in one write.
    ///
    /// # Errors
    /// The terminal has gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw)?;
        self.send()
    }

    fn send(&mut self) -> io::Result<()> {
        let mut paper = self.paper.0.borrow_mut();
        let sent = self.output.write_all(&paper);
        // Its length, too, is set to zero; its room stays.
        paper.zeroize();
        sent
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, if it is ours. Nothing can be done about one that has gone.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let output = io::stdout().as_fd().try_clone_to_owned().map(File::from);
        drop(output.and_then(|mut output| output.write_all(GIVE_BACK.as_bytes())));
        drop(terminal::disable_raw_mode());
    }
}

/// The message is printed on a terminal that shows it. The other threads end with the one that panicked, as
/// the screen is theirs no longer.
fn give_back_on_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        give_back();
        before(panic);
        #[expect(clippy::exit, reason = "a thread that panics has no other way to end the program")]
        std::process::exit(101);
    }));
}
