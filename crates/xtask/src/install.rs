//! `cargo xtask install`.

use crate::binaries::Binaries;
use crate::console::{say, suggest};
use crate::layout::{Layout, Owner, Place};
use crate::pieces::{self, Content, Piece, UNITS};
use crate::problem::Problem;
use clap::Args;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Options of `install`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// Take the programs from DIR, and build none
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Written,
    Replaced,
    Unchanged,
}

/// Installs, and says what to do next; enables and starts nothing.
pub(crate) fn run(options: &Options) -> Result<(), Problem> {
    let layout = options.place.layout()?;
    let pieces = pieces::of(&layout)?;
    // Before anything is built or written.
    for piece in &pieces {
        refuse_a_mask(piece, &layout)?;
    }
    let binaries = Binaries::get(options.binaries.as_deref())?;
    let mut upgraded = false;
    for piece in &pieces {
        let outcome = write(piece, piece.bytes(&binaries), layout.owner)
            .map_err(|(path, error)| failed(&path, &error, &layout, &binaries))?;
        let word = match outcome {
            Outcome::Written => "installed",
            Outcome::Replaced => "replaced ",
            Outcome::Unchanged => "unchanged",
        };
        say(&format!("{word} {}", piece.path.display()));
        upgraded |= piece.content == Content::Daemon && outcome == Outcome::Replaced;
    }
    suggest("Next:", &next(&layout, upgraded));
    suggest("Besides:", &notes(&layout));
    Ok(())
}

/// A unit that is masked was switched off by somebody; replacing the link would switch it on again.
fn refuse_a_mask(piece: &Piece, layout: &Layout) -> Result<(), Problem> {
    match (piece.unit(), fs::read_link(&piece.path)) {
        (Some(unit), Ok(target)) if target == Path::new("/dev/null") => {
            let unmask = format!("first run: {} unmask {unit}", layout.systemctl());
            Err(Problem::at(&piece.path, "the unit is masked").then(unmask))
        }
        _ => Ok(()),
    }
}

fn failed(path: &Path, error: &io::Error, layout: &Layout, binaries: &Binaries) -> Problem {
    let problem = Problem::at(path, error);
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    match std::env::current_exe() {
        Ok(program) if denied && layout.owner == Owner::Host => problem.then(format!(
            "as root: sudo {} install --system --binaries {}",
            program.display(),
            binaries.folder.display()
        )),
        _ => problem,
    }
}

/// Puts a file into place in one step, so that a program that runs goes on, and nobody sees half a file.
fn write(piece: &Piece, bytes: &[u8], owner: Owner) -> Result<Outcome, (PathBuf, io::Error)> {
    if let Some(target) = piece.link() {
        return link(&piece.path, target, owner);
    }
    let path = &piece.path;
    let at = |error| (path.clone(), error);
    let there = fs::symlink_metadata(path).ok();
    if let Some(there) = &there
        && there.is_file()
        && there.permissions().mode() & 0o7777 == piece.mode
        && fs::read(path).is_ok_and(|held| held == bytes)
    {
        return Ok(Outcome::Unchanged);
    }
    let folder = path.parent().unwrap_or(path);
    make_folder(folder, owner)?;
    let mut file = tempfile::Builder::new().prefix(".weka-token-").tempfile_in(folder).map_err(at)?;
    file.write_all(bytes).map_err(at)?;
    file.as_file().set_permissions(Permissions::from_mode(piece.mode)).map_err(at)?;
    file.as_file().sync_all().map_err(at)?;
    file.persist(path).map_err(|error| at(error.error))?;
    Ok(if there.is_some() { Outcome::Replaced } else { Outcome::Written })
}

/// The same for a link.
fn link(path: &Path, target: &Path, owner: Owner) -> Result<Outcome, (PathBuf, io::Error)> {
    if fs::read_link(path).is_ok_and(|held| held == target) {
        return Ok(Outcome::Unchanged);
    }
    let outcome = if fs::symlink_metadata(path).is_ok() { Outcome::Replaced } else { Outcome::Written };
    let folder = path.parent().unwrap_or(path);
    make_folder(folder, owner)?;
    let made = tempfile::Builder::new()
        .prefix(".weka-token-")
        .make_in(folder, |link| std::os::unix::fs::symlink(target, link))
        .and_then(|link| link.into_temp_path().persist(path).map_err(|error| error.error));
    made.map(|()| outcome).map_err(|error| (path.to_owned(), error))
}

/// What is for everybody has to be reached by everybody, whatever root's umask.
fn make_folder(folder: &Path, owner: Owner) -> Result<(), (PathBuf, io::Error)> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folder(above, owner)?;
    }
    let made = fs::create_dir(folder).and_then(|()| match owner {
        Owner::User => Ok(()),
        Owner::Host | Owner::Package => fs::set_permissions(folder, Permissions::from_mode(0o755)),
    });
    made.map_err(|error| (folder.to_owned(), error))
}

/// What a person does next.
fn next(layout: &Layout, upgraded: bool) -> Vec<String> {
    let systemctl = layout.systemctl();
    let [socket, service] = UNITS;
    let mut commands = Vec::new();
    if layout.owner == Owner::Package {
        return commands;
    }
    if let Some(host) = &layout.host {
        commands.push(format!("systemd-sysusers {}", host.accounts.join("weka-token.conf").display()));
    }
    commands.push(format!("{systemctl} daemon-reload"));
    commands.push(format!("{systemctl} enable --now {socket}"));
    if upgraded {
        commands.push(format!(
            "{systemctl} try-restart {service}    # where it runs: the new one, with the same tokens"
        ));
    }
    commands
}

/// What keeps an installation from being found.
fn notes(layout: &Layout) -> Vec<String> {
    let mut notes = Vec::new();
    if layout.owner == Owner::Package {
        return notes;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder == layout.programs) {
        notes.push(format!("{} is not in PATH", layout.programs.display()));
    }
    let shell = std::env::var_os("SHELL").unwrap_or_default();
    if layout.owner == Owner::User && Path::new(&shell).file_name().is_some_and(|name| name == "zsh") {
        notes.push(format!("in ~/.zshrc, before compinit: fpath+=({})", layout.zsh.display()));
    }
    notes
}
