//! The command line as clap knows it: the one place that names every command and option.

use crate::duration;
use crate::failure::{Failure, USAGE};
use crate::fingerprint;
use crate::mount;
use crate::output;
use crate::profile_name;
use crate::token_format::TokenFormat;
use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Examples:
  weka-token login --endpoint https://weka01:14000 --user alice
  weka-token get --format header | curl -H @- https://weka01:14000/api/v2/cluster
  weka-token status --watch

Exit status:
  0  done
  1  failed
  2  the command line is wrong
  3  no daemon listens
  4  a person is needed: log in, trust a certificate, or wait for the end of a lockout
  5  no valid token, and the cluster cannot be reached
  6  not permitted

Environment:
  WEKA_TOKEN_SOCKET   as --socket
  WEKA_TOKEN_PROFILE  as --profile
  WEKA_HOST, WEKA_PORT, WEKA_ORG, WEKA_USERNAME
                      what `login` and `trust` take where neither an option nor the profile says
  NO_COLOR            no colours, even on a terminal";

const GET_HELP: &str = "\
Examples:
  TOKEN=$(weka-token get)
  weka-token get --format header | curl -H @- https://weka01:14000/api/v2/cluster
  weka-token get -p prod --min-ttl 2m --timeout 30s --format json";

const LOGIN_HELP: &str = "\
What is not given comes from the profile, then from WEKA_HOST, WEKA_PORT, WEKA_ORG and WEKA_USERNAME, then
from questions, where standard input is a terminal.

Examples:
  weka-token login
  weka-token login -p prod --endpoint weka01 --endpoint weka02 --org research --user bob --token-file
  weka-token login --password-stdin --fingerprint sha256:... < password-file";

const TRUST_HELP: &str = "\
Examples:
  weka-token trust
  weka-token trust -p prod --endpoint weka01 --ca-file /etc/weka/ca.pem";

const FILESYSTEMS_HELP: &str = "\
Needs a role that may look at filesystems: ClusterAdmin, TenantAdmin (OrgAdmin up to 5.0), ReadOnly or CSI.

Examples:
  weka-token filesystems
  weka-token filesystems -p prod --json";

const MOUNT_TOKEN_HELP: &str = "\
It is long-lived, and whoever has it can mount the filesystem: hand it on by a pipe or a private file, not
on a command line. With --read-only or --expires the command fails rather than print a token that is known to
allow more; what the cluster's answer does not tell is said on standard error.

Examples:
  weka-token mount-token secure --read-only --expires 1h
  weka-token mount-token secure -p prod --json";

const EXEC_HELP: &str = "\
WEKA_TOKEN names a token file for the command alone, of mode 0600: WEKA's own tools find it by that name. It
is replaced as a whole at each renewal, and gone when the command has ended. A pair that the command renews by
itself, as WEKA's tools do, becomes the daemon's. Whoever is allowed the access token only gets a file without
refresh token.

Signals are passed on to the command.

Exit status: the command's own, 128 + N where signal N ended it; 127 where it is not found, 126 where it
cannot be run, 125 where this program failed before.

Examples:
  weka-token exec -- weka status
  weka-token exec -p prod -- sh -c 'exec my-job --token-file \"$WEKA_TOKEN\"'";

const CURL_HELP: &str = "\
The system's curl is run with the endpoint that answers, the profile's trust and a live token. A whole URL
does for PATH, too, if its host is one of the profile's endpoints: then it is that one. Everything behind
PATH is curl's own, standard input included.

The token is handed over on a descriptor, and is in neither arguments nor environment. curl connects to the
profile's endpoints and to no other host, whatever a redirect or a further URL says; with -L, a redirect to
another endpoint takes the token along only with --location-trusted. Neither ~/.curlrc nor a proxy from the
environment is used (say -K or -x). What -v, --trace and --libcurl show includes the token.

Exit status: curl's own; 127 where curl is not found, 125 where this program failed before.

Examples:
  weka-token curl /api/v2/cluster
  weka-token curl -p prod /api/v2/fileSystems -sS --fail
  weka-token curl /api/v2/fileSystems -X POST -H 'Content-Type: application/json' -d @- < new.json";

const STATUS_HELP: &str = "\
Exit status: 0 if every profile shown has a live token, else the higher of 4 (a person is needed) and
5 (the cluster cannot be reached, or not yet).

Examples:
  weka-token status --watch
  weka-token status -p prod --json
  weka-token status --prometheus > /var/lib/node_exporter/weka-token.prom";

const UI_HELP: &str = "\
It runs weka-token-ui, which is looked for beside this program and then in PATH.

Exit status: that of weka-token-ui, or
  126  it cannot be run
  127  it is not installed

Example:
  weka-token ui -p prod";

const GENERATE_HELP: &str = "\
The token is the caller's alone: weka-token keeps no copy, and only revoke-tokens ends it before its time.
The cluster may grant less than is asked for, and says what it granted; users from LDAP cannot have one.

