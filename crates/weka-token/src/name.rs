//! What users, organizations and filesystems may be called, as far as it can be told without asking the cluster.

/// Takes a name as typed.
///
/// # Errors
/// What is wrong with it, as a sentence. No cluster has such a name, and it could be shown to nobody.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a name is needed; this one is empty".into());
    }
    if text.chars().any(char::is_control) {
        return Err("no name has line breaks or other control characters".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_a_name_is_taken_as_it_is() {
        for name in ["alice", "a b", "DOMAIN\\é", "-", "x.y@z", "0d8c-uid"] {
            assert_eq!(parse(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn nothing_and_control_characters_are_no_name() {
        for text in ["", " "] {
            assert!(parse(text).unwrap_err().contains("empty"), "{text:?}");
        }
        for text in ["a\nb", "a\tb", "\x1b[31m", "a\u{9b}", "a\0", "a\r"] {
            assert!(parse(text).unwrap_err().contains("control characters"), "{text:?}");
        }
    }
}
