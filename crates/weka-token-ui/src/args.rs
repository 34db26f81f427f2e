//! The command line, which is also the source of the help text and the manual page.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::path::PathBuf;
use weka_token::failure::{Failure, USAGE};
use weka_token::profile_name;

/// Nothing wraps these lines.
const AFTER_HELP: &str = "\
It shows what `weka-token status` shows, as it changes, and does by keys what
the commands do: log in, refresh, log out, change the password, make a
long-lived API token, revoke all tokens, look for what is wrong. `?` shows every
key. It needs a terminal of at least 60 columns and 16 rows, and works with 16
colours or none.

Examples:
  weka-token ui
  weka-token-ui -p prod
  ssh -t weka-node7 weka-token ui

Exit status:
  0      left by a person
  1      it failed
  2      the command line is wrong, or there is no terminal
  128+N  ended by signal N

Environment:
  WEKA_TOKEN_SOCKET   as --socket
  WEKA_TOKEN_PROFILE  as --profile
  WEKA_HOST, WEKA_PORT, WEKA_ORG, WEKA_USERNAME
                      what a login offers where the profile says nothing
  NO_COLOR            no colours
  LC_ALL, LC_CTYPE, LANG
                      where they do not name UTF-8, bars and frames are drawn in
                      ASCII";

/// Shows the profiles of weka-token and their tokens, and acts on them by keys
#[derive(Debug, Clone, Default, PartialEq, Eq, Parser)]
#[command(name = "weka-token-ui", version, after_help = AFTER_HELP)]
pub struct Options {
    /// The daemon's socket, if not the usual one
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// The profile to begin with
    #[arg(short, long, value_name = "NAME", value_parser = profile_name::parse)]
    pub profile: Option<String>,
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Print this: the help text or the version.
    Text(String),
    /// Show the screen.
    Run(Options),
}

/// Parses a command line, with the program's name.
///
/// # Errors
/// A usage failure with clap's explanation.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Parsed, Failure> {
    let error = match Options::try_parse_from(arguments) {
        Ok(options) => return Ok(Parsed::Run(options)),
        Err(error) => error,
    };
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Parsed::Text(text)),
        _ => Err(Failure::new(USAGE, text.strip_prefix("error: ").unwrap_or(&text).trim_end())),
    }
}

/// The command as clap knows it, for the manual page.
#[must_use]
pub fn command() -> clap::Command {
    Options::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Parsed, Failure> {
        parse(["weka-token-ui"].iter().chain(words).map(OsString::from))
    }

    #[test]
    fn the_options_that_the_client_passes_on_are_known() {
        let expected = Options { socket: Some("/s".into()), profile: Some("prod".into()) };
        assert_eq!(parsed(&["--socket", "/s", "--profile", "prod"]), Ok(Parsed::Run(expected)));
        assert_eq!(parsed(&[]), Ok(Parsed::Run(Options::default())));
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence() {
        for (words, expected) in [(&["-p", "a/b"][..], "1 to 50"), (&["x"], "unexpected argument 'x'")] {
            let failure = parsed(words).unwrap_err();
            assert_eq!(failure.status, USAGE);
            assert!(failure.message.contains(expected), "{failure:?}");
        }
    }

    #[test]
    fn help_and_version_are_text() {
        let Ok(Parsed::Text(help)) = parsed(&["--help"]) else { panic!("no help") };
        assert!(
            help.contains("Usage: weka-token-ui") && help.lines().all(|line| line.chars().count() <= 80),
            "{help}"
        );
        assert_eq!(parsed(&["-V"]), Ok(Parsed::Text("weka-token-ui 0.1.0\n".into())));
    }
}
