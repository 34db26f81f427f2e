//! `weka-token exec`: runs a command with a token file of its own, kept current for as long as the command lives.

mod command;

use crate::args::ExecOptions;
use crate::environment::Environment;
use crate::failure::{BEFORE_START, Failure};
use crate::follower::Owed;
use crate::held_signals::HeldSignals;
use crate::kept_file::KeptFile;
use crate::private_file::PrivateFile;
use crate::private_folder::{Place, reasons};
use crate::session::{self, Session};
use crate::token_json::FileTokens;
use nix::sys::signal::Signal;
use std::path::PathBuf;
use wire::{Pair, Response};

/// What is passed on besides what would end this process.
const PASSED_ON: [Signal; 3] = [Signal::SIGWINCH, Signal::SIGTSTP, Signal::SIGCONT];
/// How long the daemon may take, once the command has ended, to be told of a pair that the command renewed.
const TELLING_MS: u32 = 10_000;

pub(crate) fn run(session: &Session<'_>, options: &ExecOptions) -> Result<u8, Failure> {
    let pair = first_pair(session, options).map_err(Failure::before_start)?;
    // From here on no signal ends this process before its file is gone.
    let signals = HeldSignals::hold(&PASSED_ON)
        .map_err(|error| Failure::new(BEFORE_START, format!("signals cannot be held: {}", error.desc())))?;
    let file =
        PrivateFile::make(&places(session.environment), &FileTokens::of(&pair)).map_err(|failures| {
            let message = format!("no private folder for the token file: {}", reasons(&failures));
            Failure::new(BEFORE_START, message)
                .then("set XDG_RUNTIME_DIR to a folder of yours with mode 0700, on memory if possible")
        })?;
    let mut file = KeptFile::new(session, "weka-token", file, &pair);
    let child = command::start(&signals, &options.command, file.file().path())?;
    let (end, owed) = file.wait(&child, &signals);
    if let Some(owed) = owed {
        tell(session, &owed);
    }
    Ok(end.status())
}

/// The daemon has to know of a renewed pair before the file goes.
fn tell(session: &Session<'_>, owed: &Owed) {
    let told = session.ask_again(TELLING_MS, |_| owed.request());
    if let Err(failure) = told {
        session.say(&format!(
            "weka-token: the command has renewed the token, and the daemon could not be given the new one: {}",
            failure.message
        ));
    }
}

fn first_pair(session: &Session<'_>, options: &ExecOptions) -> Result<Pair, Failure> {
    let answer =
        session.ask_again(options.timeout.milliseconds(), |left_ms| session.current_pair(left_ms))?;
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
