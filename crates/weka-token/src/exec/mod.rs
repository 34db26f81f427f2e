//! `weka-token exec`: runs a command with a token file of its own, kept current for as long as the command lives.
//!
//! One thread waits for four things at once: signals, the command's end among them; what the command makes of its
//! file; the daemon's next pair; and the moment to look for a daemon that has gone.

mod child;
mod follower;

use crate::args::ExecOptions;
use crate::environment::Environment;
use crate::failure::{BEFORE_START, Failure};
use crate::held_signals::HeldSignals;
use crate::private_file::{PrivateFile, Replaced};
use crate::private_folder::Place;
use crate::session::{self, Session};
use crate::token_json::FileTokens;
use child::{Child, Standing};
use follower::{Follower, Next};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::{Signal, raise};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wire::{Pair, Request, Response};

/// What is passed on. The rest ends this process as it would any other, or concerns it alone.
const PASSED_ON: [Signal; 9] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];
/// How long the daemon may take, once the command has ended, to be told of a pair that the command renewed.
const TELLING_MS: u32 = 10_000;

pub(crate) fn run(session: &Session<'_>, options: &ExecOptions) -> Result<u8, Failure> {
    let pair = first_pair(session, options).map_err(Failure::before_start)?;
    // From here on no signal ends this process before its file is gone.
    let signals = HeldSignals::hold(PASSED_ON)
        .map_err(|error| Failure::new(BEFORE_START, format!("signals cannot be held: {}", error.desc())))?;
    let file =
        PrivateFile::make(&places(session.environment), &FileTokens::of(&pair)).map_err(|failures| {
            let reasons: Vec<_> =
                failures.iter().map(|(path, error)| format!("{}: {error}", path.display())).collect();
            Failure::new(
                BEFORE_START,
                format!("no private folder for the token file: {}", reasons.join("; ")),
            )
            .then("set XDG_RUNTIME_DIR to a folder of yours with mode 0700, on memory if possible")
        })?;
    // Before the command can write.
    let watch = watch(file.folder());
    let child = Child::start(&signals, &options.command, file.path())?;
    let follower = Follower::after(session, &pair);
    Ok(Running { session, signals, file, watch, child, follower }.wait_for_the_end())
}

fn first_pair(session: &Session<'_>, options: &ExecOptions) -> Result<Pair, Failure> {
    let answer = session.ask_again(options.timeout.milliseconds(), |timeout_ms| Request::Follow {
        profile: session.profile.clone(),
        after: None,
        wait_s: 0,
        timeout_ms,
    })?;
    match answer {
        Response::Pair(pair) => Ok(pair),
        _ => Err(session::unexpected()),
    }
}

/// Where the file may be: on memory, in a folder that goes with the login, or at least out of others' reach.
fn places(environment: &Environment) -> Vec<Place> {
    let uid = nix::unistd::geteuid();
    let below: &[&str] = &["weka-token", "exec"];
    let of_login = PathBuf::from(format!("/run/user/{uid}"));
    let own = environment.runtime_dir.iter().cloned().chain([of_login]);
    let temporary = environment.temporary_dir.clone().unwrap_or_else(|| "/tmp".into());
    let shared = ["/dev/shm".into(), temporary];
    let mut places: Vec<_> = own.map(|base| Place::Own(base, below)).collect();
    places.extend(shared.map(|base| Place::Shared(base, format!("weka-token-exec-{uid}-"))));
    places.dedup();
    places
}

/// Tells when the command has put something into the folder. Where the kernel has no more such watches for this user,
/// the file is looked at whenever the daemon is heard of, and at the end.
fn watch(folder: &Path) -> Option<Inotify> {
    let watch = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
    let put = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
    watch.add_watch(folder, put).ok()?;
    Some(watch)
}

/// Returns when somebody lets this process go on.
fn stop() {
    // It cannot fail to stop the process that raises it.
    let _stopped = raise(Signal::SIGSTOP);
}

/// A command and all that is kept for it.
struct Running<'a> {
    session: &'a Session<'a>,
    signals: HeldSignals,
    file: PrivateFile,
    watch: Option<Inotify>,
    child: Child,
    follower: Follower<'a>,
}

impl Running<'_> {
    /// Waits for the end of the command, and gives its exit status.
    fn wait_for_the_end(mut self) -> u8 {
        loop {
            match self.child.standing() {
                Standing::Ended(status) => {
                    self.settle();
                    return status;
                }
                Standing::Stopped => {
                    // As a job of a shell, the two are stopped and go on together.
                    stop();
                    continue;
                }
                Standing::Running => {}
            }
            let wait = self.follower.go_on();
            let ready = self.wait(wait);
            for signal in self.signals.arrived() {
                self.child.pass_on(signal);
            }
            if let Some(watch) = &self.watch {
                // What happened is in the file.
                while watch.read_events().is_ok_and(|events| !events.is_empty()) {}
            }
            if let Some(found) = self.file.news() {
                self.follower.offer(found);
            }
            if ready {
                match self.follower.heard() {
                    Next::Nothing => {}
                    Next::Pair(pair) => self.put(&pair),
                }
            }
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
    fn wait(&self, at_most: Duration) -> bool {
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
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

    /// What the command has renewed last must not be lost with its file.
    fn settle(&mut self) {
        if let Some(found) = self.file.news() {
            self.follower.offer(found);
        }
        let Some((after, offer)) = self.follower.owed() else { return };
        let told = self.session.ask_again(TELLING_MS, |_| Request::Adopt {
            profile: self.session.profile.clone(),
            after,
            offer: offer.clone(),
        });
        if let Err(failure) = told {
            self.session.say(&format!(
                "weka-token: the command has renewed the token, and the daemon could not be given the new one: {}",
                failure.message
            ));
        }
    }
}
