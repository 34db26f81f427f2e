//! The daemon's life: arguments, configuration, socket, serving, reloads, the end.

use crate::check;
use crate::config::{self, Loaded};
use crate::dirs::{Dirs, Environment, Service};
use crate::leftovers::Places;
use crate::logging;
use crate::process;
use crate::registry::Registry;
use crate::server;
use crate::service;
use crate::socket::OwnSocket;
use crate::surroundings::Surroundings;
use crate::systemd::inherited::{self, Inherited};
use crate::systemd::notify::Notifier;
use crate::systemd::state;
use crate::systemd::store::Store;
use crate::thrift;
use clap::{CommandFactory, Parser};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// After the options, in the help and in the manual page. Nothing wraps these lines.
const AFTER_HELP: &str = "\
It runs in the foreground and logs to standard error. Without any configuration
it takes over ~/.weka/auth-token.json, as `weka user login` writes it, and keeps
it fresh.

Signals:
  SIGHUP           read the configuration again; unchanged profiles keep their
                   tokens
  SIGTERM, SIGINT  answer open requests (at most 2 s), then end

Environment:
  WEKA_TOKEN_SOCKET  the socket, where --socket is not given
  WEKA_TOKEN_LOG     what to log, such as debug or weka_tokend=trace; info if
                     not set

Exit status:
  0  ended as asked
  1  failed
  2  the command line or the configuration is wrong

Examples:
  weka-tokend --check
  weka-tokend &
  systemctl --user enable --now weka-tokend.socket";

/// Holds WEKA access tokens in memory, renews them, and hands them out
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    /// The configuration
    /// [default: ~/.config/weka-token/config.toml]
    #[arg(long, verbatim_doc_comment, value_name = "PATH")]
    config: Option<PathBuf>,
    /// The socket
    /// [default: $XDG_RUNTIME_DIR/weka-token/agent.sock]
    #[arg(long, verbatim_doc_comment, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Read the configuration, name each mistake, and exit
    #[arg(long)]
    check: bool,
}

/// The command line as clap knows it, for the manual page.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the daemon, from its arguments to its end.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            return explained(&error);
        }
    };
    let environment = Environment::of_process();
    let dirs = Dirs::new(&environment, arguments.config.as_deref(), arguments.socket.as_deref());
    let loaded = config::load(&dirs);
    if arguments.check {
        return check::check(&dirs, &loaded);
    }
    if let Err(problem) =
        logging::start(environment.log_filter.as_deref(), environment.journal_stream.as_deref())
    {
        tracing::warn!("{problem}");
    }
    match start(&dirs, &environment, loaded) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            for line in &problem.lines {
                tracing::error!("{line}");
            }
            problem.status
        }
    }
}

/// Prints what clap says instead of a command line: a text that was asked for, or what is wrong.
fn explained(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        drop(write!(std::io::stderr(), "weka-tokend: {text}"));
    } else {
        drop(write!(std::io::stdout(), "{text}"));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Why the daemon ended before its time: already in words.
struct Problem {
    lines: Vec<String>,
    status: ExitCode,
}

impl Problem {
    fn failed(line: impl ToString) -> Self {
        Self { lines: vec![line.to_string()], status: ExitCode::FAILURE }
    }
}

/// Where the daemon answers.
struct Door {
    listener: UnixListener,
    path: PathBuf,
    /// Held until the end, where the socket is our own: dropping it removes the socket.
    _own: Option<OwnSocket>,
}

fn start(dirs: &Dirs, environment: &Environment, loaded: Loaded) -> Result<(), Problem> {
    let manager = &environment.manager;
    let inherited = inherited::take(manager).map_err(Problem::failed)?;
    // Ending would kill a socket that was passed, and drop the tokens that were.
    let has_to_stay = inherited.listener.is_some() || !inherited.others.is_empty();
    if !loaded.errors.is_empty() && !has_to_stay {
        let mut lines: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
        lines.push("the configuration is wrong; see: weka-tokend --check".into());
        return Err(Problem { lines, status: ExitCode::from(2) });
    }
    process::harden();
    let notifier = Notifier::new(manager.notify_socket.as_deref(), manager.watchdog_usec.as_deref());
    let notifier = Arc::new(notifier.map_err(Problem::failed)?);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Problem::failed)?;
    let uid = nix::unistd::geteuid().as_raw();
    let leftovers = Places::of_user(uid, environment.xdg_runtime_dir.as_deref());
    runtime.spawn_blocking(move || leftovers.sweep(uid));
    runtime.block_on(live(dirs, loaded, inherited, &notifier, manager.fd_store))?;
    // A task that hangs in a file system must not keep the process.
    runtime.shutdown_background();
    Ok(())
}

