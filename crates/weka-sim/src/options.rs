//! The command line, which is also how the simulator is set up in process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::duration;

/// How to run a simulated cluster.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "weka-sim",
    version,
    about = "A simulated WEKA cluster: logins, tokens, lockout, and faults on demand",
    after_long_help = include_str!("control/help.txt")
)]
#[non_exhaustive]
pub struct Options {
    /// Address of a backend
    ///
    /// Repeat it for several backends of one cluster; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: Vec<SocketAddr>,

    /// Serve https, with a self-signed certificate
    ///
    /// It is made at start; CA:TRUE, as WEKA's own
    #[arg(long)]
    pub tls: bool,

    /// Life of an access token
    ///
    /// 30s, 5m, 2h, 1d, 1d5h, 1w; a bare number is seconds
    #[arg(long, value_name = "DUR", default_value = "5m", value_parser = duration::parse)]
    pub access_ttl: Duration,

    /// Life of a refresh token
    #[arg(long, value_name = "DUR", default_value = "30d", value_parser = duration::parse)]
    pub refresh_ttl: Duration,

    /// Longest access token to be had
    ///
    /// A client may ask for a life of its own, up to this one
    #[arg(long, value_name = "DUR", default_value = "365d", value_parser = duration::parse)]
    pub max_access_ttl: Duration,

    /// Longest refresh token to be had
    #[arg(long, value_name = "DUR", default_value = "365d", value_parser = duration::parse)]
    pub max_refresh_ttl: Duration,

    /// A refresh token dies when it is exchanged
    ///
    /// Without this it lives on to its own end
    #[arg(long)]
    pub single_use_refresh: bool,

    /// TOML file of users, instead of the usual three
    ///
    /// These are admin and alice of org Root, and bob of org research
    #[arg(long, value_name = "FILE")]
    pub users: Option<PathBuf>,

    /// File that gets the lines printed on stdout
    ///
    /// All at once, when everything answers
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,

    /// File that gets the certificate, as PEM
    ///
    /// It needs --tls
    #[arg(long, value_name = "PEM", requires = "tls")]
    pub cert_file: Option<PathBuf>,

    /// Name of the cluster
    #[arg(long, value_name = "NAME", default_value = "weka-sim")]
    pub name: String,

    /// Address for control
    ///
    /// The control channel is described below
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub control: SocketAddr,

    /// Log each request on stderr, without secrets
    #[arg(long)]
    pub verbose: bool,
}

impl Default for Options {
    /// What the command line means without any option.
    fn default() -> Self {
        let any_port = SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
        let year = Duration::from_secs(365 * 86_400);
        Self {
            listen: vec![any_port],
            tls: false,
            access_ttl: Duration::from_secs(300),
            refresh_ttl: Duration::from_secs(30 * 86_400),
            max_access_ttl: year,
            max_refresh_ttl: year,
            single_use_refresh: false,
            users: None,
            ready_file: None,
            cert_file: None,
            name: "weka-sim".to_owned(),
            control: any_port,
            verbose: false,
        }
    }
}

/// Why a simulator could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The users file could not be read or understood.
    #[error("{}: {reason}", path.display())]
    UsersFile {
        /// The file.
        path: PathBuf,
        /// Line and reason.
        reason: String,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// The built-in signing key could not be read.
    #[error("the built-in signing key is unusable")]
    SigningKey,
    /// The control channel was to listen on an address that others can reach.
    #[error("the control channel listens on loopback only, not on {0}")]
    ControlNotLoopback(SocketAddr),
    /// No runtime or signal handler could be set up.
    #[error("cannot set up the runtime: {0}")]
    Runtime(std::io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_both_ways_agree() {
        let typed = Options::parse_from(["weka-sim"]);
        assert_eq!(format!("{typed:?}"), format!("{:?}", Options::default()));
    }

    #[test]
    fn listen_may_be_repeated() {
        let options = Options::parse_from(["weka-sim", "--listen", "127.0.0.1:0", "--listen", "[::1]:0"]);
        assert_eq!(options.listen.len(), 2);
    }
}
