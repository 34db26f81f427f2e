//! Token files as WEKA's own tools write and read them: one JSON object with `access_token`, `refresh_token` and
//! `token_type`, indented by four.
//!
//! By hand, with `json_reader` and `json`, so that no copy of a token is left in a buffer that is not wiped.

use crate::json;
use crate::json_reader::Reader;
use secret::{AccessToken, RefreshToken};
use wire::{Offer, Pair};
use zeroize::Zeroizing;

/// A file that is longer than this is none of ours, in bytes.
pub(crate) const LONGEST: usize = 64 * 1024;

/// What a token file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileTokens {
    pub(crate) access_token: Option<AccessToken>,
    pub(crate) refresh_token: Option<RefreshToken>,
    /// `Bearer` where the file does not say.
    pub(crate) token_type: String,
}

impl FileTokens {
    /// What the daemon says, for a file.
    pub(crate) fn of(pair: &Pair) -> Self {
        Self {
            access_token: Some(pair.token.access_token.clone()),
            refresh_token: pair.refresh_token.clone(),
            token_type: pair.token.token_type.clone(),
        }
    }

    /// What a file says, for the daemon; `None` for what nobody can renew.
    pub(crate) fn into_offer(self) -> Option<Offer> {
        let Self { access_token, refresh_token, token_type } = self;
        Some(Offer { access_token, refresh_token: refresh_token?, token_type })
    }
}

/// The whole file, in a buffer that is wiped.
pub(crate) fn write(tokens: &FileTokens) -> Zeroizing<Vec<u8>> {
    let access = tokens.access_token.as_ref().map(AccessToken::expose);
    let refresh = tokens.refresh_token.as_ref().map(RefreshToken::expose);
    let lines = [
        ("access_token", access),
        ("refresh_token", refresh),
        ("token_type", Some(tokens.token_type.as_str())),
    ];
    // A character takes at most six bytes once escaped: the buffer never moves and leaves no copy behind.
    let length: usize = lines.iter().filter_map(|(_, value)| *value).map(|value| 6 * value.len() + 40).sum();
    let mut text = Zeroizing::new(String::with_capacity(length + 8));
    text.push('{');
    for (key, value) in lines {
        let Some(value) = value else { continue };
        let is_first = text.len() == 1;
        text.push_str(if is_first { "\n    " } else { ",\n    " });
        json::quote(&mut text, key);
        text.push_str(": ");
        json::quote(&mut text, value);
    }
    text.push_str("\n}\n");
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}

/// The tokens in a file; `None` for what is no token file, or only the beginning of one.
pub(crate) fn read(bytes: &[u8]) -> Option<FileTokens> {
    // Some editors put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = Reader::new(std::str::from_utf8(bytes).ok()?);
    let (mut access, mut refresh, mut kind) = (None, None, None);
    reader.object(|reader, key| {
        match key {
            "access_token" => access = token(reader)?,
            "refresh_token" => refresh = token(reader)?,
            "token_type" => kind = token(reader)?,
            _ => reader.skip()?,
        }
        Some(())
    })?;
    if !reader.is_at_end() || (access.is_none() && refresh.is_none()) {
        return None;
    }
    let owned = |text: Zeroizing<String>| text.as_str().to_owned();
    Some(FileTokens {
        access_token: access.map(|text| AccessToken::new(owned(text))),
        refresh_token: refresh.map(|text| RefreshToken::new(owned(text))),
        token_type: kind.map_or_else(|| "Bearer".to_owned(), owned),
    })
}