fn open_door(dirs: &Dirs, passed: Option<std::os::unix::net::UnixListener>) -> Result<Door, Problem> {
    if let Some(passed) = passed {
        let address = passed.local_addr().ok();
        let path = address.and_then(|address| address.as_pathname().map(ToOwned::to_owned));
        let listener = UnixListener::from_std(passed).map_err(Problem::failed)?;
        return Ok(Door { listener, path: path.unwrap_or_default(), _own: None });
    }
    let path = dirs.socket.as_ref().ok_or_else(|| {
        Problem::failed("there is no XDG_RUNTIME_DIR to put the socket in; give one with --socket PATH")
    })?;
    let (own, listener) = OwnSocket::bind(path).map_err(Problem::failed)?;
    let listener = UnixListener::from_std(listener).map_err(Problem::failed)?;
    Ok(Door { listener, path: own.path.clone(), _own: Some(own) })
}

async fn live(
    dirs: &Dirs,
    loaded: Loaded,
    inherited: Inherited,
    notifier: &Arc<Notifier>,
    room: Option<usize>,
) -> Result<(), Problem> {
    let mut hangup = signal(SignalKind::hangup()).map_err(Problem::failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Problem::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Problem::failed)?;
    let Door { listener, path, _own } = open_door(dirs, inherited.listener)?;
    let store = Store::new(notifier, room, loaded.config.sessions());
    let restored = store.as_ref().map(|store| state::restore(inherited.others, store)).unwrap_or_default();
    let default_profile = loaded.config.default_profile.clone();
    let surroundings = Surroundings::new(dirs.clone(), &machine_id(), default_profile);
    let surroundings = Arc::new(surroundings.with_store(store, restored));
    let registry = Registry::new(surroundings, path.display().to_string());
    let profiles = loaded.config.profiles.len();
    registry.apply(loaded);
    let (stop, stopped) = watch::channel(false);
    let limits = process::client_limits(dirs.service == Service::Host);
    let serving = tokio::spawn(server::serve(listener, Arc::clone(&registry), limits, stopped));
    tracing::info!(socket = %path.display(), profiles, "weka-tokend {} is up", env!("CARGO_PKG_VERSION"));
    notifier.say(&format!("READY=1\nSTATUS={}", registry.in_words()));
    let telling = tokio::spawn(service::tell(Arc::clone(notifier), Arc::clone(&registry)));
    let saving = tokio::spawn(thrift::keep(registry.surroundings.revision.clone()));
    let feeding = tokio::spawn(service::feed_watchdog(Arc::clone(notifier)));
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                notifier.say(&service::reloading());
                tokio::select! {
                    () = registry.reload() => {}
                    // It may be waiting for a change of profiles that takes its time.
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                }
                notifier.say(&format!("READY=1\nSTATUS={}", registry.in_words()));
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tracing::info!("ending");
    telling.abort();
    saving.abort();
    notifier.say("STOPPING=1\nSTATUS=ending");
    stop.send_replace(true);
    if let Err(error) = serving.await {
        tracing::error!(%error, "the server ended badly");
    }
    registry.close().await;
    feeding.abort();
    Ok(())
}

/// What tells this machine from the next: its id, or its name where there is none (containers).
fn machine_id() -> String {
    std::fs::read_to_string("/etc/machine-id")
        .ok()
        .filter(|id| !id.trim().is_empty())
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .unwrap_or_default()
}
