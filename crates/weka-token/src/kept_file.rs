//! A private token file that is kept current for as long as the program lives that was given it.
//!
//! One thread waits for four things at once: signals, the program's end among them; what the program makes of its
//! file; the daemon's next pair; and the moment to look for a daemon that has gone.

use crate::child::{Child, End};
use crate::follower::{Follower, Next, Owed};
use crate::held_signals::HeldSignals;
use crate::private_file::{PrivateFile, Replaced};
use crate::session::Session;
use crate::token_json::FileTokens;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;
use wire::Pair;

/// A file and all that is kept for it.
#[derive(Debug)]
pub(crate) struct KeptFile<'a> {
    file: PrivateFile,
    watch: Option<Inotify>,
    follower: Follower<'a>,
    session: &'a Session<'a>,
    /// Who speaks, in front of what is said meanwhile.
    speaker: &'a str,
}

/// Tells when the program has put something into the folder. Where the kernel has no more such watches for this user,
/// the file is looked at whenever the daemon is heard of, and at the end.
fn watch(folder: &Path) -> Option<Inotify> {
    let watch = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
    let put = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
    watch.add_watch(folder, put).ok()?;
    Some(watch)
}

impl<'a> KeptFile<'a> {
    /// Goes on from a file that holds this pair. The program is to be started after that, as it may write at once.
    pub(crate) fn new(session: &'a Session<'a>, speaker: &'a str, file: PrivateFile, pair: &Pair) -> Self {
        let watch = watch(file.folder());
        Self { file, watch, follower: Follower::after(session, pair), session, speaker }
    }

    /// The file.
    pub(crate) const fn file(&self) -> &PrivateFile {
        &self.file
    }

    /// Waits for the end of the program. What the program has renewed last is not lost with its file: the daemon has yet
    /// to be told of it.
    pub(crate) fn wait(&mut self, child: &Child, signals: &HeldSignals) -> (End, Option<Owed>) {
        loop {
            if let Some(end) = child.look() {
                self.hear_the_program();
                return (end, self.follower.owed());
            }
            let wait = self.follower.go_on();
            let ready = self.poll(signals, wait);
            child.pass_on(signals);
            if let Some(watch) = &self.watch {
                // What happened is in the file.
                while watch.read_events().is_ok_and(|events| !events.is_empty()) {}
            }
            self.hear_the_program();
            if ready {
                match self.follower.heard() {
                    Next::Nothing => {}
                    Next::Pair(pair) => self.put(&pair),
                    Next::OtherAccount(said) => self.session.say(&format!("{}: {said}", self.speaker)),
                }
            }
        }
    }

    fn hear_the_program(&mut self) {
        if let Some(found) = self.file.news() {
            self.follower.offer(found);
        }
    }

    fn put(&mut self, pair: &Pair) {
        match self.file.replace(&FileTokens::of(pair)) {
            Ok(Replaced::Done) => self.follower.is_in_file(pair),
            Ok(Replaced::Found(found)) => self.follower.offer(found),
            // The folder is full, or gone: the next pair is as good.
            Err(_) => self.follower.later(),
        }
    }

    /// Waits until something has happened; whether the daemon is to be heard.
    fn poll(&self, signals: &HeldSignals, at_most: Duration) -> bool {
        let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.watch.iter().map(|watch| PollFd::new(watch.as_fd(), PollFlags::POLLIN)));
        let daemon = self.follower.connection();
        fds.extend(daemon.map(|connection| PollFd::new(connection.as_fd(), PollFlags::POLLIN)));
        // Rounded up, so that it is not too early by less than a millisecond, again and again.
        let wait = PollTimeout::try_from(at_most + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, wait) {
            Ok(_) => {}
            Err(Errno::EINTR) => return false,
            Err(_) => std::thread::sleep(Duration::from_millis(100).min(at_most)),
        }
        daemon.is_some() && fds.last().and_then(PollFd::any).unwrap_or(false)
    }
}
