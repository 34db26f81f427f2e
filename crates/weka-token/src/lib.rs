#![deny(unsafe_code)]
//! The client of `weka-tokend`: small, synchronous, without TLS and without name lookups, so that a static
//! build of it starts as fast as a process can.
//!
//! Its way in:
//! - `fast_path`: `get` with plain options, without building a command tree.
//! - `args`: everything else, by clap; also the source of help texts and completions.
//! - `duration`, `profile_name`, `name`, `fingerprint`: the values that are accepted.
//! - `environment`: the variables that matter, read once.
//!
//! To the daemon and back:
//! - `socket_search`: where the daemon may listen, and whom to trust there.
//! - [`client`]: the same, for programs that show it in another way.
//! - `connection`: one request and its answer, with a bound on the wait.
//! - `session`: the same for whole commands: repeats what may be repeated, turns refusals into failures.
//!
//! The commands:
//! - `get`, `refresh`, `whoami`, `logout`, `mount_token`: one request each.
//! - `filesystems`, `profiles`: lists that may come in pages.
//! - `login` and `cluster_trust`: ask a person for what is missing; `terminal` does the asking.
//! - `generate_token` (with `clipboard`), `revoke_tokens`, `passwd`: what a person does to an account.
//! - `doctor`, with `units`: what is wrong, and what to do.
//! - [`completions`] and [`man`], with `after_help`: what shells and manual readers get; for packages too.
//! - `mount`: what mount(8) runs as `/sbin/mount.weka-token`, chosen by the program's name.
//! - `status`, of `status_pages`, with `status_table`, `status_json` and `prometheus`; `watch` and `screen` keep it
//!   current.
//! - `ui`: hands over to `weka-token-ui`, a program of its own.
//!
//! For commands that run others:
//! - `curl`: the system's curl, with endpoint, trust and token.
//! - `exec`: a command with a token file of its own.
//! - `child`: the program under our eyes, with `held_signals`: what would end us is passed on to it, and we end after it.
//! - `private_file`: a token file for one command; in a folder made and swept by `private_folder`.
//! - `kept_file`: the same, kept current while the command lives, as `follower` hears of the next pair.
//! - `token_json`, by `json_reader`: token files as WEKA's own tools write and read them.
//!
//! What comes out:
//! - `output`: results on stdout in one write, everything else on stderr.
//! - `failure`: message, next step, exit status.
//! - `token_format`, `json`, `span`, `utc`, `wrap`: how things are written.
//! - `sys`: the unsafe calls: the size of a terminal, and signals that have no name.

mod after_help;
mod args;
mod child;
pub mod client;
mod clipboard;
mod cluster_trust;
pub mod completions;
mod connection;
mod curl;
mod doctor;
pub mod duration;
mod environment;
mod exec;
pub mod failure;
mod fast_path;
mod filesystems;
mod fingerprint;
mod follower;
mod generate_token;
mod get;
mod held_signals;
mod json;
mod json_reader;
mod kept_file;
mod login;
mod logout;
pub mod man;
mod mount;
mod mount_token;
mod name;
mod output;
mod passwd;
mod private_file;
mod private_folder;
pub mod profile_name;
mod profiles;
mod prometheus;
mod refresh;
mod revoke_tokens;
mod screen;
mod session;
mod socket_search;
pub mod span;
mod status;
mod status_json;
mod status_pages;
mod status_table;
mod sys;
mod terminal;
mod token_format;
mod token_json;
mod ui;
mod units;
pub mod utc;
mod watch;
mod whoami;
mod wrap;

use args::{Command, Parsed};
use environment::Environment;
use failure::Failure;
use session::Session;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command line of this process and returns its exit status.
#[must_use]
pub fn run() -> ExitCode {
    let environment = Environment::read();
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    let arguments: Vec<OsString> = words.collect();
    let (name, outcome) = if mount::is_helper(&program) {
        (args::MOUNT_HELPER, run_mount_helper(&arguments, &environment))
    } else {
        ("weka-token", run_command(&arguments, &environment))
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(failure) => output::report(name, &failure, environment.colour),
    }
}

fn run_command(arguments: &[OsString], environment: &Environment) -> Result<u8, Failure> {
    if let Some((global, options)) = fast_path::parse(arguments) {
        return Session::new(&global, environment).and_then(|it| get::run(&it, &options));
    }
    match args::parse(arguments) {
        Ok(parsed) => run_parsed(parsed, environment),
        Err(failure) => Err(match args::meant(arguments).as_deref() {
            Some("mount") => mount::in_terms_of_mount(failure),
            Some("exec" | "curl") => failure.before_start(),
            _ => failure,
        }),
    }
}

fn run_mount_helper(arguments: &[OsString], environment: &Environment) -> Result<u8, Failure> {
    let parsed = args::parse_mount_helper(arguments).map_err(mount::in_terms_of_mount)?;
    run_parsed(parsed, environment)
}

fn run_parsed(parsed: Parsed, environment: &Environment) -> Result<u8, Failure> {
    let (global, command) = match parsed {
        Parsed::Text(text) => return output::result(text.as_bytes()).map(|_| 0),
        Parsed::Command(global, command) => (global, command),
    };
    if let Command::Completions { shell } = command {
        return completions::run(shell);
    }
    if let Command::Man { folder } = command {
        return man::run(&folder, global.quiet);
    }
    if command == Command::Ui {
        return ui::run(&global);
    }
    if let Command::Mount(arguments) = command {
        return mount::run(&global, &arguments);
    }
    let session = Session::new(&global, environment);
    let session =
        if command.passes_a_status_on() { session.map_err(Failure::before_start) } else { session }?;
    match command {
        Command::Get(options) => get::run(&session, &options),
        Command::Login(options) => login::run(&session, &options),
        Command::Trust(options) => cluster_trust::run(&session, &options),
        Command::Logout { revoke, timeout } => logout::run(&session, revoke, timeout),
        Command::Status(options) => status::run(&session, &options),
        Command::Refresh { timeout } => refresh::run(&session, timeout),
        Command::Whoami { json, timeout } => whoami::run(&session, json, timeout),
        Command::Curl(options) => curl::run(&session, &options),
        Command::Exec(options) => exec::run(&session, &options),
        Command::Filesystems { json, timeout } => filesystems::run(&session, json, timeout),
        Command::MountToken(options) => mount_token::run(&session, &options),
        Command::GenerateToken(options) => generate_token::run(&session, &options),
        Command::RevokeTokens(options) => revoke_tokens::run(&session, &options),
        Command::Passwd(options) => passwd::run(&session, &options),
        Command::Doctor { json } => doctor::run(&session, json),
        Command::Profiles { json, edit } => profiles::run(&session, &global, json, edit),
        Command::Mount(_) | Command::Ui | Command::Completions { .. } | Command::Man { .. } => Ok(0),
    }
}