Examples:
  TOKEN=$(weka-token generate-token --access-token-timeout 7d)
  weka-token generate-token --copy";

const REVOKE_HELP: &str = "\
Without USERNAME it is the profile's own user: the daemon then logs in again from its password source, or
waits for weka-token login. What is mounted stays mounted.

Examples:
  weka-token revoke-tokens
  weka-token revoke-tokens bob --yes";

const PASSWD_HELP: &str = "\
Examples:
  weka-token passwd
  printf '%s\\n' \"$OLD\" \"$NEW\" | weka-token passwd --password-stdin";

const DOCTOR_HELP: &str = "\
It changes nothing, and sends no password and no token. What only the daemon can look at (names, connections,
certificates, clocks) is not checked where there is none.

Exit status: 0 if nothing needs a person, 1 if something does, 3 if there is no daemon.

Example:
  weka-token doctor -p prod";

const PROFILES_HELP: &str = "\
What is changed is saved to the configuration, with its comments and its order, and holds at once.
A profile that is renamed stays logged in; the tokens of one that is removed are forgotten.

Examples:
  weka-token profiles
  weka-token profiles rename default lab
  weka-token profiles set-default lab";

/// Hands out WEKA access tokens that are always live: log in once, and weka-tokend renews them
#[derive(Debug, Parser)]
#[command(
    name = "weka-token",
    version,
    propagate_version = true,
    after_help = AFTER_HELP,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes, before or after its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct Global {
    /// The daemon's socket, instead of looking for it
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// The profile; without it, the daemon's default one
    #[arg(short, long, global = true, value_name = "NAME", value_parser = profile_name::parse)]
    pub(crate) profile: Option<String>,
    /// Print errors only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Print a live access token
    #[command(after_help = GET_HELP)]
    Get(GetOptions),
    /// Log in to a cluster, once
    #[command(after_help = LOGIN_HELP)]
    Login(LoginOptions),
    /// Settle which certificate of a cluster is trusted; no password
    #[command(after_help = TRUST_HELP)]
    Trust(TrustOptions),
    /// Forget the tokens of a profile
    Logout {
        /// End all of the user's sessions at the cluster first
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        timeout: LongTimeout,
    },
    /// Show what the daemon holds and how it fares
    #[command(after_help = STATUS_HELP)]
    Status(StatusOptions),
    /// Renew the token now
    Refresh {
        #[command(flatten)]
        timeout: Timeout,
    },
    /// Ask the cluster who the token belongs to
    Whoami {
        /// The cluster's answer as one line of JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        timeout: Timeout,
    },
    /// Run a command with a token file that is kept current while it lives
    #[command(after_help = EXEC_HELP)]
    Exec(ExecOptions),
    /// Run curl against the profile's cluster
    #[command(after_help = CURL_HELP, override_usage = "weka-token curl [OPTIONS] <PATH> [CURL ARGS]...")]
    Curl(CurlOptions),
    /// Mount a filesystem with a live token; mount(8) does it by way of mount.weka-token
    #[command(after_help = mount::HELP)]
    Mount(mount::Arguments),
    /// List the cluster's filesystems
    #[command(after_help = FILESYSTEMS_HELP)]
    Filesystems {
        /// One line of JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        timeout: LongTimeout,
    },
    /// Print a token that mounts one filesystem
    #[command(after_help = MOUNT_TOKEN_HELP)]
    MountToken(MountTokenOptions),
    /// List the profiles; add, remove and rename them
    #[command(after_help = PROFILES_HELP, args_conflicts_with_subcommands = true)]
    Profiles {
        /// One line of JSON
        #[arg(long)]
        json: bool,
        #[command(subcommand)]
        edit: Option<ProfilesEdit>,
    },
    /// Show everything on the terminal, and act on it by keys
    #[command(after_help = UI_HELP)]
    Ui,
    /// Make a long-lived token for what cannot ask weka-token each time
    #[command(after_help = GENERATE_HELP)]
    GenerateToken(GenerateOptions),
    /// End all tokens of a user, everywhere and at once
    #[command(after_help = REVOKE_HELP)]
    RevokeTokens(RevokeOptions),
    /// Change the password of the profile's user
    #[command(after_help = PASSWD_HELP)]
    Passwd(PasswdOptions),
    /// Find out what is wrong, and what to do
    #[command(after_help = DOCTOR_HELP)]
    Doctor {
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print completions for a shell
    #[command(after_help = "Example:\n  weka-token completions bash > /etc/bash_completion.d/weka-token")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages
    #[command(after_help = "Example:\n  weka-token man ~/.local/share/man/man1")]
    Man {
        /// The folder, made where it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

impl Command {
    /// Whether the exit status is that of another program, so that a failure of ours needs one of its own.
    pub(crate) const fn passes_a_status_on(&self) -> bool {
        matches!(self, Self::Exec(_) | Self::Curl(_))
    }
}

/// What `profiles` can change.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum ProfilesEdit {
    /// Add a profile, to log in to next
    Add {
        /// Its name: 1 to 50 letters, digits, `-` and `_`
        #[arg(value_parser = profile_name::parse)]
        name: String,
    },
    /// Remove a profile, and forget its tokens
    Remove {
        /// Its name
        #[arg(value_parser = profile_name::parse)]
        name: String,
    },
    /// Give a profile another name; it stays logged in
    Rename {
        /// Its name so far
        #[arg(value_parser = profile_name::parse)]
        old: String,
        /// Its name from now on
        #[arg(value_parser = profile_name::parse)]
        new: String,
    },
    /// Choose the profile that is meant where none is named
    SetDefault {
        /// Its name
        #[arg(value_parser = profile_name::parse)]
        name: String,
    },
}

/// How long to wait for an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub(crate) struct Timeout {
    /// How long to wait; 0 does not wait [default: 10s]
    #[arg(long, value_name = "DUR", value_parser = duration::parse_timeout)]
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
    /// How long to wait for the cluster [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = duration::parse_timeout)]
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
    /// The least life it must have left [default: 30s, or a tenth of its life if less]
    #[arg(long, value_name = "DUR", value_parser = duration::parse)]
    pub(crate) min_ttl: Option<u64>,
    #[command(flatten)]
    pub(crate) timeout: Timeout,
    /// How to write it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: TokenFormat,
}

/// Options of `login`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct LoginOptions {
    #[command(flatten)]
    pub(crate) cluster: ClusterOptions,
    /// Organization (tenant)
    #[arg(long, alias = "tenant", value_name = "ORG")]
    pub(crate) org: Option<String>,
    /// WEKA user name
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Keep a token file fresh from now on; without PATH, ~/.weka/auth-token.json
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
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
    /// The cluster's address; may be given several times
    #[arg(long = "endpoint", value_name = "URL")]
    pub(crate) endpoints: Vec<String>,
    /// Trust this certificate authority, or this very certificate
    #[arg(long, value_name = "PEM", conflicts_with = "fingerprint")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Trust the certificate with this fingerprint: sha256:HEX
    #[arg(long, value_name = "sha256:HEX", value_parser = fingerprint::parse)]
    pub(crate) fingerprint: Option<String>,
}

