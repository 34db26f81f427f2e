//! What uses tokens and knows nothing of us, unchanged: through at least three expiries, beside a running daemon.

mod api_client;
mod container;
mod scripts;
mod wekalib;

use e2e::{Cluster, Home, Ran, binaries, python};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// How many access tokens have to die.
const EXPIRIES: usize = 3;

/// An address that nobody else has: WEKA's older tools know one port only, 14000.
fn address() -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | high & 63, low, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A Python program of the tests in this home; `None` where there is no Python.
fn program(home: &Home, script: &str, arguments: &[&str]) -> Option<std::process::Command> {
    let mut command = home.command(python::interpreter()?);
    // What it has to say besides its answers is for whoever looks into a failure.
    let errors = home.path().join(script).with_extension("err");
    // Nothing compiled is to be left in the source tree.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(python::script(script)).args(arguments).stderr(std::fs::File::create(errors).unwrap());
    Some(command)
}

/// Lets `command` find our client, as an installation does.
fn with_client(command: &mut std::process::Command) -> &mut std::process::Command {
    let ours = binaries::folder().display().to_string();
    command.env("PATH", format!("{ours}:{}", std::env::var("PATH").unwrap_or_default()))
}

/// The life of an access token, here.
const LIFE: &str = "4s";
/// By then [`EXPIRIES`] of them have died, each after the next one came.
const SPAN: Duration = Duration::from_secs(12);
/// What is left of one at least when `get` hands it out: a tenth.
const LEAST: Duration = Duration::from_millis(400);
/// What is left at least of the one in a file that is renewed at half of its life, less what a renewal takes.
const LEAST_IN_FILE: Duration = Duration::from_millis(1500);

/// Where who asks has a token from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// From the daemon, each time.
    Daemon,
    /// From a file, which waits for nobody.
    File,
}

/// Asks for `path` with `ask` again and again, until [`EXPIRIES`] tokens that it was asked with have died, and none of
/// them before it came.
#[track_caller]
fn through_expiries(
    cluster: &Cluster,
    path: &str,
    source: Source,
    mut ask: impl FnMut() -> Result<(), String>,
) {
    let mut tokens = BTreeSet::new();
    let started = Instant::now();
    let mut before = started;
    while started.elapsed() < SPAN || tokens.len() <= EXPIRIES {
        let began = Instant::now();
        if let Err(why) = ask() {
            // A machine that is busy with other things may take longer than a token has left to live. Who keeps the file may
            // have been held up since it was last seen to be right.
            let (since, least) = match source {
                Source::Daemon => (began, LEAST),
                Source::File => (before, LEAST_IN_FILE),
            };
            assert!(since.elapsed() > least, "{why}");
        }
        before = began;
        let asked = cluster.requests(&format!("path={path}&status=200"));
        tokens.extend(asked.iter().map(|request| request["bearer"]["id"].to_string()));
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Whether a command did what it should, and printed this.
fn printed(ran: &Ran, expected: &str) -> Result<(), String> {
    if ran.status == 0 && ran.stdout.contains(expected) { Ok(()) } else { Err(format!("{ran:#?}")) }
}

/// Asks the daemon for a token, which the cluster has to take.
#[track_caller]
fn assert_live_token(cluster: &Cluster, get: impl FnOnce() -> Ran) -> String {
    let began = Instant::now();
    let token = get().ok();
    let found = cluster.check(&token);
    assert!(found["standing"] == "alive" || began.elapsed() > LEAST, "{found}");
    token
}
