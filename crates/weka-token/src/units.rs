//! Whether systemd starts the daemon by itself: by the links that `systemctl enable` makes.

use crate::session::Session;
use std::path::{Path, PathBuf};
use wire::{Finding, Level};

const SOCKET: &str = "weka-tokend.socket";
const WANTS: &str = "sockets.target.wants";

/// What is found about the units of this user and of the host.
pub(crate) fn findings(session: &Session<'_>) -> Vec<Finding> {
    let home = session.environment.home.as_deref();
    let user = Kind {
        name: "user",
        manager: " --user",
        config: home
            .map(|home| home.join(".config/systemd/user"))
            .into_iter()
            .chain(["/etc/systemd/user".into()])
            .collect(),
        vendor: ["/usr/local/lib/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user"],
    };
    let host = Kind {
        name: "host",
        manager: "",
        config: vec!["/etc/systemd/system".into()],
        vendor: ["/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"],
    };
    let found: Vec<_> = [user, host].iter().filter_map(|kind| kind.finding(Path::new("/"))).collect();
    if found.is_empty() {
        let message = "no unit of weka-tokend is installed to start it";
        return vec![Finding::new("units", Level::NotChecked, message)];
    }
    // One that is enabled is enough: the other one is somebody else's way.
    match found.iter().find(|finding| finding.level == Level::Ok) {
        Some(enabled) => vec![enabled.clone()],
        None => found,
    }
}

/// A kind of units, and where they are.
struct Kind {
    name: &'static str,
    manager: &'static str,
    /// Where people put units and links.
    config: Vec<PathBuf>,
    /// Where packages put units.
    vendor: [&'static str; 3],
}

impl Kind {
    fn finding(&self, root: &Path) -> Option<Finding> {
        let below = |folder: &Path| root.join(folder.strip_prefix("/").unwrap_or(folder));
        let is_enabled = self.config.iter().any(|folder| {
            let link = below(folder).join(WANTS).join(SOCKET);
            link.symlink_metadata().is_ok()
        });
        let (name, manager) = (self.name, self.manager);
        if is_enabled {
            return Some(Finding::new("units", Level::Ok, format!("the {name} socket unit is enabled")));
        }
        let mut folders = self.config.iter().map(PathBuf::as_path).chain(self.vendor.iter().map(Path::new));
        let is_installed = folders.any(|folder| below(folder).join(SOCKET).exists());
        let message = format!("the {name} socket unit is installed, but not enabled");
        is_installed.then(|| {
            Finding::new("units", Level::Warn, message)
                .fix(format!("systemctl{manager} enable --now {SOCKET}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn kind() -> Kind {
        Kind {
            name: "host",
            manager: "",
            config: vec!["/etc/systemd/system".into()],
            vendor: ["/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"],
        }
    }

    #[test]
    fn a_unit_is_missing_installed_or_enabled() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(kind().finding(root.path()), None);
        let folder = root.path().join("usr/lib/systemd/system");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(SOCKET), "").unwrap();
        let found = kind().finding(root.path()).unwrap();
        assert_eq!(found.level, Level::Warn);
        assert_eq!(found.fix.as_deref(), Some("systemctl enable --now weka-tokend.socket"));
        let wants = root.path().join("etc/systemd/system").join(WANTS);
        fs::create_dir_all(&wants).unwrap();
        // As from a unit in another root: the link counts, wherever it leads.
        std::os::unix::fs::symlink("/usr/lib/systemd/system/weka-tokend.socket", wants.join(SOCKET)).unwrap();
        assert_eq!(kind().finding(root.path()).unwrap().level, Level::Ok);
    }
}
