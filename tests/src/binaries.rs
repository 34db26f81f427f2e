//! The binaries under test, found beside the running program.

use std::path::PathBuf;

/// Where a binary of this workspace is.
///
/// # Panics
/// It is missing: `cargo test --workspace` (or `cargo build --workspace`) builds it.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("the running program has a path");
    let folder = here.parent().expect("it is in a folder");
    // Tests run from target/PROFILE/deps, programs from target/PROFILE.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace` first, or all tests with `cargo test --workspace`",
        path.display()
    );
    path
}
