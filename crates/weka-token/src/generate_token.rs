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
    if clipboard.is_none() {
        output::would_be_kept()?;
    }
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
        let profile = session.profile_option();
        failure.then(format!(
            "the token was made all the same; to end it, run: weka-token revoke-tokens{profile}"
        ))
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
    for line in said(made, copied) {
        session.say(&line);
    }
}

/// What a person is told. Where the cluster granted less than was asked for, the notes say how much, so that there is
/// one number, and not beside it what is left of that by now.
fn said(made: &LongLived, copied: bool) -> Vec<String> {
    let (expires_in_s, asked_s) = (made.token.expires_in_s, made.asked_s);
    let is_noted = expires_in_s.saturating_add(ON_THE_WAY_S) < asked_s && !made.notes.is_empty();
    let life = (!is_noted).then(|| life(expires_in_s, asked_s));
    let mut lines = made.notes.clone();
    lines.push(match (copied, life) {
        (true, Some(life)) => {
            format!("copied to the clipboard, where the terminal allows it; it lives {life}")
        }
        (true, None) => "copied to the clipboard, where the terminal allows it".to_owned(),
        (false, Some(life)) => format!("it lives {life}; weka-token keeps no copy of it"),
        (false, None) => "weka-token keeps no copy of it".to_owned(),
    });
    lines
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

    /// "it lives 1m39s" stood beside "the cluster granted 1m40s".
    #[test]
    fn two_lives_were_told_of_one_token() {
        let token = wire::Token {
            access_token: secret::AccessToken::new("a.b".into()),
            token_type: "Bearer".into(),
            expires_in_s: 99,
            profile: "default".into(),
            endpoint: "https://weka01:14000".into(),
            org: None,
            username: None,
        };
        let note = "the cluster granted 1m40s, not the 1h asked for".to_owned();
        let less = LongLived { token: token.clone(), asked_s: 3600, notes: vec![note.clone()] };
        for copied in [false, true] {
            let said = said(&less, copied);
            assert_eq!(said.first(), Some(&note));
            assert!(!said.concat().contains("1m39s"), "{said:?}");
        }
        let as_asked = LongLived { token, asked_s: 100, notes: vec![] };
        assert_eq!(said(&as_asked, false), ["it lives 1m40s; weka-token keeps no copy of it"]);
    }

    #[test]
    fn less_than_was_asked_for_is_said_as_it_is() {
        assert_eq!(life(99, 3600), "1m39s");
        assert_eq!(life(86_400, 2_592_000), "1d");
    }
}
