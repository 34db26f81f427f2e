//! `cargo xtask uninstall`.

use crate::console::{say, suggest};
use crate::layout::{Layout, Owner, Place};
use crate::pieces::{self, Piece, UNITS};
use crate::problem::Problem;
use clap::Args;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Options of `uninstall`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
}

/// Removes the files that `install` writes, and the folders that are empty then.
pub(crate) fn run(options: &Options) -> Result<(), Problem> {
    let layout = options.place.layout()?;
    if let Some(link) = enabled(&layout)? {
        let units = UNITS.join(" ");
        let disable = match layout.owner {
            Owner::User => format!("first run: systemctl --user disable --now {units}"),
            _ if link.starts_with("/etc/systemd/user") => {
                format!("first run: systemctl --global disable {units}")
            }
            Owner::Host => format!("first run: systemctl disable --now {units}"),
            Owner::Package => "first remove the link".to_owned(),
        };
        return Err(Problem::at(&link, "the unit is enabled").then(disable));
    }
    let mut removed = 0_usize;
    for piece in pieces::of(&layout)? {
        if remove(&piece)? {
            say(&format!("removed {}", piece.path.display()));
            removed += 1;
        }
        remove_empty_folders(&piece.path, &layout);
    }
    if removed == 0 {
        say("nothing was installed here");
    }
    for kept in layout.kept.iter().filter(|path| path.exists()) {
        say(&format!("kept    {}", kept.display()));
    }
    if removed > 0 && layout.owner != Owner::Package {
        let systemctl = layout.systemctl();
        suggest(
            "Next:",
            &[format!("{systemctl} stop {}", UNITS.join(" ")), format!("{systemctl} daemon-reload")],
        );
    }
    Ok(())
}

/// A link that `systemctl enable` has made: without its unit it would point nowhere, and the daemon would go on.
fn enabled(layout: &Layout) -> Result<Option<PathBuf>, Problem> {
    for folder in &layout.enabled {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Problem::at(folder, error)),
        };
        for entry in entries {
            let wanted = entry.map_err(|error| Problem::at(folder, error))?.path();
            if wanted.extension().is_some_and(|kind| kind == "wants" || kind == "requires") {
                let links = UNITS.map(|unit| wanted.join(unit));
                if let Some(link) = links.into_iter().find(|link| link.is_symlink()) {
                    return Ok(Some(link));
                }
            }
        }
    }
    Ok(None)
}

/// Whether there was something to remove. A unit that is masked is somebody's link, not ours.
fn remove(piece: &Piece) -> Result<bool, Problem> {
    let masked = || fs::read_link(&piece.path).is_ok_and(|target| target == Path::new("/dev/null"));
    if piece.unit().is_some() && masked() {
        say(&format!("kept    {}: masked", piece.path.display()));
        return Ok(false);
    }
    if let Some(target) = piece.link()
        && piece.path.symlink_metadata().is_ok()
        && fs::read_link(&piece.path).ok().as_deref() != Some(target)
    {
        say(&format!("kept    {}: it does not lead to {}", piece.path.display(), target.display()));
        return Ok(false);
    }
    match fs::remove_file(&piece.path) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(Problem::at(&piece.path, error)),
    }
}

/// From a file's folder upwards, as far as they are empty and not the home's or the system's own.
fn remove_empty_folders(file: &Path, layout: &Layout) {
    let lasts = |folder: &Path| layout.lasting.iter().any(|lasting| lasting.starts_with(folder));
    for folder in file.ancestors().skip(1).take_while(|folder| !lasts(folder)) {
        // Not empty is the usual case.
        if fs::remove_dir(folder).is_err() && folder.exists() {
            break;
        }
    }
}
