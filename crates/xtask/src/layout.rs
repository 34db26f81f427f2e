//! Where things go.

use crate::problem::Problem;
use clap::Args;
use std::env;
use std::path::{Path, PathBuf};

/// Options that say where.
#[derive(Debug, Args)]
pub(crate) struct Place {
    #[command(flatten)]
    scope: Scope,
    /// Below DIR/usr, as in a package, instead of /usr/local
    #[arg(long, value_name = "DIR", conflicts_with = "user")]
    root: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Scope {
    /// For the user who runs this: ~/.local and ~/.config
    #[arg(long)]
    user: bool,
    /// For the whole host: /usr/local and /etc
    #[arg(long)]
    system: bool,
}

/// Whose installation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// One user's.
    User,
    /// This host's.
    Host,
    /// That of a package, or of a tree that becomes one.
    Package,
}

/// The folders of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) owner: Owner,
    pub(crate) programs: PathBuf,
    pub(crate) user_units: PathBuf,
    /// What only a host has.
    pub(crate) host: Option<HostFolders>,
    /// Folders of presets: for users' managers, for the system's.
    pub(crate) presets: Option<[PathBuf; 2]>,
    /// Manual pages, with a folder for each section.
    pub(crate) manual: PathBuf,
    pub(crate) bash: PathBuf,
    pub(crate) zsh: PathBuf,
    pub(crate) fish: PathBuf,
    /// Where `systemctl enable` makes its links.
    pub(crate) enabled: Vec<PathBuf>,
    /// Folders that stay, empty or not, with those above them.
    pub(crate) lasting: Vec<PathBuf>,
    /// What people and daemons keep, which is never touched.
    pub(crate) kept: Vec<PathBuf>,
}

/// Folders of the host service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostFolders {
    pub(crate) units: PathBuf,
    pub(crate) accounts: PathBuf,
    /// Where mount(8) looks for its helpers.
    pub(crate) mount_helpers: PathBuf,
    /// The client, as a link in there names it.
    pub(crate) client: PathBuf,
}

impl Place {
    /// The folders meant.
    ///
    /// # Errors
    /// There is no home.
    pub(crate) fn layout(&self) -> Result<Layout, Problem> {
        if self.scope.user {
            let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
            let home = absolute("HOME").ok_or_else(|| Problem::new("HOME does not name your home folder"))?;
            // As the XDG specification has it, a relative path counts for nothing.
            let config = absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
            let data = absolute("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
            let layout = Layout::of_user(&home, &config, &data);
            let state = absolute("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state"));
            let kept = [config, state].map(|folder| folder.join("weka-token")).to_vec();
            return Ok(Layout { kept, ..layout });
        }
        match &self.root {
            None => Ok(Layout::of_host()),
            Some(root) => {
                let root = std::path::absolute(root).map_err(|error| Problem::at(root, error))?;
                Ok(Layout::staged(&root))
            }
        }
    }
}

impl Layout {
    fn of_user(home: &Path, config: &Path, data: &Path) -> Self {
        Self {
            owner: Owner::User,
            programs: home.join(".local/bin"),
            user_units: config.join("systemd/user"),
            host: None,
            presets: None,
            manual: data.join("man"),
            bash: data.join("bash-completion/completions"),
            zsh: data.join("zsh/site-functions"),
            fish: data.join("fish/vendor_completions.d"),
            enabled: vec![config.join("systemd/user")],
            lasting: vec![home.join(".local/bin"), config.to_owned(), data.to_owned()],
            kept: Vec::new(),
        }
    }

    fn of_host() -> Self {
        let local = Path::new("/usr/local");
        let etc = Path::new("/etc/systemd");
        let programs = local.join("bin");
        let units = HostFolders {
            units: etc.join("system"),
            accounts: local.join("lib/sysusers.d"),
            // mount(8) looks nowhere else; on most hosts it is a link to /usr/sbin.
            mount_helpers: "/sbin".into(),
            client: programs.join("weka-token"),
        };
        Self {
            owner: Owner::Host,
            user_units: etc.join("user"),
            host: Some(units),
            presets: None,
            lasting: ["bin", "lib", "share", "share/man", "/sbin"].map(|folder| local.join(folder)).to_vec(),
            ..Self::package(local, "site-functions")
        }
        .enabled_below(Path::new("/etc"))
    }

