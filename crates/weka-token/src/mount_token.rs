//! `weka-token mount-token`.

use crate::args::MountTokenOptions;
use crate::failure::{FAILED, Failure};
use crate::json::Object;
use crate::output;
use crate::session::{self, Session};
use wire::{MountGrant, Request, Response};
use zeroize::Zeroizing;

pub(crate) fn run(session: &Session<'_>, options: &MountTokenOptions) -> Result<u8, Failure> {
    let MountTokenOptions { filesystem, read_only, expires, json, timeout } = options;
    output::would_be_kept()?;
    let timeout_ms = timeout.milliseconds();
    let request = Request::MountToken {
        profile: session.profile.clone(),
        filesystem: filesystem.clone(),
        read_only: *read_only,
        expires_s: *expires,
        timeout_ms,
    };
    // What may have been made is not made twice: it lives long, and cannot be ended by itself.
    let Response::MountToken(grant) = session.ask_once(timeout_ms, &request)? else {
        return Err(session::unexpected());
    };
    let text = if *json { line(&grant) } else { raw(&grant)? };
    output::result(text.as_bytes())
        .map_err(|failure| failure.then("the token was made all the same, and lives until it expires"))?;
    for note in &grant.notes {
        session.say(note);
    }
    Ok(0)
}

/// The token and a newline, in a buffer that is wiped.
fn raw(grant: &MountGrant) -> Result<Zeroizing<String>, Failure> {
    let token = grant.mount_token.expose();
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::new(FAILED, "the daemon sent a mount token with characters that no token has"));
    }
    // Large enough at once: growing would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(token.len() + 1));
    text.push_str(token);
    text.push('\n');
    Ok(text)
}

fn line(grant: &MountGrant) -> Zeroizing<String> {
    // A character takes at most six bytes once escaped, and the keys and the number some 80.
    let length = 6 * (grant.mount_token.len() + grant.filesystem.len()) + 100;
    let mut object = Object::with_capacity(length);
    object
        .text("mount_token", grant.mount_token.expose())
        .text("filesystem", &grant.filesystem)
        .maybe_number("expires_in", grant.expires_in_s);
    let mut line = object.finish();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use secret::MountToken;

    fn grant(token: &str, expires_in_s: Option<u64>) -> MountGrant {
        let mount_token = MountToken::new(token.into());
        MountGrant { mount_token, filesystem: "a\"b".into(), expires_in_s, notes: vec![] }
    }

    #[test]
    fn it_is_the_bare_token_or_one_line_of_json() {
        assert_eq!(*raw(&grant("a.b", None)).unwrap(), "a.b\n");
        assert_eq!(
            *line(&grant("a.b", Some(60))),
            "{\"mount_token\":\"a.b\",\"filesystem\":\"a\\\"b\",\"expires_in\":60}\n"
        );
        assert!(line(&grant("a.b", None)).ends_with(",\"expires_in\":null}\n"));
    }

    #[test]
    fn what_is_no_token_is_not_printed_and_not_quoted() {
        let failure = raw(&grant("a\nb", None)).unwrap_err();
        assert!(!failure.message.contains("a\nb"));
    }
}
