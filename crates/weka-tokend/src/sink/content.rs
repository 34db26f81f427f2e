//! What stands in a sink, and what else may be found in its place.

use crate::config::SinkContent;
use crate::pair::Pair;
use crate::pair::tokens_of;
use crate::token_file::{self, TokenFileProblem, Tokens};
use secret::AccessToken;
use zeroize::Zeroizing;

/// What a header begins with.
const HEADER: &str = "Authorization: ";
/// A shorter word is no token.
const SHORTEST_TOKEN: usize = 20;

/// The text for a pair; `before` is what was there, whose other keys stay in a token file.
pub(super) fn render(
    content: SinkContent,
    pair: &Pair,
    before: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    let token = pair.access_token.expose();
    let parts: [&str; 5] = match content {
        SinkContent::Pair => return token_file::text(before, &tokens_of(pair)),
        SinkContent::Access => [token, "\n", "", "", ""],
        SinkContent::Header => [HEADER, &pair.token_type, " ", token, "\n"],
    };
    // Of the right size from the start, so that it does not grow and leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
    }
    Ok(bytes)
}

/// What a file in a sink's place holds.
#[derive(Debug)]
pub(super) enum Held {
    /// A pair, as in a token file.
    Pair(Tokens),
    /// An access token alone, or in a header.
    Access(AccessToken),
    /// Nothing, or a part of a token file.
    Broken(TokenFileProblem),
    /// Something else: somebody's work, at a path that was mistyped.
    Foreign,
}

/// Reads whatever may stand in a sink.
pub(super) fn recognize(bytes: &[u8]) -> Held {
    let is_token = |word: &str| word.len() >= SHORTEST_TOKEN && word.bytes().all(|b| b.is_ascii_graphic());
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let line = text.strip_suffix('\n').unwrap_or(text);
    let word = match line.strip_prefix(HEADER) {
        Some(rest) => rest.split_once(' ').map_or(rest, |(_kind, token)| token),
        None => line,
    };
    if is_token(word) && !word.starts_with(['{', '/']) {
        return Held::Access(AccessToken::new(word.to_owned()));
    }
    match token_file::parse(bytes) {
        Ok(tokens) => Held::Pair(tokens),
        Err(problem) if problem.may_be_written_over() => Held::Broken(problem),
        Err(_) => Held::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secret::RefreshToken;

    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";

    fn pair() -> Pair {
        Pair {
            access_token: AccessToken::new(TOKEN.into()),
            refresh_token: Some(RefreshToken::new("r".into())),
            token_type: "Bearer".into(),
            lease: None,
            in_file: false,
            in_store: false,
        }
    }

    fn text(content: SinkContent, before: Option<&[u8]>) -> String {
        String::from_utf8(render(content, &pair(), before).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn each_content_is_what_it_says_and_known_again() {
        let whole = format!(
            "{{\n    \"access_token\": \"{TOKEN}\",\n    \"refresh_token\": \"r\",\n    \"token_type\": \"Bearer\"\n}}\n"
        );
        for (content, expected) in [
            (SinkContent::Pair, whole),
            (SinkContent::Access, format!("{TOKEN}\n")),
            (SinkContent::Header, format!("Authorization: Bearer {TOKEN}\n")),
        ] {
            let text = text(content, None);
            assert_eq!(text, expected);
            match recognize(text.as_bytes()) {
                Held::Pair(tokens) => assert_eq!(tokens, tokens_of(&pair())),
                Held::Access(token) => assert_eq!(token.expose(), TOKEN),
                other => panic!("{content:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn keys_that_a_tool_has_added_stay() {
        let before = br#"{"access_token": "old", "password_change_required": false}"#;
        let text = text(SinkContent::Pair, Some(before));
        assert!(text.contains("password_change_required") && !text.contains("old"), "{text}");
    }

    #[test]
    fn what_is_no_token_is_not_taken_for_one() {
        for foreign in [
            "root:x:0:0:root:/root:/bin/sh\nx",
            "[section]\nkey = 1",
            "/usr/lib/systemd/system/x",
            "{\"key\": 1",
            "\u{7f}",
        ] {
            let held = recognize(foreign.as_bytes());
            assert!(matches!(held, Held::Foreign | Held::Broken(_)), "{foreign}: {held:?}");
        }
        assert!(matches!(recognize(b"a few words, and no more\n"), Held::Foreign));
        assert!(matches!(recognize(b"\xff\xfe"), Held::Foreign));
        assert!(matches!(recognize(b""), Held::Broken(TokenFileProblem::Empty)));
        assert!(matches!(recognize(b"{\"access_tok"), Held::Broken(TokenFileProblem::Truncated { .. })));
    }
}
