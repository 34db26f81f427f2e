//! The daemon's life: arguments, configuration, socket, serving, reloads, the end.

use crate::config::{self, Loaded};
use crate::dirs::{Dirs, Environment, Service};
use crate::logging;
use crate::process;
use crate::registry::Registry;
use crate::server;
use crate::socket::OwnSocket;
use crate::surroundings::Surroundings;
use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Holds WEKA access tokens in memory, renews them, and hands them out over a Unix socket.
///
/// It runs in the foreground and logs to stderr. Without any configuration it takes over
/// ~/.weka/auth-token.json, as `weka user login` writes it, and keeps it fresh.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Signals:
  SIGHUP            read the configuration again; unchanged profiles keep their tokens
  SIGTERM, SIGINT   answer open requests (at most 2 s), then end

Environment:
  WEKA_TOKEN_SOCKET  the socket, where --socket is not given
  WEKA_TOKEN_LOG     what to log, such as debug or weka_tokend=trace (default: info)

Exit status: 0 ended as asked; 1 failed; 2 usage, or a wrong configuration."
)]
struct Arguments {
    /// The configuration [default: ~/.config/weka-token/config.toml]
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// The socket [default: $XDG_RUNTIME_DIR/weka-token/agent.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Read the configuration, name each mistake, and exit
    #[arg(long)]
    check: bool,
}

/// Runs the daemon, from its arguments to its end.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let status = u8::try_from(error.exit_code()).unwrap_or(2);
            drop(error.print());
            return ExitCode::from(status);
        }
    };
    let environment = Environment::of_process();
    let dirs = Dirs::new(&environment, arguments.config.as_deref(), arguments.socket.as_deref());
    let loaded = config::load(&dirs);
    if arguments.check {
        return check(&dirs, &loaded);
    }
    if let Err(problem) =
        logging::start(environment.log_filter.as_deref(), environment.journal_stream.as_deref())
    {
        tracing::warn!("{problem}");
    }
    match start(&dirs, loaded) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            for line in &problem.lines {
                tracing::error!("{line}");
            }
            problem.status
        }
    }
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

fn check(dirs: &Dirs, loaded: &Loaded) -> ExitCode {
    for error in &loaded.errors {
        drop(writeln!(std::io::stderr(), "weka-tokend: {error}"));
    }
    if !loaded.errors.is_empty() {
        return ExitCode::from(2);
    }
    let profiles: Vec<_> = loaded.config.profiles.keys().map(ToString::to_string).collect();
    let source = loaded.config.source.as_ref().map_or_else(
        || {
            let usual = dirs.config_file.as_ref().map(|path| format!(" at {}", path.display()));
            format!("no configuration{}: the defaults hold", usual.unwrap_or_default())
        },
        |path| path.display().to_string(),
    );
    drop(writeln!(std::io::stdout(), "{source}: ok, profiles: {}", profiles.join(", ")));
    ExitCode::SUCCESS
}

fn start(dirs: &Dirs, loaded: Loaded) -> Result<(), Problem> {
    if !loaded.errors.is_empty() {
        let mut lines: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
        lines.push("the configuration is wrong; see: weka-tokend --check".into());
        return Err(Problem { lines, status: ExitCode::from(2) });
    }
    process::harden();
    let path = dirs.socket.as_ref().ok_or_else(|| {
        Problem::failed("there is no XDG_RUNTIME_DIR to put the socket in; give one with --socket PATH")
    })?;
    // Held until the end: dropping it removes the socket.
    let (own, listener) = OwnSocket::bind(path).map_err(Problem::failed)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Problem::failed)?;
    runtime.block_on(live(dirs, loaded, &own, listener))?;
    // A task that hangs in a file system must not keep the process.
    runtime.shutdown_background();
    Ok(())
}

async fn live(
    dirs: &Dirs,
    loaded: Loaded,
    own: &OwnSocket,
    listener: std::os::unix::net::UnixListener,
) -> Result<(), Problem> {
    let mut hangup = signal(SignalKind::hangup()).map_err(Problem::failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Problem::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Problem::failed)?;
    let listener = UnixListener::from_std(listener).map_err(Problem::failed)?;
    let surroundings =
        Arc::new(Surroundings::new(dirs.clone(), &machine_id(), loaded.config.default_profile.clone()));
    let registry = Arc::new(Registry::new(surroundings, own.path.display().to_string()));
    let profiles = loaded.config.profiles.len();
    registry.apply(loaded);
    let (stop, stopped) = watch::channel(false);
    let limits = process::client_limits(dirs.service == Service::Host);
    let serving = tokio::spawn(server::serve(listener, Arc::clone(&registry), limits, stopped));
    tracing::info!(socket = %own.path.display(), profiles, "weka-tokend {} is up", env!("CARGO_PKG_VERSION"));
    loop {
        tokio::select! {
            _ = hangup.recv() => reload(dirs, &registry).await,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tracing::info!("ending");
    stop.send_replace(true);
    if let Err(error) = serving.await {
        tracing::error!(%error, "the server ended badly");
    }
    registry.close().await;
    Ok(())
}

/// A wrong configuration changes nothing, and `status` says so.
async fn reload(dirs: &Dirs, registry: &Registry) {
    let read = {
        let dirs = dirs.clone();
        tokio::task::spawn_blocking(move || config::load(&dirs)).await
    };
    let Ok(loaded) = read else {
        tracing::error!("the configuration could not be read");
        return;
    };
    if loaded.errors.is_empty() {
        registry.apply(loaded);
        tracing::info!("the configuration was read again");
        return;
    }
    let mut notes = vec!["the configuration is wrong, so the one before still holds:".to_owned()];
    for error in &loaded.errors {
        tracing::error!("{error}");
        notes.push(error.to_string());
    }
    tracing::error!("the configuration is wrong, so the one before still holds");
    registry.note(notes);
}

/// What tells this machine from the next: its id, or its name where there is none (containers).
fn machine_id() -> String {
    std::fs::read_to_string("/etc/machine-id")
        .ok()
        .filter(|id| !id.trim().is_empty())
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .unwrap_or_default()
}