    /// A tree that becomes a package, or is merged into a root file system.
    fn staged(root: &Path) -> Self {
        let lasting = vec![root.to_owned()];
        let mut staged = Self { lasting, ..Self::package(&root.join("usr"), "site-functions") };
        let sbin = root.join("sbin");
        if let Some(host) = staged.host.as_mut().filter(|_| sbin.is_dir() && !sbin.is_symlink()) {
            // Not merged with /usr/sbin.
            (host.mount_helpers, host.client) = (sbin, "../usr/bin/weka-token".into());
        }
        staged.enabled_below(&root.join("etc"))
    }

    /// As packages have it; distributions differ in the name of zsh's folder.
    pub(crate) fn package(prefix: &Path, zsh: &str) -> Self {
        let share = prefix.join("share");
        let systemd = prefix.join("lib/systemd");
        let units = HostFolders {
            units: systemd.join("system"),
            accounts: prefix.join("lib/sysusers.d"),
            mount_helpers: prefix.join("sbin"),
            client: "../bin/weka-token".into(),
        };
        Self {
            owner: Owner::Package,
            programs: prefix.join("bin"),
            user_units: systemd.join("user"),
            host: Some(units),
            presets: Some(["user-preset", "system-preset"].map(|folder| systemd.join(folder))),
            manual: share.join("man"),
            bash: share.join("bash-completion/completions"),
            zsh: share.join("zsh").join(zsh),
            fish: share.join("fish/vendor_completions.d"),
            enabled: Vec::new(),
            lasting: Vec::new(),
            kept: Vec::new(),
        }
    }

    fn enabled_below(mut self, etc: &Path) -> Self {
        self.enabled = vec![etc.join("systemd/system"), etc.join("systemd/user")];
        let state = etc.with_file_name("var").join("lib/weka-token");
        self.kept = vec![etc.join("weka-token"), state];
        // Enabled or not, these folders are the administrator's.
        self.lasting.extend(self.enabled.iter().cloned());
        self
    }

    /// `systemctl`, for the manager that reads these units.
    pub(crate) const fn systemctl(&self) -> &'static str {
        match self.owner {
            Owner::User => "systemctl --user",
            Owner::Host | Owner::Package => "systemctl",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_folders_follow_xdg() {
        let layout = Layout::of_user(Path::new("/h"), Path::new("/c"), Path::new("/d"));
        assert_eq!(layout.programs, Path::new("/h/.local/bin"));
        assert_eq!(layout.user_units, Path::new("/c/systemd/user"));
        assert_eq!(layout.fish, Path::new("/d/fish/vendor_completions.d"));
        assert_eq!(layout.host, None);
    }

    #[test]
    fn a_staged_tree_is_all_below_its_root() {
        let layout = Layout::staged(Path::new("/r"));
        let host = layout.host.unwrap();
        assert_eq!(host.units, Path::new("/r/usr/lib/systemd/system"));
        assert_eq!(host.accounts, Path::new("/r/usr/lib/sysusers.d"));
        assert_eq!(host.mount_helpers.join(host.client), Path::new("/r/usr/sbin/../bin/weka-token"));
        assert_eq!(layout.kept, [Path::new("/r/etc/weka-token"), Path::new("/r/var/lib/weka-token")]);
        assert!(layout.enabled.iter().all(|folder| folder.starts_with("/r/etc/systemd")));
    }

    #[test]
    fn a_hosts_folders_are_local() {
        let layout = Layout::of_host();
        assert_eq!(layout.programs, Path::new("/usr/local/bin"));
        assert_eq!(layout.user_units, Path::new("/etc/systemd/user"));
        let host = layout.host.unwrap();
        assert_eq!(host.units, Path::new("/etc/systemd/system"));
        assert_eq!(
            (host.mount_helpers, host.client),
            (PathBuf::from("/sbin"), PathBuf::from("/usr/local/bin/weka-token"))
        );
        assert!(layout.lasting.contains(&PathBuf::from("/sbin")));
        assert_eq!(layout.kept, [Path::new("/etc/weka-token"), Path::new("/var/lib/weka-token")]);
    }

    #[test]
    fn a_tree_with_a_folder_sbin_of_its_own_has_the_link_there() {
        let root = tempfile::tempdir().unwrap();
        let of = || Layout::staged(root.path()).host.unwrap();
        assert_eq!(of().mount_helpers, root.path().join("usr/sbin"));
        std::os::unix::fs::symlink("usr/sbin", root.path().join("sbin")).unwrap();
        assert_eq!(of().mount_helpers, root.path().join("usr/sbin"));
        std::fs::remove_file(root.path().join("sbin")).unwrap();
        std::fs::create_dir(root.path().join("sbin")).unwrap();
        assert_eq!(
            (of().mount_helpers, of().client),
            (root.path().join("sbin"), "../usr/bin/weka-token".into())
        );
    }
}
