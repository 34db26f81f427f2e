//! One compact line of JSON. In its place serde_json makes the static build 2 KiB larger (1,538,072 bytes
//! after 1,535,960) and brings five more crates; it earns neither, and this buffer is wiped.

use std::fmt::Write as _;
use zeroize::Zeroizing;

/// A JSON object in the making. Its text is wiped, since it may hold a token.
pub(crate) struct Object {
    text: Zeroizing<String>,
    empty: bool,
}

impl Object {
    /// Starts an object; `capacity` in bytes, so that no outgrown copy is left behind.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(capacity));
        text.push('{');
        Self { text, empty: true }
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        quote(&mut self.text, value);
        self
    }

    pub(crate) fn maybe_text(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) -> &mut Self {
        self.key(key);
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(self.text, "{value}");
        self
    }

    pub(crate) fn maybe_number(&mut self, key: &str, value: Option<u64>) -> &mut Self {
        match value {
            Some(value) => self.number(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        self.text.push_str(json);
        self
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.empty) {
            self.text.push(',');
        }
        quote(&mut self.text, key);
        self.text.push(':');
    }

    /// The whole object.
    pub(crate) fn finish(mut self) -> Zeroizing<String> {
        self.text.push('}');
        self.text
    }
}

/// A JSON array of what is JSON already.
pub(crate) fn array(items: impl Iterator<Item = Zeroizing<String>>) -> String {
    let mut text = String::from("[");
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&item);
    }
    text.push(']');
    text
}

/// Adds a JSON string; a character takes at most six bytes.
pub(crate) fn quote(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if control.is_control() => {
                // Writing to a string cannot fail.
                let _: std::fmt::Result = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_compact_line() {
        let mut object = Object::with_capacity(16);
        object.text("a", "x\"\\\n\u{1}é").number("b", u64::MAX).maybe_number("c", None).maybe_text("d", None);
        object.raw(
            "e",
            &array([Object::with_capacity(2).finish(), Object::with_capacity(2).finish()].into_iter()),
        );
        assert_eq!(
            *object.finish(),
            r#"{"a":"x\"\\\n\u0001é","b":18446744073709551615,"c":null,"d":null,"e":[{},{}]}"#
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_by_serde_json(key: String, value: String) {
            let mut object = Object::with_capacity(0);
            object.text(&key, &value);
            let line = object.finish();
            prop_assert!(!line.contains('\n'));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read.get(&key).and_then(|it| it.as_str()), Some(value.as_str()));
        }
    }
}