/// Options of `generate-token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct GenerateOptions {
    /// How long it is to live [default: 30d]
    #[arg(long, value_name = "DUR", value_parser = duration::parse)]
    pub(crate) access_token_timeout: Option<u64>,
    /// One line of JSON, with the life that was granted
    #[arg(long)]
    pub(crate) json: bool,
    /// Put it onto the terminal's clipboard (OSC 52) instead of printing it
    #[arg(long)]
    pub(crate) copy: bool,
    #[command(flatten)]
    pub(crate) timeout: LongTimeout,
}

/// Options of `revoke-tokens`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct RevokeOptions {
    /// Whose tokens [default: those of the profile's own user]
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
    /// Read the old and the new password from two lines of standard input
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
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) filesystem: String,
    /// A token that does not allow writing
    #[arg(long)]
    pub(crate) read_only: bool,
    /// The longest life that it may have [default: the cluster's choice]
    #[arg(long, value_name = "DUR", value_parser = duration::parse_life)]
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
    /// A path such as /api/v2/cluster, then what curl is to be told besides
    #[arg(required = true, trailing_var_arg = true, value_name = "PATH")]
    pub(crate) words: Vec<OsString>,
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// Print this: a help text or the version.
    Text(String),
    /// Do this.
    Command(Global, Command),
}

/// Parses a command line, without the program's name.
///
/// # Errors
/// A usage failure with clap's explanation.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Parsed, Failure> {
    let line = std::iter::once(OsString::from("weka-token")).chain(arguments.iter().cloned());
    let error = match Arguments::try_parse_from(line) {
        Ok(parsed) => return Ok(Parsed::Command(parsed.global, parsed.command)),
        Err(error) => error,
    };
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Parsed::Text(text)),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output::say(text.trim_end());
            Err(Failure::silent(USAGE))
        }
        _ => {
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            Err(Failure::new(USAGE, text))
        }
    }
}

/// The command that a command line means, also where that is wrong.
pub(crate) fn meant(arguments: &[OsString]) -> Option<String> {
    let line = std::iter::once(OsString::from("weka-token")).chain(arguments.iter().cloned());
    let matches = tree().ignore_errors(true).try_get_matches_from(line).ok()?;
    matches.subcommand_name().map(str::to_owned)
}

/// The command tree, for completions and manual pages.
pub(crate) fn tree() -> clap::Command {
    Arguments::command()
}
