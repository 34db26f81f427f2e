//! What uses tokens and knows nothing of us, unchanged: through at least three expiries, beside a running daemon.

mod wekalib;

use e2e::{Home, python};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, Ordering};

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
    command.arg(python::script(script)).args(arguments).stderr(std::fs::File::create(errors).unwrap());
    Some(command)
}
