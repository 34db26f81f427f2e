//! `weka-token generate-token`: a long-lived token, for the caller alone.

use crate::args::GenerateOptions;
use crate::clipboard::Clipboard;
use crate::failure::{FAILED, Failure, USAGE};
use crate::output::{self, Reader};
use crate::session::{self, Session};
use crate::span;
use crate::token_format::{self, TokenFormat};
use wire::{LongLived, Request, Response};

/// As in WEKA's own `weka user generate-token`: 30 days, in seconds.
const USUAL_S: u64 = 30 * 86_400;

/// What an answer may take of a life, in seconds.
const ON_THE_WAY_S: u64 = 2;

/// Prints the token, or copies it.
///
/// # Errors
/// It was not made, or could not be written: then it lives all the same, and the message says what ends it.
pub(crate) fn run(session: &Session<'_>, options: &GenerateOptions) -> Result<u8, Failure> {
    let clipboard = if options.copy { Some(clipboard(session)?) } else { None };
    let timeout_ms = options.timeout.milliseconds();
    let request = Request::Generate {
        profile: session.profile.clone(),
        access_token_timeout_s: options.access_token_timeout.unwrap_or(USUAL_S),
        timeout_ms,
    };
    let Response::LongLived(made) = session.ask_once(timeout_ms, &request)? else {
        return Err(session::unexpected());
    };
    let format = if options.json { TokenFormat::Json } else { TokenFormat::Raw };
    let handed_over = token_format::write(&made.token, format).and_then(|text| match &clipboard {
        Some(clipboard) => clipboard.take(text.trim_end()),
        None => match output::result(text.as_bytes())? {
            Reader::There => Ok(()),
            Reader::Gone => Err(Failure::new(FAILED, "nobody reads standard output any more")),
        },
    });
    handed_over.map_err(|failure| {
        failure.then("the token was made all the same; to end it, run: weka-token revoke-tokens")
    })?;
    tell(session, &made, clipboard.is_some());
    Ok(0)
}

/// Looked for before a token is made that would have nowhere to go.
fn clipboard(session: &Session<'_>) -> Result<Clipboard, Failure> {
    Clipboard::open(session.environment.in_tmux).ok_or_else(|| {
        Failure::new(USAGE, "there is no terminal to copy the token to")
            .then("leave --copy out, and the token is printed")
    })
}

fn tell(session: &Session<'_>, made: &LongLived, copied: bool) {
    let life = life(made.token.expires_in_s, made.asked_s);
    if copied {
        session.say(&format!("copied to the clipboard, where the terminal allows it; it lives {life}"));
    } else {
        session.say(&format!("it lives {life}; weka-token keeps no copy of it"));
    }
    for note in &made.notes {
        session.say(note);
    }
}

/// What was asked for and granted is said as it was asked: the moment that the answer took is no shorter life.
fn life(expires_in_s: u64, asked_s: u64) -> String {
    let granted = expires_in_s < asked_s && asked_s - expires_in_s <= ON_THE_WAY_S;
    let seconds = if granted { asked_s } else { expires_in_s };
    if seconds % 86_400 == 0 && seconds > 0 {
        return format!("{}d", seconds / 86_400);
    }
    span::short(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_thirty_days_was_said_to_live_one_hour_less() {
        assert_eq!(life(2_591_999, 2_592_000), "30d");
        assert_eq!(life(3599, 3600), "1h00m");
        assert_eq!(life(0, 1), "1s");
    }

    #[test]
    fn less_than_was_asked_for_is_said_as_it_is() {
        assert_eq!(life(99, 3600), "1m39s");
        assert_eq!(life(86_400, 2_592_000), "1d");
    }
}
