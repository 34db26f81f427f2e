//! The options of each command.

use crate::duration;
use crate::fingerprint;
use crate::name;
use crate::token_format::TokenFormat;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// How long to wait for an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub(crate) struct Timeout {
    /// How long to wait; 0 does not wait [default: 10s]
    #[arg(long, value_name = "DUR", value_parser = duration::parse_timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Option<u32>,
}

impl Timeout {
    /// In milliseconds.
    pub(crate) fn milliseconds(self) -> u32 {
        self.timeout.unwrap_or(10_000)
    }
}

/// How long to wait where several endpoints may be tried in turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub(crate) struct LongTimeout {
    /// How long to wait [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = duration::parse_timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Option<u32>,
}

impl LongTimeout {
    /// In milliseconds.
    pub(crate) fn milliseconds(self) -> u32 {
        self.timeout.unwrap_or(30_000)
    }
}

/// Options of `get`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct GetOptions {
    /// The least life that it must have left
    /// [default: 30s, or a tenth of its life if that is less]
    #[arg(long, verbatim_doc_comment, value_name = "DUR", value_parser = duration::parse, allow_hyphen_values = true)]
    pub(crate) min_ttl: Option<u64>,
    #[command(flatten)]
    pub(crate) timeout: Timeout,
    /// How to write it; see below
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) format: TokenFormat,
}

/// Options of `login`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct LoginOptions {
    #[command(flatten)]
    pub(crate) cluster: ClusterOptions,
    /// Organization (tenant)
    #[arg(long, alias = "tenant", value_name = "ORG", value_parser = name::parse)]
    pub(crate) org: Option<String>,
    /// WEKA user name
    #[arg(long, value_name = "USER", value_parser = name::parse)]
    pub(crate) user: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Keep a token file fresh from now on; without
    /// PATH, ~/.weka/auth-token.json
    #[arg(long, verbatim_doc_comment, value_name = "PATH", num_args = 0..=1)]
    pub(crate) token_file: Option<Option<PathBuf>>,
    /// Do not save the profile to the configuration
    #[arg(long)]
    pub(crate) no_save: bool,
    #[command(flatten)]
    pub(crate) timeout: LongTimeout,
}

/// Options of `trust`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct TrustOptions {
    #[command(flatten)]
    pub(crate) cluster: ClusterOptions,
    /// Do not save the profile to the configuration
    #[arg(long)]
    pub(crate) no_save: bool,
    #[command(flatten)]
    pub(crate) timeout: LongTimeout,
}

/// Which cluster, and how to know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct ClusterOptions {
    /// The cluster's address; may be repeated
    #[arg(long = "endpoint", value_name = "URL")]
    pub(crate) endpoints: Vec<String>,
    /// Trust this authority, or this very certificate
    #[arg(long, value_name = "PEM", conflicts_with = "fingerprint")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Trust the certificate with this fingerprint
    #[arg(long, value_name = "sha256:HEX", value_parser = fingerprint::parse)]
    pub(crate) fingerprint: Option<String>,
}

/// Options of `generate-token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct GenerateOptions {
    /// How long it is to live [default: 30d]
    #[arg(long, value_name = "DUR", value_parser = duration::parse_life, allow_hyphen_values = true)]
    pub(crate) access_token_timeout: Option<u64>,
    /// One line of JSON, with the life granted
    #[arg(long)]
    pub(crate) json: bool,
    /// Copy it to the terminal's clipboard (OSC 52)
    /// instead of printing it
    #[arg(long, verbatim_doc_comment)]
    pub(crate) copy: bool,
    #[command(flatten)]
    pub(crate) timeout: LongTimeout,
}

/// Options of `revoke-tokens`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct RevokeOptions {
    /// Whose tokens [default: the profile's own user]
    #[arg(value_parser = name::parse)]
    pub(crate) username: Option<String>,
    /// Do not ask for a confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) timeout: LongTimeout,
}

/// Options of `passwd`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct PasswdOptions {
    /// Read both from standard input, the old one first
    #[arg(long)]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) timeout: LongTimeout,
}

/// Options of `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct StatusOptions {
    /// One line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Prometheus text format
    #[arg(long, conflicts_with_all = ["json", "watch"])]
    pub(crate) prometheus: bool,
    /// Go on showing it as it changes, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Options of `mount-token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct MountTokenOptions {
    /// The filesystem's name, or its uid
    #[arg(value_parser = name::parse)]
    pub(crate) filesystem: String,
    /// A token that does not allow writing
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Its longest life [default: the cluster's choice]
    #[arg(long, value_name = "DUR", value_parser = duration::parse_life, allow_hyphen_values = true)]
    pub(crate) expires: Option<u64>,
    /// One line of JSON with life and filesystem
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) timeout: LongTimeout,
}

/// Options of `exec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct ExecOptions {
    #[command(flatten)]
    pub(crate) timeout: Timeout,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Options of `curl`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct CurlOptions {
    #[command(flatten)]
    pub(crate) timeout: Timeout,
    /// A path such as /api/v2/cluster, then curl's own arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PATH")]
    pub(crate) words: Vec<OsString>,
}
