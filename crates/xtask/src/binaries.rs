//! The three programs, as they are shipped, and what they are measured with.

use crate::problem::Problem;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A client that starts as fast as a process can: no dynamic linker, no relocations, few page faults.
const STATIC: &str = "-C target-feature=+crt-static -C relocation-model=static";
/// The profile of everything that is shipped.
const SHIPPED: &str = "dist";
/// The workspace.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");

/// The programs.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    /// Where they are, under their own names.
    pub(crate) folder: PathBuf,
    /// `weka-token`.
    pub(crate) client: Vec<u8>,
    /// `weka-tokend`.
    pub(crate) daemon: Vec<u8>,
    /// `weka-token-ui`.
    pub(crate) ui: Vec<u8>,
}

impl Binaries {
    /// Those in a folder, or, where none is given, newly built ones.
    ///
    /// # Errors
    /// They are not there, or the build fails.
    pub(crate) fn get(folder: Option<&Path>) -> Result<Self, Problem> {
        match folder {
            Some(folder) => Self::read(folder),
            None => Self::build(),
        }
    }

    fn read(folder: &Path) -> Result<Self, Problem> {
        let folder = std::path::absolute(folder).map_err(|error| Problem::at(folder, error))?;
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|error| Problem::at(&path, error))
        };
        let (client, daemon, ui) = (read("weka-token")?, read("weka-tokend")?, read("weka-token-ui")?);
        Ok(Self { folder: folder.clone(), client, daemon, ui })
    }

    /// Builds with the profile `dist`: the client static, the daemon dynamic, as DNS goes through the host's name service,
    /// and with it the terminal UI, which has all the time in the world.
    fn build() -> Result<Self, Problem> {
        let flags =
            std::env::var("RUSTFLAGS").map_or_else(|_| STATIC.to_owned(), |own| format!("{own} {STATIC}"));
        // With a target of its own, the flags leave procedural macros alone.
        let target_of_client = ["-p", "weka-token", "--target", &host()?];
        let client = cargo(SHIPPED, &target_of_client, Some(&flags)).map_err(|problem| {
            problem.then(
                "a static client needs a static C library: libc6-dev (Debian), glibc-static (Fedora, RHEL)",
            )
        })?;
        let daemon = cargo(SHIPPED, &["-p", "weka-tokend"], None)?;
        let ui = cargo(SHIPPED, &["-p", "weka-token-ui"], None)?;
        // Side by side, for an installation by another user (root).
        let folder = target()?.join("dist/bin");
        fs::create_dir_all(&folder).map_err(|error| Problem::at(&folder, error))?;
        for built in [client, daemon, ui] {
            let copy = folder.join(built.file_name().unwrap_or_default());
            // By way of another file: the one before may be running.
            let new = copy.with_extension("new");
            let copied = fs::copy(&built, &new).and_then(|_| fs::rename(&new, &copy));
            copied.map_err(|error| Problem::at(&copy, error))?;
        }
        Self::read(&folder)
    }
}

/// Builds `weka-sim` into the folder that this program runs from, where the harness looks for it.
///
/// # Errors
/// The build fails.
pub(crate) fn build_simulator() -> Result<(), Problem> {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    cargo(profile, &["-p", "weka-sim"], None).map(drop)
}

/// Builds one of the examples of `wire`, in the same way as the daemon.
///
/// # Errors
/// The build fails.
pub(crate) fn build_example(name: &str) -> Result<PathBuf, Problem> {
    cargo(SHIPPED, &["-p", "wire", "--example", name], None)
}

/// The folder of build results: this program is in one of its profiles' folders.
///
/// # Errors
/// This program has been moved or removed.
pub(crate) fn target() -> Result<PathBuf, Problem> {
    let program = std::env::current_exe();
    let program = program.map_err(|error| Problem::new(format!("this program's own path: {error}")))?;
    let target = program.parent().and_then(Path::parent);
    target.map(Path::to_owned).ok_or_else(|| Problem::at(&program, "not in a target folder"))
}

fn tool(variable: &str, name: &str) -> Command {
    Command::new(std::env::var_os(variable).as_deref().unwrap_or_else(|| OsStr::new(name)))
}

/// The machine's own target triple, as rustc names it.
fn host() -> Result<String, Problem> {
    let output = tool("RUSTC", "rustc").arg("-vV").output();
    let output = output.map_err(|error| Problem::new(format!("rustc: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(ToOwned::to_owned).ok_or_else(|| Problem::new("rustc -vV does not name a host"))
}

/// Builds one program and says where it is. Cargo reports on standard error, as ever.
fn cargo(profile: &str, arguments: &[&str], flags: Option<&str>) -> Result<PathBuf, Problem> {
    let mut command = tool("CARGO", "cargo");
    command.args(["build", "--locked", "--profile", profile, "--manifest-path", MANIFEST]);
    command.args(["--message-format", "json-render-diagnostics"]).args(arguments).stderr(Stdio::inherit());
    if let Some(flags) = flags {
        command.env("RUSTFLAGS", flags).env_remove("CARGO_ENCODED_RUSTFLAGS");
    }
    let output = command.output().map_err(|error| Problem::new(format!("cargo: {error}")))?;
    if !output.status.success() {
        return Err(Problem::new(format!("cargo build {}: {}", arguments.join(" "), output.status)));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    // The last one is what was asked for.
    let executable =
        messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    executable.ok_or_else(|| Problem::new(format!("cargo build {}: no program", arguments.join(" "))))
}