/// A token: text of visible ASCII; nothing at all, or null, is none.
fn token(reader: &mut Reader<'_>) -> Option<Option<Zeroizing<String>>> {
    let text = reader.text()?.filter(|text| !text.is_empty());
    text.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(access: Option<&str>, refresh: Option<&str>) -> FileTokens {
        FileTokens {
            access_token: access.map(|text| AccessToken::new(text.into())),
            refresh_token: refresh.map(|text| RefreshToken::new(text.into())),
            token_type: "Bearer".into(),
        }
    }

    #[test]
    fn it_looks_as_wekas_own_tools_write_it() {
        assert_eq!(
            write(&tokens(Some("a.b"), Some("c.d"))).as_slice(),
            b"{\n    \"access_token\": \"a.b\",\n    \"refresh_token\": \"c.d\",\n    \"token_type\": \"Bearer\"\n}\n"
        );
        assert_eq!(
            write(&tokens(Some("a.b"), None)).as_slice(),
            b"{\n    \"access_token\": \"a.b\",\n    \"token_type\": \"Bearer\"\n}\n"
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        for tokens in [tokens(Some("a"), Some("r")), tokens(Some("a"), None), tokens(None, Some("\"\\/"))] {
            assert_eq!(read(&write(&tokens)), Some(tokens));
        }
    }

    #[test]
    fn what_the_daemon_says_goes_through_a_file_and_back() {
        let pair = Pair {
            id: 7,
            token: wire::Token {
                access_token: AccessToken::new("a".into()),
                token_type: "Bearer".into(),
                expires_in_s: 300,
                profile: "default".into(),
                endpoint: "https://weka01:14000".into(),
                org: None,
                username: None,
            },
            refresh_token: Some(RefreshToken::new("r".into())),
        };
        let read_back = read(&write(&FileTokens::of(&pair)));
        assert_eq!(read_back, Some(tokens(Some("a"), Some("r"))));
        let offer = read_back.and_then(FileTokens::into_offer).unwrap();
        assert_eq!(
            (offer.access_token, Some(offer.refresh_token)),
            (Some(pair.token.access_token), pair.refresh_token)
        );
        assert_eq!(tokens(Some("a"), None).into_offer(), None);
    }

    #[test]
    fn other_writers_keys_and_ways_of_writing_are_read() {
        for text in [
            r#"{"access_token":"a","refresh_token":"r","token_type":"Bearer"}"#,
            r#" { "x" : [1, -0.5e+3, {"y":[]}, "z\u00e4", true, false, null], "refresh_token":"r","access_token":"\u0061"} "#,
            r#"{"access_token":"old","access_token":"a","refresh_token":"r","expires_in":300,"token_type":null}"#,
            "\u{feff}{\"access_token\":\"a\",\n\t\"refresh_token\":\"r\"}\r\n",
        ] {
            assert_eq!(read(text.as_bytes()), Some(tokens(Some("a"), Some("r"))), "{text}");
        }
    }

    #[test]
    fn what_is_torn_or_no_token_file_is_nothing() {
        let whole = write(&tokens(Some("a.b"), Some("c.d")));
        for end in 0..whole.len() - 2 {
            assert_eq!(read(&whole[..end]), None, "{end}");
        }
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":7}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"a"} x"#,
            r#"{"access_token":"a","#,
            r#"{"access_token":"a",}"#,
            r#"{"access_token":"\ud800"}"#,
            r#"{"access_token":"a","x":01}"#,
            r#"{"access_token":"a","x":tru}"#,
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(b"{\"access_token\":\"\xff\"}"), None);
        let deep = format!("{{\"access_token\":\"a\",\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(deep.as_bytes()), None);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        /// Any JSON that `serde_json` writes, compact or not, is read, with the tokens among its keys.
        #[test]
        fn it_agrees_with_serde_json(
            others in proptest::collection::btree_map("[a-z]{1,5}", any_json(), 0..5),
            access in proptest::option::of("[!-~]{1,40}"),
            refresh in "[!-~]{1,40}",
            pretty: bool,
        ) {
            let mut map: serde_json::Map<_, _> = others.into_iter().collect();
            map.insert("access_token".into(), access.clone().into());
            map.insert("refresh_token".into(), refresh.clone().into());
            let map = serde_json::Value::Object(map);
            let text = if pretty { format!("{map:#}") } else { map.to_string() };
            prop_assert_eq!(read(text.as_bytes()), Some(tokens(access.as_deref(), Some(&refresh))));
        }

        /// Whatever is taken for a token file here is one to `serde_json` too, and nothing panics.
        #[test]
        fn nothing_else_is_taken(text in "(\\{|\\}|\\[|\\]|,|:| |\"|\\\\|u00|null|1|-|e|\\.|\"access_token\":|\"a\"|\"x\":){0,24}") {
            if read(text.as_bytes()).is_some() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            }
        }
    }
}
