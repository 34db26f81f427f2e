//! What cannot be tested here, said once and aloud.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Says in one line what was not tested, and why.
pub fn skipped(what: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned()) {
        // Not by `eprintln`, which is kept from view when a test passes.
        let _written = writeln!(std::io::stderr(), "skipped: {what}");
    }
}

/// Whether this is root; where it is not, one line says what is not tested for it.
#[must_use]
pub fn is_root(what: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skipped(&format!("{what}: this is not root"));
    }
    is_root
}
