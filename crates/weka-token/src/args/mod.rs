//! The command line as clap knows it: every command here, their options in `options` and `mount`, and in `help` what the
//! help says after those.
//!
//! Nothing wraps a help text: `-h` has to fit 80 columns as it stands.

mod help;
mod mount;
mod options;

pub(crate) use mount::{MountOptions, NAME as MOUNT_HELPER};
pub(crate) use options::{
    ClusterOptions, CurlOptions, ExecOptions, GenerateOptions, GetOptions, LoginOptions, LongTimeout,
    MountTokenOptions, PasswdOptions, RevokeOptions, StatusOptions, Timeout, TrustOptions,
};

use crate::failure::{Failure, USAGE};
use crate::output;
use crate::profile_name;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;

/// Hands out live WEKA access tokens: log in once, and weka-tokend renews them
#[derive(Debug, Parser)]
#[command(
    name = "weka-token",
    version,
    propagate_version = true,
    after_help = help::PROGRAM,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Where the help has the options that every command takes: behind the command's own, before `--help`.
const AFTER_THE_OWN: usize = 900;

/// Options that every command takes, before or after its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct Global {
    /// The daemon's socket, if not the usual one
    #[arg(long, global = true, display_order = AFTER_THE_OWN, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// The profile, if not the default one
    #[arg(short, long, global = true, display_order = AFTER_THE_OWN, value_name = "NAME", value_parser = profile_name::parse)]
    pub(crate) profile: Option<String>,
    /// Print errors only
    #[arg(short, long, global = true, display_order = AFTER_THE_OWN)]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Print a live access token
    #[command(after_help = help::GET)]
    Get(GetOptions),
    /// Log in to a cluster, once
    #[command(after_help = help::LOGIN)]
    Login(LoginOptions),
    /// Settle which certificate of a cluster is trusted; no password
    #[command(after_help = help::TRUST)]
    Trust(TrustOptions),
    /// Forget the tokens of a profile
    #[command(after_help = help::LOGOUT)]
    Logout {
        /// End all of the user's sessions at the cluster first
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        timeout: LongTimeout,
    },
    /// Show what the daemon holds and how it fares
    #[command(after_help = help::STATUS)]
    Status(StatusOptions),
    /// Renew the token now
    #[command(after_help = help::REFRESH)]
    Refresh {
        #[command(flatten)]
        timeout: Timeout,
    },
    /// Ask the cluster who the token belongs to
    #[command(after_help = help::WHOAMI)]
    Whoami {
        /// The cluster's answer as one line of JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        timeout: Timeout,
    },
    /// Run a command with a token file that is kept current
    #[command(after_help = help::EXEC)]
    Exec(ExecOptions),
    /// Run curl against the profile's cluster
    #[command(after_help = help::CURL, override_usage = "weka-token curl [OPTIONS] <PATH> [CURL ARGS]...")]
    Curl(CurlOptions),
    /// Mount a filesystem with a live token, as mount(8) does
    #[command(after_help = mount::HELP)]
    Mount(MountOptions),
    /// List the cluster's filesystems
    #[command(after_help = help::FILESYSTEMS)]
    Filesystems {
        /// One line of JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        timeout: LongTimeout,
    },
    /// Print a token that mounts one filesystem
    #[command(after_help = help::MOUNT_TOKEN)]
    MountToken(MountTokenOptions),
    /// List the profiles; add, remove and rename them
    #[command(after_help = help::PROFILES, args_conflicts_with_subcommands = true)]
    Profiles {
        /// One line of JSON
        #[arg(long)]
        json: bool,
        #[command(subcommand)]
        edit: Option<ProfilesEdit>,
    },
    /// Show everything on the terminal, and act on it by keys
    #[command(after_help = help::UI)]
    Ui,
    /// Make a long-lived token for what cannot ask each time
    #[command(after_help = help::GENERATE)]
    GenerateToken(GenerateOptions),
    /// End all tokens of a user, everywhere and at once
    #[command(after_help = help::REVOKE)]
    RevokeTokens(RevokeOptions),
    /// Change the password of the profile's user
    #[command(after_help = help::PASSWD)]
    Passwd(PasswdOptions),
    /// Find out what is wrong, and what to do
    #[command(after_help = help::DOCTOR)]
    Doctor {
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print completions for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages
    #[command(after_help = help::MAN)]
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
    #[command(after_help = help::PROFILES_ADD)]
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
    #[command(after_help = help::PROFILES_RENAME)]
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

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// Print this: a help text or the version.
    Text(String),
    /// Do this.
    Command(Global, Command),
}

