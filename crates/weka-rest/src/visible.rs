//! Text from elsewhere, made fit to show: no control characters, no token, no secret in disguise.

use zeroize::Zeroizing;

/// A run of token-like characters this long is not shown: it could be a token, or a part of one.
const TOKEN_LIKE: usize = 32;

/// Without control characters, on one line, without what looks like a token, at most `limit` characters.
pub(crate) fn visible(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || is_hidden(c)).filter(|word| !word.is_empty()) {
        let word = if looks_like_token(word) { "[...]" } else { word };
        let length = word.chars().count() + usize::from(count > 0);
        if count + length > limit {
            if count == 0 {
                shown.extend(word.chars().take(limit));
            }
            shown.push_str("...");
            break;
        }
        if count > 0 {
            shown.push(' ');
        }
        shown.push_str(word);
        count += length;
    }
    shown
}

/// Whether the text holds one of the secrets, also with other punctuation, spacing or capitals.
pub(crate) fn quotes(text: &str, secrets: &[&str]) -> bool {
    let squeezed = squeeze(text);
    secrets.iter().filter(|secret| !secret.is_empty()).any(|secret| {
        let core = squeeze(secret);
        text.contains(secret) || (!core.is_empty() && squeezed.contains(core.as_str()))
    })
}

fn squeeze(text: &str) -> Zeroizing<String> {
    let mut squeezed = Zeroizing::new(String::with_capacity(2 * text.len()));
    squeezed.extend(text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase));
    squeezed
}

/// Control characters, and the marks that turn the direction of text around.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn looks_like_token(word: &str) -> bool {
    word.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | '=')))
        .any(|run| run.len() >= TOKEN_LIKE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_words_are_cut_and_tokens_left_out() {
        assert_eq!(visible("one  two\t\r\nthree", 100), "one two three");
        assert_eq!(visible("one two three", 7), "one two...");
        assert_eq!(visible("ab.cd.ef.gh", 5), "ab.cd...");
        assert_eq!(visible("see abcdefghijklmnopqrstuvwxyz012345", 100), "see [...]");
        assert_eq!(
            visible("weka-backend-01.storage.example.com:14000", 100),
            "weka-backend-01.storage.example.com:14000"
        );
    }

    #[test]
    fn a_secret_is_found_in_disguise() {
        for text in ["hunter2", "pw=hunter2!", "H-u-n t.e.r 2", "HUNTER2"] {
            assert!(quotes(text, &["other", "hunter2"]), "{text}");
        }
        assert!(!quotes("hunter1", &["hunter2", ""]));
        assert!(quotes("is it ?!", &["?!"]));
        assert!(!quotes("is it", &["?!"]));
    }

    proptest! {
        #[test]
        fn what_is_visible_is_short_and_harmless(text in ".*", limit in 1_usize..50) {
            let shown = visible(&text, limit);
            prop_assert!(shown.chars().count() <= limit + 3);
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
