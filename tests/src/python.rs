//! Python, with WEKA's own library as it is on PyPI: an environment made once, below the build results.

use crate::binaries;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What is installed, pinned to the byte.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/requirements.txt");

/// The interpreter of an environment that holds what `tests/python/requirements.txt` pins; it is made at the first
/// call on a machine, from the system's `python3` and a package index. Where that cannot be done, one line says so.
///
/// # Panics
/// It cannot be done and this is root: then the tests would be skipped for want of a package.
#[must_use]
pub fn interpreter() -> Option<PathBuf> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match MADE.get_or_init(|| environment(&binaries::folder())) {
        Ok(python) => Some(python.clone()),
        Err(reason) => {
            assert!(!nix::unistd::geteuid().is_root(), "{reason}");
            crate::skipped(&format!("the tests with Python: {reason}"));
            None
        }
    }
}

/// A script of the source tree.
#[must_use]
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}

/// Finds the environment in `folder`, or makes it there. Another test binary, or another run, may be at it already.
fn environment(folder: &Path) -> Result<PathBuf, String> {
    let wanted = fs::read(REQUIREMENTS).map_err(|error| format!("{REQUIREMENTS}: {error}"))?;
    let mut hasher = DefaultHasher::new();
    wanted.hash(&mut hasher);
    let home = folder.join(format!("python-{:016x}", hasher.finish()));
    let python = home.join("bin/python");
    let complete = home.join("complete");
    let at = |path: &Path| format!("{}: ", path.display());
    let lock = home.with_extension("lock");
    let lock = File::create(&lock).map_err(|error| at(&lock) + &error.to_string())?;
    lock.lock().map_err(|error| format!("the lock on the Python environment: {error}"))?;
    // The interpreter that it was made from may have gone since.
    let works = || Command::new(&python).arg("--version").output().is_ok_and(|ran| ran.status.success());
    if complete.exists() && works() {
        return Ok(python);
    }
    match fs::remove_dir_all(&home) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(at(&home) + &error.to_string());
        }
        _ => {}
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&home))
        .map_err(|error| format!("{error}; install python3 and python3-venv"))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    install.args(["--require-hashes", "--only-binary", ":all:", "--requirement", REQUIREMENTS]);
    run(&mut install).map_err(|error| format!("{error}; is a package index in reach?"))?;
    fs::write(&complete, "").map_err(|error| at(&complete) + &error.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ran = command.output().map_err(|error| format!("{name}: {error}"))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(format!("{command:?}: {}: {}", ran.status, said.trim()))
}