/// `mount.weka-token`, with what mount(8) tells its helpers.
#[derive(Debug, Parser)]
#[command(name = MOUNT_HELPER, version, about = mount::ABOUT, after_help = mount::HELP)]
struct MountHelper {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    arguments: MountOptions,
}

/// Parses a command line, without the program's name.
///
/// # Errors
/// A usage failure with clap's explanation.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Parsed, Failure> {
    let asked: Vec<_>;
    let arguments = match arguments.split_first() {
        // As git has it; clap's own `help` would be a second tree of commands in completions and manual pages.
        Some((first, of)) if first == "help" => {
            asked = of.iter().cloned().chain(["--help".into()]).collect();
            asked.as_slice()
        }
        _ => arguments,
    };
    match Arguments::try_parse_from(line("weka-token", arguments)) {
        Ok(parsed) => Ok(Parsed::Command(parsed.global, parsed.command)),
        Err(error) if is_about_curls_own(&error, arguments) => {
            explained(without_suggestion(error)).map_err(|failure| failure.then(CURLS_OWN))
        }
        Err(error) if error.kind() == ErrorKind::DisplayVersion => Ok(version_of("weka-token")),
        Err(error) => explained(error),
    }
}

/// All commands are of one version, which is that of the program.
fn version_of(program: &str) -> Parsed {
    Parsed::Text(format!("{program} {}\n", env!("CARGO_PKG_VERSION")))
}

/// What to do with an option that is curl's, in front of PATH.
const CURLS_OWN: &str = "curl's own arguments go behind PATH: weka-token curl /api/v2/cluster -s";

fn is_about_curls_own(error: &clap::Error, arguments: &[OsString]) -> bool {
    error.kind() == ErrorKind::UnknownArgument && meant(arguments).as_deref() == Some("curl")
}

/// Without clap's idea that what it does not know may be meant as a value, behind `--`.
fn without_suggestion(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument {
        let _suggestion = error.remove(ContextKind::Suggested);
    }
    error
}

/// Parses the command line of `mount.weka-token`, without the program's name.
///
/// # Errors
/// A usage failure with clap's explanation.
pub(crate) fn parse_mount_helper(arguments: &[OsString]) -> Result<Parsed, Failure> {
    match MountHelper::try_parse_from(line(MOUNT_HELPER, arguments)) {
        Ok(parsed) => Ok(Parsed::Command(parsed.global, Command::Mount(parsed.arguments))),
        Err(error) => explained(without_suggestion(error)),
    }
}

fn line(program: &str, arguments: &[OsString]) -> impl Iterator<Item = OsString> {
    std::iter::once(OsString::from(program)).chain(arguments.iter().cloned())
}

/// What clap says instead of a command: a text that was asked for, or what is wrong.
fn explained(mut error: clap::Error) -> Result<Parsed, Failure> {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        // So that a line break in it is seen as one.
        if let Some(ContextValue::String(typed)) = error.get(kind)
            && typed.chars().any(char::is_control)
        {
            let visible = typed.escape_debug().to_string();
            error.insert(kind, ContextValue::String(visible));
        }
    }
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
    let matches = tree().ignore_errors(true).try_get_matches_from(line("weka-token", arguments)).ok()?;
    matches.subcommand_name().map(str::to_owned)
}

/// The command tree, for completions and manual pages.
pub(crate) fn tree() -> clap::Command {
    Arguments::command()
}

/// The command of the mount helper, for its manual page.
pub(crate) fn mount_helper() -> clap::Command {
    MountHelper::command()
}
