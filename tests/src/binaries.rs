//! The binaries under test, found beside the running program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The workspace.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");

/// The folder that they are in.
///
/// # Panics
/// The running program has no path.
#[must_use]
pub fn folder() -> PathBuf {
    let here = std::env::current_exe().expect("the running program has a path");
    let folder = here.parent().expect("it is in a folder");
    // Tests run from target/PROFILE/deps, programs from target/PROFILE.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    folder.to_owned()
}

/// Where a binary of this workspace is.
///
/// # Panics
/// It is missing: `cargo test --workspace` (or `cargo build --workspace`) builds it.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace` first, or all tests with `cargo test --workspace`",
        path.display()
    );
    path
}

/// Copies a program, or a script, to where it is run from; anybody may run it there.
///
/// Another process does it: were the copy open for writing in this one, a command that another thread starts just then
/// would have it open for a moment as well, and what is being written cannot be run ("Text file busy").
///
/// # Panics
/// It cannot be copied.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("install").args(["-D", "-m", "0755"]).args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()), "{} to {}", from.display(), to.display());
}

/// The client as it is shipped, without a single library, but built as fast as can be. Made at the first call, below
/// the same build results.
///
/// # Panics
/// It cannot be built: it needs a static C library (libc6-dev on Debian).
#[must_use]
pub fn static_client() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_static_client).clone()
}

fn build_static_client() -> PathBuf {
    let flags = "-C target-feature=+crt-static -C relocation-model=static";
    let flags = std::env::var("RUSTFLAGS").map_or_else(|_| flags.to_owned(), |own| format!("{own} {flags}"));
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let rustc = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let folder = folder();
    let target = folder.parent().expect("the folder of build results");
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--quiet",
            "--locked",
            "-p",
            "weka-token",
            "--target",
            host,
            "--manifest-path",
            MANIFEST,
        ])
        .arg("--target-dir")
        .arg(target)
        // The tests of an optimized build have no need of an optimized client.
        .args(["--profile", "dev"])
        .env("RUSTFLAGS", flags)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdin(Stdio::null())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "no static client: {}", String::from_utf8_lossy(&built.stderr));
    target.join(host).join("debug/weka-token")
}
