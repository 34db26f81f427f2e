//! The command line of `mount`, which is the one that mount(8) has for its helpers.

use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// The name that mount(8) looks for.
pub(crate) const NAME: &str = "mount.weka-token";
/// What `mount.weka-token` is.
pub(super) const ABOUT: &str =
    "Mounts a WEKA filesystem with a live token: mount(8) runs it for type weka-token";

/// After the options, in the help and in the manual page.
pub(super) const HELP: &str = "\
Options of its own, among those of -o. All others go on to /sbin/mount.wekafs as
they are, with a private token file; and so do -f, -n, -s, -v and -N.
  token_profile=NAME     the profile, if not the default one
  token_timeout=DUR      how long to wait for the daemon and the cluster; 30s
                         without it
  token_via=path         a token file that is gone after the mount; this is the
                         usual way
  token_via=mount-token  a token for this one filesystem, on the command line of
                         mount.wekafs: all on this host see it while that runs
  token_socket=PATH      the daemon's socket; without it, the host's:
                         /run/weka-token/agent.sock

Exit status:
  0      mounted
  1      the command line is wrong, or it is not permitted
  2      the system failed
  32     the mount failed
  other  that of mount.wekafs

Environment: nothing in it counts, and mount.wekafs sees none of it.

Examples:
  mount -t weka-token -o _netdev weka01,weka02/secure /mnt/secure
  mount -t weka-token -o ro,_netdev,token_profile=prod weka01/secure /mnt/secure
  weka-token mount -v -o ro,_netdev weka01/secure /mnt/secure";

/// Options of `mount`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct MountOptions {
    /// What: HOST[,HOST].../FILESYSTEM, :/FILESYSTEM or FILESYSTEM
    pub(crate) spec: OsString,
    /// Where: a folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Mount options, with commas between; may be repeated
    #[arg(short = 'o', value_name = "OPTS", allow_hyphen_values = true)]
    pub(crate) options: Vec<OsString>,
    /// Fake it: do all but the mount
    #[arg(short = 'f')]
    pub(crate) fake: bool,
    /// Leave /etc/mtab alone
    #[arg(short = 'n')]
    pub(crate) no_mtab: bool,
    /// Sloppy: an unknown option token_... is no mistake
    #[arg(short = 's')]
    pub(crate) sloppy: bool,
    /// Say what is done
    #[arg(short = 'v')]
    pub(crate) verbose: bool,
    /// The mount namespace
    #[arg(short = 'N', value_name = "NS")]
    pub(crate) namespace: Option<OsString>,
    /// The type: weka-token, or weka-token.SUBTYPE
    #[arg(short = 't', value_name = "TYPE")]
    pub(crate) kind: Option<OsString>,
}
